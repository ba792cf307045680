"""What a config says that cannot work, or is probably not meant, across its sections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.config.hints import did_you_mean
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


def findings(experiment: Experiment, facts: Facts | None) -> tuple[Finding, ...]:
    """Find what does not fit together in `experiment`, with what is known of its data."""
    return (*_monitors(experiment), *_batch(experiment, facts), *_parts_that_serve_twice(experiment))


def metric_names(experiment: Experiment, *, validation: bool) -> list[str]:
    """List the figures that an epoch will have, as Keras names them."""
    names = ["loss", *(_metric_name(part) for part in experiment.training.metrics)]
    return [*names, *(f"val_{name}" for name in names)] if validation else names


def _metric_name(part: Part) -> str:
    said = part.arguments.get("name")
    return str(said) if said else snake(part.name)


def snake(name: str) -> str:
    """Turn a class's name into the name that Keras gives its objects: `MeanSquaredError` to `mean_squared_error`.

    The rule is Keras' own (`auto_name`): an underscore before each capital that starts a word.
    """
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def _monitors(experiment: Experiment) -> Iterator[Finding]:
    validation = has_validation(experiment)
    known = metric_names(experiment, validation=validation)
    for path, monitor in _monitored(experiment):
        if monitor in known or monitor == "learning_rate":
            continue
        if not validation and monitor.removeprefix("val_") in known:
            yield Finding(
                path,
                f"'{monitor}' is watched, but there is no validation part",
                "add split: {validation: 0.2} to data, or watch 'loss'",
                "monitor-unknown",
            )
        else:
            hint = did_you_mean(monitor, known) or f"there will be {', '.join(known)}"
            yield Finding(path, f"'{monitor}' is watched, but no such figure will exist", hint, "monitor-unknown")


def has_validation(experiment: Experiment) -> bool:
    """Tell whether there will be a validation part."""
    return experiment.data.split is not None and experiment.data.split.validation is not None


def _monitored(experiment: Experiment) -> Iterable[tuple[tuple[str | int, ...], str]]:
    best = experiment.training.best.monitor
    if best is not None:
        yield ("training", "best", "monitor"), best
    for part in experiment.training.callbacks:
        entry = lookup.entry("callbacks", part.name)
        if entry is None or "monitor" not in entry.parameters:
            continue
        if part.name == "ModelCheckpoint" and not part.arguments.get("save_best_only"):
            continue  # what it watches decides nothing then
        said = part.arguments.get("monitor", entry.parameters["monitor"].default)
        yield (*part.path, part.name, "monitor"), str(said)


def _batch(experiment: Experiment, facts: Facts | None) -> Iterator[Finding]:
    rows = facts.rows.get("train") if facts is not None else None
    if rows is not None and experiment.training.batch_size > rows:
        yield Finding(
            ("training", "batch_size"),
            f"a batch of {experiment.training.batch_size} is larger than the "
            f"{rows} training rows, so that an epoch is one step",
            f"batch_size: {min(32, rows)}",
            "batch-larger-than-data",
            "warning",
        )


def _parts_that_serve_twice(experiment: Experiment) -> Iterator[Finding]:
    split = experiment.data.split
    if (
        split is not None
        and split.validation == "test"
        and (
            experiment.training.best.monitor
            or any(part.name in ("EarlyStopping", "ReduceLROnPlateau") for part in experiment.training.callbacks)
        )
    ):
        yield Finding(
            ("data", "split", "validation"),
            "the test part decides when training stops, so that its error rate is too good",
            "validation: 0.1 holds out training rows instead",
            "test-part-watched",
            "warning",
        )
