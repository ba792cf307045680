"""`pictures.npz`: some predictions that are pictures, next to the input and the truth, from the worst to the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.mistakes import are_pictures, read_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.runs.folder import RunFolder

#: The arrays of the file.
ARRAYS = ("rows", "scores", "inputs", "truth", "predicted")


@dataclass(frozen=True)
class ExamplePictures:
    """Some predictions that are pictures.

    Attributes:
        rows: The row of each in the source, shape (examples,).
        scores: The score of each by itself: the mean IoU of masks, the PSNR (or mean squared error) of others.
        inputs: The pictures that the model received, uint8 of shape (examples, height, width, 1 or 3).
        truth: Masks, the class number of each pixel, uint8 of shape (examples, height, width); or pictures, as inputs.
        predicted: The predictions, as `truth`.
    """

    rows: NDArray[Any]
    scores: NDArray[Any]
    inputs: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]

    @property
    def are_masks(self) -> bool:
        """Whether truth and predictions are masks."""
        return self.truth.ndim == 3


def read_example_pictures(folder: RunFolder) -> ExamplePictures:
    """Read the pictures.

    Raises:
        FileNotFoundError: There is no such file.
        RunError: It cannot be read, or holds something else.
    """
    found = ExamplePictures(*read_arrays(folder.pictures, ARRAYS))
    count = len(found.rows) if found.rows.ndim == 1 else 0
    are_masks = found.are_masks and found.truth.dtype == "uint8" and found.predicted.dtype == "uint8"
    fits = (
        found.rows.dtype.kind == "i"
        and found.scores.dtype.kind == "f"
        and found.scores.shape == (count,)
        and are_pictures(found.inputs)
        and (are_masks or are_pictures(found.truth))
        and found.truth.shape == found.predicted.shape
        and found.truth.dtype == found.predicted.dtype
        and len(found.inputs) == len(found.truth) == count > 0
    )
    if not fits:
        text = "expected rows, scores, and as many inputs, true pictures and predicted ones"
        raise RunError(f"Cannot read {folder.pictures}: {text}.")
    return found
