"""A run in phases: one history, and the weights that the same phases of a plain Keras script have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nnrun.errors import RunError
from nnrun.pipeline.fork import ForkRequest, fork
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import TrainRequest
from nnrun.progress import NullProgress
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.keras

CONFIG = """seed: 7
data: {source: digits, prepare: [{Rescale: {divide_by: 16}}]}
model: [Flatten, {Dense: {units: 16, activation: relu, name: first}}, {Dense: {units: $classes, activation: softmax}}]
training:
  - loss: sparse_categorical_crossentropy
    optimizer: Adam
    metrics: [accuracy]
    shuffle: false
    batch_size: 64
    epochs: 2
    freeze: [first]
  - {thaw: [first], optimizer: {SGD: {learning_rate: 0.1}}, epochs: 2}
"""


def _plain_script(keras: Any) -> Any:
    """Train the same two phases as a plain Keras script does."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.images / 16).astype("float32"), digits.target
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(7)
    layers = keras.layers
    first, head = layers.Dense(16, activation="relu"), layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((8, 8)), layers.Flatten(), first, head])
    for trainable, optimizer in ((False, keras.optimizers.Adam()), (True, keras.optimizers.SGD(0.1))):
        first.trainable = trainable
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=64, epochs=2, shuffle=False, verbose=0)
    return model


def test_frozen_then_thawed_ends_with_the_weights_of_the_plain_script(
    tmp_path: Path, start: Callable[..., Any], recording_progress: Any
) -> None:
    """Epochs are numbered through, each line has its phase, and the weights are those of compile and fit twice."""
    progress = recording_progress()
    result = start(tmp_path, CONFIG, progress)
    lines = metrics.read(result.folder.metrics)
    assert [(line["epoch"], line["phase"]) for line in lines] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    phases = [text for text in progress.messages if text.startswith("Phase")]
    assert phases == [
        "Phase 1 of 2: epochs 1 to 2, 170 parameters trained",
        "Phase 2 of 2: epochs 3 to 4, 1,210 parameters trained",
    ]
    import keras

    trained = keras.saving.load_model(result.folder.last, compile=False)
    expected = _plain_script(keras).get_weights()
    for received, one in zip(trained.get_weights(), expected, strict=True):
        assert np.allclose(received, one, atol=1e-5)


def test_the_last_phase_goes_on_for_more_epochs(tmp_path: Path, start: Callable[..., Any]) -> None:
    """A run that is done goes on in its last phase to the weights of the longer run; other phases may not change."""
    import keras

    config = CONFIG.replace("epochs: 2", "epochs: 1")
    done = start(tmp_path, config).folder

    def go_on(*sets: str) -> Any:
        return resume(ResumeRequest(str(done.path), TrainRequest("", sets, tmp_path / "runs")), NullProgress())

    with pytest.raises(RunError, match=r"training\.0\.epochs is 1, not 3") as refused:
        go_on("training.0.epochs=3")
    assert "--set training.1.epochs=N" in str(refused.value.hint)
    go_on("training.1.epochs=2")
    with pytest.raises(RunError, match="has 3 epochs already, and cannot have 2") as refused:
        go_on("training.1.epochs=1")
    assert "--set training.1.epochs=4" in str(refused.value.hint)
    longer = start(tmp_path, config.replace("epochs: 1}", "epochs: 2}")).folder
    weights = [keras.saving.load_model(one.last, compile=False).get_weights() for one in (done, longer)]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    assert [line["phase"] for line in metrics.read(done.metrics)] == [1, 2, 2]


def test_a_run_in_phases_is_not_forked(tmp_path: Path, start: Callable[..., Any]) -> None:
    """The message says how to train on from its weights."""
    folder = start(tmp_path, CONFIG.replace("epochs: 2", "epochs: 1")).folder
    request = ForkRequest(str(folder.path), TrainRequest("", runs_dir=tmp_path / "runs"))
    with pytest.raises(RunError, match="was trained in phases"):
        fork(request, NullProgress())
