"""`nnrun baseline`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.cli.terminal.output import Output


@click.command()
@click.argument("config", metavar="[CONFIG]", required=False, shell_complete=completion.config)
@click.option(
    "--run",
    metavar="RUN",
    shell_complete=completion.run,
    help="Use the config and data of a run, keep the scores in its folder, and compare its own with them.",
)
@options.sets
@options.code
@options.trust_run
@options.folders
def baseline(
    *,
    config: str | None,
    run: str | None,
    sets: tuple[str, ...],
    code: tuple[Path, ...],
    trust_run: bool,
    runs_dir: Path,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Show what simple models reach on the data of a config.

    The most frequent class or the mean, a logistic or ridge regression, and gradient boosting, all of scikit-learn
    with its default settings, are fitted to the same training rows (of each fold) after the same preparation. With
    --run they stand in the report of the run, which warns if the network is no better.

    \b
    nnrun baseline pima
    nnrun baseline --run last
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json, print_paragraph
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.baseline import baselines_of_config, baselines_of_run
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.user_code import register_code
    from nnrun.runs.baselines import below_baseline
    from nnrun.runs.find import run_as_json

    if (config is None) == (run is None):
        raise click.UsageError("Expected a CONFIG, or --run with a run.")
    about: dict[str, Any] = {}
    scores: Mapping[str, Any] = {}
    with open_progress(quiet=quiet, json=as_json) as progress:
        if run is None:
            file = locate_config(str(config))
            with register_code(code, file, sets) as codes:
                found = baselines_of_config(file, sets, data_dir, progress, codes)
        else:
            request = EvaluateRequest(run, runs_dir, data_dir, code=code, trust_run=trust_run, sets=sets)
            found, folder, scores = baselines_of_run(request, progress)
            about = run_as_json(folder)
    document = found.as_json()
    warning = below_baseline(document, scores)
    if as_json:
        print_json({**about, **document, "warning": warning})
        return
    output = Output.stdout()
    print_baselines(output, document, scores)
    for text in document["notes"]:
        print_paragraph(output, text)
    if warning is not None:
        print_paragraph(output, f"warning: {warning}")


def print_baselines(output: Output, baselines: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
    """Print a table with one row for each model, the run's own last.

    Args:
        output: Where to print.
        baselines: The baselines, as in `baselines.json`.
        scores: The run's `scores.json`; empty without a run.
    """
    from nnrun.cli.terminal.output import Table, print_paragraph, print_table
    from nnrun.formatting import format_number
    from nnrun.runs.baselines import DECIDING, own_scores

    first = baselines["baselines"][0]["scores"]
    left_out = ("errors", "error_rate", "error_percent", "error_percent_interval_95", "interval", "mean_squared_error")
    names = [DECIDING[baselines["task"]], *(name for name in first if name not in left_out)]
    names = list(dict.fromkeys(names))
    each = [(one["name"], one["scores"]) for one in baselines["baselines"]]
    if own := own_scores(baselines, scores):
        each.append(("this run", own))
    rows = [[name, *(_cell(found.get(score), score) for score in names)] for name, found in each]
    headings = ("model", *("error" if name == "error_percent" else name for name in names))
    print_table(output, Table(headings, rows, frozenset(headings[1:]), tuple(reversed(headings[2:]))))
    part, rows_of = baselines["part"], baselines["rows"]
    where = "mean over the folds" if part == "folds" else f"{part} part, {format_number(rows_of[part])} rows"
    print_paragraph(output, f"On the {where}; fitted to {format_number(rows_of['train'])} training rows.")


def _cell(value: Any, name: str) -> str:
    from nnrun.formatting import format_number

    return f"{value:.2f} %" if name == "error_percent" and isinstance(value, float) else format_number(value)
