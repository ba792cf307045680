"""What the columns of a table are, before a config says what to do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.data import table_survey
from nnrun.data.csv.type_inference import ColumnType
from nnrun.data.data_paths import DataPaths
from nnrun.data.table_survey import TableSurvey, require_table, survey_csv, survey_parquet
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "id,size,town,zip,paid,seen,note,fixed,again"
ROWS = [
    f'{at},{at * 1.5},{"Bern" if at % 3 else "Basel"},0{at % 10}1,"$1,{at:03d}",{at % 28 + 1:02d}.03.2020,'
    f"{'unknown' if at == 7 else at % 5},yes,{at * 1.5}"
    for at in range(40)
]


@pytest.fixture
def survey(tmp_path: Path) -> TableSurvey:
    """Survey a table with many kinds of columns."""
    (tmp_path / "t.csv").write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    return survey_csv(tmp_path / "t.csv", "t.csv")


def test_every_column_has_its_kind(survey: TableSurvey) -> None:
    """Amounts are numbers, dates of any format dates, numbers with leading zeros texts."""
    kinds: dict[str, ColumnType] = {column.name: column.kind for column in survey.columns}
    assert kinds == {
        **dict.fromkeys(("id", "size", "paid", "note", "again"), "number"),
        **dict.fromkeys(("town", "zip", "fixed"), "text"),
        "seen": "date",
    }
    assert survey.column("paid").numbers[3] == 1003


def test_the_source_gets_what_the_file_needs(survey: TableSurvey) -> None:
    """Types that are not obvious and words for a missing value are arguments of the source."""
    types = survey.arguments["types"]
    assert types["seen"] == {"date": "%d.%m.%Y"}
    assert types["zip"] == "category"
    assert types["paid"]["unit"] == "$"
    assert survey.arguments["missing"] == ["unknown"]
    assert survey.column("note").missing == 1


def test_useless_columns_are_known(survey: TableSurvey) -> None:
    """Columns that number the rows, never change, or repeat another are told apart."""
    assert survey.column("id").numbers_rows
    assert len(survey.column("fixed").counts) == 1
    assert survey.same == {"again": "size"}
    assert (survey.rows, survey.is_whole, survey.has_header) == (40, True, True)


def test_rows_of_the_whole_file_are_surveyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long file rows from begin to end are kept, in order: it may be sorted by its target."""
    monkeypatch.setattr(table_survey, "MOST_ROWS", 100)
    lines = [f"{at},{'early' if at < 990 else 'late'}" for at in range(1000)]
    (tmp_path / "t.csv").write_text("\n".join(["size,kind", *lines]) + "\n", encoding="utf-8")
    survey = survey_csv(tmp_path / "t.csv", "t.csv")
    assert (survey.rows, survey.rows_read, survey.is_whole) == (63, 1000, True)
    assert set(survey.column("kind").counts) == {"early", "late"}
    assert survey.column("size").rises
    monkeypatch.setattr(table_survey, "_READ_ROWS", 500)
    survey = survey_csv(tmp_path / "t.csv", "t.csv")
    assert (survey.rows_read, survey.is_whole) == (500, False)


def test_a_file_without_header_has_indexes(tmp_path: Path) -> None:
    """Columns of a file without header are named by their index."""
    (tmp_path / "t.data").write_text(" 1.5 2 x\n 3.5 4 y\n" * 6, encoding="utf-8")
    survey = survey_csv(tmp_path / "t.data", "t.data")
    assert (survey.names, survey.has_header, survey.arguments["separator"]) == (("0", "1", "2"), False, " ")


def test_parquet_has_the_same_columns(tmp_path: Path, survey: TableSurvey) -> None:
    """The columns of a Parquet file are those of the csv file with the same contents."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.read_csv(tmp_path / "t.csv", dtype={"zip": str, "note": str})
    frame["day"] = pandas.to_datetime(frame["seen"], format="%d.%m.%Y")
    frame.to_parquet(tmp_path / "t.parquet")
    found = survey_parquet(DataPaths(tmp_path), "t.parquet")
    both = [column.name for column in survey.columns if column.name not in ("note", "id", "zip")]
    assert [(name, found.column(name).kind) for name in both] == [(name, survey.column(name).kind) for name in both]
    assert found.column("day").kind == "date"
    assert found.column("day").numbers == survey.column("seen").numbers


@pytest.mark.parametrize(
    ("text", "message"), [("a\n1\n2\n", "at least two columns"), ("a,b\n1,2\n", "at least 10 rows")]
)
def test_a_table_of_one_column_or_one_row_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """There must be something to predict from, and rows to train and to test on."""
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        require_table(survey_csv(tmp_path / "t.csv", "t.csv"), tmp_path / "t.csv", least_rows=10)
    assert caught.value.hint
