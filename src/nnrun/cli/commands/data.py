"""What `nnrun data check` shows."""

from __future__ import annotations

from pathlib import Path as PathType
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import completion, options
from nnrun.cli.command_group import Commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.quality import QualityReport


#: Columns and classes beyond this number are only counted.
_MOST = 40


def print_quality_report(found: QualityReport) -> None:
    """Write the columns and classes as tables, and below them what to look at."""
    from nnrun.cli.terminal.layout import Table, put_paragraph, put_table
    from nnrun.cli.terminal.screen import Screen

    screen = Screen.out()
    screen.put(", ".join(f"{count:,} {part} examples" for part, count in found.rows.items()))
    if found.columns:
        headings = ("column", "type", "missing", "distinct", "least", "most", "correlation")
        rows = [[name, *(_said(about[key]) for key in headings[1:])] for name, about in found.columns.items()]
        screen.put("")
        put_table(screen, Table(headings, rows[:_MOST], frozenset(headings[2:])))
        if len(rows) > _MOST:
            screen.put(f"and {len(rows) - _MOST} more columns")
    if any(found.classes.values()):
        names = list(dict.fromkeys(name for there in found.classes.values() for name in there))
        lines = [[name, *(f"{there.get(name, 0):,}" for there in found.classes.values())] for name in names]
        screen.put("")
        put_table(screen, Table(("class", *found.classes), lines[:_MOST], frozenset(found.classes)))
    screen.put("")
    for finding in found.findings:
        put_paragraph(screen, f"{finding.severity}: {finding.text} [{finding.name}]")
    if not found.findings:
        screen.put("no findings")


def _said(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


@click.group(cls=Commands)
def data() -> None:
    """List, fetch, describe and examine data sets.

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
    from nnrun.cli.terminal.layout import put_terms
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.data.named.datasets import data_set_names, named_data_set

    data_sets = [named_data_set(name) for name in data_set_names()]
    if as_json:
        put_json([data_set.card() for data_set in data_sets])
    else:
        put_terms(Screen.out(), [(data_set.name, data_set.description) for data_set in data_sets])


@data.command()
@click.argument("name", shell_complete=completion.data_set)
@click.option(
    "--pictures",
    type=click.Path(path_type=PathType, dir_okay=False),
    metavar="FILE.png",
    help="Write samples of each class of a set of pictures to this file.",
)
@options.data_dir
@options.as_json
def show(name: str, pictures: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Say what is known of the data set NAME: size, classes, licence, citation, caveats, files.

    Where its files are there, the examples of each class are counted.

    \b
    nnrun data show mnist
    nnrun data show digits --pictures digits.png
    """  # noqa: D301
    from pathlib import Path

    from nnrun.cli.terminal.layout import put_terms
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.named.datasets import named_data_set
    from nnrun.data.named.samples import count_classes, write_sheet

    places = DataPaths(Path.cwd(), data_dir)
    card = named_data_set(name).card()
    source = SOURCES[name]()
    card["balance"] = count_classes(name, source, places)
    if pictures is not None:
        write_sheet(name, source, places, pictures)
    if as_json:
        put_json(card)
    else:
        put_terms(Screen.out(), [(key, _said_data(key, value)) for key, value in card.items() if value])


def _said_data(key: str, value: Any) -> str:
    """Give an item of a card in words."""
    if key == "rows":
        return ", ".join(f"{count:,} {part}" for part, count in value.items())
    if key == "balance":
        return ", ".join(f"{name}: {count:,}" for name, count in value.items())
    if key == "classes" and "\n" in value:
        return f"{len(value)} characters: {''.join(value)!r}"
    if not isinstance(value, list):
        return str(value)
    between = {"files": "\n", "caveats": "\n", "shape": " x "}.get(key, ", ")
    return between.join("?" if item is None else _file(item) if key == "files" else str(item) for item in value)


def _file(file: Mapping[str, Any]) -> str:
    from nnrun.formatting import format_bytes

    head = f"{file['name']}  {format_bytes(file['bytes']) if file['bytes'] else 'size not stated'}"
    return "\n  ".join([head, f"sha256 {file['sha256'] or 'not stated: its content is checked'}", *file["addresses"]])


@data.command()
@click.argument("name", shell_complete=completion.data_set)
@options.data_dir
@options.quiet
@options.as_json
def fetch(name: str, data_dir: Path | None, quiet: bool, as_json: bool) -> None:
    """Download the data set NAME into the data folder, unless it is there, and check its digest.

    \b
    nnrun data fetch mnist
    """  # noqa: D301
    from pathlib import Path

    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.data.all_sources import SOURCES
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.named.datasets import named_data_set

    data_set = named_data_set(name)
    with open_progress(quiet=quiet, json=as_json) as progress:
        files = SOURCES[data_set.name]().load(DataPaths(Path.cwd(), data_dir), progress).files
    if as_json:
        put_json({"name": data_set.name, "files": [str(path) for path in files.values()]})
    else:
        for line in (
            map(str, files.values())
            if files
            else [f"{data_set.name} comes with scikit-learn: there is nothing to download"]
        ):
            Screen.out().put(line)


@data.command()
@options.config
@options.sets
@options.data_dir
@options.quiet
@options.as_json
def check(config: str, sets: tuple[str, ...], data_dir: Path | None, quiet: bool, as_json: bool) -> None:
    """Look for leakage, gaps, useless columns and unbalanced classes in the data of CONFIG.

    \b
    nnrun data check my.yaml
    """  # noqa: D301
    from nnrun.cli.commands.configs import located
    from nnrun.cli.terminal.progress import open_progress
    from nnrun.cli.terminal.screen import put_json
    from nnrun.pipeline.check import check_data

    with open_progress(quiet=quiet, json=as_json) as progress:
        found = check_data(located(config), sets, data_dir, progress)
    if as_json:
        put_json(found.as_json())
    else:
        print_quality_report(found)
