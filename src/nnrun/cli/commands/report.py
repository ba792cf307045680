"""`nnrun report`."""

from __future__ import annotations

from pathlib import Path

import click

from nnrun.cli import options


@click.command()
@options.run
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the page there; the run's folder stays as it is. Default: report.html and plots/ in that folder.",
)
@options.runs_dir
@options.as_json
def report(*, run: str, out: Path | None, runs_dir: Path, as_json: bool) -> None:
    """Make a page of a run: curves, scores, mistakes, model, config.

    The page is one HTML file that needs no network and nothing beside it; it is made from the run's folder alone, also
    of a run that failed or was interrupted.

    RUN is a run's folder, the start of its id, its name, or: last.

    \b
    nnrun report last
    nnrun report last --out boston.html
    """  # noqa: D301
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.report.page import write_report
    from nnrun.runs import record
    from nnrun.runs.find import find, status_of

    folder = find(runs_dir, run)
    written = write_report(folder, out)
    if as_json:
        status = status_of(record.read(folder))
        told = {"run": folder.id, "folder": folder.path, "status": status}
        put_json({**told, "report": written.page, "plots": list(written.plots)})
    else:
        Screen.out().put(str(written.page))
