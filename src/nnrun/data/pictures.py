"""One picture file as an array, by Pillow."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
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
