"""Making a run folder and writing into it."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.runs import folder as module
from nnrun.runs.folder import FOLDER_NAME, RunFolder, slug

NOON = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)


def test_the_name_says_time_experiment_and_id(tmp_path: Path) -> None:
    """A folder is called by UTC time, name and a short id of six hexadecimal digits."""
    made = RunFolder.create(tmp_path / "a" / "runs", "mnist_cnn", now=NOON.astimezone(timezone(timedelta(hours=5))))
    assert re.fullmatch(r"20261123T141500Z_mnist_cnn_[0-9a-f]{6}", made.path.name)
    assert made.path.is_dir()
    assert made.id == made.path.name
    assert made.id.endswith(f"_{made.short_id}")


@given(st.text())
def test_any_name_makes_a_safe_folder_name(name: str) -> None:
    """The name of any experiment becomes one harmless word in its folder's name."""
    part = slug(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", part)
    match = FOLDER_NAME.fullmatch(f"20261123T141500Z_{part}_a1b2c3")
    assert match is not None
    assert match["name"] == part


def test_accents_are_dropped_and_slashes_replaced() -> None:
    """A name with accents, spaces and slashes stays readable and cannot leave the folder of runs."""
    assert slug("Años de niño") == "Anos_de_nino"
    assert slug("../../etc/passwd") == "etc_passwd"
    assert slug("手写") == "run"


def test_the_names_of_new_folders_are_brought_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is not lost in a power cut: its folder, the folder of runs, and each folder in it are in a synced one."""
    fsync, synced = os.fsync, set()

    def record_sync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record_sync)
    folder = RunFolder.create(tmp_path / "runs", "x", now=NOON)
    folder.fold(0).restart()
    folder.write_text(folder.sources / "base.yaml", "")
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(made) == 5
    assert {path.parent.stat().st_ino for path in made} <= synced
    synced.clear()
    # A callback of the user's may write files of any kind, and does not bring them to disk.
    of_callback = [folder.path / name for name in ("weights.h5", "model.keras", "curve.svg", "notes.py")]
    for file in (folder.log, *of_callback):
        file.write_text("written")
    folder.sync()
    assert {path.stat().st_ino for path in (*made, folder.log, *of_callback, tmp_path)} <= synced


def test_a_taken_id_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one second and one id never share a folder."""
    ids = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: next(ids))
    first, second = (RunFolder.create(tmp_path, "x", now=NOON) for _ in range(2))
    assert (first.short_id, second.short_id) == ("aaaaaa", "bbbbbb")


def test_ids_that_are_always_taken_end_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every id is taken the search ends."""
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: "aaaaaa")
    RunFolder.create(tmp_path, "x", now=NOON)
    with pytest.raises(RunError, match="No free name"):
        RunFolder.create(tmp_path, "x", now=NOON)


def test_a_file_in_the_way_of_the_runs_is_named(tmp_path: Path) -> None:
    """Where `runs` is a file, the error names it and the option that chooses another folder."""
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="runs: a file stands") as caught:
        RunFolder.create(tmp_path / "runs", "x")
    assert "--runs-dir" in (caught.value.hint or "")


def test_a_disk_that_refuses_the_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only disk is an error with what to do, not a traceback."""

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunError, match="the disk is read-only"):
        RunFolder.create(tmp_path, "x")


def test_files_are_written_by_name_or_property(folder: RunFolder) -> None:
    """Text, bytes and JSON are written under a relative name, folders in between made, or under a property."""
    folder.write_bytes(folder.config, b"name: \xff\r\n")
    folder.write_text("sources/deep/base.yaml", "é\n")
    folder.write_json(folder.scores, {"loss": float("nan"), "accuracy": None})
    assert folder.config.read_bytes() == b"name: \xff\r\n"
    assert (folder.sources / "deep" / "base.yaml").read_text(encoding="utf-8") == "é\n"
    assert json.loads(folder.scores.read_text()) == {"loss": "nan", "accuracy": None}
    assert not list(folder.path.rglob("*.tmp"))


def test_a_vanished_folder_is_not_made_anew(folder: RunFolder) -> None:
    """Writing into a folder that was removed is an error and does not bring half of it back."""
    shutil.rmtree(folder.path)
    with pytest.raises(RunError, match="folder does not exist any more"):
        folder.write_json(folder.scores, {})
    assert not folder.path.exists()


def test_every_file_of_the_contract_has_its_place(folder: RunFolder) -> None:
    """The properties name exactly the files of a run folder, each inside it and each only once."""
    properties = [name for name, value in vars(RunFolder).items() if isinstance(value, property)]
    paths = [getattr(folder, name) for name in properties if name not in ("id", "short_id")]
    names = {path.relative_to(folder.path).as_posix() for path in paths}
    assert len(names) == len(paths)
    assert names == {
        "config.yaml",
        "resolved.yaml",
        "sources",
        "baselines.json",
        "decision.json",
        "importance.json",
        "explanations.json",
        "explanations.npz",
        "record.json",
        "metrics.jsonl",
        "scores.json",
        "predictions.csv",
        "samples.jsonl",
        "mistakes.npz",
        "pictures.npz",
        "checkpoints",
        "checkpoints/best.keras",
        "checkpoints/last.keras",
        ".lock",
        "state",
        "state/final_fit.jsonl",
        "prepare.json",
        "model.json",
        "model.svg",
        "summary.txt",
        "log.txt",
        "report.html",
        "MODEL_CARD.md",
        "plots",
        "folds",
    }


def test_a_renamed_folder_keeps_an_id(tmp_path: Path) -> None:
    """A folder that the user renamed is known by its new name."""
    (tmp_path / "best_so_far").mkdir()
    assert RunFolder(tmp_path / "best_so_far").short_id == "best_so_far"


def test_a_relative_folder_is_written_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `runs/` relative to the working folder, files lie in the run's folder and not in a second one inside it."""
    monkeypatch.chdir(tmp_path)
    run = RunFolder.create(Path("runs"), "a")
    run.write_json(run.record, {})
    run.write_text("notes.txt", "x")
    assert sorted(file.name for file in run.path.iterdir()) == ["notes.txt", "record.json"]


@pytest.mark.parametrize("latest", ["20991231T235959Z", "99991231T235959Z", "20999999T999999Z"])
def test_a_clock_that_was_set_back_does_not_make_a_run_an_earlier_one(tmp_path: Path, latest: str) -> None:
    """A run comes after all that began before it, wherever its name can say so; it always gets a folder."""
    (tmp_path / f"{latest}_first_aaaaaa").mkdir()
    names = [f"{latest}_first_aaaaaa", *(RunFolder.create(tmp_path, name).id for name in ("second", "third"))]
    assert all(FOLDER_NAME.fullmatch(name) for name in names)
    if latest.startswith("2099123"):
        assert sorted(names) == names
