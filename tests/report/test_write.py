"""A report on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.errors import RunError
from nnrun.report.page import report
from nnrun.report.write import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nnrun.runs.folder import RunFolder


def test_page_and_plots_lie_in_the_run_s_folder(finished: Callable[..., RunFolder]) -> None:
    """The page is `report.html`, and each plot an SVG file under `plots/`."""
    folder = finished(names=("a", "b"))
    made, written = report(folder), write_report(folder)
    assert written.page == folder.report
    assert folder.report.read_text(encoding="utf-8") == made.page
    assert {path.name: path.read_bytes() for path in written.plots} == made.plots
    assert all(path.parent == folder.plots for path in written.plots)


def test_elsewhere_the_folder_stays_as_it_is(finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    """With a place of its own the page is all that is written, so that a folder can be read that must not change."""
    folder = finished(names=("a", "b"))
    written = write_report(folder, tmp_path / "new" / "page.html")
    assert written.plots == ()
    assert written.page.read_text(encoding="utf-8") == report(folder).page
    assert not folder.report.exists()
    assert not folder.plots.exists()


def test_a_place_that_cannot_be_written_is_said(finished: Callable[..., RunFolder], tmp_path: Path) -> None:
    """A file where a folder is needed is an error for the user, with what to do."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="Cannot write"):
        write_report(finished(), tmp_path / "file" / "page.html")
