"""The ledger on a PostgreSQL server: it may go away and come back, and no password is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_sweep import config_text, write_sweep
from waiting import wait_for

from nnrun.errors import RunError
from nnrun.pipeline import sweep_trials
from nnrun.pipeline.sweep import SweepRequest, begin_sweep
from nnrun.progress import NullProgress
from nnrun.runs import environment, record
from nnrun.runs.secrets import without_secrets
from nnrun.sweep import folder as folder_module
from nnrun.sweep import postgres_ledger
from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import LEASE_SECONDS, Ledger, Trial
from nnrun.sweep.postgres_ledger import Address, PostgresLedger

psycopg = pytest.importorskip("psycopg")

CONFIG = config_text("sweep:\n  seeds: 6\n", epochs=300)
CLAIM = """
import sys, time
from pathlib import Path
from nnrun.sweep.folder import SweepFolder
ledger = SweepFolder(Path(sys.argv[1])).open_ledger(patient=True)
while (trial := ledger.claim()) is not None:
    time.sleep(float(sys.argv[2]))
    assert ledger.finish(trial, {"loss": trial.number})
    print(trial.number, flush=True)
"""


def make(folder: Path, url: str, count: int) -> Ledger:
    """Create a ledger with trials of one parameter in a sweep's folder."""
    folder.mkdir(exist_ok=True)
    trials = [Trial(number, number, 7, {"x": number}) for number in range(count)]
    return SweepFolder(folder).create_ledger(url, {"name": "swept"}, trials)


def workers(folder: Path, count: int, seconds: float = 0.0) -> list[subprocess.Popen[str]]:
    """Start processes that claim and finish trials."""
    command = [sys.executable, "-c", CLAIM, str(folder), str(seconds)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) for _ in range(count)]


def finished(processes: list[subprocess.Popen[str]]) -> list[int]:
    """Wait for processes; return the numbers of the trials that they finished."""
    return sorted(int(line) for one in processes for line in one.communicate(timeout=600)[0].split())


@pytest.mark.parametrize(
    ("text", "url", "password"),
    [
        ("postgresql://me@host/db", "postgresql://me@host/db", None),
        ("postgres://me:p%40ss@host:5433/db", "postgresql://me@host:5433/db", "p@ss"),
        ("postgresql://me:p@ss/w:rd@host/db", None, None),
        ("postgresql://me:a@b@[::1]/db?sslmode=require", "postgresql://me@[::1]/db?sslmode=require", "a@b"),
        ("postgresql:///db?host=/run/pg&password=swordfish", "postgresql:///db?host=%2Frun%2Fpg", "swordfish"),
        ("postgresql://me:swordfish@host/db?passfile=/etc/shadow", None, None),
        ("postgresql://me:swordfish@host/db?sslpassword=x", None, None),
        ("postgresql://me:swordfish@host", None, None),
        ("mysql://me:swordfish@host/db", None, None),
        ("postgresql://me:swordfish@host:port/db", None, None),
        ("files ", None, None),
    ],
)
def test_an_address_is_taken_apart(text: str, url: str | None, password: str | None) -> None:
    """The password is apart from what is kept; a message about an address repeats nothing of it."""
    if url is None:
        with pytest.raises(RunError, match="expected the address of a ledger") as caught:
            Address.parse(text)
        assert "swordfish" not in caught.value.text
        assert "p@ss" not in caught.value.text
        return
    address = Address.parse(text)
    assert (address.url, address.password) == (url, password)
    assert Address.parse(address.url) == Address(url)
    assert str(password) not in repr(address) or password is None


def test_sweeps_in_one_database_are_told_apart(postgres: Any, tmp_path: Path) -> None:
    """By their ids; one that is there is not begun again."""
    one, other = make(tmp_path / "one", postgres.url, 1), make(tmp_path / "other", postgres.url, 2)
    assert one.claim() is not None
    assert (one.claim(), other.counts()) == (None, {"waiting": 2})
    with pytest.raises(RunError, match="has a sweep one already"):
        make(tmp_path / "one", postgres.url, 1)


@pytest.mark.slow
def test_a_server_that_is_restarted_loses_and_doubles_no_trial(postgres: Any, tmp_path: Path) -> None:
    """Two groups of processes finish 60 trials, each once, while the server crashes and comes back."""
    ledger = make(tmp_path, postgres.url, 60)
    processes = workers(tmp_path, 4, 0.05)
    wait_for(lambda: ledger.counts().get("done", 0) >= 8)
    postgres.stop()
    time.sleep(1)
    postgres.start()
    assert finished(processes) == list(range(60))
    assert [(one.status, one.attempts) for one in ledger.trials()] == [("done", 1)] * 60


def test_a_change_whose_answer_is_lost_is_made_once(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again, it finds what it has done."""
    ledger = make(tmp_path, postgres.url, 3)
    connect, lost = postgres_ledger._Server._connect, []

    @contextmanager
    def lose(self: Any) -> Any:
        with connect(self) as connection:
            yield connection
        if len(lost) < 2:
            lost.append(None)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(postgres_ledger._Server, "_connect", lose)
    monkeypatch.setattr(postgres_ledger, "_RETRY_SECONDS", 0.0)
    claimed = ledger.claim()
    assert claimed is not None
    assert (len(lost), ledger.counts()) == (2, {"running": 1, "waiting": 2})
    lost.clear()
    assert ledger.finish(claimed, {"loss": 1})
    assert (len(lost), ledger.counts()) == (2, {"done": 1, "waiting": 2})


def test_a_server_that_stays_away_is_a_message_and_nothing_is_lost(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the stated patience, with the address and what to do."""
    monkeypatch.setattr(postgres_ledger, "READING_PATIENCE", 1.0)
    ledger = make(tmp_path, postgres.url, 1)
    trial = ledger.claim()
    assert trial is not None
    postgres.stop()
    try:
        with pytest.raises(RunError, match="cannot be reached or refuses") as caught:
            SweepFolder(tmp_path).open_ledger().finish(trial, {})
        assert SweepFolder(tmp_path).open_ledger().fields()["name"] == "swept"
    finally:
        postgres.start()
    assert "start the server" in str(caught.value.hint)
    assert ledger.finish(trial, {})


def test_a_server_that_stays_away_fails_no_trial(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that has trained ends with the message, and the trial is as it was: whoever resumes finds it done."""
    monkeypatch.setattr(folder_module, "PATIENCE", 1.0)
    fields = {"name": "swept", "choose_by": None, "mode": "auto", "data": {}, "threads": 1}
    folder = SweepFolder(tmp_path)
    folder.create_ledger(postgres.url, fields, [Trial(number, number, 7, {}) for number in range(2)])

    def train(*_: object) -> Any:
        postgres.stop()
        return SimpleNamespace(scores={"validation": {"loss": 0.5}})

    monkeypatch.setattr(sweep_trials, "train_trial", train)
    monkeypatch.setattr(sweep_trials, "require_trained_on_frozen_data", lambda *_: None)
    try:
        with pytest.raises(RunError, match="cannot be reached or refuses") as caught:
            sweep_trials.SweepTask(folder).run(lambda *_: None)
    finally:
        postgres.start()
    assert "--resume goes on" in str(caught.value.hint)
    assert [(one.status, one.attempts) for one in folder.open_ledger().trials()] == [("running", 1), ("waiting", 0)]


def test_a_password_is_kept_nowhere(postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in no file of the sweep, no message and no representation; `PGPASSWORD` or the address give it again."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setattr(postgres_ledger, "_REFUSAL_PATIENCE", 0.0)
    address = Address.parse(postgres.secret_url)
    folder = SweepFolder(tmp_path, address.password)
    folder.create_ledger(address.url, {"name": "swept"}, [Trial(0, 0, 7, {})])
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert postgres.host_url.encode() in kept
    for secret in (address.password or "", "battery"):
        assert secret.encode() not in kept
        assert secret not in repr((folder, address, folder.open_ledger()))
    for wrong in (None, "wrong-password"):
        with pytest.raises(RunError, match="cannot be reached or refuses") as caught:
            SweepFolder(tmp_path, wrong).open_ledger().counts()
        assert "PGPASSWORD" in str(caught.value.hint)
        assert "wrong-password" not in caught.value.text
    assert folder.open_ledger().counts() == {"waiting": 1}
    monkeypatch.setenv("PGPASSWORD", address.password or "")
    assert SweepFolder(tmp_path).open_ledger().counts() == {"waiting": 1}
    monkeypatch.delenv("PGPASSWORD")
    assert "battery" not in without_secrets(f"a message with {address.password}")[0]


def test_a_claim_of_another_host_is_taken_over_when_nobody_renews_it(postgres: Any, tmp_path: Path) -> None:
    """Measured by the server's clock; a renewed claim stays."""
    ledger = make(tmp_path, postgres.url, 2)
    there = {**environment.process(), "host": "elsewhere"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "process", lambda: there)
        trials = [ledger.claim(), ledger.claim()]
    silent, renewed = (one for one in trials if one is not None)
    assert ledger.abandoned() == []
    with psycopg.connect(postgres.url) as connection:
        query = "UPDATE nnrun_trials SET renewed = now() - make_interval(secs => %s) WHERE sweep = %s"
        connection.execute(query, (LEASE_SECONDS + 5, tmp_path.name))
    assert ledger.renew(renewed)
    assert not ledger.renew(replace(silent, attempts=2))
    assert ledger.abandoned() == [silent]


@pytest.mark.keras
@pytest.mark.slow
def test_two_groups_of_workers_train_a_sweep_while_the_server_is_restarted(postgres: Any, tmp_path: Path) -> None:
    """Each trial once, and without a word of the password in any file; the address comes from the sweep's folder."""
    write_sweep(tmp_path, CONFIG)
    address = Address.parse(postgres.secret_url)
    request = SweepRequest(
        str(tmp_path / "swept.yaml"), runs_dir=tmp_path / "runs", ledger=address.url, password=address.password
    )
    folder = begin_sweep(request, NullProgress())
    command = [sys.executable, "-m", "nnrun", "sweep", "work", str(folder.path)]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PGPASSWORD": address.password or ""}
    with (tmp_path / "out.txt").open("wb") as out:
        groups = [
            subprocess.Popen(command, cwd=tmp_path, env=known, stdout=out, stderr=out, start_new_session=True)
            for _ in range(2)
        ]
        wait_for(lambda: folder.open_ledger().counts().get("done", 0) or any(one.poll() for one in groups))
        postgres.stop()
        time.sleep(2)
        postgres.start()
        codes = [one.wait(600) for one in groups]
    assert codes == [0, 0], (tmp_path / "out.txt").read_text()
    trials = folder.open_ledger().trials()
    assert [(one.status, one.attempts) for one in trials] == [("done", 1)] * 6
    assert not any(record.read(folder.run(one.number)).get("resumed") for one in trials)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"battery" not in path.read_bytes(), path


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 2, "address": "postgresql://me@host/db?passfile=x", "sweep": {}}',
        '{"format": 2, "address": "file:///etc/passwd", "sweep": {}}',
        '{"format": 99, "address": "postgresql://me@host/db", "sweep": {}}',
    ],
)
def test_a_file_from_other_hands_names_a_database_or_is_a_message(tmp_path: Path, content: str) -> None:
    """It cannot let libpq read files, and is no ledger of a later version."""
    (tmp_path / "ledger.json").write_text(content)
    with pytest.raises(RunError):
        PostgresLedger(tmp_path / "ledger.json", "swept")
