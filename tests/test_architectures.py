"""The configs in configs/architectures: their summary is that of Keras, and each trains and can be loaded."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from nnrun.config.files import shipped_configs
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.summarize import summarize
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

NAMES = [name for name in shipped_configs() if name.startswith("architectures/")]


def test_there_are_eight() -> None:
    """The eight architectures that the language must be able to express are shipped."""
    assert len(NAMES) == 8


@pytest.mark.keras
@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_is_summarized_trained_and_loaded(name: str, tmp_path: Path) -> None:
    """Shapes and parameter counts equal those of Keras, an epoch trains, and the saved model predicts the same."""
    import keras

    sets = ("training.epochs=1",)
    done = train(TrainRequest(name, sets, tmp_path / "runs"), NullProgress())
    model = keras.saving.load_model(done.folder.last, compile=False)
    ours = summarize(shipped_configs()[name], sets, None)
    assert ours.parameters == model.count_params()
    assert ours.trainable == sum(math.prod(weight.shape) for weight in model.trainable_weights)
    rows = {row.name: row.output_shape for row in ours.rows if row.first}
    theirs = {
        layer.name: tuple(keras.tree.flatten(layer.output)[0].shape[1:])
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    }
    assert rows == theirs
    again = evaluate(EvaluateRequest(str(done.folder.path), tmp_path / "runs"), NullProgress())
    with done.folder.predictions.open(encoding="utf-8") as file:
        saved = list(csv.reader(file))[1:]
    assert [[str(cell) for cell in row] for row in again.rows] == saved
