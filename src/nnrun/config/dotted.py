"""Dotted paths such as `training.optimizer.Adam.learning_rate`, and the places in a config that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.errors import Path

_STEP = re.compile(r"""("[^"]*"|'[^']*'|[^.]*)(?:\.|$)""", re.DOTALL)
_INDEX = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class PathStep:
    """One key or index of a dotted path, with its position in the text."""

    key: str
    start: int
    end: int


class MissingStepError(ValueError):
    """A dotted path with nothing between two dots, or at one of its ends.

    Args:
        position: Where the key is missing.
    """

    def __init__(self, position: int) -> None:
        super().__init__(f"no key at position {position}")
        self.position = position


def parse_path(text: str) -> list[PathStep]:
    """Return the steps of a dotted path; a key in quotes may hold dots.

    Raises:
        MissingStepError: A key is missing.
    """
    steps: list[PathStep] = []
    start = 0
    while start <= len(text):
        match = _STEP.match(text, start)
        key = match[1].strip() if match else ""
        if match is None or not key.strip("\"'"):
            raise MissingStepError(start)
        is_quoted = key[0] in ('"', "'") and key[-1] == key[0]
        steps.append(PathStep(key[1:-1] if is_quoted else key, start, match.end(1)))
        # A path that ends after this key has no dot behind it; one that ends in a dot lacks its last key.
        start = match.end() + (match.end() == len(text) and match.end() == match.end(1))
    return steps


def split_path(text: str) -> list[str]:
    """Return the keys of a dotted path; nothing where a key is missing."""
    try:
        return [step.key for step in parse_path(text)]
    except MissingStepError:
        return []


def join_path(path: Path) -> str:
    """Return a path as dotted text; keys with dots are in quotes."""
    return ".".join(f'"{key}"' if isinstance(key, str) and "." in key else str(key) for key in path)


def matches_pattern(pattern: Path, path: Path) -> bool:
    """Return whether a path matches a pattern in which `*` stands for any one key."""
    return len(pattern) == len(path) and all(item in ("*", key) for item, key in zip(pattern, path, strict=True))


def is_index(key: str) -> bool:
    """Return whether a key is an index of a list: `3`, or `-1` from the end."""
    return _INDEX.fullmatch(key) is not None


def leading_key(mapping: Mapping[str, Any], keys: Sequence[str]) -> tuple[str | None, int]:
    """Return the key of a mapping that the first keys name, and how many (`test.error` without quotes is two)."""
    joined = ((".".join(keys[:count]), count) for count in range(1, len(keys) + 1))
    return next(((key, count) for key, count in joined if key in mapping), (None, 0))


def follow(data: Any, keys: Sequence[str]) -> tuple[Path, Any, list[str]]:
    """Follow keys into plain data as far as they lead.

    Returns:
        The path that exists, the value at its end, and the keys that lead no further.
    """
    path: Path = ()
    rest = list(keys)
    while rest:
        key, used = _next_key(data, rest)
        if key is None:
            break
        path, data, rest = (*path, key), data[key], rest[used:]
    return path, data, rest


def _next_key(data: Any, keys: list[str]) -> tuple[str | int | None, int]:
    if isinstance(data, dict):
        return leading_key(data, keys)
    if isinstance(data, list) and is_index(keys[0]) and -len(data) <= int(keys[0]) < len(data):
        return int(keys[0]) % len(data), 1
    return None, 0
