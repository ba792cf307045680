"""`--out` of every command: the file that the user names is written as a shell would write it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from nnrun.cli.main import nnrun

FROZEN = Path(__file__).resolve().parent.parent / "frozen_runs" / "0.1.0"
COMMANDS = {
    "schema": ("schema",),
    "report": ("report", str(FROZEN / "table")),
    "card": ("card", str(FROZEN / "table"), "--force"),
    "predict": ("predict", "RUN", str(FROZEN / "made_from" / "new_houses.csv")),
    "generate-text": (
        "generate-text",
        "RUN",
        "--greedy",
        "--seed-text",
        "the old ",
        "--length",
        "3",
        "--data-dir",
        str(FROZEN / "made_from"),
    ),
}
KERAS = [pytest.mark.keras]
CASES = [
    pytest.param("schema"),
    pytest.param("card"),
    pytest.param("report", marks=[pytest.mark.slow]),
    pytest.param("predict", marks=KERAS),
    pytest.param("generate-text", marks=KERAS),
]


@pytest.mark.parametrize("command", CASES)
def test_out_is_written_through_links_and_into_pipes(tmp_path: Path, command: str) -> None:
    """A link stays and its target keeps its mode; a pipe receives the content and stays a pipe; so does a device."""
    kind = {"predict": "table", "generate-text": "text"}.get(command)
    if kind is not None:
        shutil.copytree(FROZEN / kind, tmp_path / "run")
    words = [str(tmp_path / "run") if word == "RUN" else word for word in COMMANDS[command]]
    target, link, pipe, received = tmp_path / "t", tmp_path / "l", tmp_path / "p", []
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to("t")
    os.mkfifo(pipe)
    reader = Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    for out in (link, pipe, Path("/dev/null")):
        result = CliRunner().invoke(nnrun, [*words, "--out", str(out)])
        assert result.exit_code == 0, result.output
    reader.join()
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert received == [target.read_bytes()]
    assert received[0] not in (b"", b"old")
    assert pipe.is_fifo()
    assert Path("/dev/null").is_char_device()


def test_an_empty_folder_of_runs_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--runs-dir ''`, as of an unset variable, does not write into the current folder."""
    monkeypatch.chdir(tmp_path)
    for words in (("train", "smoke/pima"), ("runs", "list"), ("resume", "last")):
        result = CliRunner().invoke(nnrun, [*words, "--runs-dir", ""])
        assert result.exit_code == 2
        assert "expected a folder, received an empty text" in result.output
    assert list(tmp_path.iterdir()) == []
