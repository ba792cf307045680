"""Numbers, amounts of data, durations and tables as text: one format for the screen, the log and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The absolute values between which a number is shown with four decimals instead of four significant digits.
_SMALLEST_FIXED, _LARGEST_FIXED = 0.001, 1000


def format_number(value: object) -> str:
    """Format a number: `60,000`, `0.9871`, `1.234e-05`; `-` for None, and `str(value)` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    fixed = _SMALLEST_FIXED <= abs(value) < _LARGEST_FIXED or value == 0
    return f"{value:.4f}" if fixed else f"{value:.4g}"


def format_count(count: int, noun: str) -> str:
    """Format a number of things: `1 row`, `60,000 rows`; the plural is the noun with an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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
    """Format a table as the text of a csv file, with a line of headings."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
