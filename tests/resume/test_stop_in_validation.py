"""A stop within a long validation: the state before it is saved at once, and the run ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from waiting import wait_for

from nnrun import interruption
from nnrun.engine.state.saver import LAST
from nnrun.engine.state.state_file import read_state
from nnrun.engine.training import loop
from nnrun.interruption import StopRequestedError
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from types import ModuleType

#: Nine steps an epoch, and 33 of validation, which are to take some time each.
CONFIG = """name: validated
seed: 11
data:
  source: digits
  prepare: [{Rescale: {divide_by: 16}}, {Reshape: [64]}]
  split: {test: 0.1, validation: 0.8}
model:
  - Dense: {units: 8, activation: relu}
  - Restless
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {SGD: {learning_rate: 0.5, use_ema: true, ema_momentum: 0.8}}
  metrics: [accuracy]
  batch_size: 40
  epochs: 3
  execution: {xla: false}
  callbacks: [CSVLogger, CALLBACK]
"""
#: A layer whose evaluation takes time, draws random numbers and counts, and a callback that acts before a test.
CODE = '''"""A layer that no evaluation leaves as it was."""

import os
import random
import time
from pathlib import Path

import keras
import tensorflow as tf


class Restless(keras.layers.Layer):
    """Adds noise also where it does not train, and counts how often."""

    def build(self, shape):
        """Make the count and a stream of random numbers."""
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, x, training=False):
        """Take a while, draw and count."""
        if training:
            return x
        self.count.assign(self.count + 1)
        wait = tf.ensure_shape(tf.numpy_function(_wait, [self.count], tf.float32, stateful=True), ())
        return x + 0.1 * keras.random.normal(keras.ops.shape(x), seed=self.seed_generator) + self.count / 1000 + wait


def _wait(count):
    place = os.environ.get("TEST_VALIDATION")
    if place:
        Path(place, "count").write_text(str(count))
        while not Path(place, "signalled").exists():
            time.sleep(0.02)
        time.sleep(0.1)
    return count * 0


class Tester(keras.callbacks.Callback):
    """Remembers the tests, and changes the model and the random numbers before each."""

    def on_train_begin(self, logs=None):
        """Begin without any."""
        self.tests = 0

    def on_test_begin(self, logs=None):
        """Count, and change a weight."""
        self.tests += 1
        kernel = self.model.layers[1].kernel
        kernel.assign(kernel * (1 + random.random() / 100))

    def get_state(self):
        """Return the count."""
        return {"tests": self.tests}

    def set_state(self, state):
        """Restore it."""
        self.tests = state["tests"]
'''
pytestmark = pytest.mark.keras


def write(folder: Path, callback: str) -> Path:
    """Write config and code into a folder; return the config's file."""
    folder.mkdir(exist_ok=True)
    (folder / "restless.py").write_text(CODE)
    file = folder / "validated.yaml"
    file.write_text(CONFIG.replace("CALLBACK", callback))
    return file


def request(folder: Path, callback: str) -> TrainRequest:
    """Return the request to train in a folder."""
    return TrainRequest(str(write(folder, callback)), (), folder / "runs", code=(folder / "restless.py",))


@pytest.fixture
def comparison() -> ModuleType:
    """Return the module that compares two runs."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import comparison

        return comparison
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("callback", ["TerminateOnNaN", "SwapEMAWeights", "Tester"])
def test_a_resume_of_a_run_that_was_stopped_within_a_validation(
    callback: str, tmp_path: Path, comparison: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a validation or a callback before it changes: the validation is repeated as it would have been."""
    monkeypatch.setattr(loop, "SHORT_VALIDATION", 0.0)
    whole = train(request(tmp_path / "whole", callback), NullProgress()).folder
    evaluate, calls = loop.TrainingLoop._validate, []

    def validate(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            # Noticed after the first of its calls.
            interruption.request("a test", "preempted")
        return evaluate(self, *arguments)

    monkeypatch.setattr(loop.TrainingLoop, "_validate", validate)
    # A step a call: the second validation is not over after its first call.
    monkeypatch.setattr("nnrun.engine.executors.resident._next_count", lambda *_: 1)
    stopped = request(tmp_path / "stopped", callback)
    with pytest.raises(StopRequestedError):
        train(stopped, NullProgress())
    interruption.clear()
    (run,) = stopped.runs_dir.iterdir()
    position = read_state(run / "state" / LAST).document["position"]
    assert (position["epoch"], position["step"]) == (1, 9)
    resumed = resume(ResumeRequest(str(run), TrainRequest("", (), run.parent, code=stopped.code)), NullProgress())
    assert comparison.differences(whole.path, resumed.folder.path) == []


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 75, "preempted"),
        (signal.SIGHUP, 75, "preempted"),
        (signal.SIGALRM, 75, "preempted"),  # the timer of `--time-limit`
    ],
)
def test_a_validation_is_not_waited_for(number: signal.Signals, code: int, status: str, tmp_path: Path) -> None:
    """Each request ends the process in the time of a call, and leaves a state with all steps of the epoch done."""
    config, place = write(tmp_path, "TerminateOnNaN"), tmp_path / "validation"
    place.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TEST_VALIDATION": str(place)}
    command = [sys.executable, "-m", "nnrun", "train", config.name, "--code", "restless.py", "--quiet"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        # The validation waits for the signal, however late it comes.
        wait_for(lambda: (place / "count").exists() or process.poll() is not None)
        process.send_signal(number)
        (place / "signalled").touch()
        _, errors = process.communicate(timeout=240)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "record.json").read_text())["status"] == status
    position = read_state(run / "state" / LAST).document["position"]
    assert (position["epoch"], position["step"]) == (0, 9)
    assert (run / "checkpoints" / "last.keras").exists()
    # It has 33 steps.
    assert float((place / "count").read_text()) < 33
