"""A model's outputs to decisions: which class is meant, and which classes were true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


#: Losses whose outputs lie around 0, so that 0 divides the two classes (they compare with -1 and 1).
AROUND_ZERO = ("Hinge", "SquaredHinge", "hinge", "squared_hinge")


def decide(outputs: NDArray[Any], facts: Facts, loss: Part) -> NDArray[Any]:
    """Turn outputs, shape (rows, ..., units), into class numbers, shape (rows, ...), or leave numbers as they are."""
    if facts.task == "regression":
        return outputs
    if outputs.shape[-1] > 1 and not several_labels(facts):
        return np.asarray(np.argmax(outputs, axis=-1), dtype=np.int64)
    around_zero = loss.name in AROUND_ZERO or loss.arguments.get("from_logits") is True
    switched_on = np.asarray(outputs > (0.0 if around_zero else 0.5), dtype=np.int64)
    return switched_on if several_labels(facts) else switched_on[..., 0]


def several_labels(facts: Facts) -> bool:
    """Tell whether targets are several labels, each of which may hold, and not one class of several."""
    return facts.form == "binary" and len(facts.target_names) > 1


def true_classes(y: NDArray[Any], facts: Facts) -> NDArray[np.int64]:
    """Turn encoded targets back into class numbers."""
    if several_labels(facts):
        return np.asarray(y, dtype=np.int64)
    if facts.form == "one_hot" or (y.ndim > 1 and y.shape[-1] > 1 and facts.form == "binary"):
        return np.asarray(np.argmax(y, axis=-1), dtype=np.int64)
    squeezed = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
    return np.asarray(squeezed, dtype=np.int64)
