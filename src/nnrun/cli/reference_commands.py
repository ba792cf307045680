"""The page of commands: what each says of itself, from click's own objects."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from nnrun.cli.main import nnrun
from nnrun.cli.markdown import block, code, page, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands() -> str:
    """Make the page."""
    known = list(_commands("nnrun", nnrun))
    return page("# Commands", "What `--help` says, on one page.", *(_command(name, each) for name, each in known))


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from _commands(f"{name} {word}", inner)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    given = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    options = [record for one in given if (record := one.get_help_record(context))]
    rows = [(code(names), plain(meaning)) for names, meaning in options]
    return page(
        f"## {name}", block("text", usage), *_paragraphs(command.help or ""), table(("option", "meaning"), rows)
    )


def _paragraphs(text: str) -> Iterator[str]:
    """Give a help text's paragraphs; what its mark keeps as it is are lines to type."""
    for paragraph in cleandoc(text).split("\n\n"):
        mark, _, rest = paragraph.partition("\n")
        yield block("bash", rest) if mark == "\b" else plain(paragraph)
