"""`nnrun train`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.errors import NnrunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


@click.command()
@click.argument("config", metavar="[CONFIG]", required=False, shell_complete=completion.config)
@options.sets
@options.code
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Train the folds of a cross-validation in N processes, which share the cores.",
)
@click.option(
    "--resume-folds",
    "resumed",
    metavar="RUN",
    shell_complete=completion.run,
    help="Instead of CONFIG: train the folds of a cross-validation that are not done yet.",
)
@click.option(
    "--report",
    "with_report",
    is_flag=True,
    help="Write the report (see: nnrun report) at the end, also for a run that fails.",
)
@options.folders
def train(
    *, config: str | None, resumed: str | None, with_report: bool, quiet: bool, as_json: bool, **settings: Any
) -> None:
    """Train the model of a config.

    The model is scored at the end, and everything is saved in a run folder.

    CONFIG is a YAML file or the name of a config that comes with nnrun (see: nnrun configs).

    \b
    nnrun train digits_mlp
    nnrun train my.yaml --set training.epochs=3 --set model.1.Dropout=0.5
    nnrun train pima_kfold --jobs 2
    nnrun train digits_cnn --report
    nnrun train --resume-folds last
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.train import TrainRequest

    if config is None and resumed is None:
        which = "a YAML file, or a name that nnrun configs lists"
        raise click.UsageError(f"There is no CONFIG to train: give {which}; or --resume-folds RUN.")
    if config is not None and resumed is not None:
        raise click.UsageError("--resume-folds RUN continues with the run's own config: leave out CONFIG.")
    if resumed is not None and settings["sets"]:
        raise click.UsageError("--resume-folds continues with the run's own config, which --set cannot change.")
    file = str(locate_config(config)) if config is not None else ""
    request = TrainRequest(file, argv=tuple(sys.argv), **settings)
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = _train(request, progress, resumed, with_report=with_report)
    page = _write_report(result.folder) if with_report else None
    with _kept_results(result.folder):
        _print_result(result, request, page, quiet=quiet, as_json=as_json)


def _train(request: TrainRequest, progress: Progress, resumed: str | None, *, with_report: bool) -> TrainResult:
    """Train or resume; an error gets notes on the run folder, its report and how to go on."""
    from nnrun.pipeline.resume import resume_folds
    from nnrun.pipeline.train import train as train_config

    try:
        return train_config(request, progress) if resumed is None else resume_folds(resumed, request, progress)
    except (KeyboardInterrupt, NnrunError) as error:
        if (folder := _last_folder(request.runs_dir)) is not None:
            error.add_note(f"The files of this run are in {folder.path}")
            if with_report and (note := _report_failed_run(folder)) is not None:
                error.add_note(note)
            if (folder.path / "folds").is_dir():
                error.add_note(f"Train the folds that are not done yet: nnrun train --resume-folds {folder.path}")
        raise


@contextmanager
def _kept_results(folder: RunFolder) -> Iterator[None]:
    """Print the results of a finished run: a closed pipe is no error, as everything is in the folder.

    Raises:
        RunError: stdout cannot be written; with a note on where the results are.
    """
    from nnrun.cli.terminal.output import Output, discard_stdout

    try:
        yield
        Output.stdout().flush()
    except BrokenPipeError:
        discard_stdout()
    except NnrunError as error:
        error.add_note(f"The run is done; its results are kept in {folder.path}")
        raise


def _write_report(folder: RunFolder) -> Path:
    from nnrun.report.page import write_report

    return write_report(folder).page


def _report_failed_run(folder: RunFolder) -> str | None:
    """Write the report of a run that did not end well; return where it is, or None where no epoch was finished."""
    from nnrun.runs import metrics

    try:
        return f"Its report up to this point: {_write_report(folder)}" if metrics.read(folder.metrics) else None
    except NnrunError as refused:
        return f"Its report cannot be written: {refused.text}"


def _last_folder(runs_dir: Path) -> RunFolder | None:
    """Return the run folder that this process opened last; None where it opened none."""
    from nnrun.runs.environment import process
    from nnrun.runs.find import list_runs

    # In containers the number alone is that of many processes.
    return next((row.folder for row in reversed(list_runs(runs_dir)) if row.process == process()), None)


def _print_result(result: TrainResult, request: TrainRequest, page: Path | None, *, quiet: bool, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.cli.terminal.problems import problem_as_json
    from nnrun.cli.terminal.scores import print_scores

    output = Output.stdout()
    if as_json:
        document = result.as_json() | ({"report": str(page)} if page is not None else {})
        document["next"] = next_commands(result.folder, result.scores, request)
        print_json({**document, "warnings": [problem_as_json(problem) for problem in result.warnings]})
    elif quiet:
        output.write_line(str(result.folder.path))
    else:
        output.write_line()
        print_scores(output, result.scores)
        output.write_line()
        terms = [("run", str(result.folder.path))]
        terms += [("report", str(page))] if page is not None else []
        terms += [("training", "\n".join(one["text"] for one in result.callbacks))] if result.callbacks else []
        print_terms(output, [*terms, ("next", "\n".join(next_commands(result.folder, result.scores, request)))])


def next_commands(folder: RunFolder, scores: Mapping[str, Any], request: TrainRequest) -> list[str]:
    """Return the commands that a user may want next, the most useful first.

    Runs of one config are compared; a model of texts generates text, other models predict, and of a cross-validation
    without a model of all rows the report shows the folds.
    """
    from pathlib import Path
    from shlex import quote

    from nnrun.runs.compare import are_comparable
    from nnrun.runs.find import find_earlier

    parts = [part for part in scores.values() if isinstance(part, dict)]
    is_default = request.runs_dir == Path(os.environ.get("NNRUN_RUNS_DIR") or "runs")
    runs_dir = "" if is_default else f" --runs-dir {quote(str(request.runs_dir))}"
    code = "".join(f" --code {quote(str(file))}" for file in request.code)
    if any("bits_per_character" in part for part in parts):
        command = f"nnrun generate-text {folder.short_id}{runs_dir}{code}"
    elif "cross_validation" in scores and not folder.last.is_file():
        command = f"nnrun report {folder.short_id}{runs_dir}"
    else:
        command = f"nnrun predict {folder.short_id} FILE{runs_dir}{code}"
    earlier = find_earlier(request.runs_dir, folder)
    if earlier is None or not are_comparable(earlier, folder):
        return [command]
    return [f"nnrun compare {earlier.short_id} {folder.short_id}{runs_dir}", command]
