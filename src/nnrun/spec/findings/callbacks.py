"""Checks of callbacks: the metrics that they monitor, and settings that contradict others."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding
from nnrun.spec.findings.metrics import epoch_metrics, has_user_metrics, metric_hint
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext

#: Callbacks that set the learning rate.
_RATE_CALLBACKS = ("LearningRateScheduler", "ReduceLROnPlateau")


def check_callbacks(context: CheckContext) -> Iterator[Finding]:
    """Find callbacks that cannot work, or that do something else than intended."""
    yield from _monitors(context)
    for part in context.training.callbacks:
        if part.name == "EarlyStopping":
            yield from _early_stopping(context, part)
        if part.name in _RATE_CALLBACKS:
            yield from _schedule(context, part)
        if part.name == "ModelCheckpoint":
            yield from _checkpoint(context, part)


def _monitors(context: CheckContext) -> Iterator[Finding]:
    known = epoch_metrics(context.experiment, validation=context.has_validation)
    for path, monitor in _monitored(context):
        if monitor in known or monitor == "learning_rate" or has_user_metrics(context.experiment):
            continue
        if not context.has_validation and monitor.startswith("val_") and monitor.removeprefix("val_") in known:
            text = f"'{monitor}' is monitored, but there is no validation part"
            hint = "add split: {validation: 0.2} to data, or monitor 'loss'"
        else:
            text, hint = f"'{monitor}' is monitored, but no epoch will have this metric", metric_hint(monitor, known)
        yield Finding(path, text, hint, "monitor-unknown")


def _monitored(context: CheckContext) -> Iterator[tuple[Path, str]]:
    best = context.training.best.monitor
    if best is not None:
        yield ("training", "best", "monitor"), best
    for part in context.training.callbacks:
        entry = lookup.entry("callbacks", part.name)
        if entry is None or "monitor" not in entry.parameters:
            continue
        if part.name == "ModelCheckpoint" and not part.arguments.get("save_best_only"):
            continue  # its monitor decides nothing then
        yield (*_path(part), "monitor"), str(part.arguments.get("monitor", entry.parameters["monitor"].default))


def _early_stopping(context: CheckContext, part: Part) -> Iterator[Finding]:
    monitor = str(part.arguments.get("monitor", "val_loss"))
    if not context.has_validation and monitor in epoch_metrics(context.experiment, validation=False):
        text = f"'{monitor}' is monitored on the training rows, where it continues to improve while the model overfits"
        hint = "add split: {validation: 0.2} to data, and monitor val_loss"
        yield Finding((*_path(part), "monitor"), text, hint, "early-stopping-on-training-loss", "warning")
    patience, epochs = part.arguments.get("patience", 0), context.training.epochs
    if isinstance(patience, int) and patience >= epochs:
        text = f"a patience of {patience} is not exceeded in {epochs} epochs, so training never stops early"
        hint = f"write patience: {max(1, epochs // 10)}, or more epochs"
        yield Finding((*_path(part), "patience"), text, hint, "patience-too-long", "warning")


def _schedule(context: CheckContext, part: Part) -> Iterator[Finding]:
    optimizer = context.training.optimizer
    rate = None if optimizer is None else optimizer.arguments.get("learning_rate")
    if isinstance(rate, Part):
        text = f"{part.name} sets the learning rate, which the schedule {rate.name} sets already"
        hint = "use one of the two: give the optimizer a number, or remove the callback"
        yield Finding(_path(part), text, hint, "schedule-and-callback")


def _checkpoint(context: CheckContext, part: Part) -> Iterator[Finding]:
    pattern = part.arguments.get("filepath")
    if not isinstance(pattern, str) or "{" not in pattern:
        return
    path = (*_path(part), "filepath")
    try:
        names = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
    except ValueError:
        text = f"'{pattern}' is not a valid pattern: its braces do not match"
        yield Finding(path, text, "write epoch-{epoch:02d}.keras", "checkpoint-name-unknown")
        return
    metrics = epoch_metrics(context.experiment, validation=context.has_validation)
    known = ["epoch", "batch", "learning_rate", *metrics]
    for name in names:
        if name not in known and not has_user_metrics(context.experiment):
            text = f"the file name contains '{name}', but no epoch will have this metric"
            yield Finding(path, text, metric_hint(name, known), "checkpoint-name-unknown")


def _path(part: Part) -> Path:
    return (*part.path, part.name)
