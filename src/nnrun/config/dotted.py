"""Dotted paths, `training.optimizer.Adam.learning_rate`: from words to a place in a config and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.errors import Path

_WORD = re.compile(r"""("[^"]*"|'[^']*'|[^.]*)(?:\.|$)""", re.DOTALL)
_INDEX = re.compile(r"-?[0-9]{1,9}")


def words(text: str) -> list[str]:
    """The words of a dotted path; a word in quotes may hold dots. Empty where a word is missing."""
    found: list[str] = []
    start = 0
    while start <= len(text):
        match = _WORD.match(text, start)
        word = match.group(1).strip() if match else ""
        quoted = word[:1] in ('"', "'") and word[-1:] == word[:1]
        if match is None or not word.strip("\"'"):
            return []
        found.append(word[1:-1] if quoted else word)
        # A path that ends after this word has no dot behind it; one that ends in a dot lacks its last word.
        start = match.end() + (match.end() == len(text) and match.end() == match.end(1))
    return found


def dotted(path: Path) -> str:
    """A path as it is typed; keys that hold dots stand in quotes."""
    return ".".join(f'"{key}"' if isinstance(key, str) and "." in key else str(key) for key in path)


def is_at(place: Path, path: Path) -> bool:
    """Whether a path is at a place in which `*` stands for any key."""
    return len(place) == len(path) and all(word in ("*", key) for word, key in zip(place, path, strict=True))


def follow(data: Any, asked: Sequence[str]) -> tuple[Path, Any, list[str]]:
    """Walk into plain data as far as the words lead.

    Returns:
        The path that is there, the value at its end, and the words that lead no further.
    """
    path: Path = ()
    rest = list(asked)
    while rest:
        key, used = _step(data, rest)
        if key is None:
            break
        path, data, rest = (*path, key), data[key], rest[used:]
    return path, data, rest


def _step(here: Any, rest: list[str]) -> tuple[str | int | None, int]:
    """The key or index that comes next, and how many words name it (`test.error_percent` without quotes is two)."""
    if isinstance(here, dict):
        keys = ((".".join(rest[:count]), count) for count in range(1, len(rest) + 1))
        return next(((key, count) for key, count in keys if key in here), (None, 0))
    if isinstance(here, list) and _INDEX.fullmatch(rest[0]) and -len(here) <= int(rest[0]) < len(here):
        return int(rest[0]) % len(here), 1
    return None, 0
