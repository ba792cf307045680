"""`nnrun data`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import complete, options
from nnrun.cli.commands import Commands

if TYPE_CHECKING:
    from pathlib import Path


@click.group(cls=Commands)
def data() -> None:
    """List, fetch and describe named data sets.

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
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Say what is known of the data set NAME: size, licence, citation, files.

    \b
    nnrun data show mnist
    """  # noqa: D301
    from nnrun.cli.layout import put_terms
    from nnrun.cli.screen import Screen, put_json
    from nnrun.data.registry import card

    known = card(name)
    if as_json:
        put_json(known)
    else:
        put_terms(Screen.out(), [(key, _said(value)) for key, value in known.items() if value])


def _said(value: Any) -> str:
    from nnrun.cli.console import amount

    if isinstance(value, dict):
        return ", ".join(f"{item:,} {key}" for key, item in value.items())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "\n".join(
            "\n  ".join(
                [f"{file['name']}  {amount(file['bytes'], 'B')}", f"sha256 {file['sha256']}", *file["addresses"]]
            )
            for file in value
        )
    if isinstance(value, list):
        return (" x " if value and isinstance(value[0], int) else ", ").join(map(str, value))
    return str(value)


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
