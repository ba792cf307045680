"""Numbers with thousands separators, units and percent signs, as features, targets and weights of all tables."""

from __future__ import annotations

import pytest

from nnrun.data.sources.csv import Csv
from nnrun.data.sources.parquet import Parquet
from nnrun.errors import DefectsError

TYPES = {"share": "percent", "price": {"unit": "€", "decimal": ",", "thousands": "."}}
TABLE = """income,share,weight,price
"78,697",11.2%,"1,000","1.234,56 €"
950,-3 %,2,"5,5"
"1,234,567.5",0%,0.5,"€ 1.000"
"""
COLUMNS = {"income": [78697, 950, 1234567.5], "share": [0.112, -0.03, 0]}
WEIGHTS, PRICES = [1000, 2, 0.5], [1234.56, 5.5, 1000]


def source(**options) -> Csv:
    """Return the source of the table of these tests."""
    return Csv("t.csv", thousands=",", types=TYPES, sample_weight="weight", **options)


@pytest.mark.parametrize("stream", [False, True])
def test_features_targets_and_weights_are_read_as_stated(paths, listener, stream: bool) -> None:
    """A separator of the file, and what columns state, hold for every role, in memory and on disk."""
    (paths.config_dir / "t.csv").write_text(TABLE)
    data = source(stream=stream).load(paths, listener).train
    table = data.x.table() if stream else data.x
    assert {name: column.tolist() for name, column in table.values.items()} == COLUMNS
    assert data.y.tolist() == PRICES
    assert data.weight.tolist() == WEIGHTS


def test_new_rows_are_read_as_the_run_s_own(paths, listener) -> None:
    """Without being stated again, also where the new file lacks a header."""
    (paths.config_dir / "t.csv").write_text(TABLE)
    layout = source().load(paths, listener).layout
    new = paths.config_dir / "new.csv"
    for text in ('share,income,price\n5%,"2,000","1,5 €"\n', '"2,000",5%,x,"1,5 €"\n'):
        new.write_text(text)
        found = source().load_new(new, layout, with_target=True)
        assert {name: column.tolist() for name, column in found.x.values.items()} == {"income": [2000], "share": [0.05]}
        assert found.y.tolist() == [1.5]


def test_a_percentage_without_its_sign_is_refused(paths, listener) -> None:
    """0.5 among percentages may be a half or a half percent."""
    (paths.config_dir / "t.csv").write_text(TABLE.replace("0%", "0.5"))
    with pytest.raises(
        DefectsError, match=r"line 4, column share: expected a percentage such as 11\.2%, received '0\.5'"
    ):
        source().load(paths, listener)


def test_pandas_does_not_read_a_thousand_as_one(paths, listener) -> None:
    """Where every number of a column has a separator that looks like a decimal point, it is still a thousand."""
    (paths.config_dir / "t.csv").write_text("a,b,y\n1.234,1.5,0\n2.500,2.5,1\n")
    found = Csv("t.csv", types={"a": {"decimal": ",", "thousands": "."}}).load(paths, listener).train.x
    assert {name: column.tolist() for name, column in found.values.items()} == {"a": [1234, 2500], "b": [1.5, 2.5]}


def test_quoted_decimal_commas_may_stand_between_commas(paths, listener) -> None:
    """The separator has to be stated, as the comma has two meanings."""
    (paths.config_dir / "t.csv").write_text('a,y\n"1,5",0\n"2,5",1\n')
    assert Csv("t.csv", decimal=",", separator=",").load(paths, listener).train.x.values["a"].tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match="write `separator: ';'`"):
        Csv("t.csv", decimal=",")


def test_text_of_a_parquet_file_is_read_as_stated(paths, listener) -> None:
    """The formats are those of a csv, and hold for new rows in a csv too."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = paths.config_dir / "t.parquet"
    texts = {"income": ["78,697", "950"], "share": ["11.2%", "-3 %"], "price": ["1.234,56 €", "5,5"]}
    pq.write_table(pa.table(texts), file)
    parquet = Parquet("t.parquet", types={**TYPES, "income": {"thousands": ","}})
    data = parquet.load(paths, listener)
    assert {name: column.tolist() for name, column in data.train.x.values.items()} == {
        "income": [78697, 950],
        "share": [0.112, -0.03],
    }
    assert data.train.y.tolist() == PRICES[:2]
    new = paths.config_dir / "new.csv"
    new.write_text('share,income\n5%,"2,000"\n')
    found = parquet.load_new(new, data.layout, with_target=False).x
    assert {name: column.tolist() for name, column in found.values.items()} == {"income": [2000], "share": [0.05]}
