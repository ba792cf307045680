"""The ledger of a sweep: every trial is claimed by one process, and none is lost or trained twice."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.sweep.ledger import FORMAT, MOST_ATTEMPTS, Ledger, Trial

CLAIM = """
import sys
from pathlib import Path
from nnrun.sweep.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
while (trial := ledger.claim()) is not None:
    print(trial.number)
    ledger.finish(trial.number, {"validation": {"loss": trial.number}})
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger of four trials."""
    return make(tmp_path / "ledger.sqlite", 4)


def make(file: Path, count: int, **fields: Any) -> Ledger:
    """Create a ledger with trials of one parameter."""
    return Ledger.create(file, fields, [Trial(number, number, 7, {"x": number}) for number in range(count)])


def test_trials_are_claimed_in_order_and_once(ledger: Ledger) -> None:
    """The claim says who, when and which attempt it is; without a waiting trial there is none to claim."""
    claimed = [ledger.claim() for _ in range(5)]
    assert [one.number for one in claimed if one] == [0, 1, 2, 3]
    assert claimed[4] is None
    assert claimed[0] is not None
    assert (claimed[0].process, claimed[0].attempts, claimed[0].parameters) == (environment.process(), 1, {"x": 0})
    assert ledger.counts() == {"running": 4}


@pytest.mark.slow
def test_processes_that_share_a_ledger_claim_no_trial_twice(tmp_path: Path) -> None:
    """Four processes at once finish 200 trials, each of them once."""
    file = tmp_path / "ledger.sqlite"
    made = make(file, 200)
    processes = [
        subprocess.Popen([sys.executable, "-c", CLAIM, str(file)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    printed = [int(line) for one in processes for line in one.communicate()[0].split()]
    assert sorted(printed) == list(range(200))
    assert made.counts() == {"done": 200}


def test_a_trial_that_was_asked_to_stop_waits_again_without_an_attempt(ledger: Ledger) -> None:
    """However often that happens."""
    for _ in range(MOST_ATTEMPTS + 2):
        claimed = ledger.claim()
        assert claimed is not None
        assert (claimed.number, claimed.attempts) == (0, 1)
        assert ledger.release(0, "stopped", counts=False)


def test_a_trial_whose_process_is_killed_again_and_again_fails(ledger: Ledger) -> None:
    """After three attempts, with the reason; the others go on."""
    for attempt in range(MOST_ATTEMPTS):
        claimed = ledger.claim()
        assert claimed is not None
        assert claimed.number == 0
        assert ledger.release(0, "killed") is (attempt + 1 < MOST_ATTEMPTS)
    assert (ledger.trials("failed")[0].error, ledger.counts()) == ("killed", {"failed": 1, "waiting": 3})


def test_trials_of_a_process_that_is_gone_are_taken_over(ledger: Ledger, tmp_path: Path) -> None:
    """Those of this process, and of other hosts, are not: nobody here knows whether they live."""
    for _ in range(3):
        ledger.claim()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        gone = {**environment.process(), "start": "long ago"}
        elsewhere = {**environment.process(), "host": "elsewhere"}
        for number, process in ((0, gone), (1, elsewhere)):
            connection.execute("UPDATE trials SET process = ? WHERE number = ?", (json.dumps(process), number))
    assert [one.number for one in ledger.release_dead()] == [0]
    assert [one.status for one in ledger.trials()] == ["waiting", "running", "running", "waiting"]


def test_trials_are_added_once_and_all_together(ledger: Ledger) -> None:
    """Of two processes that have made the same trials from the same ledger, one adds them."""
    more = [Trial(number, number, 7, {"x": number}) for number in (4, 5)]
    assert ledger.add(more, known=4)
    assert not ledger.add(more, known=4)
    assert [one.number for one in ledger.trials("waiting")] == list(range(6))
    with pytest.raises(RunError, match="UNIQUE"):
        ledger.add([Trial(6, 6, 7, {}), Trial(0, 0, 7, {})], known=6)
    assert ledger.counts() == {"waiting": 6}


def test_a_pruned_trial_has_its_reason_and_the_values_of_its_epochs(ledger: Ledger) -> None:
    """It is claimed no more; one that is done keeps its values too."""
    ledger.claim()
    ledger.prune(0, "pruned after epoch 2", [0.7, 0.6])
    ledger.claim()
    ledger.finish(1, {"test": {"loss": 0.5}}, [0.6, 0.5, 0.4])
    pruned, done, *_ = ledger.trials()
    assert (pruned.status, pruned.error, pruned.intermediate) == ("pruned", "pruned after epoch 2", [0.7, 0.6])
    assert (done.status, done.intermediate) == ("done", [0.6, 0.5, 0.4])
    assert ledger.counts() == {"done": 1, "pruned": 1, "waiting": 2}


def test_a_ledger_of_format_1_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    """It has no column for the values of epochs, and needs none."""
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE sweep SET value = '1' WHERE key = 'format'")
        connection.execute("ALTER TABLE trials DROP COLUMN intermediate")
    old = Ledger(tmp_path / "ledger.sqlite")
    old.claim()
    old.finish(0, {"test": {"loss": 0.5}})
    assert [(one.status, one.intermediate) for one in old.trials()] == [("done", None), *[("waiting", None)] * 3]


@settings(max_examples=25)
@given(
    some.dictionaries(
        some.text(max_size=5), some.recursive(some.none() | some.integers() | some.text(), some.lists), max_size=3
    )
)
def test_values_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    """Whatever a parameter's value is, also a whole layer."""
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    made = Ledger.create(file, {"name": values}, [Trial(0, 0, 1, values)])
    assert (made.trials()[0].parameters, made.fields()) == (values, {"format": FORMAT, "name": values})


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """The message names both formats."""
    make(tmp_path / "ledger.sqlite", 1)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE sweep SET value = '99' WHERE key = 'format'")
    with pytest.raises(RunError, match=f"has format 99, and this version of nnrun reads {FORMAT}"):
        Ledger(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 20])
def test_a_damaged_file_is_a_message(tmp_path: Path, content: bytes) -> None:
    """Also an empty one, as a process leaves that is killed at the start."""
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(RunError, match=r"ledger\.sqlite"):
        Ledger(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("value", ["{", "[" * 100_000, '{"a": 1}'])
def test_a_value_that_cannot_be_read_is_a_message(tmp_path: Path, value: str) -> None:
    """Text that is no JSON, is nested without end, or is of the wrong kind."""
    made = make(tmp_path / "ledger.sqlite", 1)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE sweep SET value = ? WHERE key = 'format'", (value,))
        connection.execute("UPDATE trials SET parameters = ?", (value if value[0] == "[" else "}",))
    with pytest.raises(RunError, match=r"ledger\.sqlite"):
        Ledger(tmp_path / "ledger.sqlite")
    with pytest.raises(RunError, match="is damaged"):
        made.trials()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A ledger lies in its sweep's folder."""
    make(tmp_path / "elsewhere.sqlite", 1)
    (tmp_path / "ledger.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    with pytest.raises(RunError, match="is no file"):
        Ledger(tmp_path / "ledger.sqlite")


def test_a_view_in_a_ledger_of_others_runs_nothing(tmp_path: Path) -> None:
    """A file from other hands cannot call functions that change or read anything else."""
    make(tmp_path / "ledger.sqlite", 1)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("DROP TABLE sweep")
        connection.execute("CREATE VIEW sweep AS SELECT 'format' AS key, load_extension('evil') AS value")
    with pytest.raises(RunError):
        Ledger(tmp_path / "ledger.sqlite")


def test_a_read_only_disk_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, and the message says what to look at."""
    made = make(tmp_path / "ledger.sqlite", 1)
    connect = sqlite3.connect

    def read_only(file: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{Path(file).as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(RunError, match="readonly"):
        made.claim()
