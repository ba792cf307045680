"""Figures that callbacks add to an epoch's logs are collected behind all callbacks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.engine.training.added_figures import AddedFigures, may_add_figures

pytestmark = pytest.mark.keras


def test_single_numbers_are_collected_and_measured_figures_stay(keras) -> None:
    """Numbers of any kind are figures; texts, arrays and nothing are not; what was measured is not overwritten."""
    best = SimpleNamespace(monitor="val_loss")
    added = AddedFigures(keras, best)
    added.begin({"loss", "learning_rate", "epoch"})
    tensor = keras.ops.convert_to_tensor(np.float32(0.1))
    logs = {"loss": 9.0, "learning_rate": 1.0, "a": 1, "b": np.float32(0.1), "c": tensor, "d": np.array(3)}
    added.callback.on_epoch_end(0, {**logs, "text": "good", "array": np.ones(2), "one": np.ones(1), "none": None})
    assert added.found() == {"a": 1.0, "b": 0.1, "c": 0.1, "d": 3.0}
    added.begin({"loss"})
    assert added.found() == {}


def test_the_best_model_is_decided_by_an_added_figure(keras) -> None:
    """The callback that keeps the best model is called again, with the figure, where it monitors an added one."""
    called: list[Any] = []
    best = SimpleNamespace(monitor="f1", on_epoch_end=lambda *arguments: called.append(arguments))
    added = AddedFigures(keras, best)
    for epoch, logs in enumerate([{"loss": 1.0}, {"loss": 1.0, "f1": 0.5}]):
        added.begin({"loss"})
        added.callback.on_epoch_end(epoch, logs)
    assert called == [(1, {"loss": 1.0, "f1": 0.5})]


def test_only_callbacks_of_the_users_own_may_add_figures(keras) -> None:
    """Keras' own add the learning rate alone, and a callback that does not act on the end of epochs adds nothing."""

    class OnBatches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Do nothing."""

    class OnEpochs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            """Do nothing."""

    of_keras = [keras.callbacks.EarlyStopping(), keras.callbacks.ReduceLROnPlateau()]
    assert not may_add_figures(keras, [*of_keras, OnBatches()])
    assert may_add_figures(keras, [*of_keras, OnEpochs()])
