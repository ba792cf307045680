"""Callbacks and the metrics that they monitor."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts

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


def _monitored(found, training: str, best: str, **sections: str) -> list[tuple[str, str]]:
    """Return name and hint of the findings about what `best:` monitors."""
    model = sections.pop("model", "- Dense: {units: 3, activation: softmax}")
    facts = Facts("classification", "one_hot", (64,), classes=3, targets=3, class_names=("hi", "lo", "a b"))
    text = f"{training}\nbest: {best}"
    findings = found(facts, data="source: digits\nsplit: {validation: 0.1}", model=model, training=text, **sections)
    return [(one.name, one.hint) for one in findings if one.name.startswith("monitor")]


F1 = "loss: categorical_crossentropy\noptimizer: Adam\nmetrics: [F1Score]"


@pytest.mark.parametrize("monitor", ["val_f1_score_hi", "f1_score_lo", "val_f1_score_a_b"])
def test_the_figure_of_one_class_can_be_monitored(found, monitor: str) -> None:
    """The figures of a metric for each class have its name and the class's, with _ for what is no letter or digit."""
    assert _monitored(found, F1, f"{{monitor: {monitor}}}") == []


def test_a_metric_with_several_figures_is_none_of_them(found) -> None:
    """Its own name is refused, with the names of its figures and the line for a single one."""
    ((name, hint),) = _monitored(found, F1, "{monitor: val_f1_score}")
    assert name == "monitor-unknown"
    assert hint == (
        "there is one for each class or output: write val_f1_score_hi, val_f1_score_lo, val_f1_score_a_b; "
        "for a single figure write metrics: [{F1Score: {average: macro}}]"
    )
    assert _monitored(found, F1.replace("F1Score", "{F1Score: {average: macro}}"), "{monitor: val_f1_score}") == []


@pytest.mark.parametrize(
    ("metric", "monitor", "hint"),
    [
        ("{Precision: {thresholds: [0.25, 0.5]}}", "val_precision_0_25", None),
        ("{Precision: {thresholds: [0.25, 0.5]}}", "val_precision", "for a single figure write one threshold in"),
        ("{R2Score: {class_aggregation: null}}", "val_r2_score", "{R2Score: {class_aggregation: uniform_average}}"),
        ("LogCoshError", "val_logcosh", None),
        ("FBetaScore", "val_fbeta_score_lo", None),
        ("LogCoshError", "val_log_cosh_error", "write val_logcosh"),
    ],
)
def test_figures_have_the_names_that_keras_gives_them(found, metric: str, monitor: str, hint: str | None) -> None:
    """Not every metric is named after its class, and thresholds or outputs tell the figures of one apart."""
    training = f"loss: categorical_crossentropy\noptimizer: Adam\nmetrics: [{metric}]"
    hints = [hint for _, hint in _monitored(found, training, f"{{monitor: {monitor}}}")]
    assert len(hints) == (hint is not None)
    assert all(str(hint) in str(one) for one in hints)


def test_only_what_nobody_knows_needs_a_mode(found) -> None:
    """The learning rate has no better side until the config gives it one; losses and metrics of Keras have theirs."""
    assert _monitored(found, F1, "{monitor: learning_rate, mode: max}") == []
    assert _monitored(found, F1, "{monitor: val_loss}") == []
    ((name, hint),) = _monitored(found, F1, "{monitor: learning_rate}")
    assert (name, hint) == ("monitor-without-mode", "add mode: min or mode: max to best")
    callbacks = f"{F1}\nepochs: 9\ncallbacks: [{{ReduceLROnPlateau: {{monitor: learning_rate}}}}]"
    (one,) = (each for each in found(training=callbacks) if each.name == "monitor-without-mode")
    assert (one.name, one.hint) == ("monitor-without-mode", "add mode: min or mode: max to ReduceLROnPlateau")
    assert one.path == ("training", "callbacks", 0, "ReduceLROnPlateau", "monitor")


@pytest.mark.parametrize(
    ("callback", "package"), [("TensorBoard", "'nnrun[tensorboard]'"), ("{OrbaxCheckpoint: o}", "orbax")]
)
def test_a_callback_whose_package_is_missing_is_refused(found, monkeypatch, callback: str, package: str) -> None:
    """What training would be refused for is an error of `check`, with the command that installs it."""
    monkeypatch.setattr("nnrun.spec.findings.callbacks.find_spec", lambda _: None)
    (one,) = found(training=f"{TRAINING}callbacks: [{callback}]")
    assert one.name == "missing-package"
    assert (one.hint or "").startswith(f"pip install {package}")
    monkeypatch.setattr("nnrun.spec.findings.callbacks.find_spec", lambda name: name)
    assert found(training=f"{TRAINING}callbacks: [{callback}]") == ()
