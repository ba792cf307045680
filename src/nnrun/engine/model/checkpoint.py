"""Saving and loading of whole models, atomically, and snapshots of models in memory.

Keras truncates the target before it serialises: killed while overwriting, it left an unreadable file and no previous
copy in six of six trials. Every save here goes to a temporary name first. Legacy `.h5` is never written: saving one
corrupts later `.keras` files of the same model (`legacy/saving/saving_utils.py` empties the live compile config).
"""

from __future__ import annotations

import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from nnrun.atomic_files import flush_and_rename, make_folder, remove, temporary_path, write_atomically
from nnrun.engine.backend.hub import load_hub
from nnrun.engine.model.checkpoint_contents import needs_hub, require_plain_contents
from nnrun.errors import DiskError, NnrunError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path as FilePath
    from types import ModuleType


def save(model: Any, path: FilePath) -> None:
    """Write the whole model to `path` (`.keras`), or only its weights (`.weights.h5`), atomically.

    Raises:
        DiskError: The disk refuses; the file that was at `path` before is untouched.
    """
    suffix = ".weights.h5" if path.name.endswith(".weights.h5") else ".keras"
    with _disk_errors(path):
        make_folder_of(path)
        write_atomically(path, lambda temporary: _write(model, temporary), suffix=suffix)


def make_folder_of(path: FilePath) -> None:
    """Make the folder of a checkpoint, but not the one that holds it: a run folder that was removed stays removed.

    Raises:
        OSError: It cannot be made, or the run folder is gone.
    """
    make_folder(path.parent, parents=False)


class AsyncSaver:
    """Saves many models, each brought to disk while the next is written; all are complete when the `with` block ends.

    Raises:
        DiskError: At the end of the block, if the disk refused one of them.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="nnrun-saver")
        self._pending: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True)
        for pending in self._pending:
            pending.result()

    def save(self, model: Any, path: FilePath) -> None:
        """Write the whole model to `path` (`.keras`), atomically; the model may change once this returns."""
        temporary = temporary_path(path, ".keras")
        try:
            with _disk_errors(path):
                make_folder_of(path)
                _write(model, temporary)
        except BaseException:
            remove(temporary)
            raise
        self._pending.append(self._pool.submit(self._finish, temporary, path))

    def _finish(self, temporary: FilePath, path: FilePath) -> None:
        try:
            with _disk_errors(path):
                flush_and_rename(temporary, path)
        finally:
            remove(temporary)


def _write(model: Any, path: FilePath) -> None:
    _reuse_attribute_lists()
    (model.save_weights if path.name.endswith(".weights.h5") else model.save)(str(path))


def _reuse_attribute_lists() -> None:
    """Let Keras reuse the lists of attributes that it does not save, which it made when it saved before.

    Keras 3.15.1 stores them under another name than it looks for, and creates an optimizer and some layers in each
    save to make them again: a third of the time that saving a small model takes.
    """
    state = sys.modules.get("keras.src.backend.common.global_state")
    for kind in ("Operation", "Layer", "Functional", "Sequential", "Metric", "Optimizer", "Loss") if state else ():
        known = state.get_global_attribute(f"saving_attr_skipset_{kind}")  # type: ignore[union-attr]
        if known is not None:
            state.set_global_attribute(f"saving_attr_skiplist_{kind}", known)  # type: ignore[union-attr]


@contextmanager
def _disk_errors(path: FilePath) -> Iterator[None]:
    """Turn the errors of the disk inside a `with` block into a message for the user."""
    try:
        yield
    except OSError as error:
        text = f"{path}: cannot write this checkpoint: {error.strerror or error}"
        raise DiskError(text, "make room on the disk, or choose another place with --runs-dir") from error


class ModelSnapshot:
    """A copy in memory of all variables that training changes: weights, seed generators, the optimizer's state.

    Args:
        model: A compiled model whose optimizer is built.
    """

    def __init__(self, model: Any) -> None:
        # `variables`, unlike `weights`, has the seed generators of Dropout and other noise too.
        optimizer = [] if model.optimizer is None else model.optimizer.variables
        variables = {id(variable): variable for variable in (*model.variables, *optimizer)}.values()
        self._values = [(variable, variable.numpy()) for variable in variables]

    @property
    def values(self) -> list[Any]:
        """The values of the variables, in a fixed order."""
        return [value for _, value in self._values]

    @classmethod
    def of(cls, model: Any, values: Sequence[Any]) -> ModelSnapshot:
        """Return the snapshot of a model whose `values` are known."""
        snapshot = cls(model)
        snapshot._values = [(variable, value) for (variable, _), value in zip(snapshot._values, values, strict=True)]
        return snapshot

    def restore(self) -> None:
        """Assign every variable the value that it had."""
        for variable, value in self._values:
            variable.assign(value)


def load(keras: ModuleType, path: FilePath) -> Any:
    """Load a whole model without its loss and optimizer; code inside the file is never run.

    Raises:
        RunError: The file is missing, truncated, or no Keras model.
        MissingExtraError: It has layers of Keras Hub, which is not installed.
    """
    if not path.is_file():
        # Hidden names are those of saves that were interrupted.
        known = sorted(file.name for file in path.parent.glob("[!.]*.keras")) if path.parent.is_dir() else []
        text = f"{path}: no such checkpoint"
        raise RunError(text, f"this run has {', '.join(known)}" if known else "this run kept no checkpoint")
    if not zipfile.is_zipfile(path):
        text = f"{path}: expected a Keras model (.keras), received a file that is cut short or of another kind"
        raise RunError(text, "choose another checkpoint with --checkpoint")
    from nnrun.engine.model import layers  # noqa: F401 - registers nnrun's layers with Keras

    try:
        require_plain_contents(path)
        if needs_hub(path):
            load_hub(f"The model in {path}")
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except NnrunError:
        raise
    except Exception as error:  # Keras, h5py and zipfile each raise their own
        text = f"{path}: Keras cannot read this checkpoint: {error}"
        raise RunError(text, "choose another checkpoint with --checkpoint") from error


def require_same_model(loaded: Any, architecture: dict[str, Any], path: FilePath) -> None:
    """Refuse a checkpoint whose layers are not those of `architecture` (the run's `model.json`).

    Raises:
        RunError: A layer differs; the message names the first one.
    """
    expected, received = _layers(architecture["config"]), _layers(loaded.get_config())
    for index in range(max(len(expected), len(received))):
        expected_layer = expected[index] if index < len(expected) else "no layer"
        received_layer = received[index] if index < len(received) else "no layer"
        if expected_layer != received_layer:
            text = (
                f"{path}: this checkpoint is of another model: "
                f"layer {index} should be {expected_layer}, and is {received_layer}"
            )
            raise RunError(text, "choose a checkpoint of this run with --checkpoint last or --checkpoint best")


#: The arguments by which an error message describes a layer.
_SHOWN_ARGUMENTS = (
    "units",
    "filters",
    "kernel_size",
    "pool_size",
    "rate",
    "activation",
    "target_shape",
    "output_dim",
    "batch_shape",
)


def _layers(config: dict[str, Any]) -> list[str]:
    """Describe each layer of a model's config, such as `Dense(units=4, activation=relu)`."""
    described = []
    for layer in config["layers"]:
        values = {key: layer["config"][key] for key in _SHOWN_ARGUMENTS if key in layer["config"]}
        # Keras has tuples where JSON has lists.
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        arguments = ", ".join(f"{key}={value}" for key, value in plain.items())
        described.append(f"{layer['class_name']}({arguments})")
    return described
