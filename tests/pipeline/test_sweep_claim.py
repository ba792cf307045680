"""Ends of claims: what the ledger has not accepted is not reported as an end."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnrun import interruption
from nnrun.errors import DiskError, RunError
from nnrun.pipeline import sweep_claim, sweep_trials
from nnrun.pipeline.sweep_claim import TrialClaim
from nnrun.pipeline.sweep_trials import SweepTask
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import MOST_ATTEMPTS, Ledger, Trial

FIELDS = {"name": "swept", "choose_by": None, "mode": "auto", "data": {}, "threads": 1}
ENDS: dict[str, Callable[[TrialClaim], None]] = {
    "done": lambda claim: claim.finish({"validation": {"loss": 0.5}}, None, lambda: "x=1"),
    "pruned": lambda claim: claim.prune("pruned after epoch 2", [0.5], "x=1"),
    "failed": lambda claim: claim.fail("diverged"),
    "again": lambda claim: claim.release("killed"),
}


def make(folder: Path, kind: str = "sqlite", count: int = 1) -> SweepFolder:
    """Create a sweep's folder with a ledger of trials that wait."""
    made = SweepFolder(folder)
    made.create_ledger(kind, FIELDS, [Trial(number, number, 7, {"x": number}) for number in range(count)])
    return made


def claimed(ledger: Ledger, events: list[tuple[str, int | None, Any]]) -> TrialClaim:
    """Claim a trial; its events go to a list."""
    trial = ledger.claim()
    assert trial is not None
    return TrialClaim(ledger, trial, lambda *event: events.append(event))


@pytest.mark.parametrize("kind", ["sqlite", "files"])
@pytest.mark.parametrize("end", ENDS)
def test_an_end_is_reported_once_and_only_by_the_owner(tmp_path: Path, kind: str, end: str) -> None:
    """A process that has lost its trial says so, and changes nothing; the one that has it reports the end."""
    ledger = make(tmp_path, kind).open_ledger()
    events: list[tuple[str, int | None, Any]] = []
    lost = claimed(ledger, events)
    assert ledger.release(lost.trial, "its host is believed to be gone", counts=False) == "waiting"
    owner = claimed(ledger, events)
    # The same process has claimed it twice here: another attempt is another claim.
    lost = TrialClaim(ledger, Trial(**{**vars(lost.trial), "process": {"host": "elsewhere"}}), lost.send)
    ENDS[end](lost)
    lost.suspend("stopped")
    assert [(name, number) for name, number, _ in events] == [("lost", 0), ("lost", 0)]
    assert ledger.trials()[0].status == "running"
    ENDS[end](owner)
    assert [name for name, _, _ in events[2:]] == [end]
    assert ledger.trials()[0].status == ("waiting" if end == "again" else end)


def test_a_trial_whose_process_was_killed_too_often_is_reported_as_failed(tmp_path: Path) -> None:
    """Before, it waits again, and the line says from where it goes on."""
    ledger = make(tmp_path).open_ledger()
    events: list[tuple[str, int | None, Any]] = []
    for _ in range(MOST_ATTEMPTS):
        claimed(ledger, events).release("its process was killed")
    again = ("again", 0, "its process was killed; it goes on from its last state")
    assert events == [*[again] * (MOST_ATTEMPTS - 1), ("failed", 0, "its process was killed; it is not tried again")]


def test_only_the_claim_ends_trials() -> None:
    """No other code of the pipeline ends a claim in a ledger: it could forget to ask whether the ledger accepted it."""
    folder = Path(sweep_claim.__file__).parent
    found = {
        (file.name, node.func.attr)
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("finish", "prune", "fail", "release") and ast.unparse(node.func.value).endswith("ledger")
    }
    assert found == {("sweep_claim.py", name) for name in ("finish", "prune", "fail", "release")}


def failing(error: BaseException) -> Callable[..., Any]:
    """Return what stands for a training that ends with an error."""

    def train_trial(*_: object) -> None:
        raise error

    return train_trial


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DiskError("Cannot write x: the disk is full."), "waiting"),
        (OSError(28, "No space left on device"), "waiting"),
        (RunError("the loss is not finite"), "failed"),
        (ZeroDivisionError("a bug"), "failed"),
    ],
)
def test_what_is_the_machines_fault_fails_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str
) -> None:
    """A full disk ends the process with its error, and the trial waits for the next start; others' trials go on."""
    folder = make(tmp_path, count=2)
    monkeypatch.setattr(sweep_trials, "train_trial", failing(error))
    if status == "waiting":
        with pytest.raises(type(error)):
            SweepTask(folder).run(lambda *_: None)
    else:
        SweepTask(folder).run(lambda *_: None)
    trials = folder.open_ledger().trials()
    assert [one.status for one in trials] == ([status, "waiting"] if status == "waiting" else [status] * 2)
    assert trials[0].attempts == (0 if status == "waiting" else 1)


def test_a_stop_lets_the_trial_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its attempt does not count, and the request goes on to the process."""
    folder = make(tmp_path)
    stop = interruption.StopRequestedError("stopped by SIGTERM", "preempted")
    monkeypatch.setattr(sweep_trials, "train_trial", failing(stop))
    with pytest.raises(interruption.StopRequestedError):
        SweepTask(folder).run(lambda *_: None)
    assert [(one.status, one.attempts) for one in folder.open_ledger().trials()] == [("waiting", 0)]
