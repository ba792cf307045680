"""The callbacks of a config, their paths inside the run folder, and the one that keeps the best epoch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.engine import checkpoint
from nnrun.errors import BuildError, MissingExtraError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from nnrun.engine.build import Builder
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


def keep_best(keras: ModuleType, path: FilePath, monitor: str, mode: str) -> Any:
    """Make the callback that keeps the model of the best epoch at `path`."""
    callback = keras.callbacks.ModelCheckpoint(str(path), monitor=monitor, mode=mode, save_best_only=True)
    _save_atomically(callback)
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
    """Stands for the model inside a `ModelCheckpoint`, and saves it atomically; all else is the model's own."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def save(self, path: str, *, overwrite: bool = True) -> None:  # noqa: ARG002
        checkpoint.save(self._model, FilePath(path))

    save_weights = save


def _save_atomically(callback: Any) -> None:
    set_model = callback.set_model
    callback.set_model = lambda model: set_model(_Saving(model))
