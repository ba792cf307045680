"""`nnrun train`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options
from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.terminal.progress import PlainProgress
    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import NullProgress
    from nnrun.runs.folder import RunFolder


@click.command()
@click.argument("config", metavar="CONFIG", required=False, shell_complete=completion.config)
@options.sets
@options.code
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How many processes share the folds of a cross-validation, and the cores.",
)
@click.option(
    "--resume-folds",
    metavar="RUN",
    shell_complete=completion.run,
    help="Instead of CONFIG: run the folds of a cross-validation that are not done yet.",
)
@click.option(
    "--report",
    "with_report",
    is_flag=True,
    help="Make the page of nnrun report at the end, also of a run that fails.",
)
@options.runs_dir
@options.data_dir
@options.quiet
@options.as_json
def train(  # noqa: PLR0913 - one for each option
    *,
    config: str | None,
    sets: tuple[str, ...],
    code: tuple[Path, ...],
    jobs: int,
    resume_folds: str | None,
    with_report: bool,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train what a config describes.

    The model is scored at the end, and everything is kept in a run folder.

    CONFIG is a YAML file or the name of a config that comes with nnrun (see: nnrun configs).

    \b
    nnrun train digits_mlp
    nnrun train my.yaml --set training.epochs=3 --set model.1.Dropout=0.5
    nnrun train pima_kfold --jobs 2
    nnrun train digits_cnn --report
    nnrun train --resume-folds last
    """  # noqa: D301
    from nnrun.cli.commands.configs import located
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.train import TrainRequest

    _require_one(config, sets, resume_folds)
    file = str(located(config)) if config is not None else ""
    request = TrainRequest(file, sets, runs_dir, data_dir, tuple(sys.argv), code, jobs)
    with open_progress(quiet=quiet, json=as_json) as progress:
        finished = _train(request, progress, resume_folds, with_report=with_report)
    page = _report(finished.folder) if with_report else None
    _tell(finished, request, page, quiet=quiet, as_json=as_json)


def _report(folder: RunFolder) -> Path:
    """Make the run's page; what the disk refuses here leaves the run as done as it is."""
    from nnrun.report.page import write_report

    return write_report(folder).page


def _page_of_failed(folder: RunFolder) -> str | None:
    """Make the page of a run that did not end well, and say where it lies; None where it has no epoch's figures."""
    from nnrun.runs import metrics

    try:
        return f"Its page, as far as it came: {_report(folder)}" if metrics.read(folder.metrics) else None
    except NnrunError as refused:
        return f"Its page cannot be made: {refused.text}"


def _require_one(config: str | None, sets: tuple[str, ...], resumed: str | None) -> None:
    """Refuse no config, and one beside a run that has its own."""
    if (config is None) == (resumed is None):
        raise click.UsageError("Give a CONFIG to train, or --resume-folds RUN; not both.")
    if resumed is not None and sets:
        raise click.UsageError("--resume-folds goes on with the run's own config, so that --set cannot change it.")


def _train(
    request: TrainRequest, progress: PlainProgress | NullProgress, resumed: str | None, *, with_report: bool
) -> TrainResult:
    from nnrun.pipeline.resume import resume_folds
    from nnrun.pipeline.train import train as run

    try:
        return run(request, progress) if resumed is None else resume_folds(resumed, request, progress)
    except (KeyboardInterrupt, NnrunError) as error:
        if (folder := _own_folder(request.runs_dir)) is not None:
            error.add_note(f"What there is of this run is kept in {folder.path}")
            if with_report and (told := _page_of_failed(folder)) is not None:
                error.add_note(told)
            if (folder.path / "folds").is_dir():
                error.add_note(f"Go on with the folds that are not done: nnrun train --resume-folds {folder.path}")
        raise


def _own_folder(runs_dir: Path) -> RunFolder | None:
    """Find the run folder that this process opened last; None where it came to none."""
    from nnrun.runs import record
    from nnrun.runs.find import list_runs

    for row in reversed(list_runs(runs_dir)):
        if row.status != "broken" and (record.read(row.folder).get("process") or {}).get("pid") == os.getpid():
            return row.folder
    return None


def _tell(finished: TrainResult, request: TrainRequest, page: Path | None, *, quiet: bool, as_json: bool) -> None:
    from shlex import quote

    from nnrun.cli.terminal.layout import put_terms
    from nnrun.cli.terminal.problems import as_json as problem_json
    from nnrun.cli.terminal.scores import put_scores
    from nnrun.cli.terminal.screen import Screen, put_json

    screen = Screen.out()
    if as_json:
        told = finished.as_json() | ({"report": str(page)} if page is not None else {})
        put_json({**told, "warnings": [problem_json(problem) for problem in finished.warnings]})
    elif quiet:
        screen.put(str(finished.folder.path))
    else:
        screen.put()
        put_scores(screen, finished.scores)
        screen.put()
        after = f"{said(request.runs_dir)}{''.join(f' --code {quote(str(file))}' for file in request.code)}"
        fold = " --fold 0" if "cross_validation" in finished.scores and "test" not in finished.scores else ""
        put_terms(
            screen,
            [
                ("run", str(finished.folder.path)),
                *([("report", str(page))] if page is not None else []),
                ("next", f"nnrun {_next(finished)} {finished.folder.short_id}{fold}{after}"),
            ],
        )


def _next(finished: TrainResult) -> str:
    """Name the command that a reader wants next: a model of a text is there to write."""
    parts = [part for part in finished.scores.values() if isinstance(part, dict)]
    return "generate-text" if any("bits_per_character" in part for part in parts) else "eval"


def said(runs_dir: Path) -> str:
    """Give the words that lead a next command to the same runs."""
    from pathlib import Path
    from shlex import quote

    usual = Path(os.environ.get("NNRUN_RUNS_DIR") or "runs")
    return "" if runs_dir == usual else f" --runs-dir {quote(str(runs_dir))}"
