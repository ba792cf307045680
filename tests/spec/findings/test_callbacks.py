"""Callbacks, what they watch, and the figures that there will be."""

from __future__ import annotations

import pytest

from nnrun.spec.findings.metrics import epoch_metrics, metric_name

TRAINING = "loss: sparse_categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy]\n"


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
    assert metric_name(class_name) == name


def test_an_epochs_figures_are_known_beforehand(experiment) -> None:
    """Loss and metrics, and the same on the validation part where there is one."""
    said = experiment(training=TRAINING)
    assert epoch_metrics(said, validation=True) == ["loss", "accuracy", "val_loss", "val_accuracy"]


@pytest.mark.parametrize(
    ("callback", "hint"),
    [
        ("{EarlyStopping: {monitor: val_acuracy}}", "Did you mean 'val_accuracy'?"),
        ("{EarlyStopping: {monitor: nonsense_of_mine}}", "the names are: loss, accuracy, val_loss, val_accuracy"),
    ],
)
def test_a_monitor_that_will_not_exist_is_an_error(found, callback: str, hint: str) -> None:
    """A misspelt `monitor` is refused instead of being ignored with a warning, as Keras would."""
    (one,) = found(data="source: digits\nsplit: {validation: 0.1}", training=f"{TRAINING}callbacks: [{callback}]")
    assert (one.severity, one.name, one.hint) == ("error", "monitor-unknown", hint)
    assert one.path == ("training", "callbacks", 0, "EarlyStopping", "monitor")


def test_val_loss_cannot_be_watched_without_a_validation_part(found) -> None:
    """Early stopping on its default `val_loss` needs a validation part."""
    (one,) = found(training=f"{TRAINING}epochs: 9\ncallbacks: [EarlyStopping]")
    assert "no validation part" in one.text
    assert one.severity == "error"


def test_a_checkpoint_that_keeps_every_epoch_may_watch_what_is_not_there(found) -> None:
    """What a checkpoint monitors only matters where it keeps the best alone."""
    assert found(training=f"{TRAINING}callbacks: [ModelCheckpoint]") == ()


def test_another_word_for_a_metric_is_told_its_name(found) -> None:
    """Who writes val_acc, as Keras scripts of old do, is told the name that the figure has."""
    callbacks = "callbacks: [{EarlyStopping: {monitor: val_acc}}]\nepochs: 9"
    (one,) = found(data="source: digits\nsplit: {validation: 0.1}", training=f"{TRAINING}{callbacks}")
    assert one.hint == "write val_accuracy"


def test_figures_of_several_outputs_carry_their_names(experiment) -> None:
    """With several outputs each has a loss and metrics of its own, called after it, as in Keras."""
    model = """
    layers:
      - Dense: {units: 1, name: price}
      - Dense: {from: input, units: 3, activation: softmax, name: species}
    outputs: {price: {loss: mse, metrics: [mae]}, species: {}}
    """
    said = experiment(model=model, training=TRAINING)
    assert epoch_metrics(said, validation=False) == [
        "loss",
        "price_loss",
        "species_loss",
        "price_mean_absolute_error",
        "species_accuracy",
    ]


def test_unbalanced_braces_in_a_checkpoints_name_are_told(found) -> None:
    """A name that is no pattern at all is refused before an epoch is spent."""
    (one,) = found(training=f"{TRAINING}callbacks: [{{ModelCheckpoint: {{filepath: 'at-{{epoch.keras'}}}}]")
    assert one.name == "checkpoint-name-unknown"
