"""Run folders with states of earlier versions are read, resumed and forked (see frozen_runs/state_*/README.md)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun
from nnrun.engine.state.state_file import FORMAT as STATE_FORMAT
from nnrun.engine.state.state_file import read_state, write_state
from nnrun.runs.documents import FORMAT
from nnrun.runs.folder import RunFolder

FROZEN = Path(__file__).resolve().parent / "frozen_runs"
#: The newest frozen runs: those of the formats that this version writes.
NEWEST = FROZEN / f"state_{STATE_FORMAT}"
KINDS = {"interrupted": "interrupted", "done": "done", "k_fold": "done", "text": "done"}
#: The processor is no longer the one of the run, and its bits not the same.
ANYWHERE = "--even-if-different"

Run = Callable[..., Any]


@pytest.fixture(params=sorted(path.name for path in FROZEN.glob("state_*")))
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Copies of the frozen runs and their data, for every format of states."""
    return Path(shutil.copytree(FROZEN / request.param, tmp_path / "runs"))


@pytest.fixture
def nnrun_in(runs: Path) -> Run:
    """Run a command on the copies."""

    def invoke(*words: str, code: int = 0) -> str:
        where = ["--runs-dir", str(runs)]
        where += ["--data-dir", str(runs / "made_from")] if words[0] not in ("runs", "report", "compare") else []
        result = CliRunner().invoke(nnrun, [*words, *where])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output if code else result.stdout

    return invoke


def epochs_of(folder: RunFolder) -> list[int]:
    """Return the epochs of a run's metrics."""
    return [json.loads(line)["epoch"] for line in folder.metrics.read_text().splitlines()]


def record_of(folder: RunFolder) -> dict[str, Any]:
    """Return a run's record."""
    record: dict[str, Any] = json.loads(folder.record.read_text(encoding="utf-8"))
    return record


def test_there_are_runs_of_the_formats_of_this_version() -> None:
    """Frozen runs have the formats that are written today, a lock and a state in each place where one is kept."""
    assert {path.name for path in NEWEST.iterdir() if path.is_dir()} == {*KINDS, "made_from"}
    for kind, status in KINDS.items():
        record = record_of(RunFolder(NEWEST / kind))
        assert (record["status"], record["format"]) == (status, FORMAT)
        assert (NEWEST / kind / ".lock").is_file()
    states = sorted(NEWEST.rglob("*.safetensors"))
    names = [str(path.relative_to(NEWEST)) for path in states if path.name == "last.safetensors"]
    assert names == [
        "done/state/last.safetensors",
        "interrupted/state/last.safetensors",
        "k_fold/folds/00/state/last.safetensors",
        "k_fold/folds/01/state/last.safetensors",
        "text/state/last.safetensors",
    ]
    assert {read_state(path).document["format"] for path in states} == {STATE_FORMAT}
    assert sum(path.stat().st_size for path in NEWEST.rglob("*") if path.is_file()) < 300_000


@pytest.mark.parametrize("kind", KINDS)
def test_runs_with_states_are_listed_and_shown(nnrun_in: Run, kind: str) -> None:
    """`runs list` and `runs show` read a run with states, whether it is done or was interrupted."""
    rows = {Path(row["folder"]).name: row for row in json.loads(nnrun_in("runs", "list", "--json"))}
    assert {name: (row["status"], row["problem"]) for name, row in rows.items()} == {
        name: (status, None) for name, status in KINDS.items()
    }
    shown = json.loads(nnrun_in("runs", "show", kind, "--json"))
    assert shown["status"] == KINDS[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_runs_with_states_have_a_report(nnrun_in: Run, runs: Path, kind: str) -> None:
    """`report` makes a page of each."""
    nnrun_in("report", kind)
    assert f"frozen_{kind}" in (runs / kind / "report.html").read_text(encoding="utf-8")


@pytest.mark.keras
@pytest.mark.parametrize("kind", KINDS)
def test_runs_with_states_are_scored(nnrun_in: Run, runs: Path, kind: str) -> None:
    """`eval` scores each as it was scored; the interrupted one was not, but has a model."""
    fold = ("--fold", "1") if kind == "k_fold" else ()
    scores = json.loads(nnrun_in("eval", kind, *fold, "--json"))["scores"]
    (part,) = set(scores) - {"task", "checkpoint"}
    if kind != "interrupted":
        place = RunFolder(runs / kind)
        saved = json.loads((place.fold(1) if fold else place).scores.read_text(encoding="utf-8"))
        assert scores[part]["loss"] == pytest.approx(saved[part]["loss"], rel=1e-4)


@pytest.mark.keras
def test_an_interrupted_run_is_resumed_from_its_state(nnrun_in: Run, runs: Path) -> None:
    """A run that an earlier version began ends: the epochs so far stay, the others follow; what is fitted stays."""
    folder = RunFolder(runs / "interrupted")
    before = folder.metrics.read_bytes()
    kept = {file: file.read_bytes() for file in (folder.config, folder.resolved, folder.prepare)}
    nnrun_in("resume", "interrupted", ANYWHERE)
    assert record_of(folder)["status"] == "done"
    assert folder.metrics.read_bytes().startswith(before)
    assert epochs_of(folder) == [1, 2, 3, 4, 5, 6]
    assert len((folder.path / "epochs.csv").read_text().splitlines()) == 7
    assert {file: file.read_bytes() for file in kept} == kept
    assert folder.scores.is_file()


@pytest.mark.keras
@pytest.mark.parametrize(("kind", "epochs"), [("done", 6), ("k_fold", 3), ("text", 3)])
def test_a_run_that_is_done_is_extended(nnrun_in: Run, runs: Path, kind: str, epochs: int) -> None:
    """A done run of an earlier version, of one model or of folds, goes on for more epochs."""
    folder = RunFolder(runs / kind)
    fitted = {file: file.read_bytes() for file in folder.path.rglob("prepare.json")}
    nnrun_in("resume", kind, ANYWHERE, "--set", f"training.epochs={epochs}")
    assert epochs_of(folder) == [*range(1, epochs + 1)] * (2 if kind == "k_fold" else 1)
    assert {file: file.read_bytes() for file in fitted} == fitted


@pytest.mark.keras
@pytest.mark.parametrize("words", [(), ("--at-epoch", "2")])
def test_an_interrupted_run_is_forked(nnrun_in: Run, runs: Path, words: tuple[str, ...]) -> None:
    """A fork begins with the last state of an earlier version, or with one that was kept."""
    before = {path.name for path in runs.iterdir()}
    nnrun_in("fork", "interrupted", *words, "--set", "training.epochs=4")
    (child,) = {path.name for path in runs.iterdir()} - before
    folder = RunFolder(runs / child)
    assert epochs_of(folder) == [1, 2, 3, 4]
    assert record_of(folder)["lineage"]["epoch"] == (2 if words else 3)


@pytest.mark.parametrize(
    "command", ["runs show", "eval", "report", "resume", "fork", "reproduce", "predict", "generate-text", "compare"]
)
def test_a_record_of_a_later_format_is_refused(nnrun_in: Run, runs: Path, command: str) -> None:
    """A folder of a later format is refused with both numbers, its version and what to type, and left as it is."""
    folder = RunFolder(runs / "text")
    fields = record_of(folder) | {"format": FORMAT + 1, "epochs": {"of": "another form"}}
    fields["versions"]["nnrun"] = "9.1.0"
    folder.write_json(folder.record, fields)
    before = {file: file.read_bytes() for file in folder.files()}
    more = {"predict": ["new.txt"], "compare": ["done"]}.get(command, [])
    out = nnrun_in(*command.split(), "text", *more, code=1)
    assert f"has format {FORMAT + 1}, and this version reads formats up to {FORMAT}" in re.sub(r"\s+", " ", out)
    assert "9.1.0" in out
    assert "pip install --upgrade nnrun" in out
    assert {file: file.read_bytes() for file in folder.files()} == before


def test_a_run_of_a_later_format_breaks_no_list(nnrun_in: Run, runs: Path) -> None:
    """`runs list` shows a folder of a later format as one that cannot be read, and all others as ever."""
    folder = RunFolder(runs / "text")
    folder.write_json(folder.record, record_of(folder) | {"format": FORMAT + 1})
    rows = {Path(row["folder"]).name: row["problem"] for row in json.loads(nnrun_in("runs", "list", "--json"))}
    assert f"format {FORMAT + 1}" in rows.pop("text")
    assert set(rows.values()) == {None}


@pytest.mark.keras
@pytest.mark.parametrize("command", ["resume", "fork"])
def test_a_state_of_a_later_format_is_refused(nnrun_in: Run, runs: Path, command: str) -> None:
    """A state of a later format is refused with both numbers and what to do; the run stays as it was."""
    folder = RunFolder(runs / "interrupted")
    path = folder.state / "last.safetensors"
    state = read_state(path)
    write_state(path, state.document | {"format": STATE_FORMAT + 1}, state.arrays)
    before = {file: file.read_bytes() for file in folder.files() if file != folder.log}
    out = nnrun_in(command, "interrupted", *([ANYWHERE] if command == "resume" else []), code=1)
    words = re.sub(r"\s+", " ", out)
    assert f"expected a state of format {STATE_FORMAT} or earlier, received format {STATE_FORMAT + 1}" in words
    assert "pip install --upgrade nnrun" in words
    assert {file: file.read_bytes() for file in before} == before
