"""Lists in the cells of a table: sets such as `drama;crime`, sequences such as `0.1 0.2`, and list literals."""

from __future__ import annotations

import ast
import json
import math
import re
from typing import TYPE_CHECKING

from nnrun.data.prepare.step import ExampleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BRACKETS = {"[": "]", "(": ")", "{": "}"}
#: What stands between the items of a list that has no separator of its own: numpy writes `[0.1 0.2]`.
_BETWEEN = re.compile(r"[,\s]+")
#: The most characters of a cell that a message shows.
_SHOWN = 40
#: Cells of more characters are not read as literals of Python, whose parser needs memory for each bracket.
_MAX_LITERAL = 1_000_000


class CellError(ExampleError):
    """A cell that holds no list, met by a step that knows rows by their position only.

    Args:
        text: What was expected and received.
        row: The position of its row among those at hand, counted from 0.
        column: The name of the column.
        hint: What to do.
    """

    def __init__(self, text: str, *, row: int, column: str, hint: str | None) -> None:
        super().__init__(text, example=row, column=column, hint=hint)


class CellValueError(ValueError):
    """A value of a column that is no list, before anything is loaded: only where it stands is not known.

    Args:
        text: What was expected and received, with the column and what to do.
        column: The name of the column.
        value: The value.
    """

    def __init__(self, text: str, *, column: str, value: str) -> None:
        super().__init__(text)
        self.column, self.value = column, value


def check_cells(name: str, values: Iterable[str], separator: str | None, *, numbers: bool = False) -> None:
    """Refuse values of a column that are no lists, as far as they are known before anything is loaded.

    Args:
        name: The name of the column.
        values: Its values.
        separator: What stands between the items, as of `split_cell`.
        numbers: Whether the items are numbers.

    Raises:
        CellValueError: One is none.
    """
    for value in values:
        try:
            number_column([value], separator, name) if numbers else split_column([value], separator, name)
        except CellError as error:
            hint = f"; {error.hint}" if error.hint and separator is None else ""
            raise CellValueError(f"{error.text}{hint}", column=name, value=value) from None


def split_cell(cell: str | None, separator: str | None) -> list[str]:
    """Return the items of a list in a cell, without white space around them; empty ones are left out.

    Args:
        cell: The cell: items between separators, or a list literal of JSON, Python or NumPy; None or an empty text is
            an empty list.
        separator: What stands between the items, a blank for any white space; None: the cell is a list literal.

    Raises:
        ValueError: It is no such list.
    """
    text = "" if cell is None else cell.strip()
    if not text:
        return []
    if _BRACKETS.get(text[0]) == text[-1]:
        return _literal_items(text)
    if separator is None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise ValueError(f'expected a list such as ["one", "two"], received {shown!r}')
    items = text.split() if separator.isspace() else [item.strip() for item in text.split(separator)]
    return [item for item in items if item]


def _literal_items(text: str) -> list[str]:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    found = _parsed(text)
    if found is None and not re.search(r"[\[\](){}'\"]", text[1:-1]):
        found = [item for item in _BETWEEN.split(text[1:-1].strip()) if item]
    if not isinstance(found, list | tuple | set | frozenset):
        raise ValueError(f"expected a list of texts or numbers, received {shown!r}")  # noqa: TRY004 - a wrong cell
    if not all(isinstance(item, str | int | float) for item in found):
        raise ValueError(f"expected a list of texts or numbers, received one with other items: {shown!r}")
    items = sorted(found, key=str) if isinstance(found, set | frozenset) else found
    return [item.strip() if isinstance(item, str) else repr(item) for item in items]


def _parsed(text: str) -> object:
    """Return the value of a literal of JSON or Python; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > _MAX_LITERAL:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def split_column(column: Iterable[str | None], separator: str | None, name: str) -> list[list[str]]:
    """Return the items of each cell of a column, as `split_cell` does.

    Raises:
        CellError: A cell holds no list; with its row.
    """
    found = []
    for row, cell in enumerate(column):
        try:
            found.append(split_cell(cell, separator))
        except ValueError as error:
            hint = None if separator is not None else "state what stands between the items, such as `separator: ';'`"
            raise CellError(str(error), row=row, column=name, hint=hint) from None
    return found


def number_column(column: Iterable[str | None], separator: str | None, name: str) -> list[list[float]]:
    """Return the numbers of each cell of a column.

    Raises:
        CellError: A cell holds no list of finite numbers; with its row.
    """
    return [_numbers(items, row, name) for row, items in enumerate(split_column(column, separator, name))]


def _numbers(items: Sequence[str], row: int, name: str) -> list[float]:
    numbers = []
    for item in items:
        try:
            number = float(item)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            text, hint = f"expected a list of numbers, received the item {item[:_SHOWN]!r}", "correct the cell"
            raise CellError(text, row=row, column=name, hint=hint)
        numbers.append(number)
    return numbers
