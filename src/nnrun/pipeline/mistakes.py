"""The pictures that a model was most wrong about, kept so that a report can show them without the data."""

from __future__ import annotations

import io
from math import isqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.dataset import Dataset
    from nnrun.runs.folder import RunFolder

#: Sources of square pictures, which are still pictures where a step has flattened them.
_SQUARE = ("mnist", "fashion_mnist", "cifar10", "cifar100", "digits")
#: Sources of pictures, also where an example is rows and columns alone.
_PICTURES = (*_SQUARE, "images", "idx")
#: Smaller than this is no picture; a larger side than the second is told by every second, third, ... pixel.
_LEAST, _MOST = 4, 96


def keep_mistakes(folder: RunFolder, dataset: Dataset, scores: Mapping[str, Any], source: str) -> None:
    """Keep the examples of the worst mistakes where they are pictures: 20 at most, some kilobytes.

    Args:
        folder: The run's folder.
        dataset: The data as the model took them.
        scores: What `scores.json` holds.
        source: The name of the data's source.

    Raises:
        RunError: The disk refuses.
    """
    name = "test" if dataset.test is not None else "validation"
    part, worst = dataset.part(name), scores.get(name, {}).get("worst")
    shape = picture_shape(dataset.facts.input_shape, source)
    if part is None or not worst or shape is None or not hasattr(part.x, "ndim"):
        return
    import numpy as np

    rows = [one["row"] for one in worst]
    places = [int(np.flatnonzero(np.asarray(part.rows) == row)[0]) for row in rows]
    pictures = [_pixels(np.asarray(part.x[at], dtype=np.float64).reshape(shape)) for at in places]
    content = io.BytesIO()
    np.savez_compressed(content, rows=np.array(rows, dtype=np.int64), pictures=np.array(pictures))
    folder.write_bytes(folder.mistakes, content.getvalue())


def picture_shape(shape: tuple[int | None, ...] | None, source: str) -> tuple[int, int, int] | None:
    """Height, width and channels (1 or 3) of examples that are pictures; None where they are none."""
    sizes = [size for size in shape or () if size is not None]
    if len(sizes) != len(shape or ()):
        return None
    if len(sizes) == 1 and source in _SQUARE:
        sides = {channels: isqrt(sizes[0] // channels) for channels in (1, 3)}
        sizes = next(([side, side, channels] for channels, side in sides.items() if side**2 * channels == sizes[0]), [])
    elif len(sizes) == 2 and source in _PICTURES:
        sizes = [*sizes, 1]
    if len(sizes) != 3 or sizes[2] not in (1, 3) or min(sizes[:2]) < _LEAST:
        return None
    return sizes[0], sizes[1], sizes[2]


def _pixels(example: np.ndarray) -> np.ndarray:
    """An example, whatever a step has made of it, from black for its smallest number to white for its largest."""
    step = -(-max(example.shape[:2]) // _MOST)
    example = example[::step, ::step]
    low, high = float(example.min()), float(example.max())
    scaled: np.ndarray = ((example - low) * (255 / (high - low or 1.0))).round().astype("uint8")
    return scaled
