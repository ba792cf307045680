"""The header of an IDX file, read without numpy."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING

from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

#: The types that the format knows: bytes, shorts, integers, floats and doubles.
_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


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
    if head[:2] != b"\0\0" or not dimensions or head[2] not in _TYPES or len(head) < 4 + 4 * dimensions:
        raise DataError("expected an IDX file (it begins 00 00)", file=file, hint="is it the right file?")
    return struct.unpack(f">{dimensions}I", head[4 : 4 + 4 * dimensions])
