"""Pictures next to each other as one, and maps over pictures, in colours that the colour-blind tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: The shortest side on the page and the space between two pictures, in pixels.
_SHORTEST, _GAP = 120, 6
#: Okabe and Ito's vermilion and blue, for what speaks for a prediction and against it.
FOR, AGAINST = (213, 94, 0), (0, 114, 178)
#: How much of a colour covers the picture at most.
_OPACITY = 0.85
#: The brightness of black and of white below a map.
_DARKEST, _BRIGHTEST = 50, 230


def side_by_side(panels: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return pictures as one, each enlarged by whole pixels to the height of the largest.

    Args:
        panels: uint8, each of shape (height, width, 1 or 3).

    Returns:
        uint8 of shape (height, width, 4): what is between and below the pictures is transparent.
    """
    import numpy as np

    tallest = max(*(one.shape[0] for one in panels), _SHORTEST)
    enlarged = []
    for one in panels:
        times = max(1, tallest // one.shape[0])
        whole = one.repeat(times, axis=0).repeat(times, axis=1)
        enlarged.append(whole.repeat(3, axis=2) if whole.shape[2] == 1 else whole)
    height = max(one.shape[0] for one in enlarged)
    columns = []
    for one in enlarged:
        filled: NDArray[Any] = np.zeros((height, one.shape[1] + _GAP, 4), dtype="uint8")
        filled[: one.shape[0], : one.shape[1], :3] = one
        filled[: one.shape[0], : one.shape[1], 3] = 255
        columns.append(filled)
    return np.concatenate(columns, axis=1)[:, :-_GAP]


def heat_overlay(picture: NDArray[Any], heat: NDArray[Any]) -> NDArray[Any]:
    """Return a picture in grey with a map over it: vermilion where it is positive, blue where it is negative.

    The opacity is proportional to the absolute value, and largest where that is.

    Args:
        picture: uint8 of shape (height, width, 1 or 3).
        heat: Numbers of shape (rows, columns), enlarged to the picture by linear interpolation.

    Returns:
        uint8 of shape (height, width, 3), enlarged by whole pixels where the picture is small.
    """
    import numpy as np

    times = max(1, _SHORTEST // picture.shape[0])
    grey = picture.repeat(times, axis=0).repeat(times, axis=1).mean(axis=2, keepdims=True).repeat(3, axis=2)
    # Neither black nor white, on which faint colours are hard to see.
    grey = _DARKEST + grey * (_BRIGHTEST - _DARKEST) / 255
    values = enlarged(np.nan_to_num(np.asarray(heat, dtype=float)), grey.shape[:2])
    most = float(np.abs(values).max())
    opacity = _OPACITY * np.abs(values)[..., None] / (most or 1.0)
    colour = np.where(values[..., None] > 0, np.array(FOR, dtype=float), np.array(AGAINST, dtype=float))
    return np.asarray((grey * (1 - opacity) + colour * opacity).round().astype("uint8"))


def enlarged(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a map with so many rows and columns, interpolated linearly between the centres of its places."""
    import numpy as np

    for axis, size in enumerate(shape):
        length = values.shape[axis]
        at = ((np.arange(size) + 0.5) * length / size - 0.5).clip(0, length - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, length - 1)
        share = (at - low).reshape([-1 if one == axis else 1 for one in range(2)])
        values = np.take(values, low, axis=axis) * (1 - share) + np.take(values, high, axis=axis) * share
    return values
