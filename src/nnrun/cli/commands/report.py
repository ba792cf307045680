"""`nnrun report`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

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

    RUN is a run's folder, the start of its id, its name, or last. Of a sweep, by its folder, the start of its id or its
    name, it is the same as nnrun sweep report.

    \b
    nnrun report last
    nnrun report last --out boston.html
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.errors import RunError
    from nnrun.report.page import write_report
    from nnrun.runs.find import find, run_as_json
    from nnrun.sweep.folder import find_sweep
    from nnrun.sweep.report import write_sweep_report

    document: dict[str, Any]
    try:
        folder = find(runs_dir, run)
        written, document = write_report(folder, out), run_as_json(folder)
    except RunError:
        sweep = None
        if run != "last":
            with suppress(RunError):
                sweep = find_sweep(runs_dir, run)
        if sweep is None:
            raise
        written, document = write_sweep_report(sweep, out), {"sweep": sweep.id}
    if as_json:
        print_json({**document, "report": written.page, "plots": list(written.plots)})
    else:
        output = Output.stdout()
        output.write_line(output.shown(str(written.page)))
