"""`nnrun compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.terminal.screen import Screen
    from nnrun.runs.compare import Comparison


@click.command()
@click.argument("first", metavar="A", shell_complete=completion.run)
@click.argument("second", metavar="B", shell_complete=completion.run)
@click.option("--metric", metavar="NAME", help="The figure to compare, as scores.json calls it.")
@options.runs_dir
@options.as_json
def compare(*, first: str, second: str, metric: str | None, runs_dir: Path, as_json: bool) -> None:
    """Say whether two runs differ by more than chance.

    Two cross-validations over the same folds are compared fold by fold, with the corrected resampled t-test of
    Nadeau and Bengio (Machine Learning 52, 2003). Two single classifiers are compared on their test rows, with
    McNemar's exact test.

    A and B are each a run's folder, the start of its id, its name, or: last.

    \b
    nnrun compare boston_standardized boston_wider
    """  # noqa: D301
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.runs.compare import compare as put_side_by_side
    from nnrun.runs.find import find

    found = put_side_by_side(find(runs_dir, first), find(runs_dir, second), metric)
    if as_json:
        put_json(found.as_json())
    else:
        put_comparison(Screen.out(), found)


def put_comparison(screen: Screen, found: Comparison) -> None:
    """Write each fold, the mean, and what that means."""
    from nnrun.cli.terminal.layout import Table, put_paragraph, put_table, put_terms
    from nnrun.formatting import format_number

    put_terms(screen, [("first", found.first), ("second", found.second), ("figure", found.metric)])
    screen.put()
    rows = [
        [str(line["fold"]), *(format_number(line[key]) for key in ("first", "second", "difference"))]
        for line in found.each
        if "fold" in line
    ]
    name = "mean" if rows else "test"
    rows.append([name, *(format_number(value) for value in (*found.means, found.difference))])
    headings = ("fold" if len(rows) > 1 else "part", "first", "second", "difference")
    put_table(screen, Table(headings, rows, frozenset(headings[1:])))
    screen.put()
    if found.interval_95 is not None:
        low, high = found.interval_95
        put_paragraph(
            screen, f"95 % interval of the difference: {format_number(low)} to {format_number(high)} ({found.test})"
        )
    else:
        put_paragraph(screen, found.test)
    put_paragraph(screen, found.conclusion)
