"""The log of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from nnrun.errors import RunError
from nnrun.runs.disk import RunLog

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_each_line_has_its_time_and_is_on_disk_at_once(tmp_path: Path) -> None:
    """Every line of a text stands after the time in UTC, readable as soon as it is written."""
    log = RunLog(tmp_path / "log.txt")
    log.write("epoch 1\nloss 0.5", now=NOON)
    log.write("é\udce9", now=NOON)
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == (
        "2026-11-23T12:00:00Z epoch 1\n2026-11-23T12:00:00Z loss 0.5\n2026-11-23T12:00:00Z é\\udce9\n"
    )


def test_a_log_grows_when_it_is_opened_again(tmp_path: Path) -> None:
    """A resumed run adds to its log."""
    RunLog(tmp_path / "log.txt").write("first")
    RunLog(tmp_path / "log.txt").write("second")
    assert [line.split(" ")[1] for line in (tmp_path / "log.txt").read_text().splitlines()] == ["first", "second"]


def test_colours_and_cursor_movements_stay_on_the_screen(tmp_path: Path) -> None:
    """The file holds the words without the terminal's control sequences."""
    RunLog(tmp_path / "log.txt").write("\x1b[1;32mdone\x1b[0m\r\x1b[2K", now=NOON)
    assert (tmp_path / "log.txt").read_text() == "2026-11-23T12:00:00Z done\n"


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A missing folder is an error that names the file."""
    with pytest.raises(RunError, match=r"Cannot write .*log\.txt"):
        RunLog(tmp_path / "gone" / "log.txt").write("x")
