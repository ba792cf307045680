"""Findings across the sections of a config."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts
from nnrun.spec.lints import findings, metric_names, snake

TRAINING = "loss: sparse_categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy]\n"
FACTS = Facts("classification", "integer", (64,), classes=10, rows={"train": 100})


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("MeanSquaredError", "mean_squared_error"),
        ("AUC", "auc"),
        ("F1Score", "f1_score"),
        ("accuracy", "accuracy"),
        ("TopKCategoricalAccuracy", "top_k_categorical_accuracy"),
    ],
)
def test_metrics_are_named_as_keras_names_them(class_name: str, name: str) -> None:
    """A metric's class name becomes snake case by Keras' own rule."""
    assert snake(class_name) == name


def test_an_epochs_figures_are_known_beforehand(experiment) -> None:
    """Loss and metrics, and the same on the validation part where there is one."""
    said = experiment(training=TRAINING)
    assert metric_names(said, validation=True) == ["loss", "accuracy", "val_loss", "val_accuracy"]


@pytest.mark.parametrize(
    ("callback", "hint"),
    [
        ("{EarlyStopping: {monitor: val_acuracy}}", "Did you mean 'val_accuracy'?"),
        ("{EarlyStopping: {monitor: nonsense_of_mine}}", "there will be loss, accuracy, val_loss, val_accuracy"),
    ],
)
def test_a_monitor_that_will_not_exist_is_an_error(experiment, callback: str, hint: str) -> None:
    """A misspelt `monitor` is refused instead of being ignored with a warning, as Keras would."""
    said = experiment(data="source: digits\nsplit: {validation: 0.1}", training=f"{TRAINING}callbacks: [{callback}]")
    (found,) = findings(said, FACTS)
    assert (found.severity, found.name, found.hint) == ("error", "monitor-unknown", hint)
    assert found.path == ("training", "callbacks", 0, "EarlyStopping", "monitor")


def test_val_loss_cannot_be_watched_without_a_validation_part(experiment) -> None:
    """Early stopping on its default `val_loss` needs a validation part."""
    said = experiment(training=f"{TRAINING}callbacks: [EarlyStopping]")
    (found,) = findings(said, FACTS)
    assert "no validation part" in found.text
    assert found.severity == "error"


def test_a_checkpoint_that_keeps_every_epoch_may_watch_what_is_not_there(experiment) -> None:
    """What a checkpoint monitors only matters where it keeps the best alone."""
    said = experiment(training=f"{TRAINING}callbacks: [ModelCheckpoint]")
    assert findings(said, FACTS) == ()


def test_a_batch_larger_than_the_data_is_a_warning(experiment) -> None:
    """An epoch of one step is allowed, and probably not meant."""
    said = experiment(training=f"{TRAINING}batch_size: 101")
    (found,) = findings(said, FACTS)
    assert (found.severity, found.name) == ("warning", "batch-larger-than-data")


def test_stopping_on_the_test_part_is_a_warning(experiment) -> None:
    """Where the test part decides when training stops, its error rate is too good."""
    said = experiment(data="source: mnist\nsplit: {validation: test}", training=f"{TRAINING}callbacks: [EarlyStopping]")
    assert [found.name for found in findings(said, FACTS)] == ["test-part-watched"]
