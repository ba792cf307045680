"""One picture file as an array, by Pillow."""

from __future__ import annotations

import hashlib
import struct
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from PIL.Image import Image


Colour = Literal["grey", "rgb"]
#: Names that end so are pictures.
ENDINGS = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)


def picture_shape(file: Path) -> tuple[int, int]:
    """Height and width of a picture as it is seen, told from its header.

    Raises:
        DataError: It is no picture, or a broken one.
    """
    with _opened(file) as picture:
        # Cameras write a picture as the sensor lay, and beside it how it is to be turned: 5 to 8 are quarter turns.
        turned = picture.getexif().get(0x0112, 1) >= 5
        width, height = picture.size
    return (width, height) if turned else (height, width)


def read_picture(file: Path, size: tuple[int, int], colour: Colour) -> np.ndarray:
    """A picture as uint8 of shape (height, width, 1) or (height, width, 3), turned as it is meant to be seen.

    Raises:
        DataError: It is no picture, or a broken one.
    """
    import numpy as np
    from PIL import Image, ImageOps

    with _opened(file) as picture:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I;16"):
            # Pillow would cut 16 bits off at 255 where the upper 8 are meant.
            upright = Image.fromarray((np.asarray(upright) >> 8).astype("uint8"))
        plain = upright.convert("L" if colour == "grey" else "RGB")
        if plain.size != (size[1], size[0]):
            plain = plain.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        pixels = np.asarray(plain, dtype="uint8")
    return pixels[..., None] if colour == "grey" else pixels


def refuse_size(file: Path, found: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse a picture of another size than the first one's.

    Raises:
        DataError: It has one.
    """
    if found != size:
        raise DataError(
            f"expected a picture of {size[0]} x {size[1]} pixels (height and width), as the first is, "
            f"received {found[0]} x {found[1]}",
            file=file,
            hint=f"say a size that all are brought to: `size: [{size[0]}, {size[1]}]`",
        )


@contextmanager
def _opened(file: Path) -> Iterator[Image]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                yield picture
    # Pillow's decoders fail in any of these ways on a broken file.
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(
            f"expected a picture, but it cannot be read: {error}",
            file=file,
            hint="is the file whole? write it again, or take it away",
        ) from None


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


#: How much of a picture that streams its mark is taken from.
START = 65_536


def whole_mark(file: Path) -> bytes:
    """SHA-256 of a picture file's bytes.

    Raises:
        DataError: It cannot be read.
    """
    try:
        # Without a buffer, of which small files need none: 60,000 of them take 0.4 s instead of 0.6.
        with file.open("rb", buffering=0) as opened:
            return hashlib.sha256(opened.read()).digest()
    except OSError as error:
        raise unreadable(file, error) from None


def start_mark(start: bytes, size: int) -> bytes:
    """SHA-256 of a picture file's first `START` bytes and its size: a stream is not read whole to be known again."""
    return hashlib.sha256(start + str(size).encode()).digest()


def start_mark_of(file: Path) -> bytes:
    """The same, of a file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with file.open("rb", buffering=0) as opened:
            return start_mark(opened.read(START), opened.seek(0, 2))
    except OSError as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: OSError) -> DataError:
    """What to say of a picture that the system does not give."""
    return DataError(f"the picture cannot be read: {error}", file=file, hint="may you read it?")


def together(title: str, names: Sequence[str], marks: Sequence[bytes]) -> dict[str, str]:
    """Two digests of a set of pictures: of which there are, and of what they hold.

    Args:
        title: What the set is called.
        names: The pictures' names, below their folder.
        marks: The mark of each.

    Returns:
        The SHA-256 of the sorted names, and of their marks in that order; neither depends on where the folder lies.
    """
    held = sorted(zip(names, marks, strict=True))
    there = "".join(f"{name}\n" for name, _ in held).encode("utf-8", "surrogateescape")
    inside = b"".join(mark for _, mark in held)
    return {
        f"{title} (names)": hashlib.sha256(there).hexdigest(),
        f"{title} (contents)": hashlib.sha256(inside).hexdigest(),
    }
