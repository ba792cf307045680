"""`nnrun summary`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options
from nnrun.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.cli.screen import Screen
    from nnrun.pipeline.summarize import Summary


@click.command()
@options.config
@options.sets
@options.data_dir
@options.as_json
def summary(config: str, sets: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Show a config's model layer by layer.

    Shapes are those of one example, without the batch. TensorFlow is not needed for it.

    \b
    nnrun summary digits_mlp
    """  # noqa: D301
    from nnrun.cli.configs import located
    from nnrun.cli.problems import as_json as problem_json
    from nnrun.cli.problems import put_problems
    from nnrun.cli.screen import Screen, put_json
    from nnrun.pipeline.summarize import summarize

    found = summarize(located(config), sets, data_dir)
    if as_json:
        put_json({**found.as_json(), "problems": [problem_json(problem) for problem in found.problems]})
    else:
        put_summary(Screen.out(), found)
        put_problems(Screen.err(), found.problems, counted=False)
    return EXIT_REFUSED if found.refused else 0


def put_summary(screen: Screen, found: Summary) -> None:
    """Write the layers as a table, and the sums."""
    from nnrun.cli.layout import Table, put_paragraph, put_table

    first = [] if found.input_shape is None else [["(input)", "", _shape(found.input_shape), ""]]
    rows = [
        *first,
        *([row.name, row.class_name, _shape(row.output_shape), _number(row.parameters)] for row in found.rows),
    ]
    put_table(screen, Table(("layer", "class", "output", "parameters"), rows, frozenset({"parameters"}), ("class",)))
    if found.reason:
        put_paragraph(screen, found.reason)
    if found.parameters is not None:
        screen.put()
        put_paragraph(screen, f"{found.parameters:,} parameters, {found.trainable or 0:,} of them trained")


def _shape(shape: object) -> str:
    if shape is None:
        return "?"
    inner = shape if isinstance(shape, tuple) else ()
    if inner and isinstance(inner[0], tuple):
        return " and ".join(_shape(each) for each in inner)
    return " x ".join("any" if size is None else str(size) for size in inner) or "one number"


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
