"""Words such as `NA` in columns of text: missing values, or names that have to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.config.dump import dump_inline
from nnrun.data.csv.type_inference import TEXT_TYPES
from nnrun.formatting import format_names
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from nnrun.data.csv.type_inference import ColumnRequest, ColumnType, TableStats
    from nnrun.errors import Path as ConfigPath


def missing_word_hints(request: ColumnRequest, stats: TableStats) -> dict[str, str]:
    """Return what to do about a word that stands for a missing value where none may be, by column of text."""
    hints = {}
    types = stats.types(request)
    for name, column in stats.columns.items():
        if column.words and types[name] in TEXT_TYPES and name not in request.gaps:
            what = "class" if request.roles[name] == "target" else "category"
            step = "a step such as `SimpleImputer: {strategy: most_frequent}`"
            other = "`drop_missing_target: true`" if what == "class" else step
            hints[name] = f"{_keeping(name, what, types, stats)}; else fill it in, or add {other}"
    return hints


def missing_word_findings(
    request: ColumnRequest, stats: TableStats, stated: Collection[str], path: ConfigPath, rows: int | None
) -> Iterator[Finding]:
    """Yield a warning for each column of text in which words are read as missing values.

    Args:
        request: The columns.
        stats: What they hold.
        stated: The words that the config itself names, which need no warning.
        path: The place of the source's arguments in the config.
        rows: How many rows were examined; None for all.
    """
    types = stats.types(request)
    for name, column in stats.columns.items():
        words = {word: count for word, count in column.words.items() if word not in stated}
        if words and types[name] in TEXT_TYPES and name in request.gaps:
            counted = " and ".join(f"{word!r} in {count:,}" for word, count in words.items())
            seen = "" if rows is None else " first"
            text = f"column {name!r} has {counted} of the{seen} {stats.rows:,} rows, read as missing values"
            kept = _keeping(name, "class" if request.roles[name] == "target" else "category", types, stats)
            confirmed = dump_inline([*stated, *words])
            yield Finding(path, text, f"{kept}, or `missing: {confirmed}` if it is missing", "missing-word", "warning")


def _keeping(name: str, what: str, types: Mapping[str, ColumnType], stats: TableStats) -> str:
    """Return the line with which the words of a column are values of their own, and all other words are missing."""
    own = stats.columns[name].words
    others = {
        word: kind
        for other, column in stats.columns.items()
        if other != name
        for word in column.words
        if (kind := types[other]) not in TEXT_TYPES or word not in own
    }
    shown = format_names(map(repr, own))
    both = [word for word in own if word in others]
    if both:
        return f"if {shown} is a {what}, write another word in the columns of numbers, where {both[0]!r} is missing too"
    line = dump_inline({"only": ["", *others]})
    return f"add `missing: {line}` to the source if {shown} is a {what}"
