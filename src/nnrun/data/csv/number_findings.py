"""Numbers that are probably none: codes with leading zeros, and dates without separators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.data.csv.date_proposals import fitting_formats
from nnrun.data.exact_numbers import number_array
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.data.csv.type_inference import ColumnRequest, ColumnStats, TableStats
    from nnrun.errors import Path as ConfigPath

#: The formats of dates that are whole numbers, by their number of digits, and the years in which they are looked for.
_FORMATS = {6: "%Y%m", 8: "%Y%m%d"}
_YEARS = ("19", "20")
#: Fewer different numbers than this may have the form of dates by chance.
_FEW = 3


def number_findings(
    request: ColumnRequest, stats: TableStats, stated: Mapping[str, Any], path: ConfigPath
) -> Iterator[Finding]:
    """Yield a warning for each column of numbers that are probably codes or dates.

    Args:
        request: The columns.
        stats: What they hold.
        stated: The types that the config states; a stated `number` is one.
        path: The place of the source's arguments in the config.
    """
    types = stats.types(request)
    for name, column in stats.columns.items():
        if types[name] != "number" or name in stated or request.roles[name] == "weight":
            continue
        if column.leading_zero:
            code = dump_inline({**stated, name: "category"})
            number = dump_inline({**stated, name: "number"})
            text = f"column {name!r} holds numbers with leading zeros, such as {column.leading_zero!r}, which they lose"
            hint = f"write `types: {code}` if they are codes, or `types: {number}` if they are numbers"
            yield Finding(path, text, hint, "leading-zeros", "warning")
        elif request.roles[name] == "feature" and (pair := _beyond_float64(column)) is not None:
            code = dump_inline({**stated, name: "category"})
            text = f"column {name!r}: {pair[0]} and {pair[1]} are the same number in float64, which holds 15 digits"
            step = f"Hash: {{columns: [{dump_inline(name)}], buckets: 64}}"
            hint = f"leave it out, or write `types: {code}` and a step such as `{step}`"
            yield Finding(path, text, hint, "large-numbers", "warning")
        elif date_format := date_format_of(column):
            date = dump_inline({**stated, name: {"date": date_format}})
            number = dump_inline({**stated, name: "number"})
            text = f"column {name!r} holds numbers that are dates like {date_format}, such as {column.present()[0]!r}"
            hint = f"write `types: {date}` so that they are days, or `types: {number}` if they are numbers"
            yield Finding(path, f"{text}: from one year to the next they jump", hint, "dates-as-numbers", "warning")


def _beyond_float64(column: ColumnStats) -> tuple[str, str] | None:
    """Return two different whole numbers of a column that are the same as float64; None where all stay apart."""
    exact = {column.number_format.parse_exactly(text): text for text in column.present()}
    whole = {value: text for value, text in exact.items() if isinstance(value, int)}
    missing = [None] if column.counts["missing"] else []
    if not whole or number_array([*whole, *missing]).dtype.kind != "f":
        return None
    seen: dict[float, str] = {}
    for value, text in whole.items():
        if (other := seen.setdefault(float(value), text)) != text:
            return other.strip(), text.strip()
    return None


def date_format_of(column: ColumnStats) -> str | None:
    """Return the format in which all numbers of a column are dates, if there is one."""
    texts = [text.strip() for text in column.present()]
    date_format = _FORMATS.get(len(texts[0])) if texts else None
    if date_format is None or len(texts) < _FEW or column.counts["text"] or column.counts["date"]:
        return None
    if any(len(text) != len(texts[0]) or not text.isdecimal() or text[:2] not in _YEARS for text in texts):
        return None
    return date_format if date_format in fitting_formats(texts) else None
