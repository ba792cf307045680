"""What the rules of losses and metrics decide: right, translated, warned of, refused, or undecided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nnrun.spec.part import Part

#: What is decided of a loss or a metric: it means what it says; nnrun computes it on translated values; it runs but is
#: probably not meant; it cannot mean what it says; or too little is known.
Decision = Literal["right", "translated", "warned", "refused", "undecided"]


@dataclass(frozen=True)
class MetricTranslation:
    """How a metric is computed so that it means the same for this output as for one of probabilities.

    Attributes:
        metric: The metric that is built instead, under the same name.
        outputs: The function that is applied to the outputs first.
        positions_are_rows: Whether each position (a step, a pixel) becomes a row of its own.
    """

    metric: Part
    outputs: Literal["unchanged", "sigmoid", "softmax"] = "unchanged"
    positions_are_rows: bool = False


@dataclass(frozen=True)
class Verdict:
    """A decision and its reason.

    Attributes:
        decision: The decision.
        text: What is wrong, in one sentence; empty where nothing is.
        hint: What to write instead.
        translation: How the metric is computed, where not as it stands.
    """

    decision: Decision
    text: str = ""
    hint: str | None = None
    translation: MetricTranslation | None = None


RIGHT = Verdict("right")
UNDECIDED = Verdict("undecided")


def refused(text: str, hint: str | None) -> Verdict:
    """Return the verdict on what cannot mean what it says."""
    return Verdict("refused", text, hint)


def warned(text: str, hint: str | None, translation: MetricTranslation | None = None) -> Verdict:
    """Return the verdict on what runs but is probably not meant."""
    return Verdict("warned", text, hint, translation)
