"""Callbacks, and what they watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.config.hints import did_you_mean
from nnrun.spec.finding import Finding
from nnrun.spec.findings.figures import epoch_figures, meant, undecided
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nnrun.errors import Path
    from nnrun.spec.findings.case import Case

#: Callbacks that set the learning rate themselves.
_SETTING = ("LearningRateScheduler", "ReduceLROnPlateau")


def watching(case: Case) -> Iterator[Finding]:
    """Find what callbacks cannot do, or do otherwise than meant."""
    yield from _monitors(case)
    for part in case.training.callbacks:
        yield from _stopping(case, part)
        yield from _schedule(case, part)
        yield from _checkpoint(case, part)


def _monitors(case: Case) -> Iterator[Finding]:
    known = epoch_figures(case.experiment, validation=case.has_validation)
    for path, monitor in _monitored(case):
        if monitor in known or monitor == "learning_rate" or undecided(case.experiment):
            continue
        if not case.has_validation and monitor.startswith("val_") and monitor.removeprefix("val_") in known:
            text = f"'{monitor}' is watched, but there is no validation part"
            hint = "add split: {validation: 0.2} to data, or watch 'loss'"
        else:
            text = f"'{monitor}' is watched, but no such figure will exist"
            hint = _instead(monitor, known)
        yield Finding(path, text, hint, "monitor-unknown")


def _instead(word: str, known: list[str]) -> str:
    full = meant(word, known)
    return f"write {full}" if full else did_you_mean(word, known) or f"there will be {', '.join(known)}"


def _monitored(case: Case) -> Iterable[tuple[Path, str]]:
    best = case.training.best.monitor
    if best is not None:
        yield ("training", "best", "monitor"), best
    for part in case.training.callbacks:
        entry = lookup.entry("callbacks", part.name)
        if entry is None or "monitor" not in entry.parameters:
            continue
        if part.name == "ModelCheckpoint" and not part.arguments.get("save_best_only"):
            continue  # what it watches decides nothing then
        said = part.arguments.get("monitor", entry.parameters["monitor"].default)
        yield (*part.path, part.name, "monitor"), str(said)


def _stopping(case: Case, part: Part) -> Iterator[Finding]:
    if part.name != "EarlyStopping":
        return
    monitor = str(part.arguments.get("monitor", "val_loss"))
    if not case.has_validation and monitor in epoch_figures(case.experiment, validation=False):
        yield Finding(
            (*part.path, part.name, "monitor"),
            f"training stops by '{monitor}' on the training rows, which goes on falling while the model overfits",
            "add split: {validation: 0.2} to data, and watch val_loss",
            "early-stopping-on-training-loss",
            "warning",
        )
    patience, epochs = part.arguments.get("patience", 0), case.training.epochs
    if isinstance(patience, int) and patience >= epochs:
        yield Finding(
            (*part.path, part.name, "patience"),
            f"training of {epochs} epochs ends before a patience of {patience} does, so that it never stops early",
            f"patience: {max(1, epochs // 10)}, or more epochs",
            "patience-too-long",
            "warning",
        )


def _schedule(case: Case, part: Part) -> Iterator[Finding]:
    optimizer = case.training.optimizer
    rate = None if optimizer is None else optimizer.arguments.get("learning_rate")
    if part.name in _SETTING and isinstance(rate, Part):
        yield Finding(
            (*part.path, part.name),
            f"{part.name} sets the learning rate, but the schedule {rate.name} does so already",
            "leave out one of the two: give the optimizer a number, or take the callback away",
            "schedule-and-callback",
        )


def _checkpoint(case: Case, part: Part) -> Iterator[Finding]:
    said = part.arguments.get("filepath")
    if part.name != "ModelCheckpoint" or not isinstance(said, str) or "{" not in said:
        return
    known = ["epoch", "batch", "learning_rate", *epoch_figures(case.experiment, validation=case.has_validation)]
    path = (*part.path, part.name, "filepath")
    for name in _placeholders(said):
        if name is None:
            text, hint = f"'{said}' is not a pattern: its braces do not match", "write epoch-{epoch:02d}.keras"
            yield Finding(path, text, hint, "checkpoint-name-unknown")
        elif name not in known and not undecided(case.experiment):
            text = f"the file's name asks for '{name}', but no such figure will exist"
            yield Finding(path, text, _instead(name, known), "checkpoint-name-unknown")


def _placeholders(pattern: str) -> list[str | None]:
    """List the names between braces; None where they do not match."""
    from string import Formatter

    try:
        return [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
    except ValueError:
        return [None]
