"""`nnrun summary`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.terminal.output import Output
    from nnrun.pipeline.summarize import ModelSummary


@click.command()
@options.examined_config
def summary(config: str, sets: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Show the model of a config layer by layer.

    Shapes are those of one example, without the batch axis. TensorFlow is not imported.

    \b
    nnrun summary digits_mlp
    """  # noqa: D301
    from nnrun.cli.commands.configs import locate_config
    from nnrun.cli.terminal.output import Output, print_json
    from nnrun.cli.terminal.problems import print_problems, problem_as_json
    from nnrun.pipeline.summarize import summarize

    found = summarize(locate_config(config), sets, data_dir)
    if as_json:
        print_json({**found.as_json(), "problems": [problem_as_json(problem) for problem in found.problems]})
    else:
        print_summary(Output.stdout(), found)
        print_problems(Output.stderr(), found.problems, counted=False)
    return EXIT_REFUSED if found.refused else 0


def print_summary(output: Output, summary: ModelSummary) -> None:
    """Print the layers as a table, the numbers of parameters, and the memory that training needs."""
    from nnrun.cli.terminal.output import Table, print_paragraph, print_table
    from nnrun.formatting import format_bytes, format_count

    lone = len(summary.inputs) == 1
    rows = [
        ["(input)" if lone else name, "" if lone else "Input", format_shape(shape), "", ""]
        for name, shape in summary.inputs.items()
        if shape is not None
    ]
    for row in summary.rows:
        parameters = "shared" if not row.first else "?" if row.parameters is None else f"{row.parameters:,}"
        rows.append([row.name, row.class_name, format_shape(row.output_shape), parameters, ", ".join(row.sources)])
    headings: tuple[str, ...] = ("layer", "class", "output", "parameters", "from")
    if _is_sequential(summary):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    print_table(output, Table(headings, rows, frozenset({"parameters"}), ("class", "from")))
    if summary.reason:
        print_paragraph(output, summary.reason)
    if summary.parameters is not None:
        output.write_line()
        trainable = "" if summary.trainable is None else f", {summary.trainable:,} of them trainable"
        print_paragraph(output, f"{format_count(summary.parameters, 'parameter')}{trainable}")
        memory = summary.memory
        parts = [f"{name} {format_bytes(size)}" for name, size in memory._asdict().items() if size]
        total = "" if memory.total is None else f" {format_bytes(memory.total)}:"
        print_paragraph(output, f"Memory for training: at least{total} {', '.join(parts)}")


def _is_sequential(summary: ModelSummary) -> bool:
    """Return whether the input of every layer is the output of the one before it and nothing else."""
    before = [*summary.inputs, *(row.name for row in summary.rows)]
    pairs = zip(before, summary.rows, strict=False)
    return len(summary.inputs) == 1 and all(row.sources == (name,) for name, row in pairs)


def format_shape(shape: object) -> str:
    """Format a shape without the batch axis: `28 x 28 x 1`; `?` for None."""
    if shape is None:
        return "?"
    sizes = shape if isinstance(shape, tuple) else ()
    if sizes and isinstance(sizes[0], tuple):
        return " and ".join(format_shape(each) for each in sizes)
    return " x ".join("any" if size is None else str(size) for size in sizes) or "one number"
