"""The named csv files: verified bytes, facts without the file, and the arguments of `csv` that they take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nnrun.config.files import find_config
from nnrun.data.all_sources import SOURCES
from nnrun.data.data_paths import DataPaths
from nnrun.data.named.csv_sets import AirlinePassengers, Insurance, SmsSpam, Sonar
from nnrun.data.named.datasets import named_data_set
from nnrun.errors import DataError
from nnrun.pipeline.check import examine

if TYPE_CHECKING:
    from collections.abc import Callable

#: A few rows of the form of each set.
ROWS = {
    "insurance": "age,sex,bmi,children,smoker,region,charges\n19,female,27.9,0,yes,southwest,16884.92\n"
    "18,male,33.7,1,no,southeast,1725.55\n40,male,30.1,2,no,northwest,7000.5\n",
    "sonar": "".join(f"{','.join(f'0.{row + band:02}' for band in range(60))},{'MR'[row % 2]}\n" for row in range(4)),
    "sms_spam": '"type","text"\n"ham","Ok lar, joking"\n"spam","WIN a prize, now"\n"ham","NA"\n',
    "airline_passengers": '"Month","Passengers"\n'
    + "".join(f'"{1949 + month // 12}-{month % 12 + 1:02}",{112 + month}\n' for month in range(20)),
}


def _write(paths: DataPaths, name: str, folder: Path | None = None) -> Path:
    file = (folder or paths.cache_dir()) / named_data_set(name).files[0].name
    file.write_text(ROWS[name], encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ROWS)
def test_a_config_is_checked_without_its_file(name: str, tmp_path: Path) -> None:
    """Each shipped config is checked completely before its data are there, which one note says."""
    examined = examine(find_config(name), (), tmp_path)
    assert [problem.name for problem in examined.problems] == ["download-to-come"]
    assert examined.experiment.expect


@pytest.mark.parametrize("name", ROWS)
def test_the_facts_without_the_file_are_those_of_the_file(name: str, paths: DataPaths, accept_file: Callable) -> None:
    """What `check` knows of a set before the download is what it reads from the file afterwards."""
    before, _ = SOURCES[name]().facts(paths, ())
    _write(paths, name)
    accept_file(name)
    after, findings = SOURCES[name]().facts(paths, ())
    assert findings == []
    for fact in ("shape", "columns", "text", "target_names", "windows"):
        assert getattr(before, fact) == getattr(after, fact), fact
    if named_data_set(name).facts.task == "classification":
        assert before.class_names == after.class_names
    else:
        assert before.other_numbers == after.other_numbers


def test_each_set_is_read_as_its_columns_need(paths: DataPaths, listener, accept_file: Callable) -> None:
    """Text stays text, also `NA` in a message; columns without names have their index; months are times."""
    for name in ROWS:
        _write(paths, name)
        accept_file(name)
    insurance = Insurance().load(paths, listener)
    assert insurance.target_names == ("charges",)
    assert insurance.train.x.values["smoker"].tolist() == ["yes", "no", "no"]
    sonar = Sonar(features=[0, 59]).load(paths, listener)
    assert list(sonar.train.x.values) == ["0", "59"]
    assert sonar.train.y.tolist() == ["M", "R", "M", "R"]
    spam = SmsSpam()
    spam.free_text = ["text"]
    assert spam.load(paths, listener).train.x.values["text"].tolist()[-1] == "NA"
    series = AirlinePassengers(window=6, horizon=2).load(paths, listener)
    assert (series.windows.window, series.windows.horizon) == (6, 2)
    assert series.train.y.tolist() == list(range(112, 132))
    assert (series.times[1:] > series.times[:-1]).all()


def test_a_config_may_state_other_roles_and_types(paths: DataPaths, listener, accept_file: Callable) -> None:
    """The arguments of `csv` that a set takes mean what they mean there, with and without the file."""
    asked = {"target": "smoker", "features": ["age", "children"], "types": {"children": "category"}}
    before, _ = Insurance(**asked).facts(paths, ())
    assert (before.columns, before.text, before.class_names) == (("age", "children"), {"children"}, ("no", "yes"))
    _write(paths, "insurance")
    accept_file("insurance")
    data = Insurance(**asked).load(paths, listener)
    assert data.train.x.values["children"].tolist() == ["0", "1", "2"]
    assert data.train.y.tolist() == ["yes", "no", "no"]


def test_an_unknown_column_is_reported_at_the_set(paths: DataPaths) -> None:
    """A misspelt column is found before the file is there, at the place of the set in the config."""
    facts, (finding,) = Insurance(target="charge").facts(paths, ("data", "source"))
    assert facts is None
    assert finding.path == ("data", "source", "insurance", "target")
    assert finding.name == "unknown-column"


@pytest.mark.parametrize("name", ROWS)
def test_another_file_under_the_name_of_a_set_is_refused(name: str, paths: DataPaths, listener) -> None:
    """`check` and training refuse a file with another digest, by its path, with what to type."""
    file = _write(paths, name)
    facts, (finding,) = SOURCES[name]().facts(paths, ())
    assert facts is None
    assert finding.text.startswith(f"{file}: this is not {name}'s file")
    with pytest.raises(DataError, match=f"this is not {name}'s file") as refused:
        SOURCES[name]().load(paths, listener)
    assert f"nnrun data fetch {name}" in str(refused.value.hint)


def test_the_file_of_the_data_folder_is_the_one_that_is_read(paths: DataPaths, listener, accept_file: Callable) -> None:
    """A file of the same name next to the config does not take the place of the verified one."""
    verified = _write(paths, "insurance")
    accept_file("insurance")
    _write(paths, "sonar", paths.config_dir).rename(paths.config_dir / "insurance.csv")
    source = Insurance()
    assert len(source.load_targets(paths).train) == 3
    assert source.load(paths, listener).files == {"insurance.csv": verified}


@pytest.mark.shared
@pytest.mark.parametrize("name", ROWS)
def test_the_real_file_is_the_stated_one(name: str, tmp_path: Path, listener) -> None:
    """The published bytes have the stated digest, size, rows, classes and values."""
    paths = DataPaths(tmp_path, Path(os.environ.get("NNRUN_DATA_DIR", tmp_path)))
    described = named_data_set(name)
    file = paths.find(described.files[0].name)
    if file is None:
        pytest.skip(f"{described.files[0].name} is not in NNRUN_DATA_DIR")
    before, _ = SOURCES[name]().facts(DataPaths(tmp_path, tmp_path / "none"), ())
    after, findings = SOURCES[name]().facts(paths, ())
    assert findings == []
    assert file.stat().st_size == described.files[0].size
    assert len(SOURCES[name]().load(paths, listener).train) == described.facts.rows
    assert (before.rows, before.columns) == (after.rows, after.columns)
    assert before.class_names in (None, after.class_names)
    for column, values in described.facts.values.items():
        assert tuple(values) == tuple(after.values[column])
