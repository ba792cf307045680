"""The headers of JPEG and PNG files: whether a picture is a plain one, of which every decoder makes the same pixels."""

from __future__ import annotations

import struct
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
#: Chunks that may stand before the pixels of a plain PNG: none changes what the pixels are.
_PNG_CHUNKS = frozenset((b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"bKGD"))
#: A JPEG's frames that hold 8 bits a sample in Huffman codes: baseline, extended and progressive.
_JPEG_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
#: Markers of a JPEG that stand alone, without a length.
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))


class Header(NamedTuple):
    """What a plain picture's header says.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 or 3.
    """

    height: int
    width: int
    channels: int


def plain_header(start: bytes) -> Header | None:
    """The header of a plain picture; None where it is none, or where that cannot be told from the file's start.

    A plain picture is a JPEG or PNG of 8 bits a sample and 1 or 3 channels, that is not to be turned (no EXIF data).

    Args:
        start: The first bytes of the file.
    """
    try:
        if start.startswith(_PNG):
            return _png(start)
        return _jpeg(start) if start.startswith(b"\xff\xd8") else None
    except (IndexError, struct.error):
        return None


def _png(start: bytes) -> Header | None:
    width, height, depth, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", start, 16)
    if start[12:16] != b"IHDR" or depth != 8 or kind not in (0, 2) or interlaced or b"eXIf" in start:
        return None
    place = 33
    while start[place + 4 : place + 8] != b"IDAT":
        if start[place + 4 : place + 8] not in _PNG_CHUNKS:
            return None
        place += 12 + int(struct.unpack_from(">I", start, place)[0])
    return Header(height, width, 1 if kind == 0 else 3)


def _jpeg(start: bytes) -> Header | None:
    place = 2
    while start[place] == 0xFF:
        marker = start[place + 1]
        if marker == 0xFF or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker == 0xE1:
            return None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, height, width, channels = struct.unpack_from(">BHHB", start, place + 4)
            plain = marker in _JPEG_FRAMES and depth == 8 and channels in (1, 3)
            return Header(height, width, channels) if plain else None
        place += 2 + int(struct.unpack_from(">H", start, place + 2)[0])
    return None
