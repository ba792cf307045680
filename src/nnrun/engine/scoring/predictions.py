"""The predictions of a model for one of its outputs, with the truth where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.spec.facts import Facts
    from nnrun.spec.targets import OutputKind


@dataclass(frozen=True)
class Predictions:
    """The predictions for one of the model's outputs, example by example.

    Attributes:
        name: The output's name; empty if it is the only one.
        facts: The facts of the output's target.
        outputs: The model's outputs, shape (rows, ...).
        predicted: Class numbers, shape (rows, ...), label sequences, shape (rows, steps), or the outputs themselves;
            None if the outputs are no predictions of the target.
        truth: The true classes or numbers, of the same shape; None if they are not known.
        kind: What the outputs are.
        text: The predictions as texts, where the target is one: labels, tags, or what the model has written.
        true_text: The truth as texts; None if it is not known.
        is_label_set: Whether these texts are sets of labels.
    """

    name: str
    facts: Facts
    outputs: NDArray[Any]
    predicted: NDArray[Any] | None
    truth: NDArray[Any] | None = None
    kind: OutputKind = "predictions"
    text: tuple[str, ...] | None = None
    true_text: tuple[str, ...] | None = None
    is_label_set: bool = False

    @property
    def not_scored(self) -> str | None:
        """Why there are no figures but the loss and metrics; None if there are others."""
        if self.predicted is not None:
            return None
        if self.kind == "embeddings":
            return "the outputs are points in a space, no predictions: there are only the loss and metrics"
        return "outputs and targets have different shapes: there are only the loss and metrics"
