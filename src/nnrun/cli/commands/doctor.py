"""`nnrun doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.doctor import Item

_COLORS = {"ok": "green", "note": "yellow", "wrong": "red", "mended": "cyan"}
_WIDTH = 6


@click.command()
@click.option("--fix", is_flag=True, help="Clear leftovers and stale locks, and mark runs that died as such.")
@options.folders
def doctor(*, fix: bool, runs_dir: Path, data_dir: Path | None, quiet: bool, as_json: bool) -> int:
    """Examine environment, folders and runs.

    Versions with known holes, rights and space of the folders of runs and data, stale locks, leftovers of processes
    that were killed, runs that are broken or died. Every line says what to type. Exits with 1 if anything is wrong.

    \b
    nnrun doctor
    nnrun doctor --fix
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.pipeline.doctor import examine_all

    output, items = Output.stdout(), []
    for item in examine_all(runs_dir, data_dir, fix=fix):
        items.append(item)
        if not as_json and (item.status != "ok" or not quiet):
            print_item(output, item)
    wrong = sum(item.status == "wrong" for item in items)
    if as_json:
        print_json({"ok": not wrong, "items": [vars(item) for item in items]})
    elif not quiet:
        output.write_line(
            "nothing is wrong" if not wrong else f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong"
        )
    return int(wrong > 0)


def print_item(output: Output, item: Item) -> None:
    """Print one result, and below it what to type."""
    status = output.style(item.status.ljust(_WIDTH), fg=_COLORS[item.status])
    output.write_line(f"{status}  {output.shown(f'{item.area}: {item.text}')}")
    if item.hint is not None and item.status != "mended":
        for line in item.hint.split("\n"):
            output.write_line(f"{' ' * _WIDTH}  {output.shown(line)}")
