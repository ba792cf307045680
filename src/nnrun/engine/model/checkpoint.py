"""Whole models to disk and back, never half written.

Keras truncates the target before it serialises: killed while overwriting, it left an unreadable file and no previous
copy in six of six trials. Every save here goes to another name first. Legacy `.h5` is never written: saving one
corrupts later `.keras` files of the same model (`legacy/saving/saving_utils.py` empties the live compile config).
"""

from __future__ import annotations

import os
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path as FilePath
    from types import ModuleType


def save(model: Any, path: FilePath) -> None:
    """Write the whole model to `path` (`.keras`), or only its weights (`.weights.h5`), atomically.

    Raises:
        RunError: Where the disk refuses; what stood at `path` before still stands there.
    """
    weights_only = path.name.endswith(".weights.h5")
    write_atomically(path, _writer(model, path), ending=".weights.h5" if weights_only else ".keras")


def write_atomically(path: FilePath, write: Callable[[str], None], *, ending: str) -> None:
    """Call `write` with another name in the same folder, bring it to disk, and only then give it its name."""
    temporary = _temporary(path, ending)
    with _tidy(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(str(temporary))
        _settle(temporary, path)


class AsyncSaver:
    """Saves many models, each brought to disk while the next is written; all are there when the `with` block ends.

    Raises:
        RunError: When the block ends, where the disk refused one of them.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="nnrun-settles")
        self._begun: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True)
        for one in self._begun:
            one.result()

    def save(self, model: Any, path: FilePath) -> None:
        """Write the whole model to `path` (`.keras`), atomically; the model may change once this returns."""
        temporary = _temporary(path, ".keras")
        try:
            with _words(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _writer(model, path)(str(temporary))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._begun.append(self._pool.submit(self._settle, temporary, path))

    def _settle(self, temporary: FilePath, path: FilePath) -> None:
        with _tidy(path, temporary):
            _settle(temporary, path)


def _writer(model: Any, path: FilePath) -> Callable[[str], None]:
    def write(name: str) -> None:
        _let_keras_remember()
        (model.save_weights if path.name.endswith(".weights.h5") else model.save)(name)

    return write


def _let_keras_remember() -> None:
    """Give Keras what it has found out about its classes when it saved before.

    It keeps that under another name than it looks for (3.15.1), and makes an optimizer and some layers anew in each
    save to find it out again: a third of the time that a small model takes.
    """
    state = sys.modules.get("keras.src.backend.common.global_state")
    for kind in ("Operation", "Layer", "Functional", "Sequential", "Metric", "Optimizer", "Loss") if state else ():
        known = state.get_global_attribute(f"saving_attr_skipset_{kind}")  # type: ignore[union-attr]
        if known is not None:
            state.set_global_attribute(f"saving_attr_skiplist_{kind}", known)  # type: ignore[union-attr]


def _temporary(path: FilePath, ending: str) -> FilePath:
    return path.with_name(f".{path.name}.{os.getpid()}{ending}")


def _settle(temporary: FilePath, path: FilePath) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _tidy(path: FilePath, temporary: FilePath) -> Iterator[None]:
    """Say in words what the disk refuses, and leave nothing half written."""
    try:
        with _words(path):
            yield
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _words(path: FilePath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{path}: cannot write this checkpoint: {error.strerror or error}"
        raise RunError(text, "make room on the disk, or choose another place with --runs-dir") from error


def load(keras: ModuleType, path: FilePath) -> Any:
    """Read a whole model without its loss and optimizer; code inside the file is never run.

    Raises:
        RunError: Where the file is missing, cut short, or no Keras model.
    """
    if not path.is_file():
        known = sorted(file.name for file in path.parent.glob("*.keras")) if path.parent.is_dir() else []
        text = f"{path}: no such checkpoint"
        raise RunError(text, f"this run has {', '.join(known)}" if known else "this run kept no checkpoint")
    if not zipfile.is_zipfile(path):
        text = f"{path}: expected a Keras model (.keras), received a file that is cut short or of another kind"
        raise RunError(text, "choose another checkpoint with --checkpoint")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and zipfile each raise their own
        text = f"{path}: Keras cannot read this checkpoint: {error}"
        raise RunError(text, "choose another checkpoint with --checkpoint") from error


def require_same_model(loaded: Any, architecture: dict[str, Any], path: FilePath) -> None:
    """Refuse a checkpoint whose layers are not those of `architecture` (the run's `model.json`).

    Raises:
        RunError: Naming the first layer that differs.
    """
    expected, received = _layers(architecture["config"]), _layers(loaded.get_config())
    for index in range(max(len(expected), len(received))):
        ours = expected[index] if index < len(expected) else "no layer"
        theirs = received[index] if index < len(received) else "no layer"
        if ours != theirs:
            text = f"{path}: this checkpoint is of another model: layer {index} should be {ours}, and is {theirs}"
            raise RunError(text, "choose a checkpoint of this run with --checkpoint last or --checkpoint best")


def _layers(config: dict[str, Any]) -> list[str]:
    told = (
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
    shown = []
    for layer in config["layers"]:
        arguments = {key: layer["config"][key] for key in told if key in layer["config"]}
        words = ", ".join(f"{key}={_shown(value)}" for key, value in arguments.items())
        shown.append(f"{layer['class_name']}({words})")
    return shown


def _shown(value: object) -> object:
    # Keras gives tuples where JSON gives lists.
    return list(value) if isinstance(value, tuple) else value
