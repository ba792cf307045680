"""Pictures decoded by TensorFlow's own operations, to the pixels that Pillow gives.

Both use libjpeg and libpng; with its accurate cosine transform TensorFlow gives Pillow's pixels of a JPEG that need not
be resized. Everything else (other formats, other sizes, pictures to be turned) Pillow decodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.files.pictures import read_picture
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from nnrun.data.streaming.picture_files import PictureFiles


#: Pictures decoded by one call, and pixels beyond which fewer are: enough to make the call cheap.
_BLOCK, _PIXELS = 32, 200_000
#: Weights of red, green and blue in grey, and their sum: ITU-R BT.601 in 16 bits, as Pillow reckons.
_GREY, _HALF = (19595, 38470, 7471), 0x8000


def block_size(store: PictureFiles) -> int:
    """How many pictures one call decodes."""
    most = max(1, min(_BLOCK, _PIXELS // (store.size[0] * store.size[1])))
    # Pillow has Python's lock between its steps: smaller blocks part more evenly.
    return most if store.simple.any() else min(most, 8)


def decoder(tf: Any, store: PictureFiles, by_pillow: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give what decodes a block of pictures: rows of the store, below 0 (from -1 down) where Pillow has to do it.

    Args:
        tf: The TensorFlow module.
        store: The pictures.
        by_pillow: Decodes a block by Pillow.
    """
    files = tf.constant(store.files)
    channels = store.channels if store.colour == "grey" else 3

    def plain(rows: Any) -> Any:
        decoded: list[Any] = []
        for path in tf.unstack(tf.gather(files, rows)):
            # One after another: blocks are decoded side by side already, and to hand every picture of one to another
            # thread costs more than decoding it.
            with tf.control_dependencies(decoded[-1:]):
                decoded.append(_decode(tf, path, (*store.size, channels)))
        return _coloured(tf, store, tf.stack(decoded))

    def block(rows: Any) -> Any:
        return tf.cond(rows[0] >= 0, lambda: plain(rows), lambda: by_pillow(-1 - rows))

    return block if store.simple.any() else lambda rows: by_pillow(-1 - rows)


def _decode(tf: Any, path: Any, shape: tuple[int, ...]) -> Any:
    # Its kernel decodes PNG as well.
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=shape[-1], dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(pixels, shape)


def _coloured(tf: Any, store: PictureFiles, pixels: Any) -> Any:
    if store.colour == "rgb" or pixels.shape[-1] == 1:
        return pixels
    grey = tf.reduce_sum(tf.cast(pixels, tf.int32) * tf.constant(_GREY), axis=-1, keepdims=True) + _HALF
    return tf.cast(tf.bitwise.right_shift(grey, 16), tf.uint8)


def first_broken(tf: Any, store: PictureFiles, rows: np.ndarray) -> Exception | None:
    """Find the first of these pictures that cannot be decoded, and say which it is; None where all can."""
    from pathlib import Path

    for row in rows.tolist():
        file = Path(store.files[row])
        try:
            read_picture(file, store.size, store.colour)
            if store.simple[row]:
                _decode(tf, str(file), (*store.size, 3))
        except DataError as error:
            return error
        except (tf.errors.OpError, ValueError):
            return DataError(
                "expected the picture that lay there when the run began, received another or a broken one",
                file=file,
                hint="write it again, and start the run again",
            )
    return None
