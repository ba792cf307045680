"""The callbacks of a config, their paths inside the run folder, and the one that keeps the best epoch."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.atomic_files import make_folder
from nnrun.engine.model import checkpoint
from nnrun.errors import MissingExtraError, RunError
from nnrun.spec.callback_paths import is_best_model_checkpoint, output_path
from nnrun.spec.callback_paths import problem as path_problem
from nnrun.spec.figures import direction_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.part import Part


#: Seconds between two saves of the best model: a save takes 20 to 100 ms, and an epoch of a small model 1 ms.
BEST_SECONDS = 5.0


def make_callbacks(builder: Builder, experiment: Experiment, folder: FilePath) -> list[Any]:
    """Make the config's callbacks; what they write is inside `folder`.

    Raises:
        BuildError: Keras refuses a callback, or a path is none that it may write.
        MissingExtraError: A callback needs a package that is not installed.
    """
    callbacks = []
    for part in experiment.training.callbacks:
        if is_best_model_checkpoint(part):
            continue  # `best.keras` is what it asks for; see `best_epoch_rule`
        if part.name == "TensorBoard" and find_spec("tensorboard") is None:
            # Keras would notice only at the end of the first epoch.
            raise MissingExtraError("tensorboard", "the callback TensorBoard")
        # Without save_best_only its monitor decides nothing, but Keras still looks for the better side of its figure.
        saves_all = part.name == "ModelCheckpoint" and not part.arguments.get("save_best_only")
        undecided = {"monitor": "loss", "mode": "min"} if saves_all else {}
        callback = builder.make(part, **_output_path(builder, part, folder), **undecided)
        if part.name == "ModelCheckpoint":
            _save_atomically(callback, inside=folder)
        _set_mode(callback, experiment)
        callbacks.append(callback)
    return callbacks


def _set_mode(callback: Any, experiment: Experiment) -> None:
    """Set whether a smaller or a larger figure is better, where a callback leaves that to Keras.

    Keras knows it of `loss` and of some metrics, not of the loss of one output or of one class's figure.
    """
    monitor = getattr(callback, "monitor", None)
    if isinstance(monitor, str) and getattr(callback, "mode", None) == "auto":
        callback.mode = direction_of(experiment, monitor) or "auto"


def after_epoch_callbacks(keras: ModuleType, after_epoch: Callable[[int], None] | None) -> list[Any]:
    """Return the callback that calls a function after each epoch, counted from 1; none if there is no function."""
    if after_epoch is None:
        return []
    return [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: after_epoch(epoch + 1))]


def best_epoch_rule(experiment: Experiment, *, has_validation: bool) -> tuple[str, str]:
    """Return the metric that makes an epoch the best, and its mode: `auto` only where nobody knows its better side.

    `training.best` decides, then a `ModelCheckpoint` without a path of its own, then `val_loss` if there is one.
    """
    best = experiment.training.best
    monitor, mode = best.monitor, str(best.mode)
    checkpoint_part = next(filter(is_best_model_checkpoint, experiment.training.callbacks), None)
    if monitor is None and checkpoint_part is not None:
        monitor = str(checkpoint_part.arguments.get("monitor", "val_loss"))
        mode = str(checkpoint_part.arguments.get("mode", "auto"))
    if monitor is None:
        monitor = "val_loss" if has_validation else "loss"
    return monitor, (direction_of(experiment, monitor) or "auto") if mode == "auto" else mode


def best_model_callback(keras: ModuleType, path: FilePath, monitor: str, mode: str, every: float = 0.0) -> Any:
    """Make the callback that keeps the model of the best epoch at `path`.

    Args:
        keras: The started Keras.
        path: The file of the model.
        monitor: The metric that decides.
        mode: Whether it is to be minimized or maximized, as in `keras.callbacks.ModelCheckpoint`.
        every: Seconds between two saves; the best model in between waits in memory until the next save, or until
            `finish()` of the callback is called.
    """
    callback = keras.callbacks.ModelCheckpoint(_literal(path), monitor=monitor, mode=mode, save_best_only=True)
    saver = _save_atomically(callback, every)
    callback.finish, keras_on_epoch_end = saver.finish, callback.on_epoch_end
    callback.get_state = lambda: {"best": callback.best, "waiting": saver.waiting_values()}

    def set_state(state: dict[str, Any]) -> None:
        callback.best = state["best"]
        saver.wait_with(path, state["waiting"])

    callback.set_state = set_state

    def on_epoch_end(epoch: int, logs: Any = None) -> None:
        # A callback after this one may add the figure: see `AddedFigures`.
        if monitor in (logs or {}):
            keras_on_epoch_end(epoch, logs)
        saver.save_if_due()

    callback.on_epoch_end = on_epoch_end
    return callback


def appended_files(keras: ModuleType, callbacks: list[Any], *, resumed: bool) -> list[FilePath]:
    """Return the files that callbacks append to; where a training is `resumed`, they are not begun again."""
    loggers = [callback for callback in callbacks if isinstance(callback, keras.callbacks.CSVLogger)]
    for logger in loggers:
        logger.append = logger.append or resumed
    return [FilePath(logger.filename) for logger in loggers]


def finish(keras: ModuleType, best_model: Any, callbacks: list[Any]) -> None:
    """Save the best model that waits, and close files, as Keras does only where a training comes to its end."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file is not None:
            callback.csv_file.close()
    best_model.finish()


def needs_batches(keras: ModuleType, callbacks: list[Any]) -> bool:
    """Whether any callback acts on every batch in `fit`."""
    return any(_needs_batches(keras, callback) for callback in callbacks)


def _needs_batches(keras: ModuleType, callback: Any) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint | keras.callbacks.BackupAndRestore):
        return bool(callback.save_freq != "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        # Keras keeps the effect of `profile_batch` under no public name.
        return bool(callback.update_freq != "epoch" or callback._should_trace)  # noqa: SLF001
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook) for hook in hooks)


def _output_path(builder: Builder, part: Part, folder: FilePath) -> dict[str, str]:
    """Return the argument for the path that a callback writes, inside `folder`; empty if it writes none.

    Raises:
        BuildError: The path is none that a callback may write, or a link in `folder` leads out of it.
    """
    output = output_path(part)
    if output is None:
        return {}
    problem = path_problem(output)
    if problem is not None:
        raise builder.error(output.path, *problem)
    place = folder / output.given
    if not place.resolve().is_relative_to(folder.resolve()):
        text = f"expected a path inside the run folder, received {output.given}, where a link leads out of it"
        raise builder.error(output.path, text, f"write {output.argument}: {output.default}")
    if not output.is_pattern:
        make_folder(place.parent)
        return {output.argument: str(place)}
    return {output.argument: f"{_literal(folder)}/{output.given}"}


def _literal(path: FilePath) -> str:
    """Return a path as part of a pattern: Keras replaces whatever stands in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


class _AtomicModel:
    """Replaces the model inside a `ModelCheckpoint` and saves it atomically; all other attributes are the model's.

    Args:
        every: Seconds between two saves.
        inside: The folder that a path must not leave, whatever figures are in it; None for a path of nnrun's own.
    """

    def __init__(self, every: float, inside: FilePath | None) -> None:
        self._model: Any = None
        self._every, self._saved_at = every, time.monotonic()
        self._inside = inside
        self._waiting: tuple[FilePath, checkpoint.ModelSnapshot] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def of(self, model: Any) -> _AtomicModel:
        """Replace this model."""
        self._model = model
        return self

    def save(self, path: str, *, overwrite: bool = True) -> None:  # noqa: ARG002
        if self._inside is not None:
            self._make_folder(FilePath(path), self._inside)
        if not self._is_due():
            self._waiting = FilePath(path), checkpoint.ModelSnapshot(self._model)
            return
        self._waiting = None
        checkpoint.save(self._model, FilePath(path))
        self._saved_at = time.monotonic()

    save_weights = save

    def _make_folder(self, path: FilePath, inside: FilePath) -> None:
        if not path.resolve().is_relative_to(inside.resolve()):
            raise RunError(f"{path}: a link leads this checkpoint out of the run folder", "remove the link")
        if inside.is_dir():  # else it was removed, and stays so
            make_folder(path.parent)

    def waiting_values(self) -> list[Any] | None:
        """Return the values of the model that waits, or None."""
        return None if self._waiting is None else self._waiting[1].values

    def wait_with(self, path: FilePath, values: list[Any] | None) -> None:
        """Let the model with these values wait to be saved at `path`; None: no model waits."""
        self._waiting = None if values is None else (path, checkpoint.ModelSnapshot.of(self._model, values))

    def save_if_due(self) -> None:
        """Save the waiting model if it has waited long enough."""
        if self._is_due():
            self.finish()

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self._every

    def finish(self) -> None:
        """Save the waiting model, and leave the current one as it is."""
        if self._waiting is None:
            return
        (path, best), current = self._waiting, checkpoint.ModelSnapshot(self._model)
        self._waiting = None
        best.restore()
        try:
            checkpoint.save(self._model, path)
        finally:
            current.restore()
        self._saved_at = time.monotonic()


def _save_atomically(callback: Any, every: float = 0.0, inside: FilePath | None = None) -> _AtomicModel:
    set_model, model = callback.set_model, _AtomicModel(every, inside)
    callback.set_model = lambda real_model: set_model(model.of(real_model))
    return model
