"""`nnrun runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.command_group import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nnrun.runs.find import RunRow
    from nnrun.runs.folder import RunFolder


#: Below this width the status has no column of its own.
_ROOM = 60


@click.group(cls=Commands)
def runs() -> None:
    """List and describe runs.

    \b
    nnrun runs list
    nnrun runs show last
    """  # noqa: D301


@runs.command("list")
@options.runs_dir
@options.as_json
def list_(runs_dir: Path, as_json: bool) -> None:
    """List the runs, the oldest first.

    \b
    nnrun runs list
    """  # noqa: D301
    from nnrun.cli.terminal.layout import Table, put_table
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.runs.find import list_runs

    rows, screen = list_runs(runs_dir), Screen.out()
    if as_json:
        put_json([_row_json(row) for row in rows])
    elif not rows:
        Screen.err().put(f"There is no run in {runs_dir} yet. nnrun train digits_mlp makes one.")
    else:
        table = Table(
            ("run", "name", "status", "started (UTC)", "took", "epochs", "result"),
            [_cells(row, short=(screen.width or _ROOM) < _ROOM) for row in rows],
            right=frozenset({"took", "epochs"}),
            spare=("epochs", "started (UTC)", "took", "status"),
        )
        put_table(screen, table)


def _row_json(row: RunRow) -> dict[str, Any]:
    return {
        "run": row.id,
        "folder": row.folder.path,
        "name": row.name,
        "status": row.status,
        "start": row.started,
        "seconds": row.seconds,
        "epochs": row.epochs,
        "headline": {"name": row.headline[0], "value": row.headline[1]} if row.headline else None,
    }


def _cells(row: RunRow, *, short: bool) -> list[str]:
    from nnrun.formatting import format_duration

    return [
        row.folder.short_id,
        row.name,
        row.status,
        (row.started or "")[:16].replace("T", " "),
        format_duration(row.seconds) if row.seconds is not None else "",
        str(row.epochs or ""),
        headline(row.headline) or (row.status if short else ""),
    ]


def headline(figure: tuple[str, float] | None) -> str:
    """Give the figure that stands for a run."""
    if figure is None:
        return ""
    name, value = figure
    if name == "error_percent":
        return f"{value:.2f} % error"
    return f"{name} {value:.4g}"


@runs.command()
@options.run
@options.runs_dir
@options.as_json
def show(run: str, runs_dir: Path, as_json: bool) -> None:
    """Say what a run was, how it ended and what it kept.

    RUN is a run's folder, the start of its id, its name, or: last.

    \b
    nnrun runs show last
    """  # noqa: D301
    from nnrun.cli.terminal.layout import put_terms
    from nnrun.cli.terminal.scores import put_scores
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.runs import metrics, record
    from nnrun.runs.find import find, status_of
    from nnrun.runs.json_files import read_mapping_if_any

    folder = find(runs_dir, run)
    fields, scores = record.read(folder), read_mapping_if_any(folder.scores) or None
    if as_json:
        put_json(
            {
                "run": folder.id,
                "folder": folder.path,
                "status": status_of(fields),
                "record": fields,
                "scores": scores,
                "last_epoch": metrics.read_last(folder.metrics),
                "files": _files(folder),
            }
        )
        return
    screen = Screen.out()
    put_terms(screen, list(_terms(folder, fields)))
    if scores:
        screen.put()
        put_scores(screen, scores)


def _files(folder: RunFolder) -> list[str]:
    return sorted(path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file())


def _terms(folder: RunFolder, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from shlex import join

    from nnrun.formatting import format_bytes, format_duration
    from nnrun.runs import metrics
    from nnrun.runs.find import status_of

    last = metrics.read_last(folder.metrics) or {}
    versions, seconds = fields.get("versions") or {}, fields.get("seconds") or {}
    yield "run", folder.id
    yield "folder", str(folder.path)
    yield "status", status_of(fields)
    if fields.get("error"):
        yield "error", str(fields["error"])
    yield "started", str(fields.get("start") or "")[:19].replace("T", " ") + " UTC"
    yield "took", ", ".join(f"{name} {format_duration(value)}" for name, value in seconds.items()) or "-"
    yield "epochs", str(last.get("epoch", 0))
    yield "seed", str(fields.get("seed"))
    if fields.get("peak_memory_bytes"):
        yield "memory", f"{format_bytes(fields['peak_memory_bytes'])} at most"
    yield "versions", ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    yield "command", join(["nnrun", *(str(word) for word in (fields.get("argv") or ())[1:])])
    if folder.report.is_file():
        yield "report", str(folder.report)
    yield "files", ", ".join(_files(folder))
