"""The figures that an epoch will have, as Keras names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.shapes.stack import snake_case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.part import Part


def figures(experiment: Experiment) -> list[str]:
    """List the figures of one part of the data: the loss, each output's loss where there are several, metrics."""
    exits = experiment.graph.outputs
    several = len(exits) > 1
    names = ["loss", *(f"{one.name}_loss" for one in exits if several)]
    for one in exits:
        metrics = experiment.training.metrics if one.metrics is None else one.metrics
        names += [f"{one.name}_{name}" if several else name for name in _numbered(metrics)]
    return names


def undecided(experiment: Experiment) -> bool:
    """Whether code of the user's own, which is not run here, may name or add figures."""
    parts = [*experiment.training.metrics, *experiment.training.callbacks]
    parts += [metric for one in experiment.graph.outputs for metric in one.metrics or ()]
    found = (lookup.entry(part.category, part.name) for part in parts)
    return any(entry is not None and entry.origin == "user" for entry in found)


def epoch_figures(experiment: Experiment, *, validation: bool) -> list[str]:
    """List the figures of an epoch: those of training, and the same of validation where there is such a part."""
    names = figures(experiment)
    return [*names, *(f"val_{name}" for name in names)] if validation else names


def meant(word: str, known: Sequence[str]) -> str | None:
    """Give the figure that another word for a metric means: `val_acc` is `val_accuracy`, `mse` its long name."""
    bare = word.removeprefix("val_")
    entry = lookup.entry("metrics", bare)
    full = None if entry is None else word.removesuffix(bare) + metric_name(entry.name)
    return full if full in known else None


def metric_name(name: str) -> str:
    """Turn a class's name into the one that Keras gives its objects: `MeanSquaredError` to `mean_squared_error`."""
    return snake_case(name)


def _numbered(metrics: Sequence[Part]) -> list[str]:
    """Name metrics; of two objects that would be called alike Keras numbers the second."""
    names: list[str] = []
    for part in metrics:
        said = part.arguments.get("name")
        name = str(said) if said else metric_name(part.name)
        names.append(f"{name}_{names.count(name)}" if name in names and not said else name)
    return names
