"""`nnrun compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import completion, options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nnrun.cli.terminal.output import Output
    from nnrun.runs.compare import Comparison


@click.command()
@click.argument("first", metavar="A", shell_complete=completion.run)
@click.argument("second", metavar="B", shell_complete=completion.run)
@click.option("--metric", metavar="NAME", help="The metric to compare, by its name in scores.json.")
@options.runs_dir
@options.as_json
def compare(*, first: str, second: str, metric: str | None, runs_dir: Path, as_json: bool) -> None:
    """Test whether two runs or combinations differ by more than chance.

    Two cross-validations over the same folds are compared fold by fold, with the corrected resampled t-test of
    Nadeau and Bengio (Machine Learning 52, 2003). Two single classifiers are compared on their test rows, with
    McNemar's exact test. Two combinations of sweeps are compared seed by seed, with a t-test; it is said how many more
    seeds would show the difference seen.

    A and B are each a run's folder, the start of its id, its name, or last; or a sweep and the number of one of its
    combinations, with a colon between them.

    \b
    nnrun compare boston_standardized boston_wider
    nnrun compare last:3 last:7
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import PlainProgress
    from nnrun.runs.compare import compare as compare_runs
    from nnrun.runs.find import find, run_as_json, warn_if_unfinished
    from nnrun.runs.lineage import describe_run
    from nnrun.sweep.comparison import compare_groups, find_group, names_group

    if names_group(first) or names_group(second):
        found = compare_groups(find_group(runs_dir, first), find_group(runs_dir, second), metric)
        if as_json:
            print_json(found.as_json())
        else:
            print_comparison(Output.stdout(), found)
        return
    folders = find(runs_dir, first), find(runs_dir, second)
    comparison = compare_runs(*folders, metric)
    if as_json:
        print_json({**comparison.as_json(), "runs": [run_as_json(folder) for folder in folders]})
        return
    for folder in dict.fromkeys(folders):
        warn_if_unfinished(folder, PlainProgress(Output.stderr()))
    print_comparison(Output.stdout(), comparison, [describe_run(folder) for folder in folders])


def print_comparison(output: Output, comparison: Comparison, parents: Sequence[str | None] = ()) -> None:
    """Print each fold or seed, the mean, and the result of the test; `parents` says what each run was forked from."""
    from nnrun.cli.terminal.output import Table, print_paragraph, print_table, print_terms
    from nnrun.formatting import format_number

    terms = [("first", comparison.first), ("second", comparison.second), ("metric", comparison.metric)]
    named = zip(("first", "second"), parents, strict=False)
    terms += [(f"{name} is forked from", parent) for name, parent in named if parent is not None]
    print_terms(output, terms)
    output.write_line()
    unit = next((name for name in ("fold", "seed") if comparison.each and name in comparison.each[0]), "part")
    rows = [
        [str(line[unit]), *(format_number(line[key]) for key in ("first", "second", "difference"))]
        for line in comparison.each
        if unit in line
    ]
    headings = (unit, "first", "second", "difference")
    summary = (*comparison.means, comparison.difference)
    rows.append(["mean" if rows else comparison.part, *(format_number(value) for value in summary)])
    print_table(output, Table(headings, rows, frozenset(headings[1:])))
    output.write_line()
    test = comparison.test
    if comparison.interval_95 is not None:
        low, high = map(format_number, comparison.interval_95)
        test = f"95 % interval of the difference: {low} to {high}, by the {test}"
    print_paragraph(output, f"{test}.")
    print_paragraph(output, comparison.conclusion)
