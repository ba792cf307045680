"""The callbacks of a config, their paths inside the run folder, and the one that keeps the best epoch."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.engine.model import checkpoint
from nnrun.engine.model.snapshot import ModelSnapshot
from nnrun.errors import BuildError, MissingExtraError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from nnrun.engine.model.build import Builder
    from nnrun.errors import Mark, Path
    from nnrun.spec.part import Part
    from nnrun.spec.training import TrainingSpec


#: The argument that says where a callback writes, and the place it gets where the config says none.
WRITES = {
    "CSVLogger": ("filename", "epochs.csv"),
    "TensorBoard": ("log_dir", "tensorboard"),
    "BackupAndRestore": ("backup_dir", "state/backup"),
    "ModelCheckpoint": ("filepath", "checkpoints/epoch-{epoch:02d}.keras"),
}

#: Seconds between two saves of the best model: a save takes 20 to 100 ms, and an epoch of a small model 1 ms.
BEST_SECONDS = 5.0


def make_callbacks(
    builder: Builder, training: TrainingSpec, folder: FilePath, mark_of: Callable[[Path], Mark]
) -> list[Any]:
    """Make the config's callbacks; relative paths they write lie inside `folder`.

    Raises:
        BuildError: Where Keras refuses a callback, or a path leads out of `folder`.
        MissingExtraError: Where a callback needs a package that is not installed.
    """
    made = []
    for part in training.callbacks:
        if is_best_rule(part):
            continue  # what it asks for is what best.keras is; see `best_rule`
        if part.name == "TensorBoard" and find_spec("tensorboard") is None:
            # Keras would notice only when the first epoch is done.
            raise MissingExtraError("tensorboard", "the callback TensorBoard")
        filled = _paths(part, folder, mark_of)
        callback = builder.make(part, **filled)
        if part.name == "ModelCheckpoint":
            _save_atomically(callback)
        made.append(callback)
    return made


def afterwards(keras: ModuleType, do: Callable[[int], None] | None) -> list[Any]:
    """Make the callback that does something after each epoch, counted from 1; none where there is nothing to do."""
    return [] if do is None else [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: do(epoch + 1))]


def is_best_rule(part: Part) -> bool:
    """Tell whether a callback only asks for the best model, without a path of its own: that is `best.keras`."""
    return (
        part.name == "ModelCheckpoint"
        and "filepath" not in part.arguments
        and part.arguments.get("save_best_only") is True
        and not part.arguments.get("save_weights_only")
    )


def best_rule(training: TrainingSpec, figures: Mapping[str, float]) -> tuple[str, str]:
    """Decide which metric makes an epoch the best, and in which mode.

    `training.best` decides, then a `ModelCheckpoint` without a path of its own, then `val_loss` where there is one.
    """
    if training.best.monitor is not None:
        return training.best.monitor, training.best.mode
    for part in filter(is_best_rule, training.callbacks):
        return str(part.arguments.get("monitor", "val_loss")), str(part.arguments.get("mode", "auto"))
    return ("val_loss" if "val_loss" in figures else "loss"), training.best.mode


def keep_best(keras: ModuleType, path: FilePath, monitor: str, mode: str, every: float = 0.0) -> Any:
    """Make the callback that keeps the model of the best epoch at `path`.

    Args:
        keras: The woken Keras.
        path: Where it is kept.
        monitor: The figure that decides.
        mode: Which side of it is better.
        every: Seconds between two saves; what is best meanwhile waits in memory until its `finish()` is called.
    """
    callback = keras.callbacks.ModelCheckpoint(str(path), monitor=monitor, mode=mode, save_best_only=True)
    saving = _save_atomically(callback, every)
    callback.finish, decide = saving.finish, callback.on_epoch_end

    def on_epoch_end(epoch: int, logs: Any = None) -> None:
        decide(epoch, logs)
        saving.catch_up()

    callback.on_epoch_end = on_epoch_end
    return callback


def needs_batches(keras: ModuleType, callbacks: list[Any]) -> bool:
    """Tell whether any callback wants to hear of every batch, as `fit` would tell it."""
    return any(_hears_batches(keras, callback) for callback in callbacks)


def _hears_batches(keras: ModuleType, callback: Any) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq != "epoch")
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        return bool(callback.save_freq != "epoch")
    if isinstance(callback, keras.callbacks.TensorBoard):
        # What became of `profile_batch`; Keras keeps it under no public name.
        return bool(callback.update_freq != "epoch" or callback._should_trace)  # noqa: SLF001
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook) for hook in hooks)


def _paths(part: Part, folder: FilePath, mark_of: Callable[[Path], Mark]) -> dict[str, str]:
    if part.name not in WRITES:
        return {}
    argument, usual = WRITES[part.name]
    given = part.arguments.get(argument)
    if given is None and part.arguments.get("save_weights_only"):
        usual = usual.replace(".keras", ".weights.h5")
    place = (folder / str(given or usual)).resolve()
    path = (*part.path, part.name, argument)
    if not place.is_relative_to(folder.resolve()):
        raise BuildError(
            [
                Problem(
                    mark_of(path),
                    f"expected a path inside the run folder, received {given}",
                    f"write {argument}: {usual}",
                )
            ]
        )
    if place.suffix in (".h5", ".hdf5") and not place.name.endswith(".weights.h5"):
        raise BuildError(
            [
                Problem(
                    mark_of(path),
                    f"expected a file that ends in .keras or .weights.h5, received {given}: "
                    "saving legacy .h5 spoils later checkpoints of the same model (a fault of Keras')",
                    f"write {argument}: {FilePath(str(given)).with_suffix('.keras')}",
                )
            ]
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    return {argument: str(place)}


class _Saving:
    """Stands for the model inside a `ModelCheckpoint`, and saves it atomically; all else is the model's own.

    Args:
        every: Seconds between two saves.
    """

    def __init__(self, every: float) -> None:
        self._model: Any = None
        self._every, self._saved = every, time.monotonic()
        self._waiting: tuple[FilePath, ModelSnapshot] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def of(self, model: Any) -> _Saving:
        """Stand for this model."""
        self._model = model
        return self

    def save(self, path: str, *, overwrite: bool = True) -> None:  # noqa: ARG002
        if not self._due():
            self._waiting = FilePath(path), ModelSnapshot(self._model)
            return
        self._waiting = None
        checkpoint.save(self._model, FilePath(path))
        self._saved = time.monotonic()

    save_weights = save

    def catch_up(self) -> None:
        """Save what has waited long enough."""
        if self._due():
            self.finish()

    def _due(self) -> bool:
        return time.monotonic() - self._saved >= self._every

    def finish(self) -> None:
        """Save what waits, and leave the model as it is."""
        if self._waiting is None:
            return
        (path, best), now = self._waiting, ModelSnapshot(self._model)
        self._waiting = None
        best.restore()
        try:
            checkpoint.save(self._model, path)
        finally:
            now.restore()
        self._saved = time.monotonic()


def _save_atomically(callback: Any, every: float = 0.0) -> _Saving:
    set_model, saving = callback.set_model, _Saving(every)
    callback.set_model = lambda model: set_model(saving.of(model))
    return saving
