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

if TYPE_CHECKING:
    from types import ModuleType

#: What a folder of records holds.
RECORD, MODEL, ARRAYS = "record.json", "model.keras", "arrays.npz"
#: Arguments of `fit` that are written as they are.
_PLAIN = ("batch_size", "epochs", "shuffle", "validation_split", "class_weight", "initial_epoch", "steps_per_epoch")
#: Batches of a data set are kept up to so many bytes.
_MOST_BYTES = 4_000_000_000


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
                if name == "evaluate" and "x_test" not in self._arrays:
                    given = inspect.signature(original).bind(model, *arguments, **named).arguments
                    self._keep(given.get("x"), given.get("y"), "_test")
                return original(model, *arguments, **named)
            finally:
                self._is_inside = False

        setattr(self._keras.Model, name, wrapped)

    def _recorded_fit(self, original: Any, model: Any, arguments: Any, named: Any) -> Any:
        given = inspect.signature(original).bind(model, *arguments, **named).arguments
        found: dict[str, Any] = {key: _plain(given[key]) for key in _PLAIN if given.get(key) is not None}
        found["kept"] = self._keep(given.get("x"), given.get("y"), "")
        if given.get("sample_weight") is not None:
            self._arrays["sample_weight"] = np.asarray(given["sample_weight"])
        validation = given.get("validation_data")
        if validation is not None:
            pair = validation if isinstance(validation, (tuple, list)) else (validation, None)
            found["validation_data"] = self._keep(pair[0], pair[1], "_test")
        if not isinstance(given.get("x"), np.ndarray) and given.get("batch_size") is None:
            found["batch_size"] = self._batch_size(given.get("x"))
        found["callbacks"] = [self._callback(one) for one in self._keras.tree.flatten(given.get("callbacks") or [])]
        self._fit.update(found)
        if not model.built:
            model(next(iter(self._arrays.values()))[:1] if self._arrays else given["x"])
        model.save(self._folder / MODEL)
        history = original(model, *arguments, **named)
        self._fit["history"] = {key: [float(one) for one in values] for key, values in history.history.items()}
        return history

    @staticmethod
    def _callback(callback: Any) -> dict[str, Any]:
        own = type(callback).__module__.startswith("keras.")
        arguments = {key: _plain(value) for key, value in getattr(callback, "_nnrun_arguments", {}).items()}
        return {"name": type(callback).__name__, "own": own, "arguments": arguments}

    def _keep(self, x: Any, y: Any, ending: str) -> bool:
        """Keep examples and targets as arrays; return whether they are such."""
        found = self._pair(x, y)
        if found is None:
            return False
        self._arrays[f"x{ending}"], self._arrays[f"y{ending}"] = found
        return True

    def _pair(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray] | None:
        if isinstance(x, (dict, list, tuple)) or isinstance(y, (dict, list, tuple)) or x is None:
            return None
        if y is None:
            return self._unbatched(x)
        arrays = np.asarray(x), np.asarray(y)
        return None if any(one.dtype.kind not in "biuf" for one in arrays) else arrays

    @staticmethod
    def _unbatched(batches: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the examples of a data set, or of batches one after the other."""
        found: list[tuple[np.ndarray, np.ndarray]] = []
        size = 0
        is_counted = hasattr(batches, "__len__") or hasattr(batches, "cardinality")
        if not is_counted or (hasattr(batches, "cardinality") and int(batches.cardinality()) < -1):
            return None
        for batch in (batches[at] for at in range(len(batches))) if hasattr(batches, "__getitem__") else batches:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2 or isinstance(batch[0], (dict, tuple, list)):
                return None
            found.append((np.asarray(batch[0]), np.asarray(batch[1])))
            size += sum(one.nbytes for one in found[-1])
            if size > _MOST_BYTES:
                return None
        return tuple(np.concatenate(one) for one in zip(*found, strict=True)) if found else None  # type: ignore[return-value]

    @staticmethod
    def _batch_size(batches: Any) -> int:
        first = next(iter(batches), None) if hasattr(batches, "__iter__") else None
        is_pair = isinstance(first, (tuple, list)) and hasattr(first[0], "shape") and len(first[0].shape) > 0
        return int(first[0].shape[0]) if is_pair else 32  # type: ignore[index]


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
