"""`nnrun queue` as a user types it: frozen when it is added, done without a terminal, and unharmed by kills."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import Result
from held_training import HeldTrainings, write_code
from hypothesis import given
from hypothesis import strategies as some
from waiting import wait_for

from nnrun.cli.commands.queue_add import QUEUED, command_words
from nnrun.cli.main import nnrun
from nnrun.config.document import parse
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress
from nnrun.runs import trusted_code
from nnrun.runs.folder import RunFolder
from nnrun.runs.queue import Job, Queue
from nnrun.sweep.folder import list_sweeps

Invoke = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[str]]


def test_a_mistake_is_told_before_anything_is_queued(invoke: Invoke, workdir: Path) -> None:
    """In the config, in an option, and in the name of a run; with line and column where there are some."""
    (workdir / "wrong.yaml").write_text((workdir / "tiny.yaml").read_text().replace("units: 4", "unit: 4"))
    for words, text in (
        (("train", "wrong.yaml"), "wrong.yaml:8:13: error: "),
        (("train", "tiny.yaml", "--set", "training.epoch=3"), "--set:1:10: error: "),
        (("train", "tiny.yaml", "--epochs", "3"), "nnrun queue add train"),
        (("sweep", "tiny.yaml"), "the config says nothing of what is to vary"),
        (("resume", "last"), "There is no run in "),
        (("predict", "last"), "No such command 'predict'"),
    ):
        done = invoke("queue", "add", *words)
        assert (done.exit_code != 0, text in done.output) == (True, True), done.output
    assert "There is no job in " in invoke("queue", "list").output
    assert not (workdir / "runs" / "queue").exists()


def test_what_is_edited_after_add_changes_nothing(invoke: Invoke, workdir: Path) -> None:
    """The job has copies: of the config with its options, and of code; the user's own text is kept beside them."""
    (workdir / "own.py").write_text("def twice(x):\n    return x + x\n")
    config = (workdir / "tiny.yaml").read_text()
    (workdir / "tiny.yaml").write_text(config.replace("relu", "twice"))
    before = invoke("resolve", "tiny.yaml", "--set", "seed=9", "--code", "own.py").stdout
    assert invoke("queue", "add", "train", "tiny.yaml", "--set", "seed=9", "--code", "own.py").exit_code == 0
    (workdir / "own.py").unlink()
    (workdir / "tiny.yaml").write_text("name: another\n")
    (job,) = Queue(workdir / "runs").jobs()
    values = parsed("train", list(job.words[1:]))
    assert values["sets"] == ()
    assert all(Path(value).is_absolute() for value in (values["config"], *values["code"], values["runs_dir"]))
    after = invoke("resolve", values["config"], "--code", values["code"][0]).stdout
    # The job's config names the copy of the code, so that it is complete without the option.
    (copied,) = parse(after, "after").data["code"]
    assert Path(copied).read_text() == "def twice(x):\n    return x + x\n"
    assert {**parse(after, "after").data, "code": []} == {**parse(before, "before").data, "code": []}
    assert (Path(job.folder) / "config.yaml").read_text() == config.replace("relu", "twice")
    assert list(job.data) == ["file:tiny.csv"]


def test_a_job_knows_every_option_of_train(invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job hands on is what `nnrun train` hands on: an option that only one of them knows is found here."""
    handed: list[dict[str, Any]] = []
    take = "nnrun.cli.commands.train.run_and_print"
    monkeypatch.setattr(take, lambda _run, settings, **more: handed.append({**settings, "config": more["config"]}))
    assert invoke("queue", "add", "train", "tiny.yaml").exit_code == 0
    assert invoke("queue", "run-job", "1").exit_code == 0
    assert invoke("train", str(workdir / "tiny.yaml")).exit_code == 0
    assert [sorted(one) for one in handed] == [sorted(handed[1])] * 2


def test_a_queued_sweep_is_made_at_once(invoke: Invoke, workdir: Path) -> None:
    """With its trials, so that the job only goes on with it; what changes no trial is kept as it was typed."""
    options = ("--grid", "training.batch_size=8,16", "--seeds", "2", "--jobs", "auto", "--time-limit", "8h")
    assert invoke("queue", "add", "sweep", "tiny.yaml", *options, "--code", "tiny.py").exit_code == 2
    assert "nnrun train --smoke" in invoke("queue", "add", "train", "tiny.yaml", "--smoke").stderr
    assert invoke("queue", "add", "sweep", "tiny.yaml", *options).exit_code == 0
    assert invoke("queue", "add", "sweep", "--resume", "last").exit_code == 0
    first, second = Queue(workdir / "runs").jobs()
    (folder,) = list_sweeps(workdir / "runs")
    assert folder.open_ledger().counts() == {"waiting": 4}
    values = parsed("sweep", list(first.words[1:]))
    given = ("config", "resumed", "sets", "grid", "jobs", "time_limit")
    assert [values[name] for name in given] == [None, str(folder.path), (), (), "auto", 28800.0]
    assert (first.run, second.run) == (str(folder.path), str(folder.path))
    assert parsed("sweep", list(second.words[1:]))["jobs"] == 1


def test_the_environment_of_add_is_that_of_the_job(
    invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of runs and of data are written out, as `queue start` may have others."""
    monkeypatch.setenv("NNRUN_DATA_DIR", "data")
    monkeypatch.setenv("NNRUN_RUNS_DIR", "elsewhere")
    assert "next  nnrun queue start\n" in invoke("queue", "add", "train", "tiny.yaml").output
    (job,) = Queue(workdir / "elsewhere").jobs()
    assert f"--data-dir={workdir / 'data'}" in job.words
    assert f"--runs-dir={workdir / 'elsewhere'}" in job.words
    monkeypatch.delenv("NNRUN_RUNS_DIR")
    assert f"--runs-dir {workdir / 'elsewhere'}" in invoke("queue", "list", "--runs-dir", "elsewhere").output


def test_the_list_says_how_jobs_stand(invoke: Invoke, workdir: Path) -> None:
    """Their order, their commands, and what to type next; as JSON with everything."""
    for seed in (1, 2, 3):
        assert (
            f"Job {seed} waits: nnrun train"
            in invoke("queue", "add", "train", "tiny.yaml", "--set", f"seed={seed}").output
        )
    assert "Job 2 is cancelled." in invoke("queue", "cancel", 2).output
    shown = invoke("queue", "list").output
    assert [line.split()[:1] for line in shown.splitlines()[1:4]] == [["1"], ["2"], ["3"]]
    assert "train tiny.yaml --set seed=3  waiting (2)" in shown
    assert "nnrun queue start" in shown
    document = json.loads(invoke("queue", "list", "--json").stdout)
    assert [one["status"] for one in document["jobs"]] == ["waiting", "cancelled", "waiting"]
    assert document["jobs"][0]["command"] == ["nnrun", "train", "tiny.yaml", "--set", "seed=1"]
    assert (document["worker"], document["jobs"][0]["run"]) == (None, None)
    assert invoke("queue", "add", "train", "tiny.yaml", "--quiet").stdout == "4\n"
    for words, text in (
        (("cancel", 2), "Job 2 cannot be cancelled: it is cancelled."),
        (("cancel", 9), "There is no job 9"),
        (("log", 1), "job 1 has not begun"),
        (("stop",), "no process works through this queue"),
    ):
        refused = invoke("queue", *words)
        assert (refused.exit_code, text in refused.output) == (1, True), refused.output


def test_without_a_job_that_waits_nothing_is_started(invoke: Invoke, workdir: Path) -> None:
    """It is no error, and leaves no file."""
    started = invoke("queue", "start")
    assert (started.exit_code, "No job waits." in started.output) == (0, True)
    assert list(workdir.glob("runs/*")) == []


def test_a_queue_keeps_no_secret(invoke: Invoke, workdir: Path) -> None:
    """An option that gives one is refused, before a file has it; what the config itself says is the user's own."""
    monitor = "training.callbacks=[{RemoteMonitor: {root: https://host/, headers: {api_key: hunter22}}}]"
    for words in (
        ("train", "tiny.yaml", "--set", "name=https://me:hunter22@host/"),
        ("train", "tiny.yaml", "--set", "data.source.csv.password=hunter22"),
        ("train", "tiny.yaml", "--set", monitor),
        ("sweep", "tiny.yaml", "--seeds", "2", "--set", monitor),
    ):
        refused = invoke("queue", "add", *words)
        assert (refused.exit_code, "keeps none" in refused.output) == (1, True), refused.output
        assert "hunter22" not in refused.output
    assert not list(workdir.glob("runs/**/*"))


TEXT = some.text(some.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(
    some.fixed_dictionaries(
        {
            "run": TEXT,
            "sets": some.lists(TEXT, max_size=2).map(tuple),
            "code": some.lists(TEXT.map(Path), max_size=2).map(tuple),
            "runs_dir": TEXT.map(Path),
            "data_dir": some.none() | TEXT.map(Path),
            "jobs": some.none() | some.integers(1, 64),
            "time_limit": some.none() | some.floats(0.5, 1e6),
            "even_if_different": some.booleans(),
            "trust_run": some.booleans(),
            "with_report": some.booleans(),
            "quiet": some.just(False),
            "as_json": some.just(False),
        }
    )
)
def test_a_command_line_is_read_as_it_was_written(values: dict[str, Any]) -> None:
    """Whatever its values are, also those that look like options."""
    words = command_words(QUEUED["resume"], values)
    assert parsed("resume", words) == values


def parsed(name: str, words: list[str]) -> dict[str, Any]:
    """Return the values of a command line, as the command `nnrun` reads it."""
    with nnrun.make_context("nnrun", [name, *words]) as context:
        return QUEUED[name].make_context(name, words, parent=context).params


def ended(runs_dir: Path, number: int) -> Job | None:
    """Return a job if it has ended."""
    job = Queue(runs_dir).job(number)
    return None if job.status in ("waiting", "running") else job


def expected_of(job: Job, folder: Path) -> RunFolder:
    """Train the frozen config of a job here, in one go."""
    config = str(Path(job.folder) / "resolved.yaml")
    return train(TrainRequest(config, runs_dir=folder), NullProgress()).folder


def require_same_run(one: RunFolder, other: RunFolder) -> None:
    """Check that two runs have the same history, scores and predictions, bit for bit."""
    for name in ("scores.json", "predictions.csv"):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes()
    lines = [[json.loads(line) for line in run.metrics.read_text().splitlines()] for run in (one, other)]
    times = ("seconds", "time")
    figures = [[{key: line[key] for key in line if key not in times} for line in run] for run in lines]
    assert figures[0] == figures[1]


def _everything(terminal: int) -> bytes:
    """Return all that was written to a terminal that nobody has open any more; it may come in parts."""
    found = b""
    # Linux says that the other end is closed by an error.
    with suppress(OSError):
        while part := os.read(terminal, 4096):
            found += part
    return found


@pytest.mark.keras
def test_a_closed_terminal_ends_nothing(workdir: Path, process: Process, environment: dict[str, str]) -> None:
    """Two jobs are added and started in a terminal that is closed at once; both are done, and are runs as any other."""
    for seed in (4, 5):
        assert process("queue", "add", "train", "tiny.yaml", "--set", f"seed={seed}").returncode == 0
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nnrun", "queue", "start"]
    shell = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    assert shell.wait(timeout=240) == 0
    assert b"which needs no terminal" in _everything(ours)
    os.close(ours)
    runs = workdir / "runs"
    jobs = [wait_for(lambda number=number: ended(runs, number)) for number in (1, 2)]
    assert [(job.status, job.exit_code) for job in jobs] == [("done", 0)] * 2
    listed = process("queue", "list").stdout
    assert all(str(job.run)[-6:] in listed for job in jobs)
    assert "epoch 2/2" in process("queue", "log", "2").stdout
    assert RunFolder(Path(str(jobs[1].run))).scores.is_file()


@pytest.mark.keras
def test_a_reboot_changes_no_bit_and_cancel_keeps_the_run(
    workdir: Path, process: Process, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes are killed while a job trains; the next start goes on with its run, and a cancelled one is kept."""
    monkeypatch.setenv(trusted_code.VARIABLE, "all")
    with (workdir / "tiny.yaml").open("a") as file:
        file.write("  callbacks: [Held]\n")
    options = ["--code", str(write_code(workdir)), "--set", "training.save_every={epochs: 1}"]
    for epochs in ("20", "100000"):
        words = ("train", "tiny.yaml", *options, "--set", f"training.epochs={epochs}")
        assert process("queue", "add", *words).returncode == 0
    (workdir / "tiny.yaml").write_text("name: another\n")
    runs = workdir / "runs"
    held = HeldTrainings(workdir)
    environment.update(held.environment)
    assert process("queue", "start").returncode == 0
    held.wait(1)
    begun = wait_for(lambda: trained(runs, 1, 1))
    assert process("queue", "start").returncode == 1
    worker = psutil.Process((Queue(runs).worker() or {})["pid"])
    child = psutil.Process((begun.process or {})["pid"])
    for one in (worker, child):
        one.kill()
    psutil.wait_procs([worker, child], timeout=240)
    assert Queue(runs).job(1).status == "running"
    for name in held.environment:
        del environment[name]
    assert process("queue", "start").returncode == 0
    job = wait_for(lambda: ended(runs, 1))
    assert (job.status, job.run, job.attempts) == ("done", begun.run, 1)
    assert "Resumed" in process("queue", "log", "1").stdout
    require_same_run(RunFolder(Path(job.run)), expected_of(job, workdir / "expected"))
    wait_for(lambda: trained(runs, 2, 3))
    cancelled = json.loads(process("queue", "cancel", "2", "--json").stdout)
    assert (cancelled["status"], cancelled["next"]) == ("cancelled", "nnrun queue retry 2")
    assert len([path for path in runs.iterdir() if path.name != "queue"]) == 2
    wait_for(lambda: Queue(runs).worker() is None)
    again = process(*cancelled["next"].split()[1:])
    assert again.stdout == "Job 2 waits. Go on: nnrun queue start\n", again.stderr
    before = len(RunFolder(Path(cancelled["run"])).metrics.read_text().splitlines())
    assert process("queue", "start").returncode == 0
    assert wait_for(lambda: trained(runs, 2, before + 1)).run == cancelled["run"]
    assert json.loads(process("queue", "cancel", "2", "--json").stdout)["status"] == "cancelled"
    wait_for(lambda: Queue(runs).worker() is None)
    assert json.loads(process("queue", "remove", "--done", "--json").stdout) == {"removed": [1]}
    assert process("queue", "remove", "2").stdout == "1 job removed; the runs are kept.\n"
    assert process("queue", "remove").returncode == 2
    assert Queue(runs).jobs() == []
    assert list((runs / "queue" / "jobs").iterdir()) == []
    assert len([path for path in runs.iterdir() if path.name != "queue"]) == 2
    shutil.rmtree(runs)


def trained(runs_dir: Path, number: int, epochs: int) -> Job | None:
    """Return a job if it runs, and its run has so many epochs."""
    job = Queue(runs_dir).job(number)
    metrics = None if job.run is None else RunFolder(Path(job.run)).metrics
    found = job.status == "running" and metrics is not None and metrics.is_file()
    return job if found and metrics is not None and len(metrics.read_bytes().splitlines()) >= epochs else None
