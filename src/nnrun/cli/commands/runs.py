"""`nnrun runs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnrun.cli import options
from nnrun.cli.command_group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nnrun.runs.find import RunRow
    from nnrun.runs.folder import RunFolder


#: On a narrower terminal the status has no column of its own.
_NARROW = 60
#: Names of phases that a record holds under another name.
_PHASES = {"wake": "start"}


@click.group(cls=CommandGroup)
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
    """List all runs, the oldest first.

    \b
    nnrun runs list
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, Table, print_json, print_paragraph, print_table
    from nnrun.runs.find import list_runs

    rows, output = list_runs(runs_dir), Output.stdout()
    if as_json:
        print_json([_row_as_json(row) for row in rows])
    elif not rows:
        print_paragraph(Output.stderr(), f"There is no run in {runs_dir} yet. nnrun train digits_mlp makes one.")
    else:
        narrow = (output.width or _NARROW) < _NARROW
        table = Table(
            ("run", "name", "status", "started (UTC)", "took", "epochs", "result"),
            [_cells(row, narrow=narrow) for row in rows],
            right=frozenset({"took", "epochs"}),
            optional=("epochs", "started (UTC)", "took", "status"),
        )
        print_table(output, table)


def _row_as_json(row: RunRow) -> dict[str, Any]:
    return {
        "run": row.id,
        "folder": row.folder.path,
        "name": row.name,
        "status": row.status,
        "problem": row.problem,
        "process": row.process,
        "start": row.started,
        "seconds": row.seconds,
        "epochs": row.epochs,
        "headline": {"name": row.headline[0], "value": row.headline[1]} if row.headline else None,
    }


def _cells(row: RunRow, *, narrow: bool) -> list[str]:
    from nnrun.formatting import format_duration

    return [
        row.folder.short_id,
        row.name,
        row.status,
        (row.started or "")[:16].replace("T", " "),
        format_duration(row.seconds) if row.seconds is not None else "",
        str(row.epochs or ""),
        _format_headline(row.headline) or row.problem or (row.status if narrow else ""),
    ]


def _format_headline(metric: tuple[str, float] | None) -> str:
    if metric is None:
        return ""
    name, value = metric
    return f"{value:.2f} % error" if name == "error_percent" else f"{name} {value:.4g}"


@runs.command()
@options.run
@options.runs_dir
@options.as_json
def show(run: str, runs_dir: Path, as_json: bool) -> None:
    """Describe a run: its result, times, versions and files.

    RUN is a run's folder, the start of its id, its name, or last.

    \b
    nnrun runs show last
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output, print_json, print_terms
    from nnrun.cli.terminal.scores import print_scores
    from nnrun.runs import metrics, record
    from nnrun.runs.documents import read_scores_if_any
    from nnrun.runs.find import find, run_as_json, status_of

    folder = find(runs_dir, run)
    fields, scores = record.read(folder), read_scores_if_any(folder) or None
    status, last_epoch = status_of(folder, fields), metrics.read_last(folder.metrics)
    files = sorted(path.relative_to(folder.path).as_posix() for path in folder.files())
    if as_json:
        document = {"record": fields, "scores": scores}
        print_json({**run_as_json(folder), **document, "last_epoch": last_epoch, "files": files})
        return
    output = Output.stdout()
    epochs = int((last_epoch or {}).get("epoch", 0))
    terms = [("run", folder.id), ("folder", str(folder.path)), ("status", status)]
    if status in ("running", "died"):
        terms.append(("process", _format_process(fields.get("process"), gone=status == "died")))
    print_terms(output, [*terms, *_record_terms(folder, fields, epochs), ("files", ", ".join(files))])
    if scores:
        output.write_line()
        print_scores(output, scores)


def _format_process(process: object, *, gone: bool) -> str:
    if not isinstance(process, dict):
        return "unknown"
    return f"{process.get('pid')} on {process.get('host')}{', which is gone' if gone else ''}"


def _record_terms(folder: RunFolder, fields: Mapping[str, Any], epochs: int) -> Iterator[tuple[str, str]]:
    from shlex import join

    from nnrun.formatting import format_bytes, format_duration
    from nnrun.runs.lineage import describe

    versions, seconds = fields.get("versions") or {}, fields.get("seconds") or {}
    if fields.get("error"):
        yield "error", str(fields["error"])
    if (parent := describe(fields)) is not None:
        yield "forked from", parent
    yield "started", str(fields.get("start") or "")[:19].replace("T", " ") + " UTC"
    took = (f"{_PHASES.get(name, name)} {format_duration(value)}" for name, value in seconds.items())
    yield "took", ", ".join(took) or "-"
    yield "epochs", str(epochs)
    yield "seed", str(fields.get("seed"))
    if fields.get("peak_memory_bytes"):
        yield "memory", f"{format_bytes(fields['peak_memory_bytes'])} at most"
    yield "versions", ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    yield "command", join(["nnrun", *(str(word) for word in (fields.get("argv") or ())[1:])])
    if folder.report.is_file():
        yield "report", str(folder.report)
