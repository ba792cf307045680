"""The IDX format of the original MNIST files: a magic number, the sizes of the dimensions, then big-endian values.

http://yann.lecun.com/exdb/mnist/ describes it: the third byte is the type, the fourth the number of dimensions.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from contextlib import contextmanager
from io import BufferedReader, FileIO
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.files.limits import open_gzip
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path


_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name).newbyteorder("=").str[1:]: code for code, name in _TYPES.items()}
#: How many bytes are read at a time, so that a header with wrong sizes cannot claim memory.
_CHUNK = 1 << 24


def read_idx(file: Path) -> np.ndarray:
    """Return the array of an IDX file, gzipped or not.

    Raises:
        DataError: It is not an IDX file, it is cut short, or something follows its values.
    """
    with _opened(file) as stream:
        dtype, shape = _read_header(stream, file)
        values = _read_exactly(stream, prod(shape) * dtype.itemsize, file)
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_shape(file: Path) -> tuple[int, ...]:
    """Return the size of each dimension of an IDX file, gzipped or not.

    Raises:
        DataError: It is not an IDX file, or its header is cut short.
    """
    with _opened(file) as stream:
        dtype, shape = _read_header(stream, file)
        needed = prod(shape) * dtype.itemsize
        # Of a compressed file the size is known only after it is read.
        if isinstance(stream, BufferedReader) and isinstance(stream.raw, FileIO):
            found = file.stat().st_size - stream.tell()
            if found < needed:
                raise _cut_short(file, f"; its header promises {needed} bytes of values, it has {found}")
        return shape


def write_idx(file: Path, array: np.ndarray) -> None:
    """Write an array as an IDX file, gzipped if the name ends in `.gz`."""
    with gzip.open(file, "wb") if file.suffix == ".gz" else file.open("wb") as stream:
        for piece in _encoded(array):
            stream.write(piece)


def idx_sha256(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's IDX encoding."""
    digest = hashlib.sha256()
    for piece in _encoded(array):
        digest.update(piece)
    return digest.hexdigest()


def labels_file(file: Path) -> Path:
    """Return the file of labels next to a file of pictures, named as MNIST's: `images-idx3` and `labels-idx1`.

    Raises:
        DataError: There is none.
    """
    name = file.name.replace("images", "labels").replace("idx3", "idx1")
    candidates = [file.with_name(name) for name in (name, name.removesuffix(".gz"), f"{name}.gz") if name != file.name]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise DataError(
            f"expected its labels in the same folder, in {name if name != file.name else 'a file of a like name'}",
            file=file,
            hint="name the two as MNIST's are (images-idx3-ubyte, labels-idx1-ubyte), or save an npz with x and y",
        )
    return found


@contextmanager
def _opened(file: Path) -> Iterator[BufferedIOBase]:
    """Open a file, decompressed if it is gzipped.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
        with open_gzip(file) if zipped else file.open("rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read: {error}", file=file, hint="is the file whole? copy it again") from None


def _read_header(stream: BufferedIOBase, file: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        raise DataError(
            "expected an IDX file (it begins 00 00, a type and a number of dimensions), "
            f"received {magic.hex(' ') or 'nothing'}",
            file=file,
            hint="is it the right file?",
        )
    dimensions = magic[3]
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise _cut_short(file)
    return np.dtype(_TYPES[magic[2]]), struct.unpack(f">{dimensions}I", sizes)


def _read_exactly(stream: BufferedIOBase, size: int, file: Path) -> bytearray:
    values = bytearray()
    while len(values) < size:
        chunk = stream.read(min(_CHUNK, size - len(values)))
        if not chunk:
            raise _cut_short(file, f"; its header promises {size} bytes of values, it has {len(values)}")
        values += chunk
    if stream.read(1):
        text = f"something follows the {size} bytes of values that its header promises"
        raise DataError(text, file=file, hint="copy the file again")
    return values


def _cut_short(file: Path, detail: str = "") -> DataError:
    return DataError(f"the IDX file is cut short{detail}", file=file, hint="copy the file again")


def _encoded(array: np.ndarray) -> tuple[bytes, memoryview]:
    """Return the header and the values of an array in IDX encoding.

    Raises:
        ValueError: The format has no such type, or not as many dimensions.
    """
    code = _CODES.get(array.dtype.newbyteorder("=").str[1:])
    if code is None or not 0 < array.ndim < 256:
        raise ValueError(
            f"IDX holds {', '.join(_CODES)} in 1 to 255 dimensions, received {array.dtype} in {array.ndim}"
        )
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">"))
    return header, values.reshape(-1).view(np.uint8).data
