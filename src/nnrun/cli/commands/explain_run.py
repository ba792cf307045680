"""`nnrun explain-run`."""

from __future__ import annotations

from typing import Any

import click

from nnrun.cli import options

_ERRORS = {"error_rate": "error", "mean_absolute_error": "mean absolute error"}


@click.command("explain-run")
@options.run
@click.option(
    "--part", type=click.Choice(["test", "validation", "train"]), help="Default: the test part, else validation."
)
@click.option(
    "--repeats", type=click.IntRange(min=1, max=1000), default=5, show_default=True, help="Permutations of each column."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the permutations.")
@options.model
@options.given_secrets
@options.folders
def explain_run(*, repeats: int, seed: int, quiet: bool, as_json: bool, **request: Any) -> None:
    """Show which columns of its table a model goes by.

    The values of each column are shuffled between rows; how much larger the error is then, with a 95 % interval, is
    what the model loses without the column. It is kept with the run, and the report shows it.

    \b
    nnrun explain-run last
    nnrun explain-run last --repeats 20
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, Table, print_json, print_paragraph, print_table
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.evaluate import EvaluateRequest
    from nnrun.pipeline.explain_run import explain_run as explain
    from nnrun.runs.find import run_as_json

    with open_progress(quiet=quiet, json=as_json) as progress:
        result = explain(EvaluateRequest(**request), progress, repeats=repeats, seed=seed)
    if as_json:
        print_json({**run_as_json(result.folder), "importance": result.importance})
        return
    output = Output.stdout()
    for one in result.importance["outputs"]:
        error = _ERRORS.get(one["error"], one["error"])
        name = f"{one['name']}: " if one["name"] else ""
        headings = ("column", f"{name}{error} grows by", "95 % interval")
        rows = [
            (each["column"], f"{each['importance']:.4g}", " to ".join(f"{end:.4g}" for end in each["interval_95"]))
            for each in one["columns"]
        ]
        print_table(output, Table(headings, rows, frozenset(headings[1:])))
    if not quiet:
        for note in result.importance["notes"]:
            print_paragraph(output, f"note: {note}")
        output.write_line(
            f"kept in {result.folder.path}/importance.json; nnrun report {result.folder.short_id} shows it"
        )
