"""A Python file of the user's, read and not run: places in it, what its imports name, and the values it writes out."""

from __future__ import annotations

import ast
import re
import warnings
from math import isfinite
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.errors import Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.lookup import Entry

_LINE_END = re.compile(r"\r\n|\r|\n")
#: Base classes that Keras also exports at its top.
_TOP_LEVEL = frozenset({"Initializer", "Layer", "Loss", "Metric", "Optimizer", "Regularizer"})
#: A model is a layer in Keras.
_MODELS = frozenset({"keras.Model", "keras.Sequential", "keras.models.Model", "keras.models.Sequential"})
#: Packages with another Keras than the one that runs.
_OTHER_KERAS = ("tensorflow.keras", "tensorflow.python.keras", "tf_keras")


class NotLiteralError(ValueError):
    """An expression whose value is not written out."""


class PythonSource:
    """A Python file's text and syntax tree, and the problems found in it.

    Args:
        file: The file's name, as the user wrote it.
        text: The text, without a byte order mark.
        content: The bytes of the file.

    Attributes:
        body: The statements of the module; none where the file is not Python.
        problems: What is wrong with the file.
    """

    def __init__(self, file: str, text: str, content: bytes) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = _LINE_END.split(text)
        self.body = self._parse(content)
        self._imports = dict(_imported_names(self.statements()))
        self._constants = self._find_constants()

    def _parse(self, content: bytes) -> list[ast.stmt]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(content, self.file)
                # Some mistakes, such as `return` outside a function, show only when the code is compiled.
                compile(content, self.file, "exec", dont_inherit=True)
        except SyntaxError as error:
            mark = self._mark(error.lineno or 1, max(1, error.offset or 1), 1)
            self.complain(mark, f"expected Python, received a syntax error: {error.msg}")
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            self.complain(None, f"{self.file}: expected Python, received something else: {error}")
        else:
            return tree.body
        return []

    # Places ---------------------------------------------------------------------------------------------------------

    def _mark(self, line: int, column: int, length: int) -> Mark:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return Mark(self.file, line, min(column, len(text) + 1), length, text)

    def mark(self, node: ast.expr | ast.stmt | ast.arg) -> Mark:
        """Return the place of a node, cut at the end of its first line."""
        line = self._lines[node.lineno - 1]
        encoded = line.encode()
        start = len(encoded[: node.col_offset].decode(errors="replace"))
        ends_here = node.end_lineno == node.lineno and node.end_col_offset is not None
        end = len(encoded[: node.end_col_offset].decode(errors="replace")) if ends_here else len(line)
        return self._mark(node.lineno, start + 1, max(1, end - start))

    def mark_name(self, statement: ast.stmt, name: str) -> Mark:
        """Return the place of the name that a `class` or `def` statement defines."""
        found = re.search(rf"\b(?:class|def)\s+({re.escape(name)})\b", self._lines[statement.lineno - 1])
        start = found.start(1) if found else statement.col_offset
        return self._mark(statement.lineno, start + 1, len(name))

    def excerpt(self, node: ast.expr) -> str:
        """Return the text of an expression, as far as its first line goes."""
        mark = self.mark(node)
        return mark.text[mark.column - 1 : mark.column - 1 + min(mark.length, 60)]

    def complain(self, mark: Mark | None, text: str, hint: str | None = None) -> None:
        """Add one problem."""
        self.problems.append(Problem(mark, text, hint))

    # Statements and names -------------------------------------------------------------------------------------------

    def statements(self) -> Iterator[ast.stmt]:
        """Return the statements of the module, those inside `if`, `try` and `with` included."""
        return _flatten(self.body)

    def dotted_name(self, node: ast.expr) -> str | None:
        """Return the full name of an imported object: `keras.layers.Layer`; None where no import gives it."""
        if isinstance(node, ast.Name):
            return self._imports.get(node.id)
        if isinstance(node, ast.Attribute):
            holder = self.dotted_name(node.value)
            return None if holder is None else f"{holder}.{node.attr}"
        return None

    def keras_entry(self, node: ast.expr) -> Entry | None:
        """Return the entry of the catalog that an expression names; a model counts as the base class of layers."""
        dotted = self.dotted_name(node)
        if dotted is None or not dotted.startswith("keras."):
            return None
        if dotted in _MODELS:
            return lookup.entry("layers", "Layer")
        holder, _, name = dotted.rpartition(".")
        if holder == "keras":
            return next(iter(lookup.find(name)), None) if name in _TOP_LEVEL else None
        category = holder.rpartition(".")[2]
        return lookup.entry(category, name) if category in lookup.CATEGORIES else None

    def keras_category(self, node: ast.expr) -> str | None:
        """Return the category of the Keras class that an expression names."""
        found = self.keras_entry(node)
        return None if found is None else found.category

    def other_keras(self, node: ast.expr) -> str | None:
        """Return the Keras name of an object from TensorFlow's Keras; None for any other expression."""
        dotted = self.dotted_name(node) or ""
        prefix = next((prefix for prefix in _OTHER_KERAS if dotted.startswith(f"{prefix}.")), None)
        return None if prefix is None else f"keras{dotted.removeprefix(prefix)}"

    # Values ---------------------------------------------------------------------------------------------------------

    def literal(self, node: ast.expr) -> Any:
        """Return the value that an expression writes out, or a constant's, as JSON (tuples become lists).

        Raises:
            NotLiteralError: Only running the code would show the value.
        """
        if isinstance(node, ast.Name) and node.id in self._constants:
            return self._constants[node.id]
        return _literal(node)

    def _find_constants(self) -> dict[str, Any]:
        """Return the values of names that are assigned once, at the top of the module: `RATE = 0.5`."""
        assigned: dict[str, list[ast.expr]] = {}
        for statement in self.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
            target = statement.target if isinstance(statement, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
                assigned.setdefault(target.id, []).append(statement.value)
        constants: dict[str, Any] = {}
        for name, values in assigned.items():
            try:
                constants |= {name: _literal(values[0])} if len(values) == 1 else {}
            except NotLiteralError:
                continue
        return constants

    def assigned_attribute(self, name: str, attribute: str) -> ast.expr | None:
        """Return the value that a statement such as `name.attribute = ...` at the top of the module assigns."""
        for statement in self.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            holder = target.value if isinstance(target, ast.Attribute) and target.attr == attribute else None
            if isinstance(statement, ast.Assign) and isinstance(holder, ast.Name) and holder.id == name:
                return statement.value
        return None


def _flatten(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for inner in ("body", "orelse", "finalbody"):
                yield from _flatten(getattr(statement, inner, []))
        for handler in getattr(statement, "handlers", []):
            yield from _flatten(handler.body)


def _imported_names(statements: Iterator[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.name if alias.asname is not None else alias.name.partition(".")[0]
                yield alias.asname or name, name
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            for alias in statement.names:
                yield alias.asname or alias.name, f"{statement.module}.{alias.name}"


def _literal(node: ast.expr) -> Any:
    try:
        return _to_json(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise NotLiteralError from None


def _to_json(value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _to_json(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    raise NotLiteralError
