"""Checks of `cache_frozen`: whether frozen layers can be computed once, before anything is trained."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding
from nnrun.spec.graph import holds_layers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.part import Part
    from nnrun.spec.shapes import NodeShape
    from nnrun.spec.training import TrainingSpec


def check_cache_frozen(context: CheckContext) -> Iterator[Finding]:
    """Find each phase whose frozen layers cannot be computed once, or that has none; Keras decides where rules do not.

    A phase without an own `freeze` or `thaw` has the frozen layers of the phase before it.
    """
    phases = context.training.phases
    frozen = {row.name for row in context.rows if row.part.arguments.get("trainable") is False}
    for number, training in enumerate(phases or (context.training,)):
        path: Path = ("training", number, "cache_frozen") if phases else ("training", "cache_frozen")
        frozen = _after(training, frozen, context.rows)
        if not training.cache_frozen:
            continue
        reason = _whole_reason(context, training) or _order_reason(context.rows, frozen)
        if reason is not None:
            text, hint = reason
            yield Finding(
                path, f"frozen layers cannot be computed once: {text}", hint, "cannot-cache-frozen", at_key=True
            )


def _after(training: TrainingSpec, frozen: set[str], rows: Sequence[NodeShape]) -> set[str]:
    """Return the layers that are frozen in a phase; one whose inner layers are thawed is not."""
    after = set(frozen)
    for patterns, change in ((training.thaw, after.discard), (training.freeze, after.add)):
        for row in rows:
            names = (row.name, row.class_name)
            is_thawed_inside = patterns is training.thaw and any(one.startswith(f"{row.name}/") for one in patterns)
            if is_thawed_inside or any(fnmatchcase(name, pattern) for pattern in patterns for name in names):
                change(row.name)
    return after


def _whole_reason(context: CheckContext, training: TrainingSpec) -> tuple[str, str] | None:
    """Return what of the experiment as a whole forbids it, and what to write."""
    experiment, split = context.experiment, context.experiment.data.split
    if training.augment:
        return "augment changes the examples in every epoch", "leave out augment, or cache_frozen"
    if experiment.backend == "jax":
        return "that is available with TensorFlow only", "leave out backend: jax"
    if training.is_perceptron:
        return "the perceptron's rule trains the only layer there is", "leave out cache_frozen"
    if split is not None and split.cross_validation is not None:
        return "folds are trained by one program", "write split: {test: 0.2, validation: 0.2}"
    if context.facts is not None and context.facts.streamed:
        return "the data stay on disk", "write stream: false in the source"
    return None


def _order_reason(rows: Sequence[NodeShape], frozen: set[str]) -> tuple[str, str] | None:
    """Return which layer stands before the frozen ones, or that none is frozen; None where a rule does not know."""
    if any(row.parameters is None and not holds_layers(row.part.name) for row in rows):
        return None
    #: By layer, the first one before it, or itself, with which the frozen part ends.
    ends: dict[str, NodeShape] = {}
    has_frozen = False
    for row in rows:
        # A model that is used as a layer has weights, also where they are not counted before Keras builds it.
        has_weights = row.parameters != 0
        is_frozen = has_weights and row.name in frozen
        end = next((ends[name] for one in row.sources for name in (one, one.partition(".")[0]) if name in ends), None)
        if end is not None:
            reason = _blocking(end.part)
            if is_frozen and reason is not None:
                text = f"'{end.name}' {reason}, and stands before '{row.name}', which is frozen"
                return text, f"put {end.class_name} after the frozen layers"
            ends[row.name] = end
        elif (has_weights and not is_frozen) or _blocking(row.part) == _RANDOM:
            ends[row.name] = row
        has_frozen = has_frozen or (is_frozen and end is None)
    if has_frozen:
        return None
    return "no layer at the model's beginning is frozen", "write freeze: with their names, or trainable: false in them"


_RANDOM = "draws random numbers in training"


def _blocking(part: Part) -> str | None:
    """Return how a layer computes in training what it does not compute otherwise; None where it does not."""
    if part.name == "BatchNormalization":
        return "normalizes by the batch in training"
    entry = lookup.entry("layers", part.name)
    if entry is None or "seed" not in entry.parameters:
        return None
    rates = [name for name in ("dropout", "recurrent_dropout") if name in entry.parameters]
    return _RANDOM if not rates or any(part.arguments.get(name) for name in rates) else None
