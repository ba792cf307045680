"""Arrays of npy and npz files, and their types and shapes from the headers; nothing is ever unpickled."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING

from nnrun.config.hints import did_you_mean
from nnrun.data.files.limits import require_memory
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np


#: Headers are 118 bytes long, those of structures up to some thousands.
_MOST_HEADER_BYTES = 65_536
#: How deeply lists may be nested in a header: those of structures in structures.
_MOST_DEPTH = 8


@dataclass(frozen=True)
class ArrayHeader:
    """The type and shape of an array in a file.

    Attributes:
        dtype: Its type.
        shape: The size of each dimension.
    """

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize


def array_headers(file: Path) -> dict[str, ArrayHeader]:
    """Return the header of each array of an npz file by the array's name.

    Raises:
        DataError: It is not an npz file, or it is damaged.
    """
    with _reading(file), zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        headers = {}
        for member in members:
            with archive.open(member) as stream:
                headers[member.filename.removesuffix(".npy")] = _read_header(stream, member.file_size)
        return headers


def array_header(file: Path) -> ArrayHeader:
    """Return the header of an npy file.

    Raises:
        DataError: It is not an npy file, or it is damaged.
    """
    with _reading(file), file.open("rb") as stream:
        return _read_header(stream, file.stat().st_size)


def read_npz(file: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays of an npz file by name.

    Raises:
        DataError: The file is damaged, or an array does not exist or holds Python objects.
    """
    import numpy as np

    headers = array_headers(file)
    for name in names:
        if name not in headers:
            raise no_array(file, name, headers)
        require_plain_type(file, name, headers[name])
    require_memory(file, sum(headers[name].size for name in names))
    with _reading(file), np.load(file, allow_pickle=False) as archive:
        return {name: _text(archive[name]) for name in names}


def read_npy(file: Path) -> np.ndarray:
    """Return the array of an npy file.

    Raises:
        DataError: The file is damaged, or holds Python objects.
    """
    import numpy as np

    header = array_header(file)
    require_plain_type(file, file.name, header)
    require_memory(file, header.size)
    with _reading(file):
        return _text(np.load(file, allow_pickle=False))


def _text(array: np.ndarray) -> np.ndarray:
    """Return text for bytes, as which older NumPy and other programs write names."""
    import numpy as np

    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array


def no_array(file: Path, name: str, headers: dict[str, ArrayHeader]) -> DataError:
    """Return the error of an array that a file does not have."""
    text = f"there is no array {name!r}; the file has: {', '.join(headers) or 'none'}"
    return DataError(text, file=file, hint=did_you_mean(name, headers))


def require_plain_type(file: Path, name: str, header: ArrayHeader) -> None:
    """Refuse an array that does not hold plain numbers, booleans or text.

    Raises:
        DataError: It holds Python objects, complex numbers, dates or structures.
    """
    if header.dtype.kind not in "biufUS":
        kind = (
            "Python objects, which could run code when read"
            if header.dtype.hasobject
            else f"values of type {header.dtype.str}"
        )
        raise DataError(
            f"the array {name!r} holds {kind}; expected plain numbers",
            file=file,
            hint="save it as a plain array: numpy.asarray(values, dtype='float32')",
        )


def _read_header(stream: IO[bytes], size: int) -> ArrayHeader:
    """Read the header of an array from a file, or a member of an archive, of so many bytes.

    Raises:
        ValueError: It is no header, or promises other values than there can be.
    """
    from numpy.lib import format as npy_format

    version = npy_format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {'.'.join(map(str, version))} of the npy format is not read")
    length = stream.read(2 if version == (1, 0) else 4)
    text = stream.read(min(int.from_bytes(length, "little"), _MOST_HEADER_BYTES))
    if len(text) != int.from_bytes(length, "little"):
        raise ValueError("its header is cut short, or longer than a header is")
    # NumPy reads it as a Python literal, whose parser fails in many ways on one that is nested deeply.
    if not _is_plain(text):
        raise ValueError("its header is not that of an array")
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    shape, _, dtype = read(io.BytesIO(length + text))
    header = ArrayHeader(dtype, shape)
    if min(shape, default=0) < 0 or any(isinstance(count, bool) for count in shape):
        raise ValueError(f"its shape is {list(shape)}")
    if not dtype.hasobject and header.size > size - len(text) - len(length) - npy_format.MAGIC_LEN:
        raise ValueError(f"it is cut short: its header promises {header.size} bytes of values")
    return header


def _is_plain(header: bytes) -> bool:
    """Return whether a header has no deep lists and no chains of signs."""
    depth = deepest = 0
    for byte in header:
        depth += (byte in b"([{") - (byte in b")]}")
        deepest = max(deepest, depth)
    return deepest <= _MOST_DEPTH and re.search(rb"[-+~]\s*[-+~]", header) is None


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Report a damaged file, and one that does not fit into memory.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        yield
    except MemoryError:
        text = "its arrays do not fit into the memory of this machine"
        raise DataError(text, file=file, hint="use a smaller file") from None
    # A damaged file fails in any of these ways, whichever layer meets the damage first.
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError),
        *(SyntaxError, ValueError, TypeError, NotImplementedError, RuntimeError),
    ) as error:
        kind, function = ("npy", "numpy.save") if file.suffix == ".npy" else ("npz", "numpy.savez")
        hint = f"is the file whole? write it again with {function}{'_compressed' if kind == 'npz' else ''}"
        text = f"expected an {kind} file ({function}), but it cannot be read: {error}"
        raise DataError(text, file=file, hint=hint) from None
