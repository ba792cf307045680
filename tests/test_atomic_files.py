"""Atomic writing of files."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from nnrun.atomic_files import (
    TEMPORARY_NAME,
    create_exclusively,
    make_folder,
    remove_leftovers,
    sync_files,
    sync_tree,
    temporary_path,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS: list[bytes | Callable[[Path], object]] = [b"new", lambda temporary: temporary.write_bytes(b"new")]


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    """An exception in the middle of writing keeps the old content and removes the temporary file."""
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise KeyError("no such value")

    with pytest.raises(KeyError, match="no such value"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_not_created_again(tmp_path: Path) -> None:
    """It keeps its content, and no temporary file is left."""
    path = tmp_path / "a.json"
    assert create_exclusively(path, b"first")
    assert not create_exclusively(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_ends_as_the_writer_needs(tmp_path: Path) -> None:
    """A writer gets a name in the same folder with the requested suffix, and `path` has what it wrote."""
    names = []

    def write(temporary: Path) -> None:
        names.append(temporary)
        temporary.write_bytes(b"new")

    write_atomically(tmp_path / "best.keras", write, suffix=".keras")
    assert names[0].suffix == ".keras"
    assert names[0].parent == tmp_path
    assert [file.name for file in tmp_path.iterdir()] == ["best.keras"]
    assert (tmp_path / "best.keras").read_bytes() == b"new"


@pytest.mark.parametrize("content", WRITERS)
def test_a_replaced_file_passes_on_its_mode(tmp_path: Path, content: bytes | Callable[[Path], object]) -> None:
    """Whoever may not read the old content may not read the new one, whichever way it is written."""
    path = tmp_path / "secret.html"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, content)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What a link leads to stays as it was."""
    (tmp_path / "target").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"ours")
    assert (tmp_path / "target").read_bytes() == b"theirs"
    assert (tmp_path / "link").read_bytes() == b"ours"


def test_contents_reach_the_disk_before_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is brought to disk, then renamed, then its folder is brought to disk: a power cut finds old or new."""
    steps: list[str] = []
    fsync, replace = os.fsync, type(tmp_path).replace

    def record_sync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(type(tmp_path), "replace", record_rename)
    write_atomically(tmp_path / "a", b"x")
    assert steps == ["file", "rename", "folder"]
    steps.clear()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(b"y")
    sync_files([tmp_path / "a", tmp_path / "inner" / "b", tmp_path / "removed"])
    assert steps == ["file", "file", "folder", "folder"]


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was brought to disk, in order; `.` is `tmp_path`."""
    fsync, names = os.fsync, []

    def record_sync(descriptor: int) -> None:
        places = (tmp_path, *sorted(tmp_path.rglob("*")))
        (place,) = (place for place in places if os.path.samestat(place.stat(), os.fstat(descriptor)))
        names.append(str(place.relative_to(tmp_path)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record_sync)
    return names


def test_a_folder_that_is_made_is_brought_to_disk(tmp_path: Path, synced: list[str]) -> None:
    """The folder above a new one is synced, from the top down; one that is there already needs nothing."""
    make_folder(tmp_path / "a" / "b")
    assert synced == [".", "a"]
    make_folder(tmp_path / "a" / "b")
    assert synced == [".", "a"]
    make_folder(tmp_path / "c", parents=False, exist_ok=False)
    assert synced == [".", "a", "."]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file in the way, a folder that must be new, and a missing folder above are told apart."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path, exist_ok=False)
    with pytest.raises(FileNotFoundError):
        make_folder(tmp_path / "missing" / "inner", parents=False)


def test_a_folder_is_made_where_the_one_above_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who may read a folder can bring it to disk; who may write there can make folders in it all the same."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    make_folder(tmp_path / "inner")
    assert (tmp_path / "inner").is_dir()


def test_a_tree_is_brought_to_disk_from_within(tmp_path: Path, synced: list[str]) -> None:
    """Each content comes before its name; links are not followed, and contents that are on disk are left out."""
    for name in ("outer/inner/deep", "outer/flat", "outer/known", "elsewhere"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "outer" / "link").symlink_to(tmp_path / "elsewhere")
    sync_tree(tmp_path / "outer", lambda file: file.name != "known")
    assert synced == ["outer/inner/deep", "outer/inner", "outer/flat", "outer"]


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """Temporary files of killed writers go, at any depth; hidden files of the user, and links, stay."""
    (tmp_path / "checkpoints").mkdir()
    left = [
        temporary_path(tmp_path / name, suffix)
        for name, suffix in (
            ("record.json", ".tmp"),
            ("checkpoints/best.keras", ".keras"),
            ("checkpoints/w.weights.h5", ".weights.h5"),
        )
    ]
    kept = [tmp_path / name for name in (".lock", ".gitignore", ".notes.md", "a.12345678.tmp", ".x.1234567.tmp")]
    for path in (*left, *kept):
        path.write_bytes(b"")
    link = temporary_path(tmp_path / "link", ".tmp")
    link.symlink_to("nowhere")
    assert all(TEMPORARY_NAME.fullmatch(path.name) for path in left)
    assert sorted(remove_leftovers(tmp_path)) == sorted(left)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()) == sorted([*kept, link])
