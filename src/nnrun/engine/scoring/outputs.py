"""From a model's outputs to classes and probabilities, and from encoded targets back to classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.spec.compared_output import compares_singly, divides_at_zero, has_logits
from nnrun.spec.targets import takes_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


#: How far probabilities may sum past 1: what half precision rounds.
_ROUNDING = 1e-2
#: Below this a probability is 0 by rounding; its logarithm would be infinite.
TINY = 1e-30


def only_output(outputs: Any) -> Any:
    """Return the one tensor of a model's outputs: those of a graph have names."""
    return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs


def predicted_classes(outputs: NDArray[Any], facts: Facts, loss: Part) -> NDArray[Any]:
    """Turn outputs, shape (rows, ..., units), into class numbers, shape (rows, ...); numbers stay as they are."""
    if facts.task == "regression":
        return outputs
    if outputs.shape[-1] > 1 and not is_multi_label(facts):
        return np.asarray(np.argmax(outputs, axis=-1), dtype=np.int64)
    positive = np.asarray(outputs > (0.0 if divides_at_zero(loss) else 0.5), dtype=np.int64)
    return positive if is_multi_label(facts) else positive[..., 0]


def is_multi_label(facts: Facts) -> bool:
    """Whether targets are several labels, each of which may hold, and not one class of several."""
    return facts.form == "binary" and len(facts.target_names) > 1


def true_classes(y: NDArray[Any], facts: Facts) -> NDArray[np.int64]:
    """Turn encoded targets back into class numbers."""
    if is_multi_label(facts):
        return np.asarray(y, dtype=np.int64)
    if facts.form == "one_hot" or (y.ndim > 1 and y.shape[-1] > 1 and facts.form == "binary"):
        return np.asarray(np.argmax(y, axis=-1), dtype=np.int64)
    squeezed = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
    return np.asarray(squeezed, dtype=np.int64)


def class_probabilities(outputs: NDArray[Any], loss: Part) -> NDArray[Any] | None:
    """Turn outputs, shape (rows, units), into the probability of each class, shape (rows, classes).

    Returns:
        None if outputs are no probabilities (a hinge's, a step's).
    """
    if not takes_probabilities(loss):
        return None
    if has_logits(loss) and compares_singly(loss):
        outputs = expit(outputs)
    elif has_logits(loss):
        outputs = probabilities_from_logits(outputs)
    probabilities = of_both_classes(outputs)
    sums_to_one = np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1).max() <= _ROUNDING
    return probabilities if sums_to_one and probabilities.min() >= 0 else None


def probabilities_from_logits(logits: NDArray[Any]) -> NDArray[Any]:
    """Apply the sigmoid to one column of logits, the softmax to several."""
    if logits.shape[1] == 1:
        return expit(logits)
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def expit(logits: NDArray[Any]) -> NDArray[Any]:
    """Apply the sigmoid to each logit."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits.astype(np.float64))))


def of_both_classes(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Put the first class's column before a single column, which is the second class's."""
    return np.hstack([1 - probabilities, probabilities]) if probabilities.shape[1] == 1 else probabilities


def log_probabilities(tf: Any, outputs: Any, *, logits: bool) -> Any:
    """Compute the logarithms of the probabilities in tensors of outputs, shape (..., classes)."""
    return tf.nn.log_softmax(outputs) if logits else tf.math.log(tf.maximum(outputs, TINY))
