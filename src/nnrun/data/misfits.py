"""What is wrong with one row of a text file, or with one field of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.data.dates import days
from nnrun.data.lines import Field
from nnrun.data.oddities import Oddity, odd_date, odd_number, unseen
from nnrun.data.scan import repeats_header

if TYPE_CHECKING:
    from nnrun.data.delimited import Dialect, Head
    from nnrun.data.lines import Row
    from nnrun.data.scan import Kind, Role

_FILL = (
    "fill it in, leave the row or the column out (`features:` names those to use), or add a step such as `Impute: {}`"
)
#: What to do where a value of a column of each role is missing.
_MISSING: dict[Role, str] = {
    "feature": _FILL,
    "target": "fill it in, or leave the row out: without its truth it teaches nothing",
    "weight": "fill it in: 1 counts a row once, 0 leaves it out",
    "group": "fill it in: a row of no group could stand in any part",
}


@dataclass(frozen=True)
class Misfit:
    """One thing that is wrong with one row.

    Attributes:
        name: Its kind, such as `too-few-fields`.
        column: The column's name, or the index of a field that has none.
        at: The field to blame.
        text: What was expected and received.
        hint: What to do.
    """

    name: str
    column: str | int
    at: Field
    text: str
    hint: str


def row_misfit(row: Row, dialect: Dialect, head: Head) -> Misfit | None:
    """What is wrong with a row as a whole."""
    texts = list(row.texts)
    if row.fault is not None:
        return _quotes(row, head)
    if len(texts) != len(head.names):
        return _length(row, texts, dialect, head)
    if head.line and repeats_header(texts, head.names):
        hint = "take the row out: the file was put together from several"
        return Misfit("header-again", head.names[0], row.field(0), "the header stands among the rows once more", hint)
    if all(map(dialect.is_missing, texts)):
        text = "expected values, received a row without any"
        return Misfit("empty-row", head.names[0], row.field(0), text, "take the row out")
    return None


def cell_misfit(row: Row, index: int, dialect: Dialect, column: tuple[str, Role, Kind], *, gap: bool) -> Misfit | None:
    """What is wrong with a field of a row that is whole.

    Args:
        row: The row.
        index: Which of its fields.
        dialect: How the file is written.
        column: The name of the field's column, what it is for and what it holds.
        gap: Whether the column may have missing values.
    """
    name, role, kind = column
    text = row.texts[index].strip()
    if dialect.is_missing(text):
        return None if gap else _missing(row.field(index), name, role, kind)
    if kind == "number":
        value = dialect.number(text)
        # Most fields are sound numbers, whose places nobody needs.
        if value is not None and (role != "weight" or value >= 0):
            return None
    at = row.field(index)
    if any("\udc80" <= letter <= "\udcff" for letter in text):
        return _bytes(row, at, dialect, name)
    if kind == "number":
        return _number(at, text, dialect, name, role)
    return _date(at, text, dialect, name) if kind == "date" else _text(at, text, name)


def _text(at: Field, text: str, name: str) -> Misfit | None:
    letter = unseen(text.replace("\N{NO-BREAK SPACE}", "").replace("\N{ZERO WIDTH JOINER}", ""))
    # Scripts such as Persian write with the non-joiner.
    if letter is None or "200C" in letter:
        return None
    said = f"expected text, received {text[:40]!r}, which holds the invisible letter {letter}"
    return Misfit("invisible", name, at, said, "take the letter out")


def _quotes(row: Row, head: Head) -> Misfit:
    at = row.field(row.at)
    column = head.names[row.at] if row.at < len(head.names) else row.at
    if row.fault == "unclosed-quote":
        text = f"the row cannot be read: the quote before {at.text[:20]!r} is never closed"
        return Misfit("unclosed-quote", column, at, text, "close it; a quote that belongs to the text is written twice")
    text = f"the row cannot be read: something stands behind the closing quote ({at.text[:40]!r})"
    hint = "a separator must follow it; a quote that belongs to the text is written twice"
    return Misfit("behind-quote", column, at, text, hint)


def _length(row: Row, texts: list[str], dialect: Dialect, head: Head) -> Misfit:
    """A row that is too short or too long, and why that may be."""
    said = f"expected {len(head.names)} fields, received {len(texts)}"
    hint = "is the `separator` right, and are fields that hold it quoted?"
    if len(texts) > len(head.names):
        at = row.field(len(head.names))
        surplus = f"{said}: {at.text[:40]!r} and what follows it belongs to no column"
        return Misfit("too-many-fields", len(head.names), at, surplus, hint)
    end = Field("", len(row.line) + 1, 1)
    if texts[0].startswith("#"):
        return Misfit("comment", head.names[0], row.field(0), f"{said}: a comment among the rows", "take the row out")
    others = (mark for mark in ";\t|," if row.line.count(mark) == len(head.names) - 1)
    other = next((mark for mark in others if mark != dialect.separator), None)
    if len(texts) == 1 and other:
        text = f"{said}: the row is separated by {other!r}"
        return Misfit("other-separator", head.names[0], row.field(0), text, "write all rows with one separator")
    text = f"{said}: the row ends before column {head.names[len(texts)]!r}"
    return Misfit("too-few-fields", head.names[len(texts)], end, text, hint)


def _bytes(row: Row, at: Field, dialect: Dialect, name: str) -> Misfit:
    """A byte that is no text in the file's encoding, with its place in the file."""
    bad = next(letter for letter in at.text if "\udc80" <= letter <= "\udcff")
    before = row.line[: max(row.line.find(bad, at.start - 1), 0)]
    place = row.offset + len(before.encode("utf-8", "surrogateescape"))
    byte = ord(bad) - 0xDC00
    meant = bytes([byte]).decode("cp1252", "replace")
    expected = f"expected text in the encoding {dialect.encoding}"
    text = f"{expected}, received the byte 0x{byte:02X} (byte {place:,} of the file, counted from 0)"
    hint = f"write the file as {dialect.encoding}; were it `encoding: cp1252`, the byte would be {meant!r}"
    return Misfit("invalid-byte", name, at, text, hint)


def _missing(at: Field, name: str, role: Role, kind: Kind) -> Misfit:
    strategy = "median" if kind in ("number", "date") else "most_frequent"
    hint = _MISSING[role].format(strategy)
    return Misfit("missing", name, at, "expected a value, received a missing one", hint)


def _number(at: Field, text: str, dialect: Dialect, name: str, role: Role) -> Misfit | None:
    value = dialect.number(text)
    if value is None:
        types = f"say `types: {{{name}: text}}` if the column holds text, or " if role != "weight" else ""
        hint = f"correct the field, or {types}`missing: [{text[:20]!r}]` if it stands for a missing value"
        return _odd(at, name, f"expected a number, received {text[:40]!r}", hint, odd_number(text, dialect.decimal))
    if role == "weight" and value < 0:
        text = f"expected a weight of at least 0, received {value:g}"
        return Misfit("negative-weight", name, at, text, "correct it, or name another column as `sample_weight`")
    return None


def _date(at: Field, text: str, dialect: Dialect, name: str) -> Misfit | None:
    form = dialect.dates.get(name, "")
    if days(text, form) is not None:
        return None
    hint = f"correct the field, or say `types: {{{name}: text}}`, or `missing: [{text[:20]!r}]`"
    how = f"a date like {form}" if form else "a date such as 2026-01-31"
    odd = odd_date(text, form)
    return _odd(at, name, f"expected {how}, received {text[:40]!r}", hint, odd)


def _odd(at: Field, name: str, said: str, hint: str, odd: Oddity | None) -> Misfit:
    if odd is None:
        return Misfit("text", name, at, said, hint)
    return Misfit(odd.name, name, at, f"{said}, {odd.text}", odd.hint.replace("COLUMN", name))
