"""The ledger of a sweep: every trial is claimed by one process, and none is lost or trained twice."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.sweep.file_ledger import FILES_FORMAT
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import FORMAT, MOST_ATTEMPTS, Ledger, Trial
from nnrun.sweep.sqlite_ledger import SqliteLedger

CLAIM = """
import sys
from dataclasses import replace
from pathlib import Path
from nnrun.sweep.folder import SweepFolder
ledger = SweepFolder(Path(sys.argv[1])).open_ledger()
while (trial := ledger.claim()) is not None:
    if trial.attempts == 1 and trial.number % 5 == 0:
        assert ledger.release(trial, "once more")
    else:
        print(trial.number)
        assert ledger.finish(trial, {"validation": {"loss": trial.number}})
"""


KILLED = """
import os, signal, sys
from pathlib import Path
from nnrun.sweep import file_ledger, sqlite_ledger
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Trial
trials = [Trial(number, number, 7, {"x": number}) for number in range(5000)]
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sqlite_ledger.now = kill
insert = sqlite_ledger._insert
def insert_and_die(connection, some):
    insert(connection, some)
    kill()
sqlite_ledger._insert = insert_and_die
make = file_ledger.write_file
file_ledger.write_file = lambda path, content: (make(path, content), kill())
SweepFolder(Path(sys.argv[1])).create_ledger(sys.argv[2], {"name": "swept"}, trials)
"""


@pytest.fixture(params=["sqlite", "files"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Ledger:
    """A ledger of four trials."""
    return make(tmp_path, 4, request.param)


def make(folder: Path, count: int, kind: str = "sqlite", **fields: Any) -> Ledger:
    """Create a ledger with trials of one parameter in a sweep's folder."""
    trials = [Trial(number, number, 7, {"x": number}) for number in range(count)]
    return SweepFolder(folder).create_ledger(kind, fields, trials)


def claimed(ledger: Ledger) -> Trial:
    """Claim a trial, which must be there."""
    trial = ledger.claim()
    assert trial is not None
    return trial


def test_trials_are_claimed_in_order_and_once(ledger: Ledger) -> None:
    """The claim says who, when and which attempt it is; without a waiting trial there is none to claim."""
    found = [claimed(ledger) for _ in range(4)]
    assert [one.number for one in found] == [0, 1, 2, 3]
    assert ledger.claim() is None
    assert (found[0].process, found[0].attempts, found[0].parameters) == (environment.process(), 1, {"x": 0})
    assert ledger.counts() == {"running": 4}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_processes_that_share_a_ledger_claim_no_trial_twice(tmp_path: Path, kind: str) -> None:
    """Four processes at once finish 200 trials, each of them once, although every fifth one is released once."""
    made = make(tmp_path, 200, kind)
    command = [sys.executable, "-c", CLAIM, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = [int(line) for one in processes for line in one.communicate()[0].split()]
    assert sorted(printed) == list(range(200))
    assert made.counts() == {"done": 200}
    assert [one.attempts for one in made.trials()] == [2 if number % 5 == 0 else 1 for number in range(200)]


def test_a_trial_that_was_asked_to_stop_waits_again_without_an_attempt(ledger: Ledger) -> None:
    """However often that happens."""
    for _ in range(MOST_ATTEMPTS + 2):
        trial = claimed(ledger)
        assert (trial.number, trial.attempts) == (0, 1)
        assert ledger.release(trial, "stopped", counts=False)


def test_a_trial_whose_process_is_killed_again_and_again_fails(ledger: Ledger) -> None:
    """After three attempts, with the reason; the others go on."""
    for attempt in range(MOST_ATTEMPTS):
        trial = claimed(ledger)
        assert trial.number == 0
        expected = "waiting" if attempt + 1 < MOST_ATTEMPTS else "failed"
        assert ledger.release(trial, "killed") == expected
    assert (ledger.trials("failed")[0].error, ledger.counts()) == ("killed", {"failed": 1, "waiting": 3})


def test_a_claim_is_ended_once(ledger: Ledger) -> None:
    """Whoever ends it first; another end, also of a process that has lost its trial, changes nothing."""
    first = claimed(ledger)
    assert ledger.finish(first, {"loss": 1})
    assert not ledger.fail(first, "too late")
    assert ledger.release(first, "too late") is None
    assert ledger.release(replace(first, attempts=MOST_ATTEMPTS), "too late") is None
    second = claimed(ledger)
    assert not ledger.finish(replace(second, process={**environment.process(), "pid": 1}), {"loss": 2})
    assert ledger.renew(second)
    assert [(one.status, one.scores) for one in ledger.trials()[:2]] == [("done", {"loss": 1}), ("running", None)]


def test_trials_of_a_process_that_is_gone_are_taken_over(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this process, of other hosts that may live, and of runs that are locked, are not."""
    me = environment.process()
    for process in ({**me, "start": "long ago"}, {**me, "host": "elsewhere"}, {**me, "start": "long ago"}, me):
        with monkeypatch.context() as patch:
            patch.setattr(environment, "process", lambda process=process: process)
            claimed(ledger)
    assert [one.number for one in ledger.abandoned()] == [0, 2]
    assert [one.number for one in ledger.release_dead(lambda number: number == 2)] == [0]
    assert [one.status for one in ledger.trials()] == ["waiting", "running", "running", "running"]


def test_trials_are_added_once_and_all_together(ledger: Ledger) -> None:
    """Of two processes that have made the same trials from the same ledger, one adds them."""
    more = [Trial(number, number, 7, {"x": number}) for number in (4, 5)]
    assert ledger.add(more, known=4)
    assert not ledger.add(more, known=4)
    assert [one.number for one in ledger.trials("waiting")] == list(range(6))
    with pytest.raises(RunError, match=r"UNIQUE|to be numbered from 6 on"):
        ledger.add([Trial(6, 6, 7, {}), Trial(0, 0, 7, {})], known=6)
    assert ledger.counts() == {"waiting": 6}


def test_a_pruned_trial_has_its_reason_and_the_values_of_its_epochs(ledger: Ledger) -> None:
    """It is claimed no more; one that is done keeps its values too."""
    assert ledger.prune(claimed(ledger), "pruned after epoch 2", [0.7, 0.6])
    assert ledger.finish(claimed(ledger), {"test": {"loss": 0.5}}, [0.6, 0.5, 0.4])
    pruned, done, *_ = ledger.trials()
    assert (pruned.status, pruned.error, pruned.intermediate) == ("pruned", "pruned after epoch 2", [0.7, 0.6])
    assert (done.status, done.intermediate) == ("done", [0.6, 0.5, 0.4])
    assert ledger.counts() == {"done": 1, "pruned": 1, "waiting": 2}


def test_a_ledger_of_format_1_goes_on(tmp_path: Path) -> None:
    """It has no column for the values of epochs, and needs none."""
    make(tmp_path, 4)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE sweep SET value = '1' WHERE key = 'format'")
        connection.execute("ALTER TABLE trials DROP COLUMN intermediate")
    old = SqliteLedger(tmp_path / "ledger.sqlite")
    old.finish(claimed(old), {"test": {"loss": 0.5}})
    assert [(one.status, one.intermediate) for one in old.trials()] == [("done", None), *[("waiting", None)] * 3]


@settings(max_examples=25)
@given(
    some.dictionaries(
        some.text(max_size=5), some.recursive(some.none() | some.integers() | some.text(), some.lists), max_size=3
    )
)
def test_values_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    """Whatever a parameter's value is, also a whole layer."""
    for kind in ("sqlite", "files"):
        folder = SweepFolder(tmp_path_factory.mktemp("ledger"))
        folder.create_ledger(kind, {"name": values}, [Trial(0, 0, 1, values)])
        made = folder.open_ledger()
        assert (made.trials()[0].parameters, made.fields()) == (values, {"format": FORMAT, "name": values})


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_a_process_that_is_killed_while_it_makes_a_ledger_leaves_none(tmp_path: Path, kind: str) -> None:
    """Its folder is no sweep: nothing can be read there that is not all there."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), kind], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not SweepFolder(tmp_path).has_ledger


@pytest.mark.parametrize("kind", ["sqlite", "files", "postgres"])
def test_a_newer_format_is_refused(tmp_path: Path, kind: str) -> None:
    """The message names both formats, and what to install; of a server's ledger its file says it."""
    if kind == "postgres":
        pytest.importorskip("psycopg")
        document = {"format": 99, "address": "postgresql://me@host/db", "sweep": {}}
        (tmp_path / "ledger.json").write_text(json.dumps(document))
    else:
        make(tmp_path, 1, kind)
    if kind == "sqlite":
        with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
            connection.execute("UPDATE sweep SET value = '99' WHERE key = 'format'")
    elif kind == "files":
        (tmp_path / "ledger" / "sweep.json").write_text(json.dumps({"format": 99, "fields": {}}))
    known = FILES_FORMAT if kind == "files" else FORMAT
    with pytest.raises(RunError, match=f"has format 99, and this version of nnrun reads {known}") as caught:
        SweepFolder(tmp_path).open_ledger()
    assert "newer" in str(caught.value.hint)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 20])
def test_a_damaged_file_is_a_message(tmp_path: Path, content: bytes) -> None:
    """Also an empty one, as a process leaves that is killed at the start."""
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(RunError, match=r"ledger\.sqlite"):
        SqliteLedger(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("value", ["{", "[" * 100_000, '{"a": 1}'])
def test_a_value_that_cannot_be_read_is_a_message(tmp_path: Path, value: str) -> None:
    """Text that is no JSON, is nested without end, or is of the wrong kind."""
    made = make(tmp_path, 1)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE sweep SET value = ? WHERE key = 'format'", (value,))
        connection.execute("UPDATE trials SET parameters = ?", (value if value[0] == "[" else "}",))
    with pytest.raises(RunError, match=r"ledger\.sqlite"):
        SqliteLedger(tmp_path / "ledger.sqlite")
    with pytest.raises(RunError, match="is damaged"):
        made.trials()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A ledger lies in its sweep's folder."""
    (tmp_path / "elsewhere").mkdir()
    make(tmp_path / "elsewhere", 1)
    (tmp_path / "ledger.sqlite").symlink_to(tmp_path / "elsewhere" / "ledger.sqlite")
    with pytest.raises(RunError, match="is no file"):
        SqliteLedger(tmp_path / "ledger.sqlite")


def test_a_view_in_a_ledger_of_others_runs_nothing(tmp_path: Path) -> None:
    """A file from other hands cannot call functions that change or read anything else."""
    make(tmp_path, 1)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("DROP TABLE sweep")
        connection.execute("CREATE VIEW sweep AS SELECT 'format' AS key, load_extension('evil') AS value")
    with pytest.raises(RunError):
        SqliteLedger(tmp_path / "ledger.sqlite")


def test_a_read_only_disk_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, and the message says what to look at."""
    made = make(tmp_path, 1)
    connect = sqlite3.connect

    def read_only(file: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{Path(file).as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(RunError, match="readonly"):
        made.claim()
