"""Vectors of words in the text formats of GloVe and word2vec: a word and its numbers in each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: The message for a file of another kind.
_KIND = "expected lines of a word and its numbers, as GloVe and word2vec write them"


def read_word_vectors(file: Path, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of words.

    Args:
        file: The file, UTF-8; a first line with two whole numbers (word2vec) is left out.
        words: The words, as they stand in the file.

    Returns:
        The vectors, float32 of shape (words, numbers), 0 where the file lacks a word, and which words it has.

    Raises:
        DataError: The file has no vectors, or a line has another number of numbers than the first.
    """
    places = {word: place for place, word in enumerate(words)}
    width = vector_width(file)
    vectors, known = np.zeros((len(words), width), "float32"), np.zeros(len(words), bool)
    for number, fields in _lines(file):
        if len(fields) <= width:
            text = f"expected a word and {width} numbers, received {len(fields)} fields"
            raise DataError(text, file=file, row=number, hint="correct or remove the line")
        # A few words of GloVe hold blanks.
        place = places.get(" ".join(fields[:-width]))
        if place is None:
            continue
        try:
            vectors[place] = [float(field) for field in fields[-width:]]
        except ValueError:
            raise DataError(f"expected {width} numbers after the word", file=file, row=number) from None
        known[place] = True
    if not np.isfinite(vectors).all():
        raise DataError("a vector holds a number that is not finite", file=file)
    return vectors, known


def vector_width(file: Path) -> int:
    """Return how many numbers the first vector of a file has.

    Raises:
        DataError: There is none.
    """
    number, fields = next(_lines(file), (1, []))
    try:
        [float(field) for field in fields[1:]]
    except ValueError:
        fields = []
    if len(fields) < 2:
        raise DataError(_KIND, file=file, row=number, hint="is it the right file?")
    return len(fields) - 1


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line that is not empty, after its number; without the line of word2vec's counts."""
    with file.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            fields = line.rstrip().split(" ")
            is_count = number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields)
            if fields != [""] and not is_count:
                yield number, fields
