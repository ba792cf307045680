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
    help="Write the report to this file only. Default: report.html and plots/ in the run folder.",
)
@options.runs_dir
@options.as_json
def report(*, run: str, out: Path | None, runs_dir: Path, as_json: bool) -> None:
    """Write the report of a run.

    The report shows curves, scores, mistakes, model and config in one HTML file that needs no network and no other
    files. It is made from the run folder alone, also for a run that failed or was interrupted.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun report last
    nnrun report last --out boston.html
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.report.page import write_report
    from nnrun.runs.find import find, run_as_json

    folder = find(runs_dir, run)
    written = write_report(folder, out)
    if as_json:
        print_json({**run_as_json(folder), "report": written.page, "plots": list(written.plots)})
    else:
        output = Output.stdout()
        output.write_line(output.shown(str(written.page)))
