"""Picture files: the headers of simple pictures, and digests in which every change of a set is seen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from nnrun.data.files.pictures import (
    HASHED_BYTES,
    combined_digests,
    content_digest,
    file_start_digest,
    simple_header,
    start_digest,
)
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

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


SETS = some.dictionaries(some.text("abc/", min_size=1, max_size=4), some.binary(min_size=2, max_size=2), max_size=6)


def digests(pictures: dict[str, bytes]) -> list[str]:
    """Return both digests of a set."""
    return list(combined_digests("pets", list(pictures), list(pictures.values())).values())


@given(SETS, SETS)
def test_two_sets_have_the_same_digests_only_where_they_are_the_same(left: dict, right: dict) -> None:
    """The first digest identifies the names, both together the contents too; the order of the list does not matter."""
    assert (digests(left)[0] == digests(right)[0]) == (set(left) == set(right))
    assert (digests(left) == digests(right)) == (left == right)
    assert digests(left) == digests(dict(reversed(left.items())))


def test_a_digest_covers_all_bytes_or_the_start_and_the_size(tmp_path: Path) -> None:
    """A picture in memory is identified by every byte, one that streams by its first 64 KB and its size."""
    file = tmp_path / "a.bmp"
    seen = []
    start = bytes(HASHED_BYTES)
    for content in (start + bytes(9), start + b"other....", start + bytes(8), b"1" + start + bytes(8)):
        file.write_bytes(content)
        assert file_start_digest(file) == start_digest(content[:HASHED_BYTES], len(content))
        seen.append((content_digest(file), file_start_digest(file)))
    assert len({whole for whole, _ in seen}) == 4
    assert seen[0][1] == seen[1][1]
    assert len({start for _, start in seen}) == 3


@pytest.mark.parametrize("digest", [content_digest, file_start_digest])
def test_a_missing_picture_is_named(tmp_path: Path, digest) -> None:
    """A file that cannot be read is reported with its path."""
    with pytest.raises(DataError, match=r"a\.png: the picture cannot be read: .*No such file"):
        digest(tmp_path / "a.png")
