"""Decoding of pictures by TensorFlow's own operations, to the pixels that Pillow decodes.

Both use libjpeg and libpng; with its accurate cosine transform TensorFlow decodes the same pixels of a JPEG that need
not be resized. Pillow decodes everything else (other formats, other sizes, pictures to be rotated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.files.pictures import read_picture
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from nnrun.data.streaming.picture_files import PictureFiles


#: The most pictures and pixels that one call decodes: enough to make the call cheap.
_MAX_PICTURES, _MAX_PIXELS = 32, 200_000
#: Weights of red, green and blue in grey, and one half, for rounding: ITU-R BT.601 in 16 bits, as Pillow computes.
_GREY, _HALF = (19595, 38470, 7471), 0x8000


def block_size(store: PictureFiles) -> int:
    """Return the number of pictures that one call decodes."""
    count = max(1, min(_MAX_PICTURES, _MAX_PIXELS // (store.size[0] * store.size[1])))
    # Pillow holds Python's lock between its steps: smaller blocks are shared more evenly.
    return count if store.simple.any() else min(count, 8)


def block_decoder(tf: Any, store: PictureFiles, decode_by_pillow: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that decodes a block of pictures.

    It takes rows of the store, and -1 - row for each if Pillow has to decode the block.

    Args:
        tf: The TensorFlow module.
        store: The pictures.
        decode_by_pillow: Decodes a block by Pillow.
    """
    files = tf.constant(store.files)
    channels = store.channels if store.colour == "grey" else 3

    def decode_by_tensorflow(rows: Any) -> Any:
        decoded: list[Any] = []
        for path in tf.unstack(tf.gather(files, rows)):
            # One after another: blocks are decoded in parallel already, and handing every picture of one to another
            # thread costs more than decoding it.
            with tf.control_dependencies(decoded[-1:]):
                decoded.append(_decode(tf, path, (*store.size, channels)))
        return _with_colours(tf, store, tf.stack(decoded))

    def decode(rows: Any) -> Any:
        return tf.cond(rows[0] >= 0, lambda: decode_by_tensorflow(rows), lambda: decode_by_pillow(-1 - rows))

    return decode if store.simple.any() else lambda rows: decode_by_pillow(-1 - rows)


def _decode(tf: Any, path: Any, shape: tuple[int, ...]) -> Any:
    # Its kernel decodes PNG too.
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=shape[-1], dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(pixels, shape)


def _with_colours(tf: Any, store: PictureFiles, pixels: Any) -> Any:
    if store.colour == "rgb" or pixels.shape[-1] == 1:
        return pixels
    grey = tf.reduce_sum(tf.cast(pixels, tf.int32) * tf.constant(_GREY), axis=-1, keepdims=True) + _HALF
    return tf.cast(tf.bitwise.right_shift(grey, 16), tf.uint8)


def first_broken(tf: Any, store: PictureFiles, rows: np.ndarray) -> Exception | None:
    """Return the error of the first of these pictures that cannot be decoded; None if all can."""
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
                "expected the picture that was there when the run began, received another or a broken one",
                file=file,
                hint="restore it, and start the run again",
            )
    return None
