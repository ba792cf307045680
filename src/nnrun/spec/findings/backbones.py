"""Checks of the models of `keras.applications` in a model: what they do to pixels themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext

#: Steps of `prepare:` that scale pixels.
_SCALING = frozenset({"Rescale", "Standardize", "MinMax", "StandardScaler", "MinMaxScaler", "MaxAbsScaler"})


def check_backbones(context: CheckContext) -> Iterator[Finding]:
    """Find backbones with weights that take pixels which were scaled before."""
    step = next((part for part in context.experiment.data.prepare if part.name in _SCALING), None)
    if step is None:
        return
    for row in context.rows:
        entry, given = lookup.entry("layers", row.part.name), row.part.arguments
        if entry is None or entry.application is None or given.get("weights", "imagenet") is None:
            continue
        key = next((one for one in ("preprocess", "include_preprocessing") if one in entry.parameters), None)
        if key is None or given.get(key, True):
            text = f"{row.class_name} scales pixels from 0 to 255 itself, and {step.name} scales them before it"
            hint = f"leave {step.name} out" + (f", or write {key}: false" if key else "")
            yield Finding((*step.path, step.name), text, hint, "backbone-input-scaled", "warning", at_key=True)
            return
