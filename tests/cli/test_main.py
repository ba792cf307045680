"""The command `nnrun` as a whole: help, unknown words, imports, and how a process ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import wait_for

from nnrun import __version__
from nnrun.cli.exit_codes import EXIT_PIPE
from nnrun.cli.main import nnrun

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Invoke = Callable[..., Result]
    Process = Callable[..., subprocess.CompletedProcess[str]]

HEAVY = ("tensorflow", "keras", "sklearn", "pandas", "matplotlib", "numpy")
COMMANDS = {
    "agent-docs",
    "mcp",
    "init",
    "train",
    "resume",
    "fork",
    "reproduce",
    "baseline",
    "sweep",
    "queue",
    "verify-resume",
    "doctor",
    "eval",
    "predict",
    "serve",
    "tune-threshold",
    "explain-run",
    "calibrate-probabilities",
    "export",
    "report",
    "card",
    "lab",
    "resolve",
    "check",
    "summary",
    "data",
    "runs",
    "explain",
    "configs",
    "schema",
    "trust",
    "completion",
    "compare",
    "generate-text",
    "launch",
    "verify",
}


def test_without_a_command_the_help_is_shown(invoke: Invoke) -> None:
    """`nnrun` alone lists every command and is no error."""
    result = invoke()
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("words", [(name,) for name in sorted(COMMANDS)] + [("runs", "list"), ("data", "fetch")])
def test_every_command_has_help_with_an_example(invoke: Invoke, words: tuple[str, ...]) -> None:
    """`-h` and `--help` print the same for every command, with an example."""
    short, long = invoke(*words, "-h"), invoke(*words, "--help")
    assert short.exit_code == 0
    assert short.stdout == long.stdout
    assert "\n  nnrun " + words[0] in short.stdout


def test_the_version_is_that_of_the_package(invoke: Invoke) -> None:
    """`--version` prints the version of nnrun."""
    assert invoke("--version").stdout == f"nnrun, version {__version__}\n"


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("trian",), "'train'"),
        (("train", "--quite"), "--quiet"),
        (("runs", "lst"), "'list'"),
        (("data", "shwo"), "'show'"),
    ],
)
def test_an_unknown_word_gets_the_nearest_known_one(invoke: Invoke, words: tuple[str, ...], near: str) -> None:
    """A misspelt command or option is answered on stderr with the nearest one, and exit code 2."""
    result = invoke(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Did you mean" in result.stderr
    assert near in result.stderr


def test_errors_of_usage_are_json_with_json(invoke: Invoke) -> None:
    """With `--json` an error of usage is one JSON document on stdout, and stderr is empty."""
    result = invoke("train", "--json", "--epochs", "3")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["exit_code"], error["type"]) == (2, 2, "NoSuchOption")
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("check", "tiny.yaml"),
        ("explain", "Conv2D"),
        ("runs", "list"),
        ("configs",),
        ("summary", "tiny.yaml"),
        ("data", "list"),
    ],
)
def test_quick_commands_import_nothing_heavy(
    workdir: Path, environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """Commands that do not need Keras import no heavy package; `check` and `summary` may import NumPy."""
    code = (
        "import sys\nfrom nnrun.cli.main import nnrun\n"
        f"try:\n    nnrun.main({list(words)!r})\nexcept SystemExit as end:\n"
        f"    print(end.code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    allowed = [["numpy"], []] if words[0] in {"check", "summary"} else [[]]
    assert done.stderr.splitlines()[-1] in [f"0 {names}" for names in allowed]


def test_completion_imports_nothing_heavy(workdir: Path, environment: dict[str, str]) -> None:
    """Shell completion offers configs, parts and the paths of `--set` without importing a heavy package."""
    code = (
        "import sys\nfrom nnrun.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    for line, offered in (
        ("nnrun train digits_m", "digits_mlp"),
        ("nnrun train tiny.yaml --set training.", "training.epochs="),
        ("nnrun explain Conv", "Conv2D"),
    ):
        asked = {**environment, "_NNRUN_COMPLETE": "bash_complete", "COMP_LINE": line}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=asked, check=True)
        assert offered in done.stdout
        assert done.stderr.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error(workdir: Path, environment: dict[str, str]) -> None:
    """Output into a pipe that nobody reads ends without a message."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "nnrun", "explain", "Conv2D"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
        )
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(workdir: Path, environment: dict[str, str]) -> None:
    """A full disk under stdout gets a message and exit code 1, without a traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nnrun", "explain", "Conv2D"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the results cannot be written: ")
    assert "Traceback" not in done.stderr


def test_a_bug_leaves_one_line_and_a_file(invoke: Invoke, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in nnrun exits with 3; the line on stderr names a file with the traceback and the versions."""
    monkeypatch.setenv("TMPDIR", str(workdir))
    monkeypatch.setattr("tempfile.tempdir", None)

    def broken(*_: object) -> None:
        message = "a wheel came off\x1b[31m"
        raise TypeError(message)

    monkeypatch.setattr("nnrun.runs.find.list_runs", broken)
    result = invoke("runs", "list")
    (finished_run,) = workdir.glob("nnrun-bug-*.txt")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"error: a bug in nnrun: TypeError: a wheel came off\x1b[31m (traceback and versions: {finished_run})"
    ]
    assert "in broken" in finished_run.read_text(encoding="utf-8")
    assert f"nnrun {__version__}, Python 3" in finished_run.read_text(encoding="utf-8")


def test_an_interrupt_prints_one_word(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130 and without a traceback."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nnrun.runs.find.list_runs", stopped)
    result = invoke("runs", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")
    result = invoke("runs", "list", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["type"], result.stderr) == (130, "Interrupted", "")


def test_a_closed_stdout_is_no_bug(workdir: Path, environment: dict[str, str]) -> None:
    """A caller that closed stdout gets only the exit code."""
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -m nnrun configs >&-"],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_into_a_closed_pipe_is_no_bug(workdir: Path, environment: dict[str, str]) -> None:
    """If the reader of `--json` is gone before an error is printed, the exit code says so, without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "nnrun", "data", "show", "mnits", "--json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (EXIT_PIPE, b"")


@pytest.mark.keras
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_its_files(workdir: Path, environment: dict[str, str], number: signal.Signals) -> None:
    """Ctrl-C during training exits with 130, SIGTERM with 75; record, state and what to type next are kept."""
    command = [sys.executable, "-m", "nnrun", "train", "tiny.yaml", "--set", "training.epochs=100000"]
    with subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        wait_for(lambda: list(workdir.glob("runs/*/metrics.jsonl")) or run.poll() is not None)
        run.send_signal(number)
        out, err = run.communicate(timeout=240)
    (folder,) = (workdir / "runs").iterdir()
    code, status, reason = {
        signal.SIGINT: (130, "interrupted", "stopped by the user"),
        signal.SIGTERM: (75, "preempted", "stopped by SIGTERM"),
    }[number]
    assert run.returncode == code
    assert out == ""
    assert err.splitlines()[-3:] == [
        "interrupted" if number == signal.SIGINT else reason,
        f"The files of this run are in runs/{folder.name}",
        f"Continue it: nnrun resume runs/{folder.name}",
    ]
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert (record["status"], record["error"]) == (status, reason)
    assert (folder / "state" / "last.safetensors").is_file()
    assert (folder / "checkpoints" / "last.keras").is_file()


def test_every_command_has_a_short_help() -> None:
    """Every command's first sentence fits the list of commands."""
    assert set(nnrun.commands) == COMMANDS
    assert all(command.get_short_help_str(70).endswith(".") for command in nnrun.commands.values())
    assert not any(command.get_short_help_str(70).endswith("...") for command in nnrun.commands.values())
