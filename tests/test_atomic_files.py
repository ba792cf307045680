"""Atomic writing of files."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from nnrun.atomic_files import TEMPORARY_NAME, remove_leftovers, sync_files, temporary_path, write_atomically

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
