"""Pima, Boston and California: known content whatever the container, columns by name, and nothing else accepted."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.data.files.digests import file_sha256
from nnrun.data.load import load
from nnrun.data.named.registry import entry
from nnrun.data.named.tables import Boston, California, Pima
from nnrun.errors import DataError

CALIFORNIA = [[-122.2, 37.9, 41, 880, 129, 322, 126, 8.3, 452600], [-118.0, 34.0, 20, 2000, 400, 900, 300, 2.5, 150000]]


@pytest.fixture
def real_places(tmp_path: Path) -> DataPaths:
    """The folder of real data named by NNRUN_DATA_DIR; a test that needs it skips without it."""
    named = os.environ.get("NNRUN_DATA_DIR")
    if not named or not (Path(named) / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    return DataPaths(tmp_path, Path(named))


def _california(file: Path, rows: list[list[float]]) -> None:
    table = "\n".join(",".join(map(str, row)) for row in rows).encode()
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(table)
        archive.addfile(member, io.BytesIO(table))


def _with_digest(known, places: DataPaths, name: str, **changes: object) -> None:
    """Let the file that lies in the data folder be the set's."""
    (remote,) = entry(name).containers[0]
    digest = file_sha256(places.cache_dir() / remote.name)
    known(name, containers=((replace(remote, sha256=digest),),), **changes)


def test_californias_columns_are_scikit_learns(places: DataPaths, listener, known) -> None:
    """Rooms, bedrooms and people become averages per household, the value is in 100,000 dollars."""
    _california(places.cache_dir() / "cal_housing.tgz", CALIFORNIA)
    _with_digest(known, places, "california", rows=2)
    raw = California().load(places, listener)
    first = {name: column[0] for name, column in raw.train.x.values.items()}
    assert list(first) == list(entry("california").outline.columns)
    assert first["MedInc"] == 8.3
    assert (first["AveRooms"], first["AveBedrms"]) == (880 / 126, 129 / 126)
    assert (first["Population"], first["AveOccup"]) == (322, 322 / 126)
    assert (first["Latitude"], first["Longitude"]) == (37.9, -122.2)
    assert raw.train.y.tolist() == [4.526, 1.5]


def test_another_file_under_a_sets_name_is_refused(places: DataPaths, listener, known) -> None:
    """A file whose content is not the set's is named, with what to type."""
    _california(places.cache_dir() / "cal_housing.tgz", CALIFORNIA)
    with pytest.raises(DataError, match="this is not california's file: expected the SHA-256 aaa5c9a6") as refused:
        California().load(places, listener)
    assert "nnrun data fetch california" in str(refused.value.hint)
    (places.cache_dir() / "pima-indians-diabetes.csv").write_text("1,2,3,4,5,6,7,8,1\n")
    with pytest.raises(DataError, match="expected 768 rows of 9 fields, received 1 of 9"):
        Pima().load(places, listener)
    known("pima", rows=1)
    with pytest.raises(DataError, match="this is not pima's file: expected the SHA-256 3e5bd23b"):
        Pima().load(places, listener)


def test_a_table_inside_the_archive_that_is_no_table_is_refused(places: DataPaths, listener, known) -> None:
    """Rows of another width are refused by the archive's name."""
    _california(places.cache_dir() / "cal_housing.tgz", [[1, 2, 3]])
    _with_digest(known, places, "california")
    with pytest.raises(DataError, match=r"cal_housing\.tgz: expected rows of 9 fields, received 3"):
        California().load(places, listener)


@pytest.mark.parametrize(("name", "form"), [("pima", "binary"), ("boston", "number"), ("california", "number")])
def test_a_set_that_is_not_there_yet_is_foreseen_in_full(places: DataPaths, spec, split, name: str, form: str) -> None:
    """Columns, rows and task come from the registry; the download to come is a note."""
    facts, findings = infer_facts(spec(name, split=split(test=0.5)), form=form, paths=places)
    assert [(finding.severity, finding.name) for finding in findings] == [("note", "download-to-come")]
    assert facts.columns == entry(name).outline.columns
    assert facts.rows == dict.fromkeys(("train", "test"), entry(name).outline.rows // 2)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "form"), [("pima", "binary"), ("boston", "number")])
def test_the_real_tables_are_what_the_registry_says(
    real_places: DataPaths, listener, spec, name: str, form: str
) -> None:
    """The real file passes, and teaches the facts that were foreseen."""
    facts, findings = infer_facts(spec(name), form=form, paths=real_places)
    done = load(spec(name), form=form, seed=7, paths=real_places, progress=listener)
    assert findings == ()
    assert facts == done.facts


@pytest.mark.shared
def test_the_real_numbers_pass_in_any_container(real_places: DataPaths, places: DataPaths, listener) -> None:
    """Boston with commas for blanks in other places, or a line end more, is still Boston; one other digit is not."""
    text = (real_places.cache_dir() / "boston-housing.data").read_text()
    copy = places.cache_dir() / "boston-housing.data"
    copy.write_text(text + "\n")
    raw = Boston().load(places, listener)
    assert raw.train.x.values["LSTAT"][0] == 4.98
    assert np.count_nonzero(raw.train.y == 50) == 16
    copy.write_text(text.replace("4.98", "4.99", 1))
    with pytest.raises(DataError, match="this is not boston's file"):
        Boston().load(places, listener)


def test_more_rows_of_a_named_table_come_from_a_csv(places: DataPaths) -> None:
    """`predict` takes a csv with the set's columns, with or without the target."""
    file = places.config_dir / "more.csv"
    names = entry("pima").outline.columns
    file.write_text(",".join(names) + "\n" + ",".join("12345678") + "\n")
    found = Pima().load_new(file, {}, with_target=False)
    assert found.x.values["age"].tolist() == [8]


def test_bostons_card_names_its_column_built_on_race() -> None:
    """The caveats say what B is, and name California instead."""
    said = " ".join(entry("boston").caveats)
    assert "B is built on race" in said
    assert "`california`" in said
