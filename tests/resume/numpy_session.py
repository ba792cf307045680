"""A session without Keras: softmax regression in NumPy, so that a whole `train` or `resume` takes milliseconds.

Everything around it is the product's own: the run folder, the lock, the record, the loop, the saving of states, the
atomic writing of checkpoints, the scores. It takes the place of `nnrun.engine.session.Session` in a process that
counts what a training does to its files.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun import interruption
from nnrun.engine.model import checkpoint
from nnrun.engine.scoring.evaluate import evaluate_outputs
from nnrun.engine.training.loop import TrainingLoop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
name: tiny
seed: 3
data: {source: {csv: {file: tiny.csv, target: kind}}, split: {test: 0.25, validation: 0.25}}
model: [{Dense: {units: $classes, activation: softmax}}]
training:
  loss: sparse_categorical_crossentropy
  optimizer: SGD
  epochs: 2
  batch_size: 4
  save_every: {epochs: 1, keep: 1}
"""
#: The same as a cross-validation; each fold has a folder in the run's.
FOLDS_CONFIG = (
    CONFIG.replace("name: tiny", "name: folds")
    .replace("split: {test: 0.25, validation: 0.25}", "split: {validation: 0.25, k_fold: {folds: 2, final_fit: true}}")
    .replace("epochs: 2", "epochs: 1")
)
ROWS = "\n".join(
    ["length,width,kind", *(f"{n % 3 + n / 100:.2f},{n % 3 * 2 - n / 90:.2f},{'abc'[n % 3]}" for n in range(24))]
)
_LAYERS: list[dict[str, Any]] = [
    {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, 2]}, "inbound_nodes": []},
    {"class_name": "Dense", "config": {"name": "dense", "units": 3, "activation": "softmax"}},
]
_RATE = 0.1


class NumpySession:
    """Does what the pipeline asks of a session, with one weight matrix of shape (2, 3)."""

    executor_name, executor_why, parameters = "numpy", "it stands in for Keras", 6
    callback_outcomes: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, experiment: Any, facts: Any, threads: int) -> None:
        self._experiment, self._facts = experiment, facts
        self.settings = SimpleNamespace(threads=threads, data_parallel=1, as_json=lambda: {"threads": threads})
        self.weights = np.zeros((2, 3))

    @classmethod
    @contextmanager
    def open(cls, experiment: Any, facts: Any, _mark_of: Any, **settings: Any) -> Iterator[NumpySession]:
        """Make a session."""
        for name in ("wake", "compile"):
            with settings["phase"](name):
                pass
        yield cls(experiment, facts, settings["threads"])

    def architecture(self) -> dict[str, Any]:
        """Return a config such as Keras writes."""
        return {"class_name": "Sequential", "config": {"name": "tiny", "layers": _LAYERS}}

    def summary(self) -> str:
        """Return a table."""
        return "dense (None, 3) 6\n"

    def layer_rows(self) -> list[dict[str, Any]]:
        """Return the layers."""
        return [
            {"name": "input", "shape": (None, 2), "parameters": 0},
            {"name": "dense", "shape": (None, 3), "parameters": 6},
        ]

    def fit(
        self,
        dataset: Any,
        folder: Path,
        best: Path,
        progress: Any,
        on_epoch_logs: Any,
        *,
        saver: Any,
        after_epoch: Any = None,
    ) -> int:
        """Train with the product's loop."""
        assert after_epoch is None
        model = SimpleNamespace(optimizer=None, stop_training=False, variables=[])
        callbacks = _Callbacks([_BestModel(self, best), _Logger(folder / "epochs.csv")])
        saver.attach(_Variables(self), callbacks.callbacks, [folder / "epochs.csv"])
        executor = _Executor(self, self._experiment.training.batch_size)
        parts = [SimpleNamespace(rows=len(part), part=part) for part in (dataset.train, dataset.validation)]
        loop: Any = TrainingLoop(model, executor, *parts, callbacks, False, self._experiment.seed, saver)
        with interruption.deferred():
            return int(loop.run(self._experiment.training, progress, on_epoch_logs))

    def restart(self) -> bool:
        """Leave the next fold to another session."""
        return False

    def save(self, path: Path) -> None:
        """Write the weights as a model is written."""
        with checkpoint._disk_errors(path):
            checkpoint.make_folder_of(path)
            checkpoint.write_atomically(path, lambda temporary: temporary.write_bytes(self.weights.tobytes()))

    def evaluate(self, part: Any, *, detailed: bool = True) -> Any:
        """Score a part."""
        outputs = _softmax(part.x.astype(float) @ self.weights)
        logs = {"loss": _loss(outputs, part.y)}
        return evaluate_outputs(logs, outputs, part.y, part, self._facts, self._experiment, detailed=detailed)


class _Executor:
    """Runs the steps of an epoch, one in each call."""

    def __init__(self, session: NumpySession, batch_size: int) -> None:
        self._session, self._batch_size = session, batch_size

    def train(
        self, tensors: Any, order: Any, on_steps: Any, _callbacks: Any, *, first_step: int, **_: Any
    ) -> dict[str, float]:
        """Take steps along the gradient."""
        part, size = tensors.part, self._batch_size
        for step in range(first_step, -(-len(part) // size)):
            rows = order[step * size : (step + 1) * size]
            x, y = part.x[rows].astype(float), part.y[rows]
            error = _softmax(x @ self._session.weights) - np.eye(3)[y]
            self._session.weights = self._session.weights - _RATE * x.T @ error / len(rows)
            on_steps(step + 1, {})
        return self.evaluate(tensors)

    def evaluate(self, tensors: Any, _: Any = None) -> dict[str, float]:
        """Return the mean loss."""
        outputs = _softmax(tensors.part.x.astype(float) @ self._session.weights)
        return {"loss": _loss(outputs, tensors.part.y)}


class _Variables:
    """The variables of the training as the saver wants them."""

    def __init__(self, session: NumpySession) -> None:
        self._session = session

    def collect(self) -> dict[str, np.ndarray]:
        """Return the weights."""
        return {"model/0/dense/kernel": self._session.weights}

    def restore(self, arrays: Any) -> None:
        """Take the weights of a state."""
        self._session.weights = arrays["model/0/dense/kernel"]


class _Callbacks:
    """Calls the callbacks as Keras' `CallbackList` does."""

    def __init__(self, callbacks: list[Any]) -> None:
        self.callbacks = callbacks

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Pass the end of an epoch on."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def __getattr__(self, name: str) -> Any:
        """Return a method that does nothing."""
        if name.startswith("on_"):
            return lambda *_: None
        raise AttributeError(name)


class _BestModel:
    """Saves the weights with the smallest loss."""

    def __init__(self, session: NumpySession, path: Path) -> None:
        self._session, self._path, self._best = session, path, float("inf")

    def on_epoch_end(self, _epoch: int, logs: dict[str, float]) -> None:
        """Save them if they are the best so far."""
        if logs["val_loss"] < self._best:
            self._best = logs["val_loss"]
            self._session.save(self._path)

    def get_state(self) -> dict[str, float]:
        """Return the smallest loss."""
        return {"best": self._best}

    def set_state(self, state: dict[str, float]) -> None:
        """Go on with it."""
        self._best = state["best"]


class _Logger:
    """Appends a line to a file, as `CSVLogger` does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Append the loss."""
        with self._path.open("a") as file:
            file.write(f"{epoch},{logs['loss']!r}\n")


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result


def _loss(outputs: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(outputs[np.arange(len(y)), y]).mean())
