"""The folders in which data files are looked for, and the error where they are in none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.data.data_paths import DataPaths
from nnrun.errors import DataError


def test_the_config_s_folder_comes_before_the_data_folder(paths: DataPaths) -> None:
    """A file in the config's folder wins over one of the same name in the data folder."""
    (paths.cache_dir() / "t.csv").write_text("far")
    assert paths.require("t.csv").read_text() == "far"
    (paths.config_dir / "t.csv").write_text("near")
    assert paths.require("t.csv").read_text() == "near"


def test_the_data_folder_is_stated_or_named_or_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--data-dir comes first, then NNRUN_DATA_DIR, then the user's cache folder."""
    monkeypatch.setenv("NNRUN_DATA_DIR", str(tmp_path / "named"))
    assert DataPaths(tmp_path, tmp_path / "stated").store() == tmp_path / "stated"
    assert DataPaths(tmp_path).store() == tmp_path / "named"
    monkeypatch.delenv("NNRUN_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert DataPaths(tmp_path).store().parts[-2:] == ("nnrun", "data")


def test_an_absolute_path_is_taken_as_it_is(paths: DataPaths, tmp_path: Path) -> None:
    """An absolute path is not looked for elsewhere."""
    (tmp_path / "t.csv").write_text("here")
    assert DataPaths(Path("/"), None).find(tmp_path / "t.csv") == tmp_path / "t.csv"


def test_a_missing_file_names_the_places_and_a_near_name(paths: DataPaths) -> None:
    """All folders are named, and a file with a similar name is suggested."""
    (paths.cache_dir() / "flowers.csv").write_text("x")
    with pytest.raises(DataError) as refused:
        paths.require("flower.csv")
    assert str(paths.config_dir) in refused.value.text
    assert str(paths.cache_dir()) in refused.value.text
    assert refused.value.hint == "Did you mean 'flowers.csv'?"


def test_a_missing_file_without_a_near_name_says_where_to_put_it(paths: DataPaths) -> None:
    """Without a similar name the hint is how to name the data folder."""
    with pytest.raises(DataError, match=r"there is no data file 'sub/none\.csv'") as refused:
        paths.require("sub/none.csv")
    assert "--data-dir" in str(refused.value.hint)


def test_a_folder_is_no_data_file(paths: DataPaths) -> None:
    """A folder in place of a file is refused."""
    (paths.config_dir / "t.csv").mkdir()
    with pytest.raises(DataError, match="received a folder") as refused:
        paths.require("t.csv")
    assert refused.value.hint == "name a file inside the folder"


def test_files_beside_a_base(tmp_path: Path) -> None:
    """The folders are the config's, then that of each config that it extends, then the data folder."""
    folders = {name: tmp_path / name for name in ("own", "base", "store")}
    paths = DataPaths(folders["own"], folders["store"], (folders["base"],))
    for name in ("store", "base", "own"):
        folders[name].mkdir()
        (folders[name] / "t.csv").write_text(name, encoding="utf-8")
        assert paths.find("t.csv") == folders[name] / "t.csv"
