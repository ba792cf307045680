"""What callbacks did, by Keras' own callbacks over a given course of the validation loss."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nnrun.engine.training.callback_outcomes import CallbackWatcher, summarize

pytestmark = pytest.mark.keras

#: The best is epoch 3.
COURSE = [5.0, 4.0, 3.0, 3.5, 3.4, 3.6, 3.7, 3.8]


class _Model:
    """What callbacks need of a model: weights that are the epoch, and an optimizer with a learning rate."""

    def __init__(self) -> None:
        self.stop_training = False
        self.optimizer = SimpleNamespace(learning_rate=0.1)
        self.weights: Any = 0

    def get_weights(self) -> Any:
        return self.weights

    def set_weights(self, weights: Any) -> None:
        self.weights = weights


def _play(keras: Any, *callbacks: Any, course: list[float] = COURSE) -> tuple[list[str], _Model]:
    """Train for as many epochs as the course has; return the sentences, and the model at the end."""
    model = _Model()
    watcher = CallbackWatcher(keras, model, callbacks, warn=lambda _: None)
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    last = 0
    for epoch, loss in enumerate(course):
        model.weights, last = epoch + 1, epoch + 1
        for callback in callbacks:
            callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end()
    found = watcher.outcomes(last, len(course))
    assert all(one.kept_epoch == model.weights for one in found)
    return [one.text for one in found], model


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"patience": 2, "restore_best_weights": True},
            "after epoch 5 of 8: val_loss had not improved since epoch 3; the weights of epoch 3 are kept.",
        ),
        (
            {"patience": 2},
            (
                "after epoch 5 of 8: val_loss had not improved since epoch 3; the weights of epoch 5 are kept "
                "(restore_best_weights: true would keep those of epoch 3)."
            ),
        ),
        (
            {"patience": 1, "min_delta": 1.5},
            (
                "after epoch 2 of 8: val_loss had not improved by more than 1.5 since epoch 1; the weights of epoch 2 "
                "are kept (restore_best_weights: true would keep those of epoch 1)."
            ),
        ),
        (
            {"patience": 4, "baseline": 2.0, "restore_best_weights": True},
            "after epoch 4 of 8: val_loss had not become better than the baseline 2; the weights of epoch 3 are kept.",
        ),
    ],
)
def test_early_stopping_says_why_and_whose_weights_are_kept(keras: Any, arguments: dict[str, Any], text: str) -> None:
    """The sentence has the last epoch, the reason, and the epoch whose weights the model really has."""
    texts, _ = _play(keras, keras.callbacks.EarlyStopping(**arguments))
    assert texts == [f"EarlyStopping stopped training {text}"]


def test_early_stopping_that_does_not_stop_may_restore(keras: Any) -> None:
    """Keras restores the best weights at the end of any training; without that there is nothing to say."""
    texts, _ = _play(keras, keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True))
    assert texts == ["EarlyStopping did not stop training; the weights of epoch 3 are kept."]
    assert _play(keras, keras.callbacks.EarlyStopping(patience=9))[0] == []


def test_reductions_of_the_learning_rate_are_counted(keras: Any) -> None:
    """The sentence has how often the rate was reduced, from what to what, and when last."""
    texts, model = _play(keras, keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.5))
    change = "from 0.1 to 0.025, the last time after epoch 7"
    assert texts == [f"ReduceLROnPlateau reduced the learning rate 2 times, {change}."]
    assert model.optimizer.learning_rate == 0.025
    texts, _ = _play(keras, keras.callbacks.ReduceLROnPlateau(patience=20))
    assert texts == ["ReduceLROnPlateau never reduced the learning rate."]


def test_the_one_that_stopped_is_named(keras: Any) -> None:
    """Of several callbacks the one that stopped training is named, also one of the user's own."""

    class Enough(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            if epoch == 1:
                self.model.stop_training = True

    texts, _ = _play(keras, keras.callbacks.EarlyStopping(patience=5), Enough())
    assert texts == ["Enough stopped training after epoch 2 of 8; the weights of epoch 2 are kept."]


def test_one_that_stops_within_an_epoch_is_named(keras: Any) -> None:
    """A callback that acts on batches is known if it is the only one; else the sentence names none."""

    class Impatient(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Do nothing here: the test stops training in its place."""

    for callbacks, who in (([Impatient()], "Impatient"), ([Impatient(), Impatient()], "A callback")):
        model = _Model()
        watcher = CallbackWatcher(keras, model, callbacks, warn=lambda _: None)
        model.stop_training = True
        assert watcher.outcomes(1, 8)[0].text.startswith(f"{who} stopped training after epoch 1 of 8")


def test_stopping_after_the_last_epoch_is_no_stop(keras: Any) -> None:
    """Where all epochs ran, nothing was stopped."""
    texts, _ = _play(keras, keras.callbacks.EarlyStopping(patience=1), course=[1.0, 2.0])
    assert texts == []


def test_folds_are_summarized() -> None:
    """Over folds there is a sentence for each callback, with the number of folds and the range of epochs."""
    stop = {"name": "EarlyStopping", "text": "", "stopped": True, "epoch": 12, "kept_epoch": 9, "reductions": 0}
    rate = {"name": "ReduceLROnPlateau", "text": "", "stopped": False, "epoch": 12, "kept_epoch": 9, "reductions": 2}
    found = summarize([[stop, rate], [{**stop, "epoch": 29}], []], 100)
    assert [one["text"] for one in found] == [
        (
            "EarlyStopping stopped training in 2 of 3 folds, after 12 to 29 of 100 epochs; the weights of the best "
            "epoch are kept."
        ),
        "ReduceLROnPlateau reduced the learning rate 2 times in 3 folds together.",
    ]
    assert summarize([[], []], 100) == []
