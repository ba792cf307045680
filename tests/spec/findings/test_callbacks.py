"""Callbacks and the metrics that they monitor."""

from __future__ import annotations

import pytest

TRAINING = "loss: sparse_categorical_crossentropy\noptimizer: Adam\nmetrics: [accuracy]\n"


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


def test_val_loss_cannot_be_monitored_without_a_validation_part(found) -> None:
    """Early stopping on its default `val_loss` needs a validation part."""
    (one,) = found(training=f"{TRAINING}epochs: 9\ncallbacks: [EarlyStopping]")
    assert "no validation part" in one.text
    assert one.severity == "error"


def test_a_checkpoint_of_every_epoch_may_monitor_an_unknown_metric(found) -> None:
    """The monitor of a checkpoint matters only with `save_best_only`."""
    assert found(training=f"{TRAINING}callbacks: [ModelCheckpoint]") == ()


def test_another_word_for_a_metric_is_corrected(found) -> None:
    """The hint for `val_acc`, as in old Keras scripts, is the metric's name."""
    callbacks = "callbacks: [{EarlyStopping: {monitor: val_acc}}]\nepochs: 9"
    (one,) = found(data="source: digits\nsplit: {validation: 0.1}", training=f"{TRAINING}{callbacks}")
    assert one.hint == "write val_accuracy"


def test_unbalanced_braces_in_a_checkpoint_name_are_refused(found) -> None:
    """A name that is not a valid pattern is refused before training."""
    (one,) = found(training=f"{TRAINING}callbacks: [{{ModelCheckpoint: {{filepath: 'at-{{epoch.keras'}}}}]")
    assert one.name == "checkpoint-name-unknown"
