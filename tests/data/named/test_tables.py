"""Pima, Boston and California: columns by name, and no other content accepted."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.tables import Boston, California, Pima
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths

CALIFORNIA = [[-122.2, 37.9, 41, 880, 129, 322, 126, 8.3, 452600], [-118.0, 34.0, 20, 2000, 400, 900, 300, 2.5, 150000]]


def _california(file: Path, rows: list[list[float]]) -> None:
    table = "\n".join(",".join(map(str, row)) for row in rows).encode()
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(table)
        archive.addfile(member, io.BytesIO(table))


def test_californias_columns_are_scikit_learns(paths: DataPaths, listener, accept_file) -> None:
    """Rooms, bedrooms and people become averages per household, the value is in 100,000 dollars."""
    _california(paths.cache_dir() / "cal_housing.tgz", CALIFORNIA)
    accept_file("california", rows=2)
    data = California().load(paths, listener)
    first = {name: column[0] for name, column in data.train.x.values.items()}
    assert list(first) == list(named_data_set("california").facts.columns)
    assert first["MedInc"] == 8.3
    assert (first["AveRooms"], first["AveBedrms"]) == (880 / 126, 129 / 126)
    assert (first["Population"], first["AveOccup"]) == (322, 322 / 126)
    assert (first["Latitude"], first["Longitude"]) == (37.9, -122.2)
    assert data.train.y.tolist() == [4.526, 1.5]


def test_another_file_under_the_name_of_a_set_is_refused(paths: DataPaths, listener, change_data_set) -> None:
    """A file whose content is not the set's is named, with what to type."""
    _california(paths.cache_dir() / "cal_housing.tgz", CALIFORNIA)
    with pytest.raises(DataError, match="this is not california's file: expected the SHA-256 aaa5c9a6") as refused:
        California().load(paths, listener)
    assert "nnrun data fetch california" in str(refused.value.hint)
    (paths.cache_dir() / "pima-indians-diabetes.csv").write_text("1,2,3,4,5,6,7,8,1\n")
    with pytest.raises(DataError, match="expected 768 rows of 9 fields, received 1 of 9"):
        Pima().load(paths, listener)
    change_data_set("pima", rows=1)
    with pytest.raises(DataError, match="this is not pima's file: expected the SHA-256 3e5bd23b"):
        Pima().load(paths, listener)


def test_a_table_of_another_width_in_the_archive_is_refused(paths: DataPaths, listener, accept_file) -> None:
    """Rows of another width are refused by the archive's name."""
    _california(paths.cache_dir() / "cal_housing.tgz", [[1, 2, 3]])
    accept_file("california")
    with pytest.raises(DataError, match=r"cal_housing\.tgz: expected rows of 9 fields, received 3"):
        California().load(paths, listener)


def test_an_empty_file_is_refused(paths: DataPaths, listener) -> None:
    """A file without a number is refused by its name."""
    (paths.cache_dir() / "boston-housing.data").write_text("")
    with pytest.raises(DataError, match=r"boston-housing\.data: its table cannot be read: .*no data"):
        Boston().load(paths, listener)
    (paths.cache_dir() / "boston-housing.data").write_text("a b\n")
    with pytest.raises(DataError, match=r"boston-housing\.data: its table cannot be read: could not convert"):
        Boston().load(paths, listener)


@pytest.mark.parametrize(("name", "form"), [("pima", "binary"), ("boston", "number"), ("california", "number")])
def test_the_facts_of_a_set_are_known_before_its_download(paths: DataPaths, spec, split, name: str, form: str) -> None:
    """Columns, rows and task are stated; the download to come is a note."""
    facts, findings = infer_facts(spec(name, split=split(test=0.5)), form=form, paths=paths)
    assert [(finding.severity, finding.name) for finding in findings] == [("note", "download-to-come")]
    assert facts.columns == named_data_set(name).facts.columns
    assert facts.rows == dict.fromkeys(("train", "test"), named_data_set(name).facts.rows // 2)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "form"), [("pima", "binary"), ("boston", "number")])
def test_the_real_tables_have_the_stated_facts(real_paths, listener, spec, name: str, form: str) -> None:
    """The real file passes, and its facts are the stated ones."""
    paths = real_paths(named_data_set(name).files[0].name)
    facts, findings = infer_facts(spec(name), form=form, paths=paths)
    done = load(spec(name), form=form, seed=7, paths=paths, progress=listener)
    assert findings == ()
    assert facts == done.facts


@pytest.mark.shared
def test_the_real_numbers_are_accepted_with_other_line_ends(real_paths, paths: DataPaths, listener) -> None:
    """Boston with one more line end is still Boston; with one other digit it is not."""
    text = (real_paths("boston-housing.data").cache_dir() / "boston-housing.data").read_text()
    copy = paths.cache_dir() / "boston-housing.data"
    copy.write_text(text + "\n")
    data = Boston().load(paths, listener)
    assert data.train.x.values["LSTAT"][0] == 4.98
    assert np.count_nonzero(data.train.y == 50) == 16
    copy.write_text(text.replace("4.98", "4.99", 1))
    with pytest.raises(DataError, match="this is not boston's file"):
        Boston().load(paths, listener)


def test_more_rows_of_a_named_table_come_from_a_csv(paths: DataPaths) -> None:
    """`predict` takes a csv with the set's columns, with or without the target."""
    file = paths.config_dir / "more.csv"
    names = named_data_set("pima").facts.columns
    file.write_text(",".join(names) + "\n" + ",".join("12345678") + "\n")
    found = Pima().load_new(file, {}, with_target=False)
    assert found.x.values["age"].tolist() == [8]
