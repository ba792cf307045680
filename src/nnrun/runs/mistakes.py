"""`mistakes.npz`: the pictures of the most confident mistakes."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nnrun.runs.folder import RunFolder

#: The largest file, and the largest array in it: a run keeps 20 pictures of up to 96 x 96 pixels.
_MOST_BYTES = 16 * 1024 * 1024
#: What numpy and zipfile raise for files that are no such archives; MemoryError for a header that claims petabytes.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    OSError,
    EOFError,
    SyntaxError,
    MemoryError,
    RecursionError,
    RuntimeError,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)


def read_mistakes(folder: RunFolder) -> dict[int, NDArray[Any]]:
    """Read the pictures by their row in the source: uint8, shape (height, width, 1 or 3).

    Raises:
        FileNotFoundError: There is no such file.
        RunError: It cannot be read, or holds something else.
    """
    rows, pictures = read_arrays(folder.mistakes, ("rows", "pictures"))
    if rows.ndim != 1 or rows.dtype.kind != "i" or not are_pictures(pictures) or len(rows) != len(pictures):
        text = "expected whole numbers as rows, and uint8 pictures of shape (height, width, 1 or 3) for each"
        raise RunError(f"Cannot read {folder.mistakes}: {text}.")
    return {int(row): picture for row, picture in zip(rows, pictures, strict=True)}


def read_arrays(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Read arrays of an npz file of a run folder, of at most 16 MB.

    Raises:
        FileNotFoundError: There is no such file.
        RunError: It cannot be read, or has no such arrays.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror or error}.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [_array(archive, f"{name}.npy") for name in names]
    except _UNREADABLE as error:
        raise RunError(f"Cannot read {path}: {error or type(error).__name__}.") from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    import numpy as np

    if archive.getinfo(name).file_size > _MOST_BYTES:
        raise ValueError(f"{name} has {archive.getinfo(name).file_size:,} bytes, at most {_MOST_BYTES:,} are expected")
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    return array


def are_pictures(pictures: NDArray[Any]) -> bool:
    """Return whether an array holds pictures: uint8 of shape (rows, height, width, 1 or 3)."""
    return pictures.dtype == "uint8" and pictures.ndim == 4 and pictures.shape[3] in (1, 3) and pictures.size > 0
