"""Texts of a run folder as Markdown and YAML: whatever they hold, they stay text.

Markdown is that of CommonMark 0.31 with the tables of GitHub Flavored Markdown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.formatting import escaped
from nnrun.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Characters that may begin something else than text, and have a backslash before them.
_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~$!@^]")
#: What makes a list, a rule or a heading at the beginning of a line or of an item of a list.
_BEGIN = re.compile(r"(?P<digits>\d+(?=[.)])|(?=[-+=]))(?P<sign>[-+=.)])(?=[-+=\s]|$)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def one_line(value: object) -> str:
    """Return a value of a run folder as text on one line, without what steers a terminal or turns the text around."""
    return printable(escaped(str(value))).strip()


def as_markdown(value: object) -> str:
    """Return a value of a run folder as Markdown inside of a line, which shows it and does nothing else."""
    text = _SPECIAL.sub(r"\\\g<0>", one_line(value))
    return re.sub("[&<>]", lambda match: _ENTITIES[match[0]], text)


def as_paragraph(value: object) -> str:
    """Return the same for the beginning of a line or of an item of a list."""
    text = as_markdown(value)
    begin = _BEGIN.match(text)
    return text if begin is None else f"{begin['digits']}\\{text[begin.end('digits') :]}"


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is a text of a run folder, and is escaped here."""
    lines = [_row(headings), f"|{' --- |' * len(headings)}"]
    return "\n".join((*lines, *map(_row, rows)))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(as_markdown, cells))} |"


def code_block(text: str, language: str = "text") -> str:
    """Return a text as a block of code, within a fence that is longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = (printable(escaped(line)) for line in text.splitlines())
    return "\n".join((f"{fence}{language}", *lines, fence))


def to_fill_in(what: str) -> str:
    """Return the line that stands for what a run folder does not know."""
    return f"<!-- to fill in: {what} -->"


def front_matter(fields: Mapping[str, Any], missing: Sequence[str]) -> str:
    """Return the YAML front matter of a Markdown file.

    Args:
        fields: Plain data; texts among them are brought on one line.
        missing: What is left to the reader, as comments.
    """
    import yaml

    plain = _one_lines(fields)
    text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=float("inf")) if plain else ""
    comments = "".join(f"# to fill in: {what}\n" for what in missing)
    return f"---\n{text}{comments}---\n"


def _one_lines(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _one_lines(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_one_lines(one) for one in value]
    return one_line(value) if isinstance(value, str) else value
