"""The IDX format of the original MNIST files: a magic number, sizes, then the values, big-endian.

http://yann.lecun.com/exdb/mnist/ describes it; the third byte names the type, the fourth counts dimensions.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from math import prod
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name).newbyteorder("=").str[1:]: code for code, name in _TYPES.items()}
#: What is read at a time, so that a header that lies about sizes cannot claim memory.
_CHUNK = 1 << 24


def read_idx(file: Path) -> np.ndarray:
    """The array of an IDX file, gzipped or not.

    Raises:
        DataError: It is no IDX file, it is cut short, or something follows its values.
    """
    try:
        with file.open("rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            return _read(unpacked if _is_gzip(file) else packed, file)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read: {error}", file=file, hint="is the file whole? fetch it again") from None


def labels_beside(file: Path) -> Path:
    """The file of the labels of a file of pictures, as MNIST names it: `images-idx3` is beside `labels-idx1`.

    Raises:
        DataError: There is none.
    """
    name = file.name.replace("images", "labels").replace("idx3", "idx1")
    found = [file.with_name(one) for one in (name, name.removesuffix(".gz"), f"{name}.gz") if one != file.name]
    there = next((one for one in found if one.is_file()), None)
    if there is None:
        raise DataError(
            f"expected its labels beside it, in {name if name != file.name else 'a file of a like name'}",
            file=file,
            hint="name the two as MNIST's are (images-idx3-ubyte, labels-idx1-ubyte), or save an npz with x and y",
        )
    return there


def write_idx(file: Path, array: np.ndarray) -> None:
    """Write an array as an IDX file, gzipped where the name ends in `.gz`."""
    with gzip.open(file, "wb") if file.suffix == ".gz" else file.open("wb") as stream:
        stream.write(_header(array))
        stream.write(_big_endian(array))


def idx_sha256(array: np.ndarray) -> str:
    """SHA-256 of the array's IDX encoding."""
    digest = hashlib.sha256(_header(array))
    digest.update(_big_endian(array))
    return digest.hexdigest()


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _read(stream: BinaryIO | gzip.GzipFile, file: Path) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        raise DataError(
            "expected an IDX file (it begins 00 00, a type and a number of dimensions), "
            f"received {magic.hex(' ') or 'nothing'}",
            file=file,
            hint="is it the right file?",
        )
    dtype, dimensions = np.dtype(_TYPES[magic[2]]), magic[3]
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise _cut_short(file)
    shape = struct.unpack(f">{dimensions}I", sizes)
    values = _exactly(stream, prod(shape) * dtype.itemsize, file)
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _exactly(stream: BinaryIO | gzip.GzipFile, size: int, file: Path) -> bytearray:
    values = bytearray()
    while len(values) < size:
        chunk = stream.read(min(_CHUNK, size - len(values)))
        if not chunk:
            raise _cut_short(file, f"; its header promises {size} bytes of values, it has {len(values)}")
        values += chunk
    if stream.read(1):
        raise DataError(
            f"something follows the {size} bytes of values that its header promises",
            file=file,
            hint="fetch the file again",
        )
    return values


def _cut_short(file: Path, detail: str = "") -> DataError:
    return DataError(f"the IDX file is cut short{detail}", file=file, hint="fetch the file again")


def _header(array: np.ndarray) -> bytes:
    code = _CODES.get(array.dtype.newbyteorder("=").str[1:])
    if code is None or not 0 < array.ndim < 256:
        raise ValueError(
            f"IDX holds {', '.join(_CODES)} in 1 to 255 dimensions, received {array.dtype} in {array.ndim}"
        )
    return struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)


def _big_endian(array: np.ndarray) -> memoryview:
    whole = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">"))
    return whole.reshape(-1).view(np.uint8).data


#: The types that the format knows: bytes, shorts, integers, floats and doubles.
_TYPES_idx_header = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def read_shape(file: Path) -> tuple[int, ...]:
    """The size of each dimension of an IDX file, gzipped or not.

    Raises:
        DataError: It is no IDX file.
    """
    try:
        with file.open("rb") as packed:
            zipped = packed.read(2) == b"\x1f\x8b"
        with gzip.open(file) if zipped else file.open("rb") as stream:
            head = stream.read(4 + 4 * 255)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read: {error}", file=file, hint="fetch the file again") from None
    dimensions = head[3] if len(head) > 3 else 0
    if head[:2] != b"\0\0" or not dimensions or head[2] not in _TYPES_idx_header or len(head) < 4 + 4 * dimensions:
        raise DataError("expected an IDX file (it begins 00 00)", file=file, hint="is it the right file?")
    return struct.unpack(f">{dimensions}I", head[4 : 4 + 4 * dimensions])
