"""`nnrun schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.output_file("nnrun.schema.json", "Write the schema to this file instead of stdout.")
@options.registered_code
def schema(out: Path | None) -> None:
    """Print the JSON Schema of configs, for editors.

    It describes what this version of nnrun and Keras accept. An editor with a YAML language server uses it if the first
    line of a config is: # yaml-language-server: $schema=./nnrun.schema.json

    \b
    nnrun schema --out nnrun.schema.json
    nnrun schema --code my_code.py --out nnrun.schema.json
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output
    from nnrun.spec.json_schema import text

    if out is None:
        Output.stdout().write(text())
    else:
        options.write_output_file(out, text())
