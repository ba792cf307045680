"""A property: whatever columns a table has, `nnrun init` writes a config that `check` accepts, or says why not."""

from __future__ import annotations

import csv
import tempfile
from contextlib import chdir
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.errors import NnrunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.init.begin import begin
from nnrun.pipeline.init.config_text import MOST_LINES
from nnrun.pipeline.init.request import InitRequest

_WORDS = st.sampled_from(["red", "green", "dark blue", "N/A", "None", "ja", "0", "été", "x:y", "#1", "a 'quoted' one"])
_DAYS = st.integers(0, 20_000).map(lambda days: date(1990, 1, 1) + timedelta(days))
#: Strategies for the fields of one column.
_COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "float": st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.4g}"),
    "large": st.integers(10**6, 10**12),
    "whole": st.integers(-3, 12),
    "two": st.sampled_from([0, 1]),
    "truth": st.sampled_from(["true", "false"]),
    "classes": _WORDS,
    "iso date": _DAYS.map(str),
    "date": _DAYS.map(lambda day: f"{day:%d.%m.%Y}"),
    "money": st.integers(1, 10**7).map(lambda number: f"${number:,}"),
    "percent": st.integers(0, 100).map(lambda number: f"{number} %"),
    "zip": st.integers(0, 99).map(lambda number: f"{number:05d}"),
    "sentence": st.lists(_WORDS, min_size=3, max_size=8).map(" ".join),
    "text": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12),
    "constant": st.just("always"),
    "empty": st.just(""),
}
_NAMES = st.one_of(
    st.sampled_from(["id", "price", "target", "a b", "x:y", "2019", "yes", "#", "größe", "null", "0"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs"]), min_size=1, max_size=8),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]], str]:
    """Draw names, rows and a separator."""
    names = draw(st.lists(_NAMES, min_size=2, max_size=6, unique_by=str.strip))
    rows = draw(st.integers(8, 45))
    columns = []
    for _ in names:
        values = _COLUMNS[draw(st.sampled_from(sorted(_COLUMNS)))]
        gaps = draw(st.sampled_from([0, 0, 0, 4]))
        column = draw(st.lists(values, min_size=rows, max_size=rows))
        columns.append(["" if gaps and at % gaps == 1 else value for at, value in enumerate(column)])
    return names, [list(row) for row in zip(*columns, strict=True)], draw(st.sampled_from([",", ";", "\t"]))


@settings(max_examples=60, deadline=None)
@given(tables(), st.booleans())
def test_any_table_gives_a_config_that_check_accepts(
    table: tuple[list[str], list[list[Any]], str], header: bool
) -> None:
    """What is written checks and has at most 30 lines; else nothing is written, and a message says why."""
    names, rows, separator = table
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        with Path("table.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, delimiter=separator).writerows([names, *rows] if header else rows)
        begun, refused = None, None
        try:
            begun = begin(InitRequest("table.csv"), None)
        except NnrunError as error:
            refused = error
        if begun is None:
            assert refused is not None
            assert refused.text
            assert refused.hint
            assert not Path("table.yaml").exists()
            return
        assert len(begun.file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
        assert tuple(begun.problems) == examine(begun.file, (), None).problems
        found = [problem for problem in begun.problems if problem.severity == "error"]
        assert not [problem for problem in found if problem.name != "defective-data"], found
