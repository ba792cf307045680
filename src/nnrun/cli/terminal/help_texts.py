"""The help of commands in the language of the screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from nnrun.cli.terminal.language import label, translated, translated_help

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What click writes after an option's help: `  [default: runs; env var: NNRUN_RUNS_DIR]`.
_EXTRA = re.compile(r"(.*?)(?:  \[(.*)\])?", re.DOTALL)


class HelpFormatter(click.HelpFormatter):
    """Writes help as click does, with translated texts."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line `Usage: ...`."""
        super().write_usage(prog, args, f"{label('Usage')}: " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        super().write_heading(label(heading))

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        super().write_text(translated_help(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands with their help."""
        super().write_dl([(term, _option_help(text)) for term, text in rows], col_max, col_spacing)


def _option_help(text: str) -> str:
    found = _EXTRA.fullmatch(text)
    if found is None or found[2] is None:
        return translated(text)
    items = (item.partition(": ") for item in found[2].split("; "))
    shown = "; ".join(f"{label(name)}{colon}{value}" for name, colon, value in items)
    return f"{translated(found[1])}  [{shown}]"


class Context(click.Context):
    """The context of a command, whose help is translated."""

    formatter_class = HelpFormatter
