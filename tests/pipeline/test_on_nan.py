"""`training.on_nan` with real models."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.engine.training import divergence
from nnrun.errors import RunError
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

pytestmark = pytest.mark.keras

DIVERGING = """\
name: diverging
data: {source: digits, split: {validation: 0.1}}
model: [Flatten, {Dense: {units: 8, activation: relu, name: hidden}}, {Dense: {units: 10, name: out}}]
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: {SGD: {learning_rate: 1e38}}
  epochs: 2
"""


def test_a_loss_that_is_no_number_is_traced_to_its_step_and_layer(start, tmp_path: Path) -> None:
    """The error names the epoch, the first step with such a loss, and the layer in which it began."""
    with pytest.raises(RunError, match=r"diverged in epoch 1: loss is nan from step \d of 51 on, and the first") as one:
        start(tmp_path, DIVERGING)
    assert "hidden" in one.value.text or "out (Dense)" in one.value.text


def test_variables_that_are_large_are_not_copied_for_it(start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit no copy of them is made; the error says where the loss was noticed, and what is not known."""
    copies: list[int] = []
    monkeypatch.setattr(divergence, "MOST_BYTES", 100)
    monkeypatch.setattr(divergence.DivergenceTracer, "begin_epoch", lambda *_: copies.append(1))
    noticed = r"epoch 1: loss is nan as noticed (after step \d+ of 51|at the end of the epoch); the step and the layer"
    with pytest.raises(RunError, match=noticed + " where that began are not known"):
        start(tmp_path, DIVERGING)
    assert not copies


def test_weights_that_are_no_numbers_are_noticed_behind_a_finite_loss(tmp_path: Path) -> None:
    """ReLU makes 0 of what is not a number, so that the loss stays finite: the weights are looked at in the end."""
    spoil = """\
import keras, numpy

class Spoil(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        kernel = numpy.array(self.model.get_layer("hidden").kernel)
        kernel[:, 0] = numpy.nan
        self.model.get_layer("hidden").kernel.assign(kernel)
"""
    code = tmp_path / "spoil.py"
    code.write_text(spoil)
    file = tmp_path / "spoiled.yaml"
    file.write_text(DIVERGING.replace("learning_rate: 1e38", "learning_rate: 0.1") + "  callbacks: [Spoil]\n")
    with pytest.raises(RunError, match=r"diverged in epoch 2: a weight of .*hidden/kernel is nan .* ReLU hides it"):
        train(TrainRequest(str(file), runs_dir=tmp_path / "runs", code=(code,)), NullProgress())
