"""How far what an exported file returns is from what Keras computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How far probabilities of the two likeliest classes must be apart for the label to be sure, in tolerances.
_SURE = 2.0


@dataclass(frozen=True)
class OutputDifference:
    """The greatest difference between two results.

    Attributes:
        name: The name of the result.
        value: The greatest difference: of numbers above 1 in size relative to them, else absolute. Of labels: the
            share of examples whose label differs, although its class is not as likely as another one.
    """

    name: str
    value: float

    def exceeds(self, tolerance: float) -> bool:
        """Return whether it is not a number, or above a tolerance."""
        return not self.value <= tolerance


def differences(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], unsure: np.ndarray | None
) -> list[OutputDifference]:
    """Return the greatest difference of each result.

    Args:
        found: What the file returns.
        expected: What Keras computes; a result that the file does not have is compared by others.
        unsure: The examples whose label may differ, shape (rows,); None where all are sure.

    Raises:
        KeyError: The file returns something that is not expected.
    """
    return [OutputDifference(name, _difference(values, expected[name], unsure)) for name, values in found.items()]


def _difference(found: np.ndarray, expected: np.ndarray, unsure: np.ndarray | None) -> float:
    if found.shape != expected.shape:
        return float("inf")
    if not found.size:
        return 0.0
    if expected.dtype.kind != "f":
        differ = (found != expected).reshape(len(found), -1).any(axis=1)
        return float(np.mean(differ if unsure is None else differ & ~unsure))
    with np.errstate(invalid="ignore"):
        apart = np.abs(found.astype("float64") - expected) / np.maximum(1.0, np.abs(expected))
    # Both may be infinite or no number in the same places, as the model computes them.
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return float(np.where(same, 0.0, apart).max())


def unsure_rows(outputs: Mapping[str, np.ndarray], thresholds: Mapping[str, float], tolerance: float) -> np.ndarray:
    """Return which examples have a class in some output that is about as likely as another one.

    Args:
        outputs: The outputs of a model by name, shape (rows, ..., units).
        thresholds: What divides two classes, by the name of an output.
        tolerance: How far outputs may differ.
    """
    unsure = np.zeros(len(next(iter(outputs.values()))), dtype=bool)
    for name, values in outputs.items():
        by_row = values.reshape(len(values), -1, values.shape[-1]) if values.ndim > 1 else values[:, None, None]
        if by_row.shape[-1] > 1:
            highest = np.sort(by_row, axis=-1)[..., -2:]
            unsure |= (highest[..., 1] - highest[..., 0] < _SURE * tolerance).any(axis=1)
        unsure |= (np.abs(by_row - thresholds[name]) < _SURE * tolerance).any(axis=(1, 2))
    return unsure
