"""What is explained of a prediction: the probability of a class, or the number that a model predicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.engine.scoring.outputs import class_probabilities, expit, is_multi_label
from nnrun.errors import RunError
from nnrun.spec.compared_output import has_logits
from nnrun.spec.facts import padded_class_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.engine.scoring.predictions import Predictions
    from nnrun.spec.part import Part

#: A class's probability, its score where outputs are no probabilities, one number, or several, of which the changes
#: are averaged.
Quantity = Literal["probability", "score", "number", "numbers"]


@dataclass(frozen=True)
class Explained:
    """What is explained of each example at one output.

    Attributes:
        name: The output; empty where there is one.
        quantity: What the values are.
        values: One column a class, label or number, shape (examples, columns).
        names: The name of each column.
        predicted: The column of the prediction: the most probable class or label; 0 for numbers.
        truth: The column of the true class; None where it is not known, or is no single class.
        true_values: What is explained, of the true class, or the true number; None where neither is known.
        wrong: How wrong each prediction is: for classes 0 or 1, of labels the wrong ones, else the absolute error.
    """

    name: str
    quantity: Quantity
    values: NDArray[np.float64]
    names: tuple[str, ...]
    predicted: NDArray[np.int64]
    truth: NDArray[np.int64] | None
    true_values: NDArray[np.float64] | None
    wrong: NDArray[np.float64] | None

    def take(self, rows: NDArray[np.int64]) -> Explained:
        """Return the same of some examples."""
        return replace(
            self,
            values=self.values[rows],
            predicted=self.predicted[rows],
            truth=None if self.truth is None else self.truth[rows],
            true_values=None if self.true_values is None else self.true_values[rows],
            wrong=None if self.wrong is None else self.wrong[rows],
        )


def is_explained(one: Predictions) -> bool:
    """Whether outputs are predictions of one class, of labels or of numbers for each example."""
    is_single = one.outputs.ndim == 2 and not one.facts.positions
    return is_single and one.predicted is not None and one.kind == "predictions" and one.text is None


def values_of(one: Predictions, loss: Part) -> tuple[Quantity, NDArray[np.float64]]:
    """Return what the outputs of some examples say, shape (examples, columns).

    Raises:
        RunError: They are no predictions of one class, of labels or of numbers for each example.
    """
    if not is_explained(one):
        is_several = one.predicted is not None and one.kind == "predictions" and one.text is None
        why = "are several for each example: one a step, or one a pixel" if is_several else "are no class and no number"
        raise RunError(f"the predictions of this run {why}", "explain-run explains classes, labels and numbers")
    outputs = np.asarray(one.outputs, dtype=np.float64)
    if one.facts.task == "regression":
        return ("number" if outputs.shape[1] == 1 else "numbers"), outputs
    if is_multi_label(one.facts):
        return "probability", expit(outputs) if has_logits(loss) else outputs
    probabilities = class_probabilities(outputs, loss)
    if probabilities is not None:
        return "probability", np.asarray(probabilities, dtype=np.float64)
    return "score", np.hstack([-outputs, outputs]) if outputs.shape[1] == 1 else outputs


def explained(one: Predictions, loss: Part) -> Explained:
    """Return what is explained of each example.

    Raises:
        RunError: As of `values_of`.
    """
    quantity, values = values_of(one, loss)
    if one.facts.task == "regression":
        wrong = None if one.truth is None else np.abs(values - one.truth.reshape(values.shape)).mean(axis=1)
        names = one.facts.numbered_targets()
        column = np.zeros(len(values), dtype=np.int64)
        is_single = quantity == "number" and one.truth is not None
        numbers = np.asarray(one.truth, dtype=np.float64).reshape(-1) if is_single else None
        return Explained(one.name, quantity, values, names, column, None, numbers, wrong)
    if is_multi_label(one.facts):
        wrong = None if one.truth is None else (one.truth != one.predicted).sum(axis=1).astype(np.float64)
        return Explained(one.name, quantity, values, one.facts.target_names, values.argmax(axis=1), None, None, wrong)
    predicted: Any = np.asarray(one.predicted).reshape(-1).astype(np.int64)
    truth = None if one.truth is None else np.asarray(one.truth).reshape(-1).astype(np.int64)
    wrong = None if truth is None else (truth != predicted).astype(np.float64)
    names = padded_class_names(one.facts.class_names, max(values.shape[1], len(one.facts.class_names)))
    true_values = None if truth is None else values[np.arange(len(values)), truth]
    return Explained(one.name, quantity, values, names, predicted, truth, true_values, wrong)
