"""`nnrun tune-threshold` and `nnrun calibrate-probabilities`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.engine.scoring.decision import Goal
    from nnrun.pipeline.decide import DecisionResult

_SCORES = ("accuracy", "balanced_accuracy", "f1", "matthews_corrcoef")
_remove = click.option(
    "--remove", is_flag=True, help="Remove threshold and temperature: predict decides as the model does."
)


class Costs(click.ParamType):  # type: ignore[type-arg]
    """The costs of mistakes, as `fp=1,fn=5`."""

    name = "fp=NUMBER,fn=NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Return the costs of a false positive and of a false negative."""
        known = {}
        for item in str(value).split(","):
            name, _, number = item.strip().partition("=")
            try:
                known[name] = float(number)
            except ValueError:
                known[name] = -1.0
        if (
            set(known) != {"fp", "fn"}
            or not all(0 <= one < float("inf") for one in known.values())
            or not any(known.values())
        ):
            self.fail("expected the costs of both mistakes, at least one of them above 0, as fp=1,fn=5", param, ctx)
        return known["fp"], known["fn"]


@click.command("tune-threshold")
@options.run
@click.option("--cost", type=Costs(), help="What a false positive and a false negative cost, for example fp=1,fn=5.")
@click.option("--maximize", type=click.Choice(_SCORES), help="The score to be as high as possible, instead of costs.")
@_remove
@options.model
@options.given_secrets
@options.folders
def tune_threshold(
    *,
    cost: tuple[float, float] | None,
    maximize: str | None,
    remove: bool,
    quiet: bool,
    as_json: bool,
    **request: Any,
) -> None:
    """Choose the probability from which on the second class is predicted.

    The validation part decides, the test part shows what it is worth. The threshold is kept with the run, and predict
    uses it. A false positive is a row of the first class that is taken for the second.

    \b
    nnrun tune-threshold last --cost fp=1,fn=5
    nnrun tune-threshold last --maximize f1
    nnrun tune-threshold last --remove
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.engine.scoring.decision import Goal
    from nnrun.pipeline import decide
    from nnrun.pipeline.evaluate import EvaluateRequest

    if remove:
        _removed(decide.remove_decision(EvaluateRequest(**request)).path, quiet=quiet, as_json=as_json)
        return
    if (cost is None) == (maximize is None):
        raise click.UsageError("expected --cost fp=1,fn=5, or --maximize SCORE")
    goal = Goal("cost", *cost) if cost is not None else Goal(str(maximize))
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = decide.tune_threshold(EvaluateRequest(**request), goal, progress)
    _print(result, _threshold_rows(result, goal), quiet=quiet, as_json=as_json)


@click.command("calibrate-probabilities")
@options.run
@_remove
@options.model
@options.given_secrets
@options.folders
def calibrate_probabilities(*, remove: bool, quiet: bool, as_json: bool, **request: Any) -> None:
    """Make the probabilities of a classifier say how often it is right.

    They are divided by a temperature (Guo et al. 2017) which the validation part decides; the most probable class stays
    the same. It is kept with the run, and predict uses it.

    \b
    nnrun calibrate-probabilities last
    nnrun calibrate-probabilities last --remove
    """  # noqa: D301
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline import decide
    from nnrun.pipeline.evaluate import EvaluateRequest

    if remove:
        _removed(decide.remove_decision(EvaluateRequest(**request)).path, quiet=quiet, as_json=as_json)
        return
    with open_progress(quiet=quiet, json=as_json) as progress:
        result = decide.calibrate(EvaluateRequest(**request), progress)
    _print(result, _calibration_rows(result), quiet=quiet, as_json=as_json)


def _threshold_rows(result: DecisionResult, goal: Goal) -> list[list[str]]:
    """Return the lines of the table: for each part both thresholds with what they reach."""
    name = "cost a row" if goal.is_cost else goal.name
    lines = [["part", "rows", "threshold", name, "false positives", "false negatives", "change, 95 % interval"]]
    for part, known in result.parts.items():
        low, high = known["interval_95"]
        for key, threshold in (("at_half", 0.5), ("at_threshold", result.decision["threshold"])):
            table, is_chosen = known[key], key == "at_threshold"
            value = known[f"{goal.name}_{key}"]
            interval = f"{low:+.4f} to {high:+.4f}" if is_chosen else ""
            lines.append(
                [
                    part,
                    f"{known['rows']:,}",
                    f"{threshold:.4g}",
                    f"{value:.4f}",
                    str(table["fp"]),
                    str(table["fn"]),
                    interval,
                ]
            )
    return lines


def _calibration_rows(result: DecisionResult) -> list[list[str]]:
    lines = [["part", "rows", "temperature", "log loss", "calibration error"]]
    for part, known in result.parts.items():
        for key, temperature in (("before", 1.0), ("after", result.decision["temperature"])):
            figures = known[key]
            error = figures["expected_calibration_error"]
            lines.append(
                [part, f"{known['rows']:,}", f"{temperature:.4g}", f"{figures['log_loss']:.4f}", f"{error:.4f}"]
            )
    return lines


def _print(result: DecisionResult, lines: list[list[str]], *, quiet: bool, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, Table, print_json, print_paragraph, print_table
    from nnrun.runs.find import run_as_json

    if as_json:
        print_json({**run_as_json(result.folder), **result.as_json()})
        return
    output = Output.stdout()
    if quiet:
        decision = result.decision
        output.write_line(
            f"{decision['threshold'] if decision['threshold'] is not None else decision['temperature']:.6g}"
        )
        return
    print_table(output, Table(tuple(lines[0]), lines[1:], frozenset(lines[0][1:])))
    for note in result.notes:
        print_paragraph(output, f"note: {note}")
    output.write_line(f"kept in {result.folder.path}/decision.json, which nnrun predict uses")


def _removed(folder: Path, *, quiet: bool, as_json: bool) -> None:
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.runs.find import run_as_json
    from nnrun.runs.folder import RunFolder

    if as_json:
        print_json({**run_as_json(RunFolder(folder)), "decision": None, "parts": {}, "notes": []})
    elif not quiet:
        Output.stdout().write_line("removed: nnrun predict decides as the model does")
