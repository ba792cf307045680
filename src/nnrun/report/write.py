"""A report on disk: the page and its plots, in the run's folder or elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.report.page import report
from nnrun.runs.disk import make_folder, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.runs.folder import RunFolder


@dataclass(frozen=True)
class Written:
    """Where a report lies.

    Attributes:
        page: The HTML file.
        plots: The SVG files; empty where the page was written elsewhere, which holds them all.
    """

    page: Path
    plots: tuple[Path, ...] = ()


def write_report(folder: RunFolder, out: Path | None = None) -> Written:
    """Make a run's report and write it.

    Args:
        folder: The run's folder.
        out: Where the page goes instead of into the run's folder, which then stays as it is.

    Raises:
        RunError: The folder has no readable record, or the disk refuses.
    """
    made = report(folder)
    if out is not None:
        make_folder(out.parent)
        write_file(out, made.page.encode())
        return Written(out)
    plots = tuple(folder.write_bytes(folder.plots / name, content) for name, content in made.plots.items())
    return Written(folder.write_text(folder.report, made.page), plots)
