"""`nnrun train`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from nnrun import interruption
from nnrun.cli import options
from nnrun.errors import NnrunError
from nnrun.formatting import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder


class Duration(click.ParamType):  # type: ignore[type-arg]
    """The type of `--time-limit`: `90s`, `30m`, `8h`, `1.5h`, `2d`, or slurm's `D-HH:MM:SS` and `HH:MM:SS`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the duration in seconds."""
        seconds = parse_duration(str(value))
        if seconds is None or seconds <= 0:
            self.fail(f"expected a duration such as 30m, 8h or 1-12:00:00, received {value}", param, ctx)
        return seconds


jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train the folds of a cross-validation in N processes, which share the cores: 1 by default, or as many as "
    "a run began with that is resumed.",
)
time_limit = click.option(
    "--time-limit",
    type=Duration(),
    metavar="TIME",
    help="Save the state and stop with exit code 75 after this time, for example 30m or 8h.",
)
report = click.option(
    "--report",
    "with_report",
    is_flag=True,
    help="Write the report (see: nnrun report) at the end, also for a run that fails.",
)


@click.command()
@options.config
@options.sets
@options.code
@jobs
@click.option(
    "--auto-resume",
    is_flag=True,
    help="Continue the unfinished run of the same config, code and data if there is one; do nothing if it is done.",
)
@click.option(
    "--smoke",
    "is_smoke",
    is_flag=True,
    help="Try everything with two batches in a temporary folder: train, resume, score, report.",
)
@time_limit
@report
@options.folders
def train(*, config: str, auto_resume: bool, is_smoke: bool, **settings: Any) -> None:
    """Train the model of a config.

    The model is scored at the end, and everything is saved in a run folder. A run that is stopped continues with
    nnrun resume.

    CONFIG is a YAML file or the name of a config that comes with nnrun (see: nnrun configs).

    \b
    nnrun train digits_mlp
    nnrun train my.yaml --set training.epochs=3 --set model.1.Dropout=0.5
    nnrun train pima_kfold --jobs 2
    nnrun train digits_cnn --report
    nnrun train my.yaml --smoke
    nnrun train my.yaml --auto-resume --time-limit 8h
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.pipeline.train import train as train_config

    if is_smoke:
        _try_config(str(locate_config(config)), settings)
        return

    def run(request: TrainRequest, progress: Progress) -> TrainResult:
        if auto_resume:
            from nnrun.pipeline.resume import train_or_resume

            return train_or_resume(request, progress)
        return train_config(request, progress)

    run_and_print(run, settings, config=str(locate_config(config)))


def _try_config(config: str, settings: Mapping[str, Any]) -> None:
    """Try a config with two batches, and print what was tried and how long an epoch would take."""
    from nnrun.cli.terminal.output import Output, Table, print_json, print_table
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.formatting import format_count, format_duration
    from nnrun.pipeline.smoke import smoke
    from nnrun.pipeline.train import TrainRequest

    given = {key: settings[key] for key in ("sets", "code", "runs_dir", "data_dir")}
    with open_progress(quiet=True, json=settings["as_json"]) as progress:
        result = smoke(TrainRequest(config, argv=tuple(sys.argv), **given), progress)
    if settings["as_json"]:
        print_json(result.as_json())
        return
    output = Output.stdout()
    rows = [[step.name, format_duration(step.seconds), step.text] for step in result.steps]
    print_table(output, Table(("tried", "time", "what"), rows, frozenset({"time"})))
    output.write_line(f"scores: {', '.join(result.scores)} (their values mean nothing here, and nothing is kept)")
    steps, epochs = format_count(result.epoch_steps, "step"), format_count(result.epochs, "epoch")
    if result.epoch_seconds is None:
        output.write_line(f"An epoch has {steps}; they were too quick to tell its time.")
        return
    whole = result.epoch_seconds * result.epochs * result.folds
    folds = f" of {result.folds} folds" if result.folds > 1 else ""
    one, all_of_them = format_duration(result.epoch_seconds), format_duration(whole)
    output.write_line(f"An epoch of {steps} would take about {one}, {epochs}{folds} about {all_of_them}.")


def run_and_print(
    run: Callable[[TrainRequest, Progress], TrainResult], settings: Mapping[str, Any], config: str = ""
) -> None:
    """Train or resume, and print the result; an error gets notes on the run folder, its report and how to go on.

    Args:
        run: Trains or resumes.
        settings: The options `time_limit`, `report` and `folders`, and those that are fields of `TrainRequest`.
        config: The config's path; empty for a run that has its own.
    """
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.train import TrainRequest

    left = dict(settings)
    limit, with_report = left.pop("time_limit"), left.pop("with_report")
    quiet, as_json = left.pop("quiet"), left.pop("as_json")
    request = TrainRequest(config, argv=tuple(sys.argv), **left)
    if limit is not None:
        interruption.limit_time(limit)
    with open_progress(quiet=quiet, json=as_json) as progress:
        try:
            result = run(request, progress)
        except (KeyboardInterrupt, NnrunError) as error:
            _add_notes(error, request, with_report=with_report)
            raise
    page = _write_report(result.folder) if with_report else None
    with _kept_results(result.folder):
        _print_result(result, request, page, quiet=quiet, as_json=as_json)


def _add_notes(error: BaseException, request: TrainRequest, *, with_report: bool) -> None:
    from nnrun.runs.find import last_run_of_this_process

    row = last_run_of_this_process(request.runs_dir)
    if row is None:
        return
    folder = row.folder
    if row.status == "done":
        error.add_note(f"The run is done; its results are kept in {folder.path}")
        return
    error.add_note(f"The files of this run are in {folder.path}")
    if with_report and (note := _report_failed_run(folder)) is not None:
        error.add_note(note)
    if isinstance(error, KeyboardInterrupt):
        code = "".join(f" --code {quote(str(file))}" for file in request.code)
        error.add_note(f"Continue it: {_resume_command()} {quote(str(folder.path))}{code}")


def _resume_command() -> str:
    """Return the command that goes on with a run of this process."""
    from nnrun.engine.backend.devices import ProcessGroup

    group = ProcessGroup.of()
    return "nnrun resume" if group is None else f"nnrun launch --workers {group.processes} --resume"


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

    Runs of one config are compared; a model of texts generates text, and other models predict, but for a
    cross-validation without a model of all rows; the report is named where it is not written yet.
    """
    from nnrun.runs.compare import are_comparable
    from nnrun.runs.find import find_earlier

    parts = [part for part in scores.values() if isinstance(part, dict)]
    runs_dir = options.repeated_runs_dir(request.runs_dir)
    code = "".join(f" --code {quote(str(file))}" for file in request.code)
    if any("bits_per_character" in part for part in parts):
        commands = [f"nnrun generate-text {folder.short_id} --temperature 0.7{runs_dir}{code}"]
    elif "cross_validation" in scores and not folder.last.is_file():
        commands = []
    else:
        commands = [f"nnrun predict {folder.short_id} FILE{runs_dir}{code}"]
    if not folder.report.is_file():
        commands.insert(0, f"nnrun report {folder.short_id}{runs_dir}")
    earlier = find_earlier(request.runs_dir, folder)
    if earlier is None or not are_comparable(earlier, folder):
        return commands
    return [f"nnrun compare {earlier.short_id} {folder.short_id}{runs_dir}", *commands]
