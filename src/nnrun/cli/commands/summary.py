"""`nnrun summary`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.terminal.screen import Screen
    from nnrun.pipeline.summarize import ModelSummary
    from nnrun.spec.shapes import NodeShape


@click.command()
@options.config
@options.sets
@options.knows_code
@options.data_dir
@options.as_json
def summary(config: str, sets: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Show a config's model layer by layer.

    Shapes are those of one example, without the batch. TensorFlow is not needed for it.

    \b
    nnrun summary digits_mlp
    """  # noqa: D301
    from nnrun.cli.commands.configs import located
    from nnrun.cli.terminal.problems import as_json as problem_json
    from nnrun.cli.terminal.problems import put_problems
    from nnrun.cli.terminal.screen import Screen, put_json
    from nnrun.pipeline.summarize import summarize

    found = summarize(located(config), sets, data_dir)
    if as_json:
        put_json({**found.as_json(), "problems": [problem_json(problem) for problem in found.problems]})
    else:
        put_summary(Screen.out(), found)
        put_problems(Screen.err(), found.problems, counted=False)
    return EXIT_REFUSED if found.refused else 0


def put_summary(screen: Screen, found: ModelSummary) -> None:
    """Write the layers as a table, the sums, and the memory that training needs."""
    from nnrun.cli.terminal.layout import Table, put_paragraph, put_table

    lone = len(found.inputs) == 1
    first = [
        ["(input)" if lone else name, "" if lone else "Input", _shape(shape), "", ""]
        for name, shape in found.inputs.items()
        if shape is not None
    ]
    rows = [*first, *(_line(row) for row in found.rows)]
    headings: tuple[str, ...] = ("layer", "class", "output", "parameters", "from")
    if _is_chain(found):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    put_table(screen, Table(headings, rows, frozenset({"parameters"}), ("class", "from")))
    if found.reason:
        put_paragraph(screen, found.reason)
    if found.parameters is not None:
        screen.put()
        put_paragraph(screen, f"{found.parameters:,} parameters, {found.trainable or 0:,} of them trained")
        _put_memory(screen, found)


def _is_chain(found: ModelSummary) -> bool:
    """Whether every layer takes the one before it and nothing else."""
    before = [*found.inputs, *(row.name for row in found.rows)]
    return len(found.inputs) == 1 and all(row.sources == (name,) for name, row in zip(before, found.rows, strict=False))


def _line(row: NodeShape) -> list[str]:
    parameters = _number(row.parameters) if row.first else "shared"
    return [row.name, row.class_name, _shape(row.output_shape), parameters, ", ".join(row.sources)]


def _put_memory(screen: Screen, found: ModelSummary) -> None:
    from nnrun.cli.terminal.layout import put_paragraph
    from nnrun.formatting import format_bytes

    parts = [f"{name} {format_bytes(size)}" for name, size in found.memory._asdict().items() if size]
    total = found.memory.total
    whole = "at least" if total is None else f"at least {format_bytes(total)}:"
    put_paragraph(screen, f"Training holds {whole} {', '.join(parts)}")


def _shape(shape: object) -> str:
    if shape is None:
        return "?"
    inner = shape if isinstance(shape, tuple) else ()
    if inner and isinstance(inner[0], tuple):
        return " and ".join(_shape(each) for each in inner)
    return " x ".join("any" if size is None else str(size) for size in inner) or "one number"


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
