"""SHA-256 digests of files and arrays, with which a run's record identifies its data."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


Value = TypeVar("Value")


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def array_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's type, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def digests(values: Mapping[str, Value], function: Callable[[Value], str]) -> dict[str, str]:
    """Return the digest of each value by its name; several at a time, as hashing releases Python's lock."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(values, pool.map(function, values.values()), strict=True))
