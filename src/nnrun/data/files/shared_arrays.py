"""Objects whose arrays processes of one machine share: each array in a file of its own, which is mapped read-only.

The object itself, without its large arrays, is pickled. What is read is run, so the folder must be one that only this
user can write, as that of `nnrun.scratch`.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

#: Smaller arrays are pickled: a page of memory is not shared for less.
_LEAST_BYTES = 4096
_OBJECT = "object.pickle"


@dataclass(frozen=True)
class ObjectContents:
    """What an object holds.

    Attributes:
        arrays: Its arrays of numbers, each once.
        nbytes: The bytes of memory that it takes, about: views of one array count once.
    """

    arrays: tuple[np.ndarray, ...]
    nbytes: int

    def make_read_only(self) -> None:
        """Let every later attempt to write into the arrays raise `ValueError`."""
        for array in self.arrays:
            array.flags.writeable = False


def find_contents(value: object) -> ObjectContents:
    """Return what an object holds.

    Raises:
        TypeError: Something in it cannot be pickled, so that it is not known what it holds.
    """
    count = _ByteCount()
    finder = _ArrayFinder(count)
    try:
        finder.dump(value)
    except (pickle.PicklingError, AttributeError, ValueError) as error:
        raise TypeError(str(error)) from error
    owners = {id(one): one for one in (array if array.base is None else array.base for array in finder.arrays)}
    return ObjectContents(finder.arrays, count.total + sum(getattr(one, "nbytes", 0) for one in owners.values()))


def write_object(folder: Path, value: object) -> None:
    """Write an object into a folder, its large arrays as `.npy` files.

    Args:
        folder: A folder that is empty, and that only this user can write.
        value: The object, of which `find_contents` knows what it holds.

    Raises:
        OSError: The disk is full, or cannot be written.
    """
    with (folder / _OBJECT).open("wb") as stream:
        _ArrayWriter(stream, folder).dump(value)


def read_object(folder: Path) -> Any:
    """Read an object that `write_object` has written; its large arrays are mapped, and none of them can be written.

    Raises:
        OSError: It is gone.
    """
    with (folder / _OBJECT).open("rb") as stream:
        value = _ArrayReader(stream, folder).load()
    find_contents(value).make_read_only()
    return value


def _is_numeric(value: object) -> bool:
    return type(value) is np.ndarray and not value.dtype.hasobject


class _ByteCount:
    """A file that keeps nothing but the number of its bytes."""

    def __init__(self) -> None:
        self.total = 0

    def write(self, content: Any) -> int:
        """Count the bytes."""
        size = memoryview(content).nbytes
        self.total += size
        return size


class _ArrayFinder(pickle.Pickler):
    """Pickles an object, and keeps its arrays."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self._found: dict[int, np.ndarray] = {}

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that were found."""
        return tuple(self._found.values())

    def persistent_id(self, value: Any) -> int | None:
        """Keep an array, and pickle its number instead."""
        if not _is_numeric(value):
            return None
        self._found[id(value)] = value
        return id(value)


class _ArrayWriter(pickle.Pickler):
    """Writes large arrays into files of their own, and pickles their names."""

    def __init__(self, stream: Any, folder: Path) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self._folder = folder
        # With the arrays, as one that lives only while it is pickled would leave its number to another one.
        self._written: dict[int, tuple[np.ndarray, str]] = {}

    def persistent_id(self, value: Any) -> str | None:
        """Return the name of the file of a large array; None for everything else."""
        if not _is_numeric(value) or value.nbytes < _LEAST_BYTES:
            return None
        if id(value) not in self._written:
            name = f"{len(self._written)}.npy"
            np.save(self._folder / name, value, allow_pickle=False)
            self._written[id(value)] = value, name
        return self._written[id(value)][1]


class _ArrayReader(pickle.Unpickler):
    """Maps the files of arrays."""

    def __init__(self, stream: Any, folder: Path) -> None:
        super().__init__(stream)
        self._folder, self._arrays = folder, dict[str, np.ndarray]()

    def persistent_load(self, name: str) -> np.ndarray:
        """Return the array in a file; the same one each time."""
        if name not in self._arrays:
            mapped = np.load(self._folder / name, mmap_mode="r", allow_pickle=False)
            # An array as any other, not NumPy's class of mapped ones: code asks for the type.
            self._arrays[name] = mapped.view(np.ndarray)
        return self._arrays[name]
