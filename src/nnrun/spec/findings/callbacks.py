"""Checks of callbacks: the metrics that they monitor, and settings that contradict others."""

from __future__ import annotations

from importlib.util import find_spec
from string import Formatter
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec import callback_paths
from nnrun.spec.figures import direction_of
from nnrun.spec.finding import Finding
from nnrun.spec.findings.metrics import FigureNames, epoch_figures, metric_hint
from nnrun.spec.part import Part
from nnrun.spec.sweep_pruning import pruning_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext

#: Callbacks that need a package in addition to Keras: its module, and what to install.
_PACKAGES = {
    "TensorBoard": ("tensorboard", "'nnrun[tensorboard]'"),
    "OrbaxCheckpoint": ("orbax", "orbax-checkpoint"),
}
#: Callbacks that set the learning rate.
_RATE_CALLBACKS = ("LearningRateScheduler", "ReduceLROnPlateau")


def check_callbacks(context: CheckContext) -> Iterator[Finding]:
    """Find callbacks that cannot work, or that do something else than intended."""
    yield from _monitors(context)
    yield from _missing_packages(context)
    yield from _paths(context)
    for part in context.training.callbacks:
        if part.name == "EarlyStopping":
            yield from _early_stopping(context, part)
        if part.name in _RATE_CALLBACKS:
            yield from _schedule(context, part)
        if part.name == "ModelCheckpoint":
            yield from _checkpoint(context, part)
        yield from _unsaved(part)


def _unsaved(part: Part) -> Iterator[Finding]:
    """Find callbacks of the user's own that remember what a run that is resumed would have lost."""
    entry = lookup.entry("callbacks", part.name)
    if entry is None or not entry.unsaved:
        return
    names, first = ", ".join(f"self.{name}" for name in entry.unsaved), entry.unsaved[0]
    text = f"{part.name} remembers {names}, which a resumed run has lost, as it has no get_state and set_state"
    hint = (
        f"add to {part.name}: def get_state(self): return {{'{first}': self.{first}}} "
        f"and def set_state(self, state): self.{first} = state['{first}']"
    )
    yield Finding(_path(part), text, hint, "callback-without-state", "warning")


def _missing_packages(context: CheckContext) -> Iterator[Finding]:
    """Find callbacks that need a package which is not installed: training would be refused for it."""
    for part in context.training.callbacks:
        module, package = _PACKAGES.get(part.name, (None, ""))
        if module is not None and find_spec(module) is None:
            text = f"the callback {part.name} needs the package {module}, which is not installed"
            yield Finding(_path(part), text, f"pip install {package}, or leave it out", "missing-package")


def _monitors(context: CheckContext) -> Iterator[Finding]:
    figures = epoch_figures(context)
    for path, monitor, mode in _monitored(context):
        if figures.may_have(monitor) or monitor == "learning_rate":
            if mode == "auto" and direction_of(context.experiment, monitor) is None:
                text = f"nothing says whether a small or a large '{monitor}' is better"
                where = f"to {path[-2]}"
                yield Finding(path, text, f"add mode: min or mode: max {where}", "monitor-without-mode")
            continue
        bare = monitor.removeprefix("val_")
        if not context.has_validation and monitor != bare and figures.may_have(bare):
            text = f"'{monitor}' is monitored, but there is no validation part"
            hint = "add split: {validation: 0.2} to data, or monitor 'loss'"
        else:
            text, hint = f"'{monitor}' is monitored, but no epoch will have this metric", metric_hint(monitor, figures)
        yield Finding(path, text, hint, "monitor-unknown")


def _monitored(context: CheckContext) -> Iterator[tuple[Path, str, str]]:
    """Yield place, monitored figure and mode of `best:`, of pruning, and of each callback that monitors a figure."""
    best = context.training.best
    if best.monitor is not None:
        yield ("training", "best", "monitor"), best.monitor, best.mode
    pruning = None if context.experiment.sweep is None else pruning_of(context.experiment.sweep.pruning)
    if pruning is not None and pruning[1].monitor is not None:
        yield ("sweep", "pruning", pruning[0], "monitor"), pruning[1].monitor, pruning[1].mode
    for part in context.training.callbacks:
        entry = lookup.entry("callbacks", part.name)
        if entry is None or "monitor" not in entry.parameters:
            continue
        if "save_best_only" in entry.parameters and not part.arguments.get("save_best_only"):
            continue  # its monitor decides nothing then
        monitor = str(part.arguments.get("monitor", entry.parameters["monitor"].default))
        yield (*_path(part), "monitor"), monitor, _mode(part, entry)


def _mode(part: Part, entry: Entry) -> str:
    """Return the mode of a callback; a class of the user's own without this argument has one of its own."""
    parameter = entry.parameters.get("mode")
    return "unknown" if parameter is None else str(part.arguments.get("mode", parameter.default))


def _early_stopping(context: CheckContext, part: Part) -> Iterator[Finding]:
    monitor = str(part.arguments.get("monitor", "val_loss"))
    if not context.has_validation and epoch_figures(context).may_have(monitor):
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
    figures = epoch_figures(context) + FigureNames(("epoch", "batch", "learning_rate"), {}, (), is_open=False)
    for name in names:
        if not figures.may_have(name):
            text = f"the file name contains '{name}', but no epoch will have this metric"
            yield Finding(path, text, metric_hint(name, figures), "checkpoint-name-unknown")


def _paths(context: CheckContext) -> Iterator[Finding]:
    """Find callbacks that would write out of the run folder, over files of the run, or over each other's."""
    outputs = [found for part in context.training.callbacks if (found := callback_paths.output_path(part)) is not None]
    accepted = []
    for output in outputs:
        problem = callback_paths.problem(output)
        if problem is None:
            accepted.append(output)
        else:
            yield Finding(output.path, *problem, "callback-path")
    for output, other in callback_paths.shared(accepted):
        text = f"'{output.given}' and '{other.given}' of {other.path[-2]} are one place: one would destroy the other's"
        yield Finding(output.path, text, f"give one of them another {output.argument}", "callback-path")


def _path(part: Part) -> Path:
    return (*part.path, part.name)
