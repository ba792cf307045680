"""All that can be told of a model's answers beside how many are wrong: the figures that suit their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring import classes
from nnrun.engine.scoring.decisions import several_labels
from nnrun.engine.scoring.numbers import number_figures
from nnrun.spec.targets import takes_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.engine.scoring.score import Answers
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


#: How far shares may sum past 1 and still be shares: what half precision rounds.
_ROUNDED = 1e-2


def details(one: Answers, loss: Part, rows: NDArray[Any]) -> dict[str, Any]:
    """Give the figures of one output's answers.

    Args:
        one: The answers, with the truth.
        loss: What the output was trained with; it says whether outputs are logits.
        rows: The row of each example in its source.
    """
    if one.truth is None or not len(one.truth):
        return {}
    if one.facts.task == "regression":
        return number_figures(one.outputs, one.truth)
    return _labels(one, loss) if several_labels(one.facts) else _classes(one, loss, rows)


def _classes(one: Answers, loss: Part, rows: NDArray[Any]) -> dict[str, Any]:
    truth, predicted = one.truth.reshape(-1), one.predicted.reshape(-1)  # type: ignore[union-attr]
    scores = _by_class(one.outputs)
    names = _names(one.facts, scores.shape[1])
    found: dict[str, Any] = {}
    if len(names) <= classes.MOST_CLASSES:
        found = classes.by_class(truth, predicted, names)
        found |= _areas(truth, scores, len(names))
    told = shares(scores, loss)
    if told is None:
        return found
    confidence = told[np.arange(len(told)), predicted]
    found["log_loss"] = classes.log_loss(truth, told)
    found["expected_calibration_error"] = classes.calibration_error(truth == predicted, confidence)
    if len(rows) == len(truth):
        found["worst"] = classes.worst(truth, predicted, confidence, rows, names.__getitem__)
    return found


def _labels(one: Answers, loss: Part) -> dict[str, Any]:
    truth, predicted = one.truth, one.predicted
    names = one.facts.target_names
    if truth is None or len(names) > classes.MOST_CLASSES:
        return {}
    found = classes.by_label(truth, predicted, names) | classes.areas(truth == 1, one.outputs)
    told = shares(one.outputs.reshape(-1, 1), loss)
    return found if told is None else found | {"log_loss": classes.log_loss(truth.reshape(-1), told)}


def _by_class(outputs: NDArray[Any]) -> NDArray[Any]:
    """Lay outputs out as (rows and positions, units)."""
    return outputs.reshape(-1, outputs.shape[-1])


def _areas(truth: NDArray[Any], scores: NDArray[Any], count: int) -> dict[str, Any]:
    """Give the areas of every class against the rest; of two classes those of the second, as is usual."""
    if count > 2:
        return classes.areas(truth[:, None] == np.arange(count), scores)
    second = scores[:, -1:] - scores[:, :1] if scores.shape[1] == 2 else scores
    return classes.areas(truth[:, None] == 1, second)


def _names(facts: Facts, units: int) -> tuple[str, ...]:
    count = max(units, 2, len(facts.class_names))
    return (*facts.class_names, *(str(number) for number in range(len(facts.class_names), count)))


def shares(scores: NDArray[Any], loss: Part) -> NDArray[Any] | None:
    """Give each class's share, shape (rows, classes); None where outputs are no shares (a hinge's, a step's)."""
    if not takes_probabilities(loss):
        return None
    if loss.arguments.get("from_logits") is True:
        scores = _from_logits(scores)
    told = np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores
    whole = np.abs(told.sum(axis=1, dtype=np.float64) - 1).max() <= _ROUNDED
    return told if whole and told.min() >= 0 else None


def _from_logits(logits: NDArray[Any]) -> NDArray[Any]:
    if logits.shape[1] == 1:
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
