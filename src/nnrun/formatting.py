"""Numbers, amounts of data, durations and tables as text: one format for the screen, the log and the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The absolute values between which a number is shown with four decimals instead of four significant digits.
_SMALLEST_FIXED, _LARGEST_FIXED = 0.001, 1000
#: The characters that turn the direction of the text around them (Unicode Standard Annex 9: embeddings, overrides,
#: isolates) or switch its shaping (the deprecated U+206A to U+206F), for a class of a regular expression. The marks
#: U+200E, U+200F and U+061C affect no more than the punctuation next to them, and belong to many texts.
DIRECTION_CONTROLS = "\u202a-\u202e\u2066-\u206f"
#: What steers a terminal instead of standing for a letter: control characters other than tab and line end (ECMA-48's C0
#: and C1 sets, with ESC), separators of lines and paragraphs, direction controls, and bytes that are no text.
_STEERING_CLASS = f"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{DIRECTION_CONTROLS}\ud800-\udfff"
_STEERING = re.compile(f"[{_STEERING_CLASS}]")
_ESCAPED = re.compile(f"[\n\t{_STEERING_CLASS}]")
#: What spreadsheets run, with apostrophes before it or not.
_FORMULA = re.compile(r"'*[=+\-@\t\r](?s:.)")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def format_number(value: object) -> str:
    """Format a number: `60,000`, `0.9871`, `1.234e-05`; `-` for None, and `str(value)` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    fixed = _SMALLEST_FIXED <= abs(value) < _LARGEST_FIXED or value == 0
    return f"{value:.4f}" if fixed else f"{value:.4g}"


def visible(text: str) -> str:
    """Replace what steers a terminal instead of standing for a letter; every other character stays as it is.

    Joiners (U+200C, U+200D), soft hyphens, variation selectors and combining marks are parts of words.
    """
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(text: str) -> str:
    """Return a text on one line: line ends, tabs and what steers a terminal are escaped, letters stay letters."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[0]) or _code(match[0]), text)


def quoted(text: str) -> str:
    """Return a text as `escaped` does, in quotes; `repr` would escape joiners, too."""
    quote = '"' if "'" in text and '"' not in text else "'"
    return f"{quote}{escaped(text.replace(chr(92), 2 * chr(92)).replace(quote, chr(92) + quote))}{quote}"


def escape_steering(text: str) -> str:
    """Return a JSON document in which what steers a terminal stands escaped; line ends between its values stay."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 0x100 else f"\\u{ord(letter):04x}"


def format_count(count: int, noun: str, plural: str | None = None) -> str:
    """Format a number of things: `1 row`, `60,000 rows`, `2 classes`; by default the plural is the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def format_bytes(count: float) -> str:
    """Format an amount of data, with units of 1000: `512 B`, `11.5 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.95:  # rounds to 1000.0 otherwise
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"


def format_duration(seconds: float) -> str:
    """Format a duration with at most three digits: `34 ms`, `4.1 s`, `2 min 05 s`, `3 h 20 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_names(names: Iterable[object], most: int = 8) -> str:
    """Join the first names with commas; `a, b, ...` where there are more than `most`."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format a table as the text of a csv file, with a line of headings; see `as_cell` about texts."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([as_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def as_cell(text: str) -> str:
    """Return a text as a cell of a csv file, which no spreadsheet runs; `from_cell` gives the text back.

    Spreadsheets run a cell that begins with `=`, `+`, `-` or `@` (OWASP, CSV injection), so that a name of a class or
    file could do what it wants there; an apostrophe before it makes it a text. Numbers and single signs stay.
    """
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def from_cell(cell: str) -> str:
    """Return the text of which `as_cell` made a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


#: Seconds of the units in which durations are written.
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float | None:
    """Return a duration in seconds: `90s`, `30m`, `1.5h`, `2d`, or `HH:MM:SS` and `D-HH:MM:SS` as slurm has them."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip().lower())
    if match is not None:
        unit = _UNITS.get(match[2])
        return None if unit is None else float(match[1]) * unit
    match = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (float(one or 0) for one in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds
