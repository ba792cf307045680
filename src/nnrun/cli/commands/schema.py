"""`nnrun schema`."""

from __future__ import annotations

from pathlib import Path

import click

from nnrun.cli import options


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the schema here instead of on the screen."
)
@options.knows_code
def schema(out: Path | None) -> None:
    """Print the JSON Schema of configs, for editors.

    It is made from what this version of nnrun and the Keras it knows accept. An editor with a YAML language server uses
    it where a config's first line is: # yaml-language-server: $schema=./nnrun.schema.json

    \b
    nnrun schema --out nnrun.schema.json
    nnrun schema --code my_code.py --out nnrun.schema.json
    """  # noqa: D301
    from nnrun.cli.options import require_place, write
    from nnrun.cli.terminal.screen import Screen
    from nnrun.spec.json_schema import text

    if out is None:
        Screen.out().write(text())
        return
    require_place(out, "nnrun.schema.json")
    write(out, text())
