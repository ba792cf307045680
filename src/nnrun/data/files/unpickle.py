"""Pickles of plain data and numpy arrays, read with nothing else allowed: no code of the file's choosing runs."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.files.npy import unreadable
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_pickle(data: bytes, file: Path) -> Any:
    """What a pickle of dictionaries, lists, bytes, numbers and numpy arrays holds.

    Raises:
        DataError: It holds anything else, or is damaged.
    """
    try:
        return _Plain(io.BytesIO(data), encoding="bytes").load()
    except DataError:
        raise
    # A damaged pickle fails in any of these ways, whichever operation meets the damage.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise DataError(f"cannot be read as plain data: {error}", file=file, hint="fetch the file again") from None


def read_object_npz(file: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """These arrays of an npz file, of which some hold lists of numbers as Python objects.

    Raises:
        DataError: The file is damaged, an array is missing, or one holds more than plain data.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            there = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for name in names:
                if name not in there:
                    raise DataError(f"there is no array {name!r}", file=file, hint="fetch the file again")
            return {name: _member(archive.read(there[name]), file) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise unreadable(file, error) from None


def _member(data: bytes, file: Path) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(stream)
    if not dtype.hasobject:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    array = read_pickle(data[stream.tell() :], file)
    if not isinstance(array, np.ndarray):
        raise DataError("expected an array, received something else", file=file, hint="fetch the file again")
    return array


def _latin1(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them for Python 2's pickle format."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


class _Plain(pickle.Unpickler):
    """A reader that knows the names by which numpy's arrays are rebuilt, and no others."""

    def find_class(self, module: str, name: str) -> Any:
        """The thing of that name.

        Raises:
            UnpicklingError: It is not one of the few.
        """
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _array
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")


def _array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    """The empty array that a pickle then fills; numpy's pickles say `ndarray, (0,), b"b"` and nothing else."""
    if kind is not np.ndarray or shape != (0,) or code != b"b":
        raise pickle.UnpicklingError("an array is rebuilt in an unusual way")
    return np.empty(0, "int8")
