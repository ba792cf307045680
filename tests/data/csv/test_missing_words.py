"""The words for a missing value: pandas' own and `?`, those that a config adds, and those alone that it names."""

from __future__ import annotations

import numpy as np
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from nnrun.data.csv.missing_words import MISSING_WORDS, missing_words
from nnrun.data.dataset import Examples
from nnrun.data.sources.csv import Csv

TABLE = "a,town,y\n1,Ulm,0\nNA,NA,1\n3,None,0\n-9,Kiel,1\n"


def test_the_words_are_those_of_pandas_and_a_question_mark() -> None:
    """They are the words that pandas finds by itself, and `?`."""
    assert set(STR_NA_VALUES) | {"?"} == set(MISSING_WORDS)


@pytest.mark.parametrize(
    ("stated", "missing", "kept"),
    [
        (None, ("", "NA", "?"), "-9"),
        (["-9"], ("", "NA", "?", "-9"), "x"),
        ({"only": ["-9"]}, ("-9",), "NA"),
        ({"only": []}, (), ""),
    ],
)
def test_a_list_adds_words_and_only_replaces_them(stated, missing: tuple[str, ...], kept: str) -> None:
    """`missing: [...]` adds to the known words, `missing: {only: [...]}` replaces them."""
    words = missing_words(stated)
    assert set(missing) <= set(words)
    assert kept not in words


def test_another_key_than_only_is_refused() -> None:
    """The message names what may be written."""
    with pytest.raises(ValueError, match=r"expected a list of words, or \{only: \[\.\.\.\]\}; received the keys omly"):
        Csv("t.csv", missing={"omly": ["x"]})


def values(examples: Examples) -> dict[str, list]:
    """Return the features of a table as lists."""
    return {name: column.tolist() for name, column in examples.x.values.items()}  # noqa: PD011


def load(paths, listener, text: str, **options):
    """Return the columns and targets of a csv in which features may be missing."""
    (paths.config_dir / "t.csv").write_text(text)
    source = Csv("t.csv", **options)
    source.missing_allowed = True
    data = source.load(paths, listener)
    return values(data.train), data


def test_words_are_missing_in_numbers_and_categories(paths, listener) -> None:
    """The same words are missing in every column, blanks around them or not."""
    columns, _ = load(paths, listener, TABLE.replace("NA,NA", " NA , NA "), missing=["-9"])
    np.testing.assert_array_equal(columns["a"], [1, np.nan, 3, np.nan])
    assert columns["town"] == ["Ulm", None, None, "Kiel"]


def test_only_the_stated_words_are_missing(paths, listener) -> None:
    """With `only`, Namibia keeps its name."""
    columns, _ = load(paths, listener, TABLE.replace("NA,NA", ",NA"), missing={"only": [""]})
    np.testing.assert_array_equal(columns["a"], [1, np.nan, 3, -9])
    assert columns["town"] == ["Ulm", "NA", "None", "Kiel"]


def test_new_rows_have_the_words_of_the_run(paths, listener) -> None:
    """The words are kept in the run's layout; a run of an earlier layout keeps the words of its time."""
    _, data = load(paths, listener, TABLE)
    new = paths.config_dir / "new.csv"
    new.write_text("a,town\n1,None\n")
    source = Csv("t.csv")
    source.missing_allowed = True
    layout = dict(data.layout)
    assert values(source.load_new(new, layout, with_target=False))["town"] == [None]
    del layout["missing"]
    assert values(source.load_new(new, layout, with_target=False))["town"] == ["None"]
    earlier = Csv("t.csv", missing=["None"])
    earlier.missing_allowed = True
    assert values(earlier.load_new(new, layout, with_target=False))["town"] == [None]
