"""Which trials one program trains depends on what is tried alone; a process claims those of them that wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.spec.mapped_trials import is_program_data
from nnrun.sweep.ledger import Trial
from nnrun.sweep.mapping import TrialGroups, mapped_groups
from nnrun.sweep.sqlite_ledger import SqliteLedger

RATE, UNITS = "training.optimizer.Adam.learning_rate", "model.0.Dense.units"


def fields(size: int, rounds: int | None = None, seeds: int = 1) -> dict[str, Any]:
    """Return what a ledger knows of a sweep that maps its trials."""
    found: dict[str, Any] = {"mapped": size, "seeds": list(range(seeds))}
    return found if rounds is None else {**found, "rounds": {"size": rounds}}


def trials(values: list[tuple[float, int]]) -> list[Trial]:
    """Return trials of learning rates and units."""
    return [Trial(number, number, 7, {RATE: rate, UNITS: units}) for number, (rate, units) in enumerate(values)]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (RATE, 0.1, True),
        (RATE, {"ExponentialDecay": {"initial_learning_rate": 0.1}}, False),
        ("training.optimizer.Adam.beta_1", 0.9, False),
        ("training.optimizer", "SGD", False),
        ("model.0.Dense.kernel_initializer", "he_normal", True),
        ("model.0.Dense.kernel_initializer.RandomNormal.stddev", 0.1, True),
        ("model.0.Dropout.rate", 0.1, True),
        ("model.0.Dropout", 0.1, True),
        ("model.2.SpatialDropout2D", 0.5, True),
        ("model.0.Dropout", 0, False),
        ("model.0.Dropout.rate", 1.0, False),
        ("model.0.AlphaDropout", 0.1, False),
        ("model.0.LSTM.dropout", 0.1, False),
        ("model.0.Dropout.seed", 3, False),
        ("model.0", "Flatten", False),
        ("training.optimizer.AdamW.weight_decay", 0.01, True),
        ("training.optimizer.AdamW.weight_decay", None, False),
        ("training.optimizer.SGD.momentum", 0.9, True),
        ("training.optimizer.SGD.momentum", 0.0, False),
        ("training.optimizer.RMSprop.momentum", 0.9, False),
        ("training.batch_size", 8, False),
        ("data.split.validation", 0.1, False),
        ("seed", 3, True),
    ],
)
def test_what_variables_hold_is_data(path: str, value: Any, expected: bool) -> None:
    """Initial weights, and numbers that are arguments of mapped programs; all else is part of the program."""
    assert is_program_data(path, value) is expected


@given(
    values=some.lists(some.tuples(some.sampled_from([0.1, 0.2, 0.3]), some.sampled_from([4, 8])), max_size=20),
    size=some.integers(2, 5),
    rounds=some.none() | some.integers(1, 4),
    more=some.integers(0, 5),
)
def test_groups_depend_on_what_is_tried_alone(
    values: list[tuple[float, int]], size: int, rounds: int | None, more: int
) -> None:
    """Each trial is in one group of equal programs, of one round; later trials move none of those before."""
    known = fields(size, rounds)
    groups = mapped_groups(known, trials(values))
    assert sorted(one.number for group in groups for one in group) == list(range(len(values)))
    for group in groups:
        assert len(group) <= size
        assert len({one.parameters[UNITS] for one in group}) == 1
        assert rounds is None or len({one.number // rounds for one in group}) == 1
    lanes = {one.number: lane for group in groups for lane, one in enumerate(group)}
    longer = mapped_groups(known, trials([*values, *[(0.5, 4)] * more]))
    assert lanes.items() <= {one.number: lane for group in longer for lane, one in enumerate(group)}.items()


def test_a_process_claims_the_waiting_trials_of_a_group(tmp_path: Path) -> None:
    """With their lanes; groups that nobody trains come first, and what another process has is left to it."""
    known = fields(3)
    made = trials([(0.1, 4), (0.1, 8), (0.2, 4), (0.3, 4), (0.4, 4), (0.2, 8)])
    ledger = SqliteLedger.create(tmp_path / "ledger.sqlite", known, made)
    other = ledger.claim(2)
    assert other is not None
    assert other.number == 2
    assert ledger.claim(2) is None

    groups = TrialGroups(ledger, known)

    def claim() -> list[tuple[int, int]]:
        return [(trial.number, lane) for trial, lane in groups.claim()]

    assert claim() == [(4, 0)]
    assert claim() == [(1, 0), (5, 1)]
    assert claim() == [(0, 0), (3, 2)]
    assert claim() == []
    ledger.release(other, "its process is gone", counts=False)
    assert claim() == [(2, 1)]
    assert ledger.add([Trial(6, 6, 7, {RATE: 0.1, UNITS: 8})], 6)
    assert claim() == [(6, 2)]


def test_claims_read_no_trial_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first one only those that are new, run, or wait at the end."""
    ledger = SqliteLedger.create(tmp_path / "ledger.sqlite", fields(4), trials([(0.1, 4)] * 40))
    groups, read, all_trials = TrialGroups(ledger, fields(4)), [], SqliteLedger.trials

    def count(*words: Any, **more: Any) -> list[Trial]:
        found = all_trials(*words, **more)
        read.append(len(found))
        return found

    monkeypatch.setattr(SqliteLedger, "trials", count)
    for _ in range(10):
        for trial, _ in groups.claim():
            assert ledger.finish(trial, {})
    assert sum(read) == 40 + 40
    assert groups.claim() == []
