"""The loop over epochs keeps figures first, and ends where a callback or the loss says so."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.training.loop import TrainingLoop
from nnrun.errors import RunError
from nnrun.progress import NullProgress


class RecordingProgress(NullProgress):
    """Record the progress in a list that is shared with the callbacks."""

    def __init__(self, events: list[tuple[Any, ...]]) -> None:
        self.events = events

    def say(self, text: str) -> None:
        """Note it."""
        self.events.append(("say", text))

    def step(self, epoch: int, total: int, share: float) -> None:
        """Note it."""
        self.events.append(("step", epoch, total, share))

    def epoch(self, done: int, total: int, figures: Any) -> None:
        """Note it, by the names of the figures."""
        self.events.append(("epoch", done, total, set(figures)))


class Played:
    """Stands for executor, model and callbacks at once: plays given losses, notes what is done and in which order."""

    def __init__(self, losses: list[float], *, stop_after: int = 10**9, fail_at: str = "") -> None:
        self.losses, self.stop_after, self.fail_at = losses, stop_after, fail_at
        self.events: list[tuple[Any, ...]] = []
        self.orders: list[list[int]] = []
        self.stop_training = True
        self.trainable_weights: list[Any] = []
        self.variables: list[Any] = []
        self.optimizer = SimpleNamespace(learning_rate=np.float32(0.001), finalize_variable_values=self._finalize)

    def _finalize(self, _: Any) -> None:
        self.events.append(("finalize",))

    def train(self, _: Any, rows: Any, on_steps: Callable[[int, Any], None], __: Any, **___: Any) -> dict[str, float]:
        """Note the order of rows, and give the loss of this epoch."""
        self.orders.append(rows.tolist())
        on_steps(1, {})
        return {"loss": self.losses[len(self.orders) - 1]}

    def evaluate(self, _: Any, __: Any) -> dict[str, float]:
        """Give the same figures every time."""
        return {"loss": 9.0, "accuracy": 0.5}

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)

        def note(*arguments: Any) -> None:
            self.events.append((name, *arguments))
            if name == self.fail_at:
                raise OSError(28, "No space left on device")
            if name == "on_epoch_end" and arguments[0] + 1 >= self.stop_after:
                self.stop_training = True

        return note

    def run(self, experiment: Any, *, validation: bool = False, rows: int = 50, seed: int = 7) -> tuple[int, list]:
        """Train; gives the epochs run and the lines kept."""
        part = Tensors((), rows)
        lines: list[dict[str, Any]] = []

        def keep(line: dict[str, Any]) -> None:
            self.events.append(("keep", line["epoch"]))
            lines.append(line)

        course = TrainingLoop(self, self, part, part if validation else None, self, False, seed)  # type: ignore[arg-type]
        return course.run(experiment.training, RecordingProgress(self.events), keep), lines


def _names(events: list[tuple[Any, ...]], *names: str) -> list[str]:
    return [one[0] for one in events if one[0] in names]


@pytest.fixture
def epochs(experiment) -> Callable[..., Any]:
    """Validate an experiment of so many epochs."""
    return lambda count, more="": experiment(
        "  - Dense: 3", f"loss: mse\n  optimizer: Adam\n  epochs: {count}\n  batch_size: 10\n  {more}"
    )


def test_every_epoch_is_trained_and_kept(epochs) -> None:
    """A line an epoch, counted from 1, with loss, learning rate and seconds, and a count of the epochs run."""
    played = Played([3.0, 2.0, 1.0])
    done, lines = played.run(epochs(3))
    assert done == 3
    kept = [(line["epoch"], line["fold"], line["loss"]) for line in lines]
    assert kept == [(1, None, 3.0), (2, None, 2.0), (3, None, 1.0)]
    assert all(line["learning_rate"] == 0.001 and line["seconds"] >= 0 for line in lines)
    assert _names(played.events, "epoch") == ["epoch"] * 3
    assert ("step", 2, 3, 1 / 5) in played.events


def test_validation_logs_are_added_to_training_logs(epochs) -> None:
    """With a validation part lines have each metric with `val_` before it, and callbacks are called for the test."""
    played = Played([3.0])
    _, (line,) = played.run(epochs(1), validation=True)
    assert (line["loss"], line["val_loss"], line["val_accuracy"]) == (3.0, 9.0, 0.5)
    assert _names(played.events, "on_test_begin", "on_test_end") == ["on_test_begin", "on_test_end"]
    assert ("on_epoch_end", 0, {"loss": 3.0, "val_loss": 9.0, "val_accuracy": 0.5}) in played.events


def test_logs_are_passed_on_before_callbacks_act(epochs) -> None:
    """Whatever a callback does to an epoch, its line is on disk first; the end comes as in `fit`."""
    played = Played([3.0, 2.0])
    played.run(epochs(2))
    names = ("on_train_begin", "on_epoch_begin", "keep", "on_epoch_end", "finalize", "on_train_end")
    each = ["on_epoch_begin", "keep", "on_epoch_end"]
    assert _names(played.events, *names) == ["on_train_begin", *each, *each, "finalize", "on_train_end"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_divergence_ends_the_run_with_its_epoch_kept(epochs, loss: float) -> None:
    """A loss that is no number ends training with a message that says when, and what to try; the epoch is kept."""
    played = Played([1.0, loss, 1.0])
    with pytest.raises(RunError, match=rf"diverged in epoch 2: loss is {loss}") as caught:
        played.run(epochs(3))
    assert "learning_rate" in (caught.value.hint or "")
    assert [one for one in played.events if one[0] == "keep"] == [("keep", 1), ("keep", 2)]
    assert len(played.orders) == 2


def test_a_callback_may_stop_training(epochs) -> None:
    """`stop_training` ends the loop after that epoch, and the log states it."""
    played = Played([5.0] * 9, stop_after=4)
    done, lines = played.run(epochs(9))
    assert (done, len(lines)) == (4, 4)
    assert not any(event[0] == "say" for event in played.events)
    assert _names(played.events, "on_train_end") == ["on_train_end"]


@pytest.mark.parametrize("when", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_a_callback_that_fails_is_to_blame(epochs, when: str) -> None:
    """A callback's failure is a message of one line, with the callback's own message."""
    with pytest.raises(RunError, match=r"a callback failed: OSError: .*No space left on device"):
        Played([1.0], fail_at=when).run(epochs(1))


def test_every_epoch_has_its_own_order(epochs) -> None:
    """Unlike Keras' own with a seed, the order of rows changes with every epoch, and is that of seed and epoch."""
    played = Played([1.0] * 3)
    played.run(epochs(3), seed=11)
    assert played.orders == [epoch_order(11, epoch, 50).tolist() for epoch in range(3)]
    assert len({tuple(rows) for rows in played.orders}) == 3


def test_the_files_order_is_kept_where_asked(epochs) -> None:
    """`shuffle: false` takes the rows as they stand, every epoch."""
    played = Played([1.0] * 2)
    played.run(epochs(2, "shuffle: false"))
    assert played.orders == [list(range(50))] * 2


@pytest.fixture
def course(keras, part, epochs) -> Callable[..., tuple[Any, list[dict[str, Any]], int]]:
    """Train a real model with callbacks: the model, the lines kept, the epochs run."""

    def run(callbacks: list[Any], count: int, optimizer: Any = "adam") -> tuple[Any, list[dict[str, Any]], int]:
        import tensorflow as tf

        model = compiled(keras, optimizer)
        executor = ResidentExecutor(tf, model, 10)
        train, validation = (executor.to_tensors(one.x, one.y) for one in (part(40, (6,)), part(20, (6,), seed=1)))
        executor.build(train)
        events = keras.callbacks.CallbackList(callbacks, model=model, epochs=count, steps=4)
        lines: list[dict[str, Any]] = []
        training = epochs(count, "shuffle: false").training
        done = TrainingLoop(model, executor, train, validation, events, False, 7).run(
            training, NullProgress(), lines.append
        )
        return model, lines, done

    return run


def compiled(keras, optimizer: Any = "adam") -> Any:
    """Build and compile the same small model each time."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"], jit_compile=False)
    return model


@pytest.mark.keras
def test_early_stopping_ends_as_in_fit(keras, part, course) -> None:
    """`EarlyStopping` with `restore_best_weights` stops after the same epoch as in `fit`, with the same weights."""

    def stopping() -> Any:
        return keras.callbacks.EarlyStopping(patience=2, min_delta=0.002, restore_best_weights=True)

    train, validation = part(40, (6,)), part(20, (6,), seed=1)
    theirs = compiled(keras)
    history = theirs.fit(
        train.x,
        train.y,
        validation_data=(validation.x, validation.y),
        epochs=40,
        batch_size=10,
        shuffle=False,
        callbacks=[stopping()],
        verbose=0,
    )
    ours, lines, done = course([stopping()], 40)
    assert done == len(history.epoch) < 40
    for left, right in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert [np.float32(line["loss"]) for line in lines] == [np.float32(loss) for loss in history.history["loss"]]


@pytest.mark.keras
def test_a_falling_learning_rate_is_seen(keras, course) -> None:
    """The learning rate of each line is the one its epoch began with, be it a callback's doing or a schedule's."""
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1e9)
    _, lines, _ = course([plateau], 3, keras.optimizers.SGD(0.5))
    assert [line["learning_rate"] for line in lines] == [0.5, 0.5, 0.25]
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1))
    _, lines, _ = course([scheduler], 2, keras.optimizers.SGD(0.5))
    assert [line["learning_rate"] for line in lines] == [0.1, 0.2]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=4, decay_rate=0.5, staircase=True)
    _, lines, _ = course([], 2, keras.optimizers.SGD(schedule))
    assert [line["learning_rate"] for line in lines] == [0.5, 0.25]
