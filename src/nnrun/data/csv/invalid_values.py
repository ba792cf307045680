"""What stands in a field instead of the number or date that is expected there, and what to do about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, NamedTuple

from nnrun.data.csv.dates import days, example, is_iso
from nnrun.data.csv.rows import Field
from nnrun.data.csv.type_inference import repeats_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.data.csv.dialect import Dialect, Head
    from nnrun.data.csv.rows import Row
    from nnrun.data.csv.type_inference import Kind, Role


_CURRENCY = r"(?:[$€£¥₹₽]|EUR|USD|GBP|CHF|JPY)"
_TRUTH = {"true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"}
_SPREADSHEET = re.compile(r"#(?:N/A|DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!)", re.IGNORECASE)
_DASHES = {"-", "--", "---", "\N{EN DASH}", "\N{EM DASH}"}
_WORDS = {"n/a", "na", "n.a.", "nan", "none", "null", "nil", "unknown", "missing", "tbd", "k.a.", "undefined"}
_STAND_INS = frozenset({"?", ".", "*"} | _DASHES | _WORDS)
_MINUS = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}", "-"))
#: Other ways to write dates, with their `strptime` codes; the first that reads a field is named.
_FORMS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%m/%d/%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
)


class Oddity(NamedTuple):
    """What a field holds that is not what is expected.

    Attributes:
        name: Its kind, such as `unit`.
        text: What it looks like, as the end of `received '12 kg', ...`.
        hint: What to do.
    """

    name: str
    text: str
    hint: str


def unseen(text: str) -> str | None:
    """The first letter of a text that nobody sees on a screen, by its name; None where there is none."""
    for letter in text:
        if letter in "\t\r\n":
            continue
        if letter == "\N{NO-BREAK SPACE}" or unicodedata.category(letter) in {"Cc", "Cf"}:
            return f"U+{ord(letter):04X} ({unicodedata.name(letter, 'a control character')})"
    return None


def odd_number(text: str, decimal: str) -> Oddity | None:
    """What stands where a number is expected; None where it is some other text.

    Args:
        text: The field, without blanks around it.
        decimal: The decimal mark of the file.
    """
    return next((found for look in _LOOKS if (found := look(text, decimal)) is not None), None)


def odd_date(text: str, form: str) -> Oddity | None:
    """What stands where a date is expected; None where it is some other text.

    Args:
        text: The field, without blanks around it.
        form: How dates are written in its column; empty: as ISO 8601.
    """
    if (letter := unseen(text)) is not None:
        return _invisible(letter)
    like = re.sub(r"\d", "0", text) == re.sub(r"\d", "0", example(form)) if form else is_iso(text)
    if like and days(text, form) is None:
        return Oddity("no-such-day", "a day that the calendar does not have", "correct the date")
    return _other_form(text, form) or _serial(text) or _stand_in(text, "") or _spreadsheet(text, "")


def _other_form(text: str, form: str) -> Oddity | None:
    if form and days(text) is not None:
        return Oddity("iso-date", f"an ISO date among dates like {form}", "write all dates alike")
    other = next((one for one in _FORMS if one != form and days(text, one) is not None), None)
    if other is None:
        return None
    hint = f"write all dates alike; if all are written so, say `types: {{COLUMN: {{date: {other!r}}}}}`"
    return Oddity("other-date-format", f"a date in another format ({other})", hint)


def _serial(text: str) -> Oddity | None:
    hint = "write the date out; spreadsheets count days from 1899-12-30"
    said = "a number, as spreadsheets keep dates"
    return Oddity("number-among-dates", said, hint) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def _is_number(text: str, decimal: str) -> bool:
    mark = re.escape(decimal)
    return re.fullmatch(rf"[-+]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][-+]?[0-9]+)?", text) is not None


def _infinite(text: str, decimal: str) -> Oddity | None:
    try:
        endless = isinf(float(text.replace(decimal, ".")))
    except ValueError:
        endless = text.strip("+-") == "∞"
    said = "a number that is not finite", "correct it, or leave the row out"
    return Oddity("infinite", *said) if endless else None


def _hidden(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    letter = unseen(text)
    return None if letter is None else _invisible(letter)


def _invisible(letter: str) -> Oddity:
    return Oddity("invisible", f"which holds the invisible letter {letter}", "take the letter out")


def _minus(text: str, decimal: str) -> Oddity | None:
    plain = text.translate(_MINUS)
    if plain == text or not _is_number(plain, decimal):
        return None
    return Oddity("typographic-minus", "whose minus is a dash of typography", "write the minus as `-`")


def _thousands(text: str, decimal: str) -> Oddity | None:
    groups = "_' \N{NARROW NO-BREAK SPACE}" + ("," if decimal == "." else ".")
    mark = re.escape(decimal)
    if not re.fullmatch(rf"[-+]?\d{{1,3}}(?:[{groups}]\d{{3}})+(?:{mark}\d+)?", text):
        return None
    hint = "write the number without them"
    return Oddity("thousands-separator", "a number with separators of thousands", hint)


def _decimal(text: str, decimal: str) -> Oddity | None:
    other = "," if decimal == "." else "."
    if text.count(other) != 1 or not _is_number(text.replace(other, decimal), decimal):
        return None
    name = "comma" if other == "," else "point"
    hint = f"write `{decimal}`; if all numbers are written so, say `decimal: '{other}'`"
    return Oddity(f"decimal-{name}", f"a number with a decimal {name}", hint)


def _percent(text: str, decimal: str) -> Oddity | None:
    if not text.endswith("%") or not _is_number(text[:-1].strip(), decimal):
        return None
    return Oddity("percent", "a number with a percent sign", "write the number alone, in all rows alike")


def _currency(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    amount = r"[-+]?[\d.,' ]*\d"
    if not re.fullmatch(rf"[-+]?{_CURRENCY}\s*{amount}|{amount}\s*{_CURRENCY}", text):
        return None
    return Oddity("currency", "an amount with its currency", "write the number alone, all in one currency")


def _bound(text: str, decimal: str) -> Oddity | None:
    plain = text.lstrip("<>≤≥~≈=±").strip()
    if plain == text or text.startswith("=") or not _is_number(plain, decimal):
        return None
    return Oddity("bound", "a bound instead of a value", "write the value that such rows are to count with")


def _date(text: str, decimal: str) -> Oddity | None:
    written = is_iso(text) or any(days(text, form) is not None for form in _FORMS if form != "%Y%m%d")
    if not written or _is_number(text, decimal):
        return None
    return Oddity("date-among-numbers", "a date", "correct the field, or the column's `types`")


def _time(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    if not re.fullmatch(r"\d{1,2}:\d\d(?::\d\d)?(?:\s*[ap]m)?", text, re.IGNORECASE):
        return None
    return Oddity("time-of-day", "a time of day", "write it as a number, of minutes for example")


def _range(text: str, decimal: str) -> Oddity | None:
    sides = re.split(r"(?<=\d)\s*(?:-|\N{EN DASH}|\.\.+|to|bis)\s*(?=\d)", text)
    if len(sides) != 2 or not all(_is_number(side, decimal) for side in sides):
        return None
    return Oddity("range", "a range instead of a value", "write one number, such as its middle")


def _pair(text: str, decimal: str) -> Oddity | None:
    sides = re.split(r"\s*[/;|]\s*|\s+", text)
    if len(sides) < 2 or not all(_is_number(side, decimal) for side in sides):
        return None
    return Oddity("several-numbers", f"{len(sides)} numbers in one field", "give each a column of its own")


def _truth(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    said = "a truth value among numbers", "write 1 and 0 in all rows"
    return Oddity("truth-value", *said) if text.lower() in _TRUTH else None


def _spreadsheet(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    if _SPREADSHEET.fullmatch(text):
        return Oddity("spreadsheet-error", "an error of a spreadsheet", "mend the formula and save the table anew")
    if re.match(r"=\s*[A-Za-z(]", text):
        return Oddity("formula", "a formula instead of its value", "save the table with values, not with formulas")
    return None


def _stand_in(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    if text.lower() not in _STAND_INS:
        return None
    hint = f"say `missing: [{text!r}]` (with an empty field: `missing: ['', {text!r}]`), or fill the value in"
    return Oddity("stand-in", "which often stands for a missing value", hint)


def _hexadecimal(text: str, decimal: str) -> Oddity | None:  # noqa: ARG001
    said = "a hexadecimal number", "write it in decimal"
    return Oddity("hexadecimal", *said) if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", text) else None


def _footnote(text: str, decimal: str) -> Oddity | None:
    plain = re.sub(r"\s*(?:[*†‡§¹²³⁴]+|\[\d+\]|\([a-z0-9]\))$", "", text)
    if plain == text or not _is_number(plain, decimal):
        return None
    return Oddity("footnote", "a number with a mark of a footnote", "take the mark away")


def _unit(text: str, decimal: str) -> Oddity | None:
    found = re.fullmatch(r"([-+\d.,eE]*\d)\s*([^\W\d_][\w°²³/%·^ -]{0,15}|[°'\"].{0,3})", text)
    if not found or not _is_number(found[1], decimal):
        return None
    hint = "write the number alone, and the unit into the column's name"
    return Oddity("unit", "a number with a unit behind it", hint)


#: From the special to the general: a field is what the first of them takes it for.
_LOOKS: tuple[Callable[[str, str], Oddity | None], ...] = (
    _infinite,
    _hidden,
    _minus,
    _thousands,
    _decimal,
    _percent,
    _currency,
    _bound,
    _date,
    _time,
    _range,
    _hexadecimal,
    _truth,
    _spreadsheet,
    _stand_in,
    _pair,
    _footnote,
    _unit,
)

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
    return _date_misfits(at, text, dialect, name) if kind == "date" else _text(at, text, name)


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


def _date_misfits(at: Field, text: str, dialect: Dialect, name: str) -> Misfit | None:
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
