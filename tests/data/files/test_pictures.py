"""Picture files: the headers of simple pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from nnrun.data.files.pictures import simple_header

PIXELS = np.random.default_rng(0).integers(0, 255, (5, 9, 3), dtype="uint8")


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """Return the bytes of a picture of 5 x 9 pixels."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_the_header_of_a_simple_picture_has_its_size_and_channels(kind: str, mode: str, channels: int) -> None:
    """JPEG and PNG of 8 bits, grey or colour, are simple pictures."""
    assert simple_header(encoded(kind, mode)) == (5, 9, channels)


def test_a_progressive_jpeg_is_simple() -> None:
    """Every library decodes it to the same pixels."""
    assert simple_header(encoded("JPEG", progressive=True)) == (5, 9, 3)


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded("JPEG", exif=exif.tobytes())


@pytest.mark.parametrize(
    "start",
    [
        _turned(),
        encoded("JPEG", "CMYK"),
        encoded("PNG", "RGBA"),
        encoded("PNG", "P"),
        encoded("PNG", "1"),
        encoded("PNG", transparency=(1, 2, 3)),
        encoded("GIF"),
        encoded("BMP"),
        b"",
        b"\xff\xd8",
        encoded("JPEG")[:30],
        encoded("PNG")[:20],
    ],
)
def test_all_other_pictures_are_left_to_pillow(start: bytes) -> None:
    """Pictures with an orientation, four channels, palettes, transparency, other formats and truncated files."""
    assert simple_header(start) is None


@given(some.binary(max_size=200), some.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_are_read_without_an_error(rest: bytes, start: bytes) -> None:
    """Broken files are reported by the decoder."""
    found = simple_header(start + rest)
    assert found is None or found.channels in (1, 3)
