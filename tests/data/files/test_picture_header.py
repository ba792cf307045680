"""Which pictures are plain ones, told from their first bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nnrun.data.files.pictures import plain_header

PIXELS = np.random.default_rng(0).integers(0, 255, (5, 9, 3), dtype="uint8")


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """Give the bytes of a picture of 5 x 9 pixels."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_plain_picture_is_known_by_its_size_and_channels(kind: str, mode: str, channels: int) -> None:
    """JPEG and PNG of 8 bits, grey or colour."""
    assert plain_header(encoded(kind, mode)) == (5, 9, channels)


def test_a_progressive_jpeg_is_plain() -> None:
    """Libjpeg decodes it to the same pixels in either library."""
    assert plain_header(encoded("JPEG", progressive=True)) == (5, 9, 3)


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
def test_all_else_is_left_to_pillow(start: bytes) -> None:
    """Pictures to be turned, four channels, palettes, transparency, other formats, and what is cut short."""
    assert plain_header(start) is None


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_are_told_without_a_traceback(rest: bytes, start: bytes) -> None:
    """Broken files are for the decoder to name."""
    found = plain_header(start + rest)
    assert found is None or found.channels in (1, 3)
