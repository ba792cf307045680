"""The arrays of npz and npy files by type and shape, told from their headers without numpy."""

from __future__ import annotations

import ast
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


#: numpy itself refuses longer headers from strangers (its `max_header_size`).
_LONGEST_HEADER = 10_000


@dataclass(frozen=True)
class Header:
    """An array's type and shape.

    Attributes:
        dtype: The type as numpy writes it (`<f4`, `|u1`, `|O`).
        shape: The size of each dimension.
    """

    dtype: str
    shape: tuple[int, ...]


def headers(file: Path) -> dict[str, Header]:
    """The arrays of an npz file.

    Raises:
        DataError: It is no npz file, or it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                name.removesuffix(".npy"): _archived(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except (
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise unreadable(file, error) from None


def header(file: Path) -> Header:
    """The array of an npy file.

    Raises:
        DataError: It is no npy file, or it is damaged.
    """
    try:
        with file.open("rb") as stream:
            return _header(stream, file.name)
    except (EOFError, OSError, ValueError, SyntaxError, struct.error) as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> DataError:
    """What to say of a file that is no npz or npy file, or a damaged one."""
    kind, how = ("npy", "numpy.save") if file.suffix == ".npy" else ("npz", "numpy.savez_compressed")
    return DataError(
        f"expected an {kind} file ({how.removesuffix('_compressed')}), but it cannot be read: {error}",
        file=file,
        hint=f"is the file whole? write it again with {how}",
    )


def _archived(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(name) as stream:
        return _header(stream, name)


def _header(stream: IO[bytes], name: str) -> Header:
    start = stream.read(8)
    if start[:6] != b"\x93NUMPY":
        raise ValueError(f"{name} is no array")
    length = _length(stream, start[6])
    if length > _LONGEST_HEADER:
        raise ValueError(f"the header of {name} claims {length} bytes")
    said = ast.literal_eval(stream.read(length).decode("utf-8"))
    if not isinstance(said, dict) or not isinstance(said.get("shape"), tuple):
        raise ValueError(f"the header of {name} does not say a shape")  # noqa: TRY004 - the file is wrong, not a type
    return Header(str(said.get("descr")), said["shape"])


def _length(stream: IO[bytes], version: int) -> int:
    """The header's length: two bytes in version 1 of the format, four since."""
    return int(struct.unpack("<H", stream.read(2))[0] if version == 1 else struct.unpack("<I", stream.read(4))[0])
