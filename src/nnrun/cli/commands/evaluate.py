"""`nnrun eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.cli.terminal.screen import Screen
    from nnrun.pipeline.evaluate import EvaluateResult, PartName


@click.command("eval")
@options.run
@options.checkpoint
@options.fold
@options.code
@options.trust_run
@click.option(
    "--part",
    type=click.Choice(["test", "validation", "train"]),
    default=None,
    help="Which part of the run's own data; the test part, where there is one.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another file of the same form, or a folder of pictures, instead.",
)
@click.option("--show", type=click.IntRange(min=0), default=0, metavar="N", help="Show N predictions beside the truth.")
@options.runs_dir
@options.data_dir
@options.quiet
@options.as_json
def evaluate(  # noqa: PLR0913 - one for each option
    *,
    run: str,
    checkpoint: str,
    fold: int | None,
    code: tuple[Path, ...],
    trust_run: bool,
    part: PartName | None,
    data: Path | None,
    show: int,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score the model of a run again.

    By default with the figures that training ended with, to the last digit.

    RUN is a run's folder, the start of its id, its name, or: last.

    \b
    nnrun eval last
    nnrun eval last --checkpoint best --show 10
    nnrun eval 3f9a21 --data more.csv
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.scores import put_details, put_scores
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.evaluate import evaluate as ask
    from nnrun.progress import NullProgress

    with open_progress(quiet=quiet, json=as_json) as progress:
        answer = ask(EvaluateRequest(run, runs_dir, data_dir, checkpoint, part, data, code, trust_run, fold), progress)
    if as_json:
        warnings = progress.warnings if isinstance(progress, NullProgress) else []
        shown = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows[:show]]
        put_json({**answer.as_json(), "warnings": warnings, **({"predictions": shown} if show else {})})
        return
    screen = Screen.out()
    of_fold = "" if fold is None else f", fold {fold}"
    screen.put(f"{answer.folder.id}{of_fold}, checkpoint {checkpoint}")
    put_scores(screen, answer.scores)
    put_details(screen, answer.scores)
    if show:
        screen.put()
        put_predictions(screen, answer, show)


def put_predictions(screen: Screen, answer: EvaluateResult, count: int) -> None:
    """Write the first predictions beside the truth; mistakes are marked, numbers get their distance."""
    from nnrun.cli.terminal.layout import Table, put_table
    from nnrun.formatting import format_number

    if "truth" not in answer.columns:
        _put_several(screen, answer, count)
        return
    predictions = [name for name in answer.columns if name.startswith("prediction")]
    by_class = answer.scores["task"] == "classification"
    last = ("output", "") if by_class else ("difference",)
    rows = []
    for row in answer.rows[:count]:
        said = dict(zip(answer.columns, row, strict=True))
        shown = [str(said[name]) if by_class else format_number(said[name]) for name in ("truth", *predictions)]
        tail = _class_cells(said, screen) if by_class else [_difference(said, predictions)]
        rows.append([str(said["row"]), *shown, *tail])
    headings = ("row", "truth", *predictions, *last)
    put_table(screen, Table(headings, rows, frozenset() if by_class else frozenset(headings), ("output",)))


def _put_several(screen: Screen, answer: EvaluateResult, count: int) -> None:
    """Write truth and prediction of each of several outputs; each class's own output is left to the file."""
    from nnrun.cli.terminal.layout import Table, put_table
    from nnrun.formatting import format_number

    shown = [index for index, name in enumerate(answer.columns) if not name.startswith("output")]
    headings = tuple(answer.columns[index] for index in shown)
    rows = [[format_number(row[index]) for index in shown] for row in answer.rows[:count]]
    put_table(screen, Table(headings, rows))


def _class_cells(said: dict[str, object], screen: Screen) -> list[str]:
    from nnrun.formatting import format_number

    output = said.get(f"output_{said['prediction']}", said.get("output"))
    mark = "✗" if screen.can("✗") else "x"
    return [format_number(output), "" if said["truth"] == said["prediction"] else f"{mark} mistake"]


def _difference(said: dict[str, object], predictions: list[str]) -> str:
    from nnrun.formatting import format_number

    truth, prediction = said["truth"], said[predictions[0]]
    if len(predictions) > 1 or not isinstance(truth, int | float) or not isinstance(prediction, int | float):
        return ""
    return format_number(float(prediction - truth))
