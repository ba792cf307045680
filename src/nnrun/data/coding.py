"""Tokens to codes: every distinct token's place in the sorted vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.windows import room, smallest

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Characters that are turned into codes at a time: a text of 100 MB needs no second copy of itself.
_CHUNK = 1 << 20


def codes(tokens: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """The code of each token, in the smallest type that holds them.

    Args:
        tokens: A text, or a list of words.
        vocabulary: All different tokens, sorted.

    Raises:
        KeyError: A token is not in the vocabulary; `nnrun.data.unknown.missing` tells which.
    """
    kind = smallest(len(vocabulary))
    if not isinstance(tokens, str):
        places = {token: code for code, token in enumerate(vocabulary)}
        found = room(len(tokens), kind)
        for start in range(0, len(tokens), _CHUNK):
            found[start : start + _CHUNK] = [places[token] for token in tokens[start : start + _CHUNK]]
        return found
    table = np.full(max(map(ord, vocabulary), default=0) + 2, -1, dtype="int32")
    table[[ord(character) for character in vocabulary]] = np.arange(len(vocabulary))
    found = room(len(tokens), kind)
    for start in range(0, len(tokens), _CHUNK):
        points = np.frombuffer(tokens[start : start + _CHUNK].encode("utf-32-le", "surrogatepass"), "<u4")
        coded = table[np.minimum(points, len(table) - 1)]
        if (coded < 0).any():
            raise KeyError(tokens[start + int((coded < 0).argmax())])
        found[start : start + _CHUNK] = coded
    return found
