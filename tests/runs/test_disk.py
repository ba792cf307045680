"""Atomic writing, and the errors of a disk that cannot be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.runs import disk, metrics


def _refuse(monkeypatch: pytest.MonkeyPatch, function: str, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, function, fail)


@pytest.mark.parametrize(
    ("code", "cause", "hint"),
    [
        (errno.ENOSPC, "the disk is full", "Free some space"),
        (errno.EDQUOT, "quota is used up", "Free some space"),
        (errno.EROFS, "the disk is read-only", "--runs-dir"),
        (errno.EIO, "Input/output error", "--runs-dir"),
    ],
)
def test_a_refusing_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, cause: str, hint: str
) -> None:
    """A write that fails in the middle leaves the old content and no temporary file, and the error says what to do."""
    path = tmp_path / "scores.json"
    disk.write_file(path, b"old")
    _refuse(monkeypatch, "fsync", code)
    with pytest.raises(RunError, match=cause) as caught:
        disk.write_file(path, b"new")
    assert str(path) in caught.value.text
    assert hint in (caught.value.hint or "")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (errno.EACCES, "may not write there"),
        (errno.EPERM, "may not write there"),
        (errno.ENOENT, "its folder is not there"),
        (errno.EISDIR, "a folder stands"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.ENOTDIR, "a file stands"),
    ],
)
def test_every_cause_has_words_and_a_hint(code: int, cause: str) -> None:
    """Each usual error of the system has a cause in words and a hint."""
    error = disk.disk_error(OSError(code, os.strerror(code)), Path("a"))
    assert cause in error.text
    assert error.hint


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    """A file in the way of a folder is an error that names it and leaves it alone."""
    (tmp_path / "runs").write_text("mine")
    for path in (tmp_path / "runs", tmp_path / "runs" / "inner"):
        with pytest.raises(RunError, match="a file stands where a folder is needed"):
            disk.make_folder(path)
    assert (tmp_path / "runs").read_text() == "mine"


def test_writing_replaces_the_whole_file(tmp_path: Path) -> None:
    """A second, shorter content leaves nothing of the first, and other users may read the file as the umask says."""
    path = tmp_path / "a.json"
    disk.write_file(path, b"long content")
    disk.write_file(path, b"short")
    assert path.read_bytes() == b"short"
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_in_the_files_place_is_an_error(tmp_path: Path) -> None:
    """A folder with the file's name is not replaced, and no temporary file stays."""
    (tmp_path / "a.json").mkdir()
    with pytest.raises(RunError, match=r"a\.json"):
        disk.write_file(tmp_path / "a.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_reader_sees_the_old_file_whole_or_the_new_one(tmp_path: Path) -> None:
    """Somebody who has the old file open while a new one is written reads the old one to its end."""
    path = tmp_path / "scores.json"
    disk.write_file(path, b"old content")
    with path.open("rb") as reader:
        disk.write_file(path, b"new")
        assert reader.read() == b"old content"
    assert path.read_bytes() == b"new"


def test_a_real_limit_stops_every_way_to_write(tmp_path: Path) -> None:
    """Where the system refuses more bytes, each way to write is an error that says so, and old contents stay whole."""
    for name in ("old.json", "metrics.jsonl", "out.html"):
        (tmp_path / name).write_bytes(b'{"epoch": 1}\n')
    script = textwrap.dedent("""
        import pathlib, resource, sys
        from nnrun.errors import RunError
        from nnrun.runs import disk, metrics, output_file
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        folder, much = pathlib.Path(sys.argv[1]), b"x" * 9000
        many = {f"m{number}": 1.0 for number in range(900)}
        for write in (
            lambda: disk.write_file(folder / "old.json", much),
            lambda: output_file.write_output(folder / "out.html", much),
            lambda: metrics.append(folder / "metrics.jsonl", {"epoch": 1, **many}),
        ):
            try:
                write()
            except RunError as error:
                print(error.text)
    """)
    found = subprocess.run([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, check=True, text=True)
    assert found.stdout.count("the file would be larger than this process may write") == 3
    assert (tmp_path / "old.json").read_bytes() == (tmp_path / "out.html").read_bytes() == b'{"epoch": 1}\n'
    assert metrics.read(tmp_path / "metrics.jsonl") == [{"epoch": 1, "fold": None}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "old.json", "out.html"]
