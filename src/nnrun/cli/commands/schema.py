"""`nnrun schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnrun.cli import options

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--of", "command", metavar="COMMAND", help="Of what this command prints with --json, as in 'runs list'.")
@options.output_file("nnrun.schema.json", "Write the schema to this file instead of stdout.")
@options.registered_code
def schema(command: str | None, out: Path | None) -> None:
    """Print the JSON Schema of configs, or of what a command prints.

    It describes what this version of nnrun and Keras accept. An editor with a YAML language server uses it if the first
    line of a config is: # yaml-language-server: $schema=./nnrun.schema.json

    \b
    nnrun schema --out nnrun.schema.json
    nnrun schema --code my_code.py --out nnrun.schema.json
    nnrun schema --of "runs list"
    """  # noqa: D301
    from nnrun.cli.terminal.output import Output

    text = _of_configs() if command is None else _of_documents(command)
    if out is None:
        Output.stdout().write(text)
    else:
        options.write_output_file(out, text)


def _of_configs() -> str:
    from nnrun.spec.json_schema import text

    return text()


def _of_documents(command: str) -> str:
    """Return the schema of what a command prints.

    Raises:
        NnrunError: It prints no document, or there is no such command.
    """
    from nnrun.cli.json_documents import documents, schema_of
    from nnrun.config.hints import did_you_mean
    from nnrun.errors import NnrunError
    from nnrun.runs.json_files import dumps

    name, known = command.removeprefix("nnrun ").strip(), documents()["documents"]
    if name not in known:
        hint = did_you_mean(name, known) or f"the commands with --json are: {', '.join(known)}"
        raise NnrunError(f"no document is known of {name!r}", hint)
    return dumps(schema_of(name)) + "\n"
