"""All kinds of ledgers behave alike."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nnrun.runs import environment
from nnrun.sweep import file_ledger, write_once
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Ledger, Trial


class SameLedgers(RuleBasedStateMachine):
    """Does the same with a ledger of each kind; a claim belongs to this process, or to one that is gone."""

    def __init__(self, *kinds: str) -> None:
        super().__init__()
        self.kinds = kinds
        self.folders = [SweepFolder(Path(tempfile.mkdtemp())) for _ in self.kinds]
        self.ledgers: list[Ledger] = []
        #: Every claim that there was, as each ledger has returned it.
        self.claims: list[list[Trial]] = []

    def teardown(self) -> None:
        """Remove the ledgers."""
        for folder in self.folders:
            shutil.rmtree(folder.path)

    def same(self, change: Callable[[Ledger, int], Any]) -> list[Any]:
        """Change each ledger, and require that all return the same."""
        returned = [change(ledger, index) for index, ledger in enumerate(self.ledgers)]
        assert all(without_times(one) == without_times(returned[0]) for one in returned), returned
        return returned

    @initialize(count=some.integers(0, 4))
    def make(self, count: int) -> None:
        """Create them."""
        trials = [Trial(number, number // 2, 7 + number % 2, {"x": number}) for number in range(count)]
        pairs = zip(self.folders, self.kinds, strict=True)
        self.ledgers = [folder.create_ledger(kind, {"name": "n"}, trials) for folder, kind in pairs]

    @rule(count=some.integers(0, 2), known=some.integers(0, 6))
    def add(self, count: int, known: int) -> None:
        """Add trials, perhaps to another number than there is."""
        trials = [Trial(known + number, 9, 7, {"y": [number]}) for number in range(count)]
        self.same(lambda ledger, _: ledger.add(trials, known))

    @rule(gone=some.booleans())
    def claim(self, gone: bool) -> None:
        """Claim a trial, if one waits."""
        with pytest.MonkeyPatch.context() as patch:
            process = {**environment.process(), **({"start": "long ago"} if gone else {})}
            patch.setattr(environment, "process", lambda: process)
            found = self.same(lambda ledger, _: ledger.claim())
        if found[0] is not None:
            self.claims.append(found)

    @precondition(lambda self: self.claims)
    @rule(data=some.data(), how=some.sampled_from(["finish", "prune", "fail", "release", "stop"]))
    def end(self, data: some.DataObject, how: str) -> None:
        """End a claim, perhaps one that has ended or was taken over."""
        trials = data.draw(some.sampled_from(self.claims))
        changes: dict[str, Callable[[Ledger, Trial], bool]] = {
            "finish": lambda ledger, trial: ledger.finish(trial, {"test": {"loss": 0.5, "label": "a"}}, [0.5, 0.25]),
            "prune": lambda ledger, trial: ledger.prune(trial, "others were better", [0.5]),
            "fail": lambda ledger, trial: ledger.fail(trial, "diverged"),
            "release": lambda ledger, trial: ledger.release(trial, "killed"),
            "stop": lambda ledger, trial: ledger.release(trial, "stopped", counts=False),
        }
        self.same(lambda ledger, index: changes[how](ledger, trials[index]))

    @rule(locked=some.sets(some.integers(0, 3)))
    def release_dead(self, locked: set[int]) -> None:
        """Let the trials of dead processes wait again, but for those whose runs are locked."""
        self.same(lambda ledger, _: ledger.release_dead(lambda number: number in locked))

    @rule()
    def open_again(self) -> None:
        """Open the ledgers as another process would."""
        self.ledgers = [folder.open_ledger() for folder in self.folders]

    @invariant()
    def are_the_same(self) -> None:
        """All trials have the same state, whoever reads it."""
        self.same(lambda ledger, _: (ledger.trials(), ledger.counts(), ledger.fields(), ledger.abandoned()))
        self.same(lambda ledger, _: (ledger.trials("waiting"), ledger.trials("done", first=1), ledger.trials(first=2)))


def without_times(value: Any) -> Any:
    """Return what a ledger returns with times that are there or not."""
    if isinstance(value, Trial):
        known = {name: getattr(value, name) is not None for name in ("started", "ended")}
        return {**asdict(value), **known}
    return [without_times(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("block", [1000, 2])
def test_a_folder_of_files_behaves_like_sqlite(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is claimed, ended, released and added by whom, in whatever order, in one subfolder or in many."""
    for module in (write_once, file_ledger):
        monkeypatch.setattr(module, "BLOCK", block)
    limits = settings(max_examples=20, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(partial(SameLedgers, "sqlite", "files"), settings=limits)  # type: ignore[no-untyped-call]


@pytest.mark.slow
def test_postgresql_behaves_like_sqlite(postgres: Any) -> None:
    """The same, with a real server."""
    limits = settings(max_examples=6, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(partial(SameLedgers, "sqlite", postgres.url), settings=limits)  # type: ignore[no-untyped-call]
