"""Phases of training are read, checked and resolved like a training that is alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.config import overrides
from nnrun.config.document import parse
from nnrun.config.dump import dump
from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine
from nnrun.spec.experiment import validate
from nnrun.spec.resolve import resolved

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.spec.experiment import Experiment

CONFIG = """data: {source: digits, split: {test: 0.2, validation: 0.2}}
model: [Flatten, {Dense: {units: 8, activation: relu, name: first}}, {Dense: {units: $classes, activation: softmax}}]
training:
  - loss: sparse_categorical_crossentropy
    optimizer: Adam
    metrics: [accuracy]
    epochs: 3
    batch_size: 64
    freeze: [first]
    callbacks: [CSVLogger]
  - thaw: [first]
    optimizer: {Adam: {learning_rate: 1e-4}}
    epochs: 2
"""


def _experiment(text: str, *sets: str) -> Experiment:
    return validate(overrides.apply(parse(text, "my.yaml"), sets))


def _problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        _experiment(text)
    return [f"{one.mark.line}:{one.mark.column}: {one.text}" for one in error.value.problems]


def test_a_phase_keeps_what_it_does_not_change_but_for_what_is_its_own() -> None:
    """Loss, metrics and batch size are inherited; epochs, callbacks and patterns are those of the phase."""
    first, second = (_experiment(CONFIG).in_phase(number).training for number in (0, 1))
    assert second.loss == first.loss
    assert (second.metrics, second.batch_size) == (first.metrics, 64)
    assert (second.callbacks, second.freeze, second.thaw, second.epochs) == ((), (), ("first",), 2)


def test_the_training_as_a_whole_has_the_epochs_of_all_phases() -> None:
    """What plans a run sees the sum of the epochs, and the loss and metrics of the last phase."""
    training = _experiment(CONFIG).training
    assert (training.epochs, len(training.phases)) == (5, 2)
    assert training.optimizer is not None
    assert training.optimizer.arguments == {"learning_rate": 1e-4}


def test_a_key_of_a_phase_is_set_by_its_number() -> None:
    """`--set training.1.epochs=7` changes the second phase alone."""
    phases = _experiment(CONFIG, "training.1.epochs=7").training.phases
    assert [phase.epochs for phase in phases] == [3, 7]


def test_the_resolved_config_is_the_same_experiment() -> None:
    """Every phase is written out in full, and read again it is equal."""
    whole = resolved(_experiment(CONFIG), str)
    assert len(whole["training"]) == 2
    assert resolved(validate(parse(dump(whole), "resolved.yaml")), str) == whole


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ("[]", "3:11: expected at least one phase, received an empty list"),
        ("[{loss: mse, optimizer: Adam}, {}]", "3:42: expected a mapping for phase 2, received an empty one"),
        ("[{loss: mse, optimizer: Adam}, Adam]", '3:42: expected a mapping for phase 2, received "Adam" (text)'),
        (
            "[{loss: mse, optimizer: Adam, epochs: no}, {epochs: 2}]",
            "3:49: expected a positive integer for 'epochs', received \"no\" (text)",
        ),
        (
            "[{loss: mse, optimizer: Adma}, {epochs: 2}, {epochs: 3}]",
            '3:35: expected the name of an optimizer, received "Adma"',
        ),
        (
            "[{loss: mse, optimizer: Adam}, {on_nan: ignore}]",
            "3:43: on_nan is the same in all phases, and phase 2 has another one",
        ),
        ("[{optimizer: Adam}, {epochs: 3}]", "3:12: 'training.0' needs 'loss', which is missing"),
    ],
)
def test_what_is_wrong_with_a_phase_is_said_once_at_its_place(phases: str, expected: str) -> None:
    """A mistake is reported in the phase that has it, not again in those that inherit it."""
    assert _problems(f"data: {{source: digits}}\nmodel: [{{Dense: 1}}]\ntraining: {phases}\n") == [expected]


def test_the_checks_look_at_every_phase(tmp_path: Path) -> None:
    """A callback that monitors what will not exist is found in the phase that has it."""
    (tmp_path / "my.yaml").write_text(
        CONFIG + "    callbacks: [{EarlyStopping: {monitor: val_acuracy}}]\n", encoding="utf-8"
    )
    problems = examine(tmp_path / "my.yaml", (), tmp_path).problems
    assert [(one.mark.line, one.name) for one in problems] == [(14, "monitor-unknown")]
