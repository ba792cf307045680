"""`nnrun data`."""

from __future__ import annotations

from pathlib import Path as PathType
from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import complete, options
from nnrun.cli.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    from nnrun.cli.layout import put_terms
    from nnrun.cli.screen import Screen, put_json
    from nnrun.data.registry import card, entries

    if as_json:
        put_json([card(entry.name) for entry in entries()])
    else:
        put_terms(Screen.out(), [(entry.name, entry.description) for entry in entries()])


@data.command()
@click.argument("name", shell_complete=complete.data_set)
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

    from nnrun.cli.layout import put_terms
    from nnrun.cli.screen import Screen, put_json
    from nnrun.data.places import Places
    from nnrun.data.registry import card
    from nnrun.data.samples import balance, write_sheet

    places = Places(Path.cwd(), data_dir)
    known = card(name) | {"balance": balance(name, places)}
    if pictures is not None:
        write_sheet(name, places, pictures)
    if as_json:
        put_json(known)
    else:
        put_terms(Screen.out(), [(key, _said(key, value)) for key, value in known.items() if value])


def _said(key: str, value: Any) -> str:
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
@click.argument("name", shell_complete=complete.data_set)
@options.data_dir
@options.quiet
@options.as_json
def fetch(name: str, data_dir: Path | None, quiet: bool, as_json: bool) -> None:
    """Download the data set NAME into the data folder, unless it is there, and check its digest.

    \b
    nnrun data fetch mnist
    """  # noqa: D301
    from pathlib import Path

    from nnrun.cli.console import listening
    from nnrun.cli.screen import Screen, put_json
    from nnrun.data.places import Places
    from nnrun.data.registry import entry
    from nnrun.data.sources import SOURCES

    known = entry(name)
    with listening(quiet=quiet, json=as_json) as progress:
        files = SOURCES[known.name]().load(Places(Path.cwd(), data_dir), progress).files
    if as_json:
        put_json({"name": known.name, "files": [str(path) for path in files.values()]})
    else:
        for line in (
            map(str, files.values())
            if files
            else [f"{known.name} comes with scikit-learn: there is nothing to download"]
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
    from nnrun.cli.configs import located
    from nnrun.cli.console import listening
    from nnrun.cli.data_check import put_checkup
    from nnrun.cli.screen import put_json
    from nnrun.pipeline.data_check import check_data

    with listening(quiet=quiet, json=as_json) as progress:
        found = check_data(located(config), sets, data_dir, progress)
    if as_json:
        put_json(found.as_json())
    else:
        put_checkup(found)
