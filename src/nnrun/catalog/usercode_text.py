"""The text of a Python file: places for what is wrong with it, and the values that it writes out."""

from __future__ import annotations

import ast
import re
from math import isfinite
from typing import Any

from nnrun.errors import Mark, Problem

_LINE_END = re.compile(r"\r\n|\r|\n")


class Text:
    """A Python file's text, and the problems found in it.

    Args:
        file: The file's name, as the user wrote it.
        text: The text, without a byte order mark.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = _LINE_END.split(text)

    def mark(self, line: int, column: int, length: int) -> Mark:
        """The place of some characters of a line; line and column count from 1."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return Mark(self.file, line, min(column, len(text) + 1), length, text)

    def mark_of(self, node: ast.expr | ast.stmt | ast.arg) -> Mark:
        """The place of a node, cut at the end of its first line."""
        line = self._lines[node.lineno - 1]
        encoded = line.encode()
        start = len(encoded[: node.col_offset].decode(errors="replace"))
        same = node.end_lineno == node.lineno and node.end_col_offset is not None
        end = len(encoded[: node.end_col_offset].decode(errors="replace")) if same else len(line)
        return self.mark(node.lineno, start + 1, max(1, end - start))

    def name_mark(self, statement: ast.stmt, name: str) -> Mark:
        """The place of the name that a `class` or `def` gives."""
        found = re.search(rf"\b(?:class|def)\s+({re.escape(name)})\b", self._lines[statement.lineno - 1])
        start = found.start(1) if found else statement.col_offset
        return self.mark(statement.lineno, start + 1, len(name))

    def said(self, node: ast.expr) -> str:
        """An expression as the user wrote it, as far as its first line goes."""
        mark = self.mark_of(node)
        return mark.text[mark.column - 1 : mark.column - 1 + min(mark.length, 60)]

    def complain(self, mark: Mark, text: str, hint: str | None) -> None:
        """Note one thing wrong."""
        self.problems.append(Problem(mark, text, hint))


class UnsaidError(ValueError):
    """A value that is not written out."""


def constants(tree: ast.Module) -> dict[str, Any]:
    """The names that a module gives to values written out, once and at its top: `RATE = 0.5`."""
    found: dict[str, Any] = {}
    twice: set[str] = set()
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
            if target.id in found:
                twice.add(target.id)
            try:
                found[target.id] = written(statement.value, {})
            except UnsaidError:
                twice.add(target.id)
    return {name: value for name, value in found.items() if name not in twice}


def written(node: ast.expr, known: dict[str, Any]) -> Any:
    """The value that an expression writes out, as JSON has it (tuples become lists).

    Raises:
        UnsaidError: It takes Python to know it.
    """
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    try:
        return _plain(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise UnsaidError from None


def _plain(value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    raise UnsaidError
