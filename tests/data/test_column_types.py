"""Dates and categories of tables: inferred, stated, prepared, and read from new files."""

from __future__ import annotations

from unicodedata import normalize

import numpy as np
import pytest

from nnrun.data.columns import ColumnError, resolve_columns
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.parquet import Parquet
from nnrun.errors import DataError

VISITS = """when,zip,bmi,sick
1970-01-02,01067,20,0
1970-01-11,10115,30,1
1970-01-03,01067,25,0
1970-02-01,10115,28,1
"""


def _write(paths, text: str, name: str = "t.csv") -> None:
    (paths.config_dir / name).write_text(text, encoding="utf-8")


def test_iso_dates_become_days(paths, listener, spec) -> None:
    """ISO dates need no stated type and are numbers for every step; the inferred facts are those of the data."""
    _write(paths, VISITS)
    data = spec("csv", file="t.csv", features=["when", "bmi"], prepare=(("Standardize", {"columns": ["bmi"]}),))
    facts, findings = infer_facts(data, form="binary", paths=paths)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert done.train.x[:, 0].tolist() == [1, 10, 2, 31]


def test_dates_of_a_stated_format_are_read(paths, listener) -> None:
    """`{date: '%d.%m.%Y'}` reads German dates; a stated type takes precedence over what most fields are."""
    _write(paths, "when,y\n02.01.1970,0\n11.01.1970,1\n")
    raw = Csv("t.csv", types={"when": {"date": "%d.%m.%Y"}}).load(paths, listener)
    assert raw.train.x.values["when"].tolist() == [1, 10]
    _write(paths, "when,y\n19700102,0\n19700111,1\n")
    days = Csv("t.csv", types={"when": {"date": "%Y%m%d"}}).load(paths, listener).train.x.values["when"]
    numbers = Csv("t.csv").load(paths, listener).train.x.values["when"]
    assert (days.tolist(), numbers.tolist()) == ([1, 10], [19700102, 19700111])
    _write(paths, "when,y\n1970-01-02,0\n1970-01-11,1\n")
    assert Csv("t.csv", types={"when": "text"}).load(paths, listener).train.x.values["when"].tolist() == [
        "1970-01-02",
        "1970-01-11",
    ]


def test_missing_dates_are_filled_in_like_numbers(paths, listener, spec) -> None:
    """`Impute` fills in the median day."""
    _write(paths, "when,y\n1970-01-02,0\n,1\n1970-01-12,1\n")
    data = spec("csv", file="t.csv", prepare=(("Impute", {"strategy": "median"}),))
    assert load(data, form="number", seed=1, paths=paths, progress=listener).train.x.tolist() == [[1], [6], [11]]


def test_a_date_may_be_the_target(paths, listener, spec) -> None:
    """Days are predicted as numbers."""
    _write(paths, "bmi,when\n20,1970-01-02\n30,1970-01-11\n")
    done = load(spec("csv", file="t.csv"), form="number", seed=1, paths=paths, progress=listener)
    assert done.train.y.tolist() == [[1], [10]]


@pytest.mark.parametrize(
    ("types", "text"),
    [
        ({"when": {"date": "%H:%M"}}, "types: when: the date format '%H:%M' does not contain the year"),
        (
            {"when": {"day": "%d"}},
            "types: when: expected the keys type, decimal, thousands, unit, negative, or date; received 'day'",
        ),
    ],
)
def test_invalid_types_are_reported_by_check(paths, spec, types: dict, text: str) -> None:
    """The finding names the column and the valid types."""
    _, findings = infer_facts(spec("csv", file="t.csv", types=types), form="binary", paths=paths)
    assert [finding.name for finding in findings] == ["unusable-arguments"]
    assert text in findings[0].text


def test_categories_may_have_numbers_as_names(paths, listener, spec) -> None:
    """Zip codes keep their leading zeros and become columns of the training part's categories."""
    _write(paths, VISITS)
    data = spec(
        "csv", file="t.csv", features=["zip"], types={"zip": "category"}, prepare=(("OneHot", {"columns": ["zip"]}),)
    )
    facts, findings = infer_facts(data, form="binary", paths=paths)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert done.facts.columns == ("zip=01067", "zip=10115")
    assert done.train.x.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_a_category_needs_a_step(paths, spec) -> None:
    """A category that no step turns into numbers is reported, with the step to add."""
    _write(paths, VISITS)
    data = spec("csv", file="t.csv", features=["zip"], types={"zip": "category"})
    _, findings = infer_facts(data, form="binary", paths=paths)
    assert [finding.name for finding in findings] == ["text-left"]
    assert findings[0].hint == "add to `prepare`: `OneHotEncoder: [zip]`"


PREPARE = (("OneHot", {"columns": ["zip"]}), ("Standardize", {"columns": ["when", "bmi"]}))


def test_other_files_are_read_by_the_same_types(paths, listener, spec) -> None:
    """New files are read with the run's types; unknown categories and dates of another format are reported."""
    _write(paths, VISITS)
    data = spec("csv", file="t.csv", types={"zip": "category"}, prepare=PREPARE)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    _write(paths, "bmi,when,zip\n25,1970-01-03,01067\n", "new.csv")

    def again(name: str):
        return load_new_data(data, done.fitted, file=paths.config_dir / name, facts=done.facts, with_target=False)

    np.testing.assert_array_equal(again("new.csv").x[0], done.train.x[2])
    _write(paths, "bmi,when,zip\n25,1970-01-03,99999\n", "new.csv")
    with pytest.raises(DataError, match=r"column zip: expected one of the categories .*01067, 10115.*received '99999'"):
        again("new.csv")
    _write(paths, "bmi,when,zip\n25,03.01.1970,01067\n", "new.csv")
    with pytest.raises(DataError, match=r"line 2, column when: expected a date such as .*, received '03\.01\.1970'"):
        again("new.csv")


def test_a_parquet_table_takes_types_and_groups(paths, listener, spec) -> None:
    """Numbers become categories, text dates, and a column groups; a csv of the same columns is read the same way."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {
        "when": ["02.01.1970", "11.01.1970", "03.01.1970", "01.02.1970"],
        "zip": [1067, 10115, 1067, 10115],
        "who": ["a", "a", "b", "c"],
        "sick": [0, 1, 0, 1],
    }
    pq.write_table(pa.table(columns), paths.config_dir / "t.parquet")
    types = {"when": {"date": "%d.%m.%Y"}, "zip": "category"}
    data = spec("parquet", file="t.parquet", types=types, group="who", prepare=(("OneHot", {"columns": ["zip"]}),))
    facts, findings = infer_facts(data, form="binary", paths=paths)
    done = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert findings == ()
    assert facts.input_shape == (None,)
    assert done.facts.columns == ("when", "zip=10115", "zip=1067")
    assert done.train.x.tolist() == [[1, 0, 1], [10, 1, 0], [2, 0, 1], [31, 1, 0]]
    assert Parquet("t.parquet", types=types, group="who").load(paths, listener).groups.tolist() == ["a", "a", "b", "c"]
    _write(paths, "when,zip\n03.01.1970,1067\n", "new.csv")
    file = paths.config_dir / "new.csv"
    assert load_new_data(data, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == [[2, 0, 1]]
    _, findings = infer_facts(spec("parquet", file="t.parquet", types={"zap": "text"}), form="binary", paths=paths)
    assert [finding.name for finding in findings] == ["unknown-column"]
    with pytest.raises(DataError, match=r"column when: expected a date, received '02\.01\.1970' in row 0"):
        Parquet("t.parquet", types={"when": "date"}).load(paths, listener)


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_a_name_is_found_in_either_form_of_unicode(written: str, stored: str) -> None:
    """An accent may be a character of its own in the file or in the config; a name that is there itself comes first."""
    names = [normalize(stored, name) for name in ("größe", "ziel")]
    assert resolve_columns([normalize(written, "größe")], names) == names[:1]
    both = [normalize(form, "größe") for form in ("NFC", "NFD")]
    assert resolve_columns([both[1]], both) == both[1:]
    with pytest.raises(ColumnError, match="there is no column"):
        resolve_columns(["grosse"], names)
