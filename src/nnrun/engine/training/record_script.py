"""Run a user's own script with the calls of Keras' models recorded; only ever inside of a process of its own."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import runpy
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.model.to_config.saved_arguments import all_arguments_saved
from nnrun.engine.training.recorded_arrays import recorded_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

#: What a folder of records holds.
RECORD, MODEL, ARRAYS = "record.json", "model.keras", "arrays.npz"
#: Arguments of `fit` that are written as they are.
_PLAIN = ("batch_size", "epochs", "shuffle", "validation_split", "class_weight", "initial_epoch", "steps_per_epoch")


def main() -> None:
    """Run the script `sys.argv[1]` and write what it called into the folder `sys.argv[2]`."""
    script, folder, *arguments = sys.argv[1:]
    sys.argv, sys.path[0] = [script, *arguments], str(Path(script).resolve().parent)
    recorder = _Recorder(importlib.import_module("keras"), Path(folder))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a script raises is its own
        _print_error_of(script, error)
        sys.exit(1)
    finally:
        recorder.write()


def _print_error_of(script: str, error: BaseException) -> None:
    """Print an error as Python would have without the recorder: from the script's own lines on."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename != script:
        place = place.tb_next
    traceback.print_exception(type(error), error, place or error.__traceback__)


class _Recorder:
    """Records the calls of all models of a script.

    Args:
        keras: Keras.
        folder: Where the records are written.
    """

    def __init__(self, keras: ModuleType, folder: Path) -> None:
        self._keras, self._folder = keras, folder
        self._calls: list[str] = []
        self._fit: dict[str, Any] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._is_inside = False
        for name in ("compile", "fit", "evaluate", "predict"):
            self._wrap(name)
        for name in dir(keras.callbacks):
            kind = getattr(keras.callbacks, name)
            if isinstance(kind, type):
                _remember_arguments(kind)

    def write(self) -> None:
        """Write what was recorded."""
        record = {"calls": self._calls, "fit": self._fit}
        (self._folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
        if self._arrays:
            np.savez(self._folder / ARRAYS, **self._arrays)  # type: ignore[arg-type]  # allow_pickle is no array

    def _wrap(self, name: str) -> None:
        original = getattr(self._keras.Model, name)

        @functools.wraps(original)
        def wrapped(model: Any, *arguments: Any, **named: Any) -> Any:
            if self._is_inside:  # `fit` evaluates, and compiles metrics
                return original(model, *arguments, **named)
            self._calls.append(name)
            self._is_inside = True
            try:
                if name == "fit" and not self._fit:
                    return self._recorded_fit(original, model, arguments, named)
                if name == "evaluate" and not any(one.startswith("x_test") for one in self._arrays):
                    given = inspect.signature(original).bind(model, *arguments, **named).arguments
                    self._keep(model, _data(given), "_test", ends=given.get("steps") is None)
                return original(model, *arguments, **named)
            finally:
                self._is_inside = False

        setattr(self._keras.Model, name, wrapped)

    def _recorded_fit(self, original: Any, model: Any, arguments: Any, named: Any) -> Any:
        given = inspect.signature(original).bind(model, *arguments, **named).arguments
        found: dict[str, Any] = {key: _plain(given[key]) for key in _PLAIN if given.get(key) is not None}
        found["kept"] = self._keep(model, _data(given), "", ends=given.get("steps_per_epoch") is None)
        validation = given.get("validation_data")
        if validation is not None:
            parts = list(validation) if isinstance(validation, (tuple, list)) else [validation, None]
            ends = given.get("validation_steps") is None
            found["validation_data"] = self._keep(model, parts, "_test", ends=ends)
        if not isinstance(given.get("x"), np.ndarray) and given.get("batch_size") is None:
            found["batch_size"] = self._batch_size(given.get("x"))
        found["callbacks"] = [self._callback(one) for one in self._keras.tree.flatten(given.get("callbacks") or [])]
        self._fit.update(found)
        if not model.built:
            self._build(model, self._arrays["x"] if "x" in self._arrays else given["x"])
        with all_arguments_saved(self._keras):
            model.save(self._folder / MODEL)
        history = original(model, *arguments, **named)
        self._fit["history"] = {key: [float(one) for one in values] for key, values in history.history.items()}
        return history

    def _build(self, model: Any, examples: Any) -> None:
        """Build a model that is still without weights, as `fit` does: for batches of any size."""
        if isinstance(model, self._keras.Sequential) and isinstance(examples, np.ndarray):
            dtype = self._keras.backend.standardize_dtype(examples.dtype)
            model(self._keras.Input(examples.shape[1:], dtype=dtype))
        else:
            model(examples[:1] if isinstance(examples, np.ndarray) else examples)

    @staticmethod
    def _callback(callback: Any) -> dict[str, Any]:
        own = type(callback).__module__.startswith("keras.")
        arguments = {key: _plain(value) for key, value in getattr(callback, "_nnrun_arguments", {}).items()}
        return {"name": type(callback).__name__, "own": own, "arguments": arguments}

    def _keep(self, model: Any, data: Sequence[Any], ending: str, *, ends: bool = True) -> bool:
        """Keep examples, targets and weights as arrays; return whether they are such."""
        found = recorded_arrays(self._keras, model, data, ends=ends)
        if found is None:
            return False
        self._arrays |= {_with_ending(name, ending): array for name, array in found.items()}
        return True

    def _batch_size(self, batches: Any) -> int:
        is_data = not isinstance(batches, (dict, list, tuple)) and hasattr(batches, "__iter__")
        first = next(iter(batches), None) if is_data else None
        leaves = self._keras.tree.flatten(first[0]) if isinstance(first, (tuple, list)) else []
        is_batch = bool(leaves) and hasattr(leaves[0], "shape") and len(leaves[0].shape) > 0
        return int(leaves[0].shape[0]) if is_batch else 32


def _data(given: Mapping[str, Any]) -> list[Any]:
    """Return examples, targets and weights as `fit` and `evaluate` take them."""
    return [given.get("x"), given.get("y"), given.get("sample_weight")]


def _with_ending(name: str, ending: str) -> str:
    """Return the name of an array of a part: `x_test.1` for `x.1`."""
    role, dot, index = name.partition(".")
    return f"{role}{ending}{dot}{index}"


def _remember_arguments(kind: type) -> None:
    """Let a callback remember the arguments that it is made with."""
    original = kind.__init__  # type: ignore[misc]

    @functools.wraps(original)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> None:
        if not hasattr(self, "_nnrun_arguments"):
            bound = inspect.signature(original).bind(self, *arguments, **named).arguments
            self._nnrun_arguments = {**dict(list(bound.items())[1:]), **bound.get("kwargs", {})}
            self._nnrun_arguments.pop("kwargs", None)
        original(self, *arguments, **named)

    kind.__init__ = wrapped  # type: ignore[misc]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what it has not as its text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
