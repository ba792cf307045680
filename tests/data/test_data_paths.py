"""The folders in which data files are looked for, and the error where they are in none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.data.data_paths import DataPaths
from nnrun.errors import DataError


def test_the_config_s_folder_comes_before_the_data_folder(places: DataPaths) -> None:
    """A file in the config's folder wins over one of the same name in the data folder."""
    (places.cache_dir() / "t.csv").write_text("far")
    assert places.require("t.csv").read_text() == "far"
    (places.config_dir / "t.csv").write_text("near")
    assert places.require("t.csv").read_text() == "near"


def test_the_data_folder_is_stated_or_named_or_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--data-dir comes first, then NNRUN_DATA_DIR, then the user's cache folder."""
    monkeypatch.setenv("NNRUN_DATA_DIR", str(tmp_path / "named"))
    assert DataPaths(tmp_path, tmp_path / "stated").store() == tmp_path / "stated"
    assert DataPaths(tmp_path).store() == tmp_path / "named"
    monkeypatch.delenv("NNRUN_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert DataPaths(tmp_path).store().parts[-2:] == ("nnrun", "data")


def test_an_absolute_path_is_taken_as_it_is(places: DataPaths, tmp_path: Path) -> None:
    """An absolute path is not looked for elsewhere."""
    (tmp_path / "t.csv").write_text("here")
    assert DataPaths(Path("/"), None).find(tmp_path / "t.csv") == tmp_path / "t.csv"


def test_a_missing_file_names_the_places_and_a_near_name(places: DataPaths) -> None:
    """All folders are named, and a file with a similar name is suggested."""
    (places.cache_dir() / "flowers.csv").write_text("x")
    with pytest.raises(DataError) as refused:
        places.require("flower.csv")
    assert str(places.config_dir) in refused.value.text
    assert str(places.cache_dir()) in refused.value.text
    assert refused.value.hint == "Did you mean 'flowers.csv'?"


def test_a_missing_file_without_a_near_name_says_where_to_put_it(places: DataPaths) -> None:
    """Without a similar name the hint is how to name the data folder."""
    with pytest.raises(DataError, match=r"there is no data file 'sub/none\.csv'") as refused:
        places.require("sub/none.csv")
    assert "--data-dir" in str(refused.value.hint)


def test_a_folder_is_no_data_file(places: DataPaths) -> None:
    """A folder in place of a file is refused."""
    (places.config_dir / "t.csv").mkdir()
    with pytest.raises(DataError, match="received a folder") as refused:
        places.require("t.csv")
    assert refused.value.hint == "name a file inside the folder"


def test_files_beside_a_base(tmp_path: Path) -> None:
    """The folders are the config's, then that of each config that it extends, then the data folder."""
    folders = {name: tmp_path / name for name in ("own", "base", "store")}
    places = DataPaths(folders["own"], folders["store"], (folders["base"],))
    for name in ("store", "base", "own"):
        folders[name].mkdir()
        (folders[name] / "t.csv").write_text(name, encoding="utf-8")
        assert places.find("t.csv") == folders[name] / "t.csv"
