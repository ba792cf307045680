"""Digests of data files and arrays, so that a run's record says exactly what it was trained on."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


Thing = TypeVar("Thing")


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def array_sha256(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def digests(things: Mapping[str, Thing], one: Callable[[Thing], str]) -> dict[str, str]:
    """The digest of each thing; several at a time, as hashing releases Python's lock."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(things, pool.map(one, things.values()), strict=True))
