"""Streams that cannot be written: readers that leave, full disks, closed descriptors; with real processes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.cli.exit_codes import EXIT_PIPE

if TYPE_CHECKING:
    from collections.abc import Callable

    Shell = Callable[[str], subprocess.CompletedProcess[str]]

NNRUN = f"{shlex.quote(sys.executable)} -m nnrun"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def shell(workdir: Path, environment: dict[str, str]) -> Shell:
    """Return a function that runs a line of bash, in which nnrun is the command of this checkout."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", f'nnrun() {{ {NNRUN} "$@"; }}; {line}']
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "check tiny.yaml",
        "configs",
        "explain Conv2D",
        "resolve tiny.yaml",
        "schema",
        "summary tiny.yaml",
        "data list",
        "completion bash",
        "check tiny.yaml --json",
    ],
)
def test_a_reader_that_leaves_ends_a_command_quietly(shell: Shell, words: str) -> None:
    """Into a pipe whose reader is gone a command ends with 141 and without a word."""
    done = shell(f"nnrun {words} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in (0, EXIT_PIPE)  # 0 where all fitted into the pipe before its reader left


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "2> >(true)", ">&- 2>&-"])
@needs_full
def test_an_error_that_cannot_be_shown_keeps_its_exit_code(shell: Shell, streams: str) -> None:
    """If stderr cannot be written, the exit code is still that of the error, without a traceback."""
    done = shell(f"nnrun runs show nothing {streams}")
    assert (done.returncode, done.stdout, done.stderr) == (shell("nnrun runs show nothing").returncode, "", "")


@needs_full
def test_a_json_error_that_cannot_be_written_is_shown(shell: Shell) -> None:
    """If a full disk refuses the document, the error is on stderr."""
    done = shell("nnrun runs show nothing --json >/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def _records(workdir: Path) -> list[str]:
    return [json.loads(path.read_bytes())["status"] for path in workdir.glob("runs/*/record.json")]


@pytest.mark.keras
@pytest.mark.parametrize(
    "streams",
    [
        pytest.param("2>&1 | head -n 1", id="head"),
        pytest.param("2> >(exit)", id="dead-tee"),
        pytest.param(">&- 2>&-", id="closed"),
        pytest.param("2>/dev/full", id="full", marks=needs_full),
    ],
)
def test_training_goes_on_where_nobody_reads(shell: Shell, workdir: Path, streams: str) -> None:
    """A training whose progress cannot be written ends as done, with exit code 0 and all its files."""
    done = shell(f"set -o pipefail; nnrun train tiny.yaml --set training.epochs=40 {streams}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert _records(workdir) == ["done"]
    (folder,) = (workdir / "runs").iterdir()
    assert {"scores.json", "predictions.csv"} <= {path.name for path in folder.iterdir()}
    assert (folder / "checkpoints" / "last.keras").is_file()
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 40


@pytest.mark.keras
@needs_full
def test_results_that_cannot_be_printed_are_kept(shell: Shell, workdir: Path) -> None:
    """A full disk under stdout is an error, which says that the run is done and where it is."""
    done = shell("nnrun train tiny.yaml -q >/dev/full")
    assert done.returncode == 1
    (folder,) = (workdir / "runs").iterdir()
    assert done.stderr.splitlines()[0].startswith("error: the results cannot be written: ")
    assert done.stderr.splitlines()[-1] == f"The run is done; its results are kept in runs/{folder.name}"
    assert _records(workdir) == ["done"]
