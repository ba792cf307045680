"""`nnrun eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.evaluate import EvaluateResult


@click.command("eval")
@options.run
@options.model
@options.beam_width
@options.given_secrets
@click.option(
    "--part",
    type=click.Choice(["test", "validation", "train"]),
    default=None,
    help="The part of the run's data. Default: the test part, else validation, else train.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use another file of the same form, or a folder of pictures, instead of the run's data.",
)
@click.option(
    "--show", type=click.IntRange(min=0), default=0, metavar="N", help="Show N predictions next to the true values."
)
@options.folders
def evaluate(*, show: int, quiet: bool, as_json: bool, **request: Any) -> None:
    """Score the model of a run again.

    By default the scores are those at the end of training, to the last digit.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun eval last
    nnrun eval last --checkpoint best --show 10
    nnrun eval 3f9a21 --data more.csv
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.scores import print_score_details, print_scores
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.evaluate import evaluate as evaluate_run
    from nnrun.runs.find import warn_if_unfinished

    with open_progress(quiet=quiet, json=as_json) as progress:
        result = evaluate_run(EvaluateRequest(**request), progress)
        warn_if_unfinished(result.folder, progress)
    if as_json:
        predictions = [dict(zip(result.columns, row, strict=True)) for row in result.rows[:show]]
        shown = {"predictions": predictions} if show else {}
        print_json({**result.as_json(), "warnings": progress.warnings, **shown})
        return
    output = Output.stdout()
    fold = "" if request["fold"] is None else f", fold {request['fold']}"
    output.write_line(output.shown(f"{result.folder.id}{fold}, checkpoint {request['checkpoint']}"))
    print_scores(output, result.scores)
    print_score_details(output, result.scores)
    if show:
        output.write_line()
        print_predictions(output, result, show)


def print_predictions(output: Output, result: EvaluateResult, count: int) -> None:
    """Print the first predictions next to the true values; mistakes are marked, numbers get their difference."""
    from nnrun.cli.terminal.output import Table, print_table
    from nnrun.formatting import format_number

    if "truth" not in result.columns:  # several targets; the output of each class is left to predictions.csv
        shown = [index for index, name in enumerate(result.columns) if not name.startswith("output")]
        cells = [[format_number(row[index]) for index in shown] for row in result.rows[:count]]
        print_table(output, Table(tuple(result.columns[index] for index in shown), cells))
        return
    predictions = [name for name in result.columns if name.startswith("prediction")]
    places = result.columns[: result.columns.index("truth")]
    is_classifier = result.scores["task"] == "classification"
    rows = []
    for row in result.rows[:count]:
        values = dict(zip(result.columns, row, strict=True))
        shown_values = [values[name] for name in ("truth", *predictions)]
        numbers = [str(value) if is_classifier else format_number(value) for value in shown_values]
        last = _class_cells(values, output) if is_classifier else [_difference(shown_values)]
        rows.append([*(str(values[name]) for name in places), *numbers, *last])
    units = [name for name in result.columns if name.startswith("output")]
    unit = units[0] if len(units) == 1 else "output"
    headings = (*places, "truth", *predictions, *((unit, "") if is_classifier else ("difference",)))
    right = frozenset() if is_classifier else frozenset(headings) - {"file"}
    print_table(output, Table(headings, rows, right, (unit,)))


def _class_cells(values: dict[str, object], output: Output) -> list[str]:
    from nnrun.formatting import format_number

    units = [value for name, value in values.items() if name.startswith("output")]
    probability = units[0] if len(units) == 1 else values.get(f"output_{values['prediction']}")
    mark = "✗" if output.can_encode("✗") else "x"
    return [format_number(probability), "" if values["truth"] == values["prediction"] else f"{mark} mistake"]


def _difference(values: list[object]) -> str:
    from nnrun.formatting import format_number

    truth, prediction = values[:2]
    if len(values) > 2 or not isinstance(truth, int | float) or not isinstance(prediction, int | float):
        return ""
    return format_number(float(prediction - truth))
