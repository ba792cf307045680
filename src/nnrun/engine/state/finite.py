"""Whether arrays hold nothing but finite numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_finite(array: np.ndarray) -> bool:
    """Return whether all numbers of an array are finite; integers and texts are."""
    if array.dtype.kind not in "fc" and array.dtype.name != "bfloat16":
        return True
    return bool(np.isfinite(array.astype(np.float64)).all())


def has_nan(array: np.ndarray) -> bool:
    """Return whether an array holds what is not a number; integers and texts do not."""
    if array.dtype.kind not in "fc" and array.dtype.name != "bfloat16":
        return False
    return bool(np.isnan(array.astype(np.float64)).any())


def first_not_finite(values: Mapping[str, np.ndarray]) -> str | None:
    """Return the name of the first of the model's variables that is not finite, by the names of `TrainingVariables`."""
    return next((name for name, value in values.items() if name.startswith("model/") and not is_finite(value)), None)
