"""Finding and listing runs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nnrun.errors import RunError
from nnrun.runs import environment, metrics, record
from nnrun.runs import find as module
from nnrun.runs.find import find, list_runs, run_as_json, unfinished
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.runs.folder import RunFolder

    MakeRun = Callable[..., RunFolder]


#: The summary of a cross-validation.
FOLDS = {
    "folds": 2,
    "repeats": 1,
    "interval": "t",
    "mean": {"error_percent": 3.0},
    "sd": {"error_percent": 1.0},
    "interval_95": {"error_percent": [2.0, 4.0]},
    "each": [{"fold": 0, "error_percent": 2.0}, {"fold": 1, "error_percent": 4.0}],
}


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """The folder in which `make_run` makes its runs."""
    return tmp_path / "runs"


def _record(run: RunFolder) -> Record:
    return Record(run, module.record.read(run))


def test_a_run_is_found_by_path_id_short_id_prefix_and_name(runs_dir: Path, make_run: MakeRun) -> None:
    """Every way of naming a run leads to the same folder."""
    run = make_run("mnist_cnn", 1)
    make_run("digits_mlp", 2)
    words = (str(run.path), f"{run.path}/", run.id, run.id[:17], run.short_id, "mnist_cnn")
    assert [find(runs_dir, word).path for word in words] == [run.path] * len(words)


def test_a_unique_prefix_of_the_short_id_is_enough(runs_dir: Path, make_run: MakeRun) -> None:
    """A unique prefix of the short id finds the run."""
    run = make_run("mnist_cnn", 1)
    for length in range(1, 7):
        assert find(runs_dir, run.short_id[:length]).id == run.id


def test_a_name_means_its_latest_run(runs_dir: Path, make_run: MakeRun) -> None:
    """A name that several runs have means the latest, in any order on disk."""
    runs = {second: make_run("mnist_cnn", second) for second in (5, 9, 7)}
    assert find(runs_dir, "mnist_cnn").id == runs[9].id


def test_a_name_with_accents_finds_its_run(runs_dir: Path, make_run: MakeRun) -> None:
    """A name is searched in the form that it has in a folder's name."""
    run = make_run("años de niño")
    assert find(runs_dir, "años de niño").id == run.id


def test_last_is_the_latest_even_within_one_second(runs_dir: Path, make_run: MakeRun) -> None:
    """`last` is the run that started last, by the record's time where the second is the same."""
    make_run("zebra", 1)
    for name in ("m", "b", "x", "a"):
        latest = make_run(name, 2)
        _record(latest).update(start=f"2026-11-23T14:15:02.{'mbxa'.index(name)}00+00:00")
    assert find(runs_dir, "last").id == latest.id


def test_a_full_name_wins_over_a_short_id_that_begins_so(runs_dir: Path, make_run: MakeRun) -> None:
    """A run called `ad` is found although another run's short id begins with these letters."""
    named = make_run("ad", 1)
    other = make_run("x", 2)
    shutil.copytree(other.path, other.path.with_name("20261123T141509Z_x_ad0000"))
    assert find(runs_dir, "ad").id == named.id


def test_a_word_that_fits_several_lists_them(runs_dir: Path, make_run: MakeRun) -> None:
    """An ambiguous word is refused with the candidates and a way to say it shorter."""
    runs = [make_run("x", second) for second in range(12)]
    with pytest.raises(RunError, match="'2026' matches 12 runs") as caught:
        find(runs_dir, "2026")
    assert runs[-1].id in caught.value.text
    assert "and 2 more" in caught.value.text
    assert runs[-1].short_id in (caught.value.hint or "")


def test_a_misspelt_name_gets_the_nearest(runs_dir: Path, make_run: MakeRun) -> None:
    """A word that matches no run is refused with the nearest name, or with the command that lists the runs."""
    make_run("mnist_cnn")
    with pytest.raises(RunError, match="has the name 'mnist_cn'") as caught:
        find(runs_dir, "mnist_cn")
    assert caught.value.hint == "Did you mean 'mnist_cnn'?"
    for word in ("qqqqqqqqqqqq", ""):
        with pytest.raises(RunError) as caught:
            find(runs_dir, word)
        assert caught.value.hint == "List the runs with: nnrun runs list"


@pytest.mark.parametrize("word", ["last", "mnist_cnn", ""])
def test_without_runs_the_hint_makes_one(runs_dir: Path, word: str) -> None:
    """Where there is no run yet, or no folder, the error says how to make one."""
    with pytest.raises(RunError, match="There is no run in") as caught:
        find(runs_dir, word)
    assert "nnrun train" in (caught.value.hint or "")


def test_a_folder_that_is_no_run_is_refused(runs_dir: Path, tmp_path: Path, make_run: MakeRun) -> None:
    """A path to a folder without a record is refused as such."""
    make_run()
    (tmp_path / "other").mkdir()
    with pytest.raises(RunError, match="is not a run folder"):
        find(runs_dir, str(tmp_path / "other"))


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_an_incomplete_run_is_refused(runs_dir: Path, make_run: MakeRun, content: str | None) -> None:
    """A run without a whole record is refused, not used half."""
    run = make_run()
    run.record.unlink()
    if content is not None:
        run.record.write_text(content)
    for word in ("last", run.short_id, run.id):
        with pytest.raises(RunError, match=r"record\.json"):
            find(runs_dir, word)


def test_a_renamed_run_is_found_by_its_new_name(runs_dir: Path, make_run: MakeRun) -> None:
    """A user may rename a run's folder."""
    renamed = make_run().path.rename(runs_dir / "best_so_far")
    assert find(runs_dir, "best_so_far").path == renamed


def test_the_list_has_every_run_with_its_figures(runs_dir: Path, make_run: MakeRun) -> None:
    """Each row has status, times, epochs and the headline metric, the oldest run first."""
    second, first = make_run("b", 2), make_run("a", 1)
    _record(second).update(start="2026-11-23T14:15:02+00:00", end="2026-11-23T14:16:02.500+00:00")
    for epoch in (1, 2, 3):
        metrics.append(second.metrics, {"epoch": epoch, "loss": 1 / epoch})
    second.write_json(second.scores, {"test": {"loss": 0.0353, "error_percent": 1.1}})
    rows = list_runs(runs_dir)
    assert [row.id for row in rows] == [first.id, second.id]
    assert (rows[1].name, rows[1].status, rows[1].seconds, rows[1].epochs) == ("b", "done", 60.5, 3)
    assert rows[1].headline == ("error_percent", 1.1)
    assert (rows[0].epochs, rows[0].headline) == (None, None)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"test": {"loss": 0.5, "mean_absolute_error": 2}}, ("mean_absolute_error", 2)),
        ({"test": None, "validation": {"loss": 0.5}}, ("loss", 0.5)),
        ({"cross_validation": FOLDS}, ("error_percent", 3.0)),
        ({"test": {"loss": "nan"}}, None),
        ({}, None),
    ],
)
def test_the_headline_is_the_most_telling_figure(
    runs_dir: Path, make_run: MakeRun, scores: object, expected: tuple[str, float] | None
) -> None:
    """The headline is of the test part, else the folds' mean, else of the validation part; none is no error."""
    run = make_run()
    run.write_json(run.scores, scores)
    assert list_runs(runs_dir)[0].headline == expected


def test_broken_folders_are_listed_and_strangers_are_not(runs_dir: Path, make_run: MakeRun) -> None:
    """A run without a whole record is `broken`; files and folders that are no runs are passed over."""
    broken, torn = make_run("a", 1), make_run("b", 2)
    broken.record.unlink()
    torn.record.write_text('{"status": ')
    (runs_dir / "notes").mkdir()
    (runs_dir / ".gitkeep").touch()
    assert [(row.name, row.status) for row in list_runs(runs_dir)] == [("a", "broken"), ("b", "broken")]


def test_odd_records_do_not_break_the_list(runs_dir: Path, make_run: MakeRun) -> None:
    """A field of the wrong type, torn scores and a link are `broken` rows that say why; torn metrics hide the epoch."""
    fields, scores, link, metrics = (make_run(name, second) for second, name in enumerate("abcd"))
    fields.record.write_text('{"start": 5, "end": [], "process": 3, "status": "running"}')
    scores.scores.write_text("{")
    link.record.rename(link.path / "other")
    link.record.symlink_to("other")
    metrics.metrics.write_text('{"epoch": "x"}\n{"epo')
    rows = list_runs(runs_dir)
    assert [row.status for row in rows[:3]] == ["broken"] * 3
    problems = [row.problem or "" for row in rows]
    for problem, words in zip(
        problems, ("start: expected text", "scores.json: ", "is a symbolic link", ""), strict=True
    ):
        assert words in problem
    assert (rows[3].epochs, rows[3].problem) == (None, None)


def test_the_last_run_is_the_last_one_that_can_be_used(runs_dir: Path, make_run: MakeRun) -> None:
    """An empty or damaged folder, left by a kill or a full disk, never hides the run before it."""
    good, empty, damaged = (make_run("same", second) for second in range(3))
    empty.record.unlink()
    damaged.record.write_text("{")
    assert find(runs_dir, "last").path == good.path
    assert find(runs_dir, "same").path == good.path
    with pytest.raises(RunError, match="has no record"):
        find(runs_dir, empty.short_id)
    good.record.write_text("[[")
    with pytest.raises(RunError, match=f"{damaged.id}/record.json"):
        find(runs_dir, "last")


@pytest.mark.parametrize("start", ["2026-11-23T14:15:02", "2026-11-23T14:16:03+00:00"])
def test_times_that_say_no_duration_do_not_break_the_list(runs_dir: Path, make_run: MakeRun, start: str) -> None:
    """Two times that cannot be subtracted, and those of a clock that was set back, leave the seconds out."""
    _record(make_run()).update(start=start, end="2026-11-23T14:16:02+00:00")
    assert list_runs(runs_dir)[0].seconds is None


def test_a_run_whose_process_is_gone_has_died(runs_dir: Path, make_run: MakeRun) -> None:
    """`running` is shown only while the process lives; on another host the record is believed."""
    run = make_run(status="running")
    assert list_runs(runs_dir)[0].status == "running"
    record = _record(run)
    process = record.fields["process"]
    record.update(process={**process, "start": "another boot:1"})
    assert list_runs(runs_dir)[0].status == "died"
    record.update(process={**process, "host": "elsewhere", "start": "another boot:1"})
    assert list_runs(runs_dir)[0].status == "running"


def test_listing_reads_few_records_when_finding_by_time(
    runs_dir: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`last` among runs of different seconds reads one record, so it stays quick with thousands of runs."""
    for second in range(5):
        make_run("x", second)
    reads: list[str] = []
    read = module.record.read
    monkeypatch.setattr(module.record, "read", lambda folder: reads.append(folder.id) or read(folder))
    find(runs_dir, "last")
    assert len(set(reads)) == 1


def test_a_zombie_is_gone(runs_dir: Path, make_run: MakeRun) -> None:
    """A process that has ended, and whose parent has not asked for its exit code, does not run any more."""
    run = make_run("zombie", 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alive = {"host": socket.gethostname(), "pid": child.pid, "start": environment._process_start(child.pid)}
        Record(run, record.read(run)).update(status="running", process=alive)
        assert list_runs(runs_dir)[0].status == "running"
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert list_runs(runs_dir)[0].status == "died"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"status": "running", "process": {"host": "b", "pid": 7}}, "still runs, as process 7 on b (after epoch 2)"),
        ({"status": "failed", "error": "no disk"}, "failed: no disk (after epoch 2)"),
        ({"status": "interrupted"}, "was interrupted (after epoch 2)"),
        ({"status": "preempted"}, "has the status preempted (after epoch 2)"),
    ],
)
def test_a_run_that_is_not_done_says_how_it_stands(make_run: MakeRun, fields: dict[str, Any], text: str) -> None:
    """Each status has a sentence, with the last epoch; a run that is done has none."""
    run = make_run("some", 0)
    metrics.append(run.metrics, {"epoch": 2, "loss": 1.0})
    assert unfinished(run, fields) == f"The run {run.id} {text}."
    assert unfinished(run, {"status": "done"}) is None


def test_a_process_of_another_boot_or_start_is_gone(runs_dir: Path, make_run: MakeRun) -> None:
    """After a reboot, or where a number is used again, the process is another one; it is named in the document."""
    run = make_run("rebooted", 0)
    own = environment.process()
    for start in ("another-boot:" + str(own["start"]).partition(":")[2], str(own["start"]).partition(":")[0] + ":1"):
        Record(run, record.read(run)).update(status="running", process={**own, "start": start})
        assert run_as_json(run)["status"] == "died"
        assert run_as_json(run)["process"] == {**own, "start": start}
    assert f"died: process {own['pid']} on {own['host']} is gone" in str(unfinished(run, record.read(run)))
