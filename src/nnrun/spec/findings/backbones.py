"""Checks of whole models from a library in a model: what they do to pixels, and what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.hub_presets import given_preset, presets_of, published_class
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.part import Part

#: Steps of `prepare:` that scale pixels.
_SCALING = frozenset({"Rescale", "Standardize", "MinMax", "StandardScaler", "MinMaxScaler", "MaxAbsScaler"})


def states_weights(part: Part) -> bool:
    """Return whether a whole model of a library gets weights that are not random."""
    entry, given = lookup.entry("layers", part.name), part.arguments
    if entry is None or entry.hub is None:
        return given.get("weights", "imagenet") is not None
    loads_preset = given_preset(given) is not None and given.get("load_weights", True)
    return bool(loads_preset) or given.get("weights") is not None


def check_backbones(context: CheckContext) -> Iterator[Finding]:
    """Find backbones with weights that take pixels which were scaled before."""
    step = next((part for part in context.experiment.data.prepare if part.name in _SCALING), None)
    if step is None:
        return
    for row in context.rows:
        entry, given = lookup.entry("layers", row.part.name), row.part.arguments
        if entry is None or (entry.application is None and entry.hub is None) or not states_weights(row.part):
            continue
        if entry.hub is not None and given_preset(given) is None:
            continue
        key = next((one for one in ("preprocess", "include_preprocessing") if one in entry.parameters), None)
        if (key is None and entry.hub is None) or (key is not None and given.get(key, True)):
            text = f"{row.class_name} scales pixels from 0 to 255 itself, and {step.name} scales them before it"
            hint = f"leave {step.name} out" + (f", or write {key}: false" if key else "")
            yield Finding((*step.path, step.name), text, hint, "backbone-input-scaled", "warning", at_key=True)
            return


def check_presets(context: CheckContext) -> Iterator[Finding]:
    """Find backbones of Keras Hub without the arguments that they need, or with a preset of another one."""
    for row in context.rows:
        entry, given = lookup.entry("layers", row.part.name), row.part.arguments
        if entry is None or entry.hub is None or not row.first:
            continue
        preset = given_preset(given)
        if preset is None:
            missing = [name for name in entry.hub["required"] if given.get(name) is None]
            # An argument that is required, and may be null all the same, is there where it is written.
            missing = [name for name in missing if name not in given]
            if missing:
                names = presets_of(entry.name)
                text = f"{entry.name} needs a preset, or the arguments that are missing: {', '.join(missing)}"
                hint = f"write preset: {names[0]}, or see nnrun explain {entry.name}" if names else None
                yield Finding(row.path, text, hint or f"nnrun explain {entry.name}", "hub-arguments", at_key=True)
            continue
        other = published_class(preset)
        if other is not None and other != entry.name:
            text = f"{preset} is a preset of {other}, not of {entry.name}"
            yield Finding((*row.path, "preset"), text, f"write {other}: {{preset: {preset}}}", "hub-preset")
        if given.get("weights") is not None and given.get("load_weights", True):
            text = f"{entry.name} has two kinds of weights: those of its preset, and those of a file"
            yield Finding((*row.path, "weights"), text, "leave out weights, or write load_weights: false", "hub-preset")
