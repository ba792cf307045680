"""`nnrun data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.cli.command_group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.quality import QualityReport


#: More columns and classes are only counted.
_MAX_ROWS = 40
#: The statistics of a column, and the headings of those that are shown under another name.
_STATISTICS = ("type", "missing", "distinct", "least", "most", "correlation")
_HEADINGS = {"least": "min", "most": "max"}


@click.group(cls=CommandGroup)
def data() -> None:
    """List, download, describe and check data sets.

    \b
    nnrun data list
    nnrun data fetch mnist
    """  # noqa: D301


@data.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the named data sets.

    \b
    nnrun data list
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.data.named.datasets import data_set_names, named_data_set

    data_sets = [named_data_set(name) for name in data_set_names()]
    if as_json:
        print_json([data_set.card() for data_set in data_sets])
    else:
        print_terms(Output.stdout(), [(data_set.name, data_set.description) for data_set in data_sets], are_names=True)


@data.command()
@click.argument("name", shell_complete=completion.data_set)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Write samples of each class of a data set of pictures to this file.",
)
@options.data_dir
@options.as_json
def show(name: str, pictures: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Describe the data set NAME: size, classes, licence, citation, files.

    If its files are in the data folder, the examples of each class are counted.

    \b
    nnrun data show mnist
    nnrun data show digits --pictures digits.png
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.named.datasets import named_data_set
    from nnrun.data.named.samples import count_classes, write_sheet

    paths = DataPaths(Path.cwd(), data_dir)
    card = named_data_set(name).card()
    source = SOURCES[name]()
    card["balance"] = count_classes(name, source, paths)
    if pictures is not None:
        write_sheet(name, source, paths, pictures)
    if as_json:
        print_json(card)
    else:
        print_terms(Output.stdout(), [(key, _format_item(key, value)) for key, value in card.items() if value])


def _format_item(key: str, value: Any) -> str:
    """Format an item of a data set's card."""
    if key == "rows":
        return ", ".join(f"{count:,} {part}" for part, count in value.items())
    if key == "balance":
        return ", ".join(f"{name}: {count:,}" for name, count in value.items())
    if key == "classes" and "\n" in value:
        return f"{len(value)} characters: {''.join(value)!r}"
    if not isinstance(value, list):
        return str(value)
    separator = {"files": "\n", "caveats": "\n", "shape": " x "}.get(key, ", ")
    items = ("?" if item is None else _format_file(item) if key == "files" else str(item) for item in value)
    return separator.join(items)


def _format_file(file: Mapping[str, Any]) -> str:
    from nnrun.formatting import format_bytes

    size = format_bytes(file["bytes"]) if file["bytes"] else "size not stated"
    digest = file["sha256"] or "not stated: its content is checked"
    return "\n  ".join([f"{file['name']}  {size}", f"sha256 {digest}", *file["addresses"]])


@data.command()
@click.argument("name", shell_complete=completion.data_set)
@options.data_dir
@options.quiet
@options.as_json
def fetch(name: str, data_dir: Path | None, quiet: bool, as_json: bool) -> None:
    """Download the data set NAME and verify its digest.

    Files that are in the data folder already are not downloaded again.

    \b
    nnrun data fetch mnist
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.named.datasets import named_data_set

    data_set = named_data_set(name)
    with open_progress(quiet=quiet, json=as_json) as progress:
        loaded = SOURCES[data_set.name]().load(DataPaths(Path.cwd(), data_dir), progress)
    files = [str(path) for path in loaded.files.values()]
    if as_json:
        print_json({"name": data_set.name, "files": files})
    else:
        nothing = f"{data_set.name} comes with scikit-learn: there is nothing to download"
        output = Output.stdout()
        output.write_line(output.shown("\n".join(files) or nothing))


@data.command()
@options.config
@options.sets
@options.data_dir
@options.quiet
@options.as_json
def check(config: str, sets: tuple[str, ...], data_dir: Path | None, quiet: bool, as_json: bool) -> None:
    """Check the data of CONFIG for leakage, gaps and rare classes.

    Reported are examples that several parts share, missing values, useless columns, and unbalanced classes.

    \b
    nnrun data check my.yaml
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import print_json
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.pipeline.check import check_data

    with open_progress(quiet=quiet, json=as_json) as progress:
        found = check_data(locate_config(config), sets, data_dir, progress)
    if as_json:
        print_json(found.as_json())
    else:
        print_quality_report(found)


def print_quality_report(report: QualityReport) -> None:
    """Print the columns and classes as tables, and the findings below them."""
    from nnrun.cli.terminal.output import Output, Table, print_paragraph, print_table
    from nnrun.formatting import format_count

    output = Output.stdout()
    output.write_line(", ".join(format_count(count, f"{part} example") for part, count in report.rows.items()))
    if report.columns:
        headings = ("column", *(_HEADINGS.get(key, key) for key in _STATISTICS))
        rows = [[name, *(_format_cell(about[key]) for key in _STATISTICS)] for name, about in report.columns.items()]
        output.write_line()
        print_table(output, Table(headings, rows[:_MAX_ROWS], frozenset(headings[2:])))
        if (more := len(rows) - _MAX_ROWS) > 0:
            output.write_line(f"and {format_count(more, 'more column')}")
    if any(report.classes.values()):
        names = dict.fromkeys(name for counts in report.classes.values() for name in counts)
        rows = [[name, *(f"{counts.get(name, 0):,}" for counts in report.classes.values())] for name in names]
        output.write_line()
        print_table(output, Table(("class", *report.classes), rows[:_MAX_ROWS], frozenset(report.classes)))
    output.write_line()
    if report.baseline:
        print_paragraph(output, _format_baseline(report.baseline))
    for finding in report.findings:
        print_paragraph(output, f"{finding.severity}: {finding.text} [{finding.name}]")
    if not report.findings:
        output.write_line("no findings")


def _format_baseline(baseline: Mapping[str, Any]) -> str:
    """Return a line about the best constant answer."""
    more = "`nnrun baseline CONFIG` fits simple models"
    if "error_percent" in baseline:
        what = f"always {baseline['answer']!r} is wrong for {baseline['error_percent']:.1f} %"
        return f"baseline: {what} of the {baseline['part']} part; {more}"
    errors = f"{baseline['mean_absolute_error']:.4g} (root mean squared {baseline['root_mean_squared_error']:.4g})"
    what = f"always {baseline['answer']:.4g}, the mean, has a mean absolute error of {errors}"
    return f"baseline: {what} on the {baseline['part']} part; {more}"


def _format_cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
