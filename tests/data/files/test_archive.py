"""Members of tar archives in memory: by name alone, with a limit, and nothing on the disk."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from nnrun.data.files.archive import read_members
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def _add(archive: tarfile.TarFile, name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = len(data) if kind == tarfile.REGTYPE else 0
    member.linkname = "/etc/passwd"
    archive.addfile(member, io.BytesIO(data))


def test_a_members_path_leads_nowhere(tmp_path: Path) -> None:
    """`../../a` is read as `a` and written nowhere; a link of the right name is ignored."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, "w:gz") as archive:
        _add(archive, "b", kind=tarfile.SYMTYPE)
        _add(archive, "../../a", b"one")
        _add(archive, "folder/b", b"two")
    assert read_members(file, ("a", "b"), 10) == {"a": b"one", "b": b"two"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (["a"], "the archive has no member 'b'"),
        (["a", "b", "c/a"], "the archive has two members 'c/a'"),
    ],
)
def test_missing_and_doubled_members_are_refused(tmp_path: Path, members: list[str], text: str) -> None:
    """Each member must be there once."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, "w:gz") as archive:
        for name in members:
            _add(archive, name)
    with pytest.raises(DataError, match=text):
        read_members(file, ("a", "b"), 10)


def test_a_member_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    """A small archive cannot fill the memory."""
    file = tmp_path / "bomb.tgz"
    with tarfile.open(file, "w:gz") as archive:
        _add(archive, "a", bytes(1_000_000))
    assert file.stat().st_size < 10_000
    with pytest.raises(DataError, match="the member 'a' has 1,000,000 bytes, more than the 1,000 expected"):
        read_members(file, ("a",), 1000)


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_a_damaged_archive_is_named(tmp_path: Path, cut: int) -> None:
    """A file that is not an archive, or half of one, is refused with its name."""
    file = tmp_path / "a.tgz"
    with tarfile.open(file, "w:gz") as archive:
        _add(archive, "a", bytes(range(256)) * 40)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.tgz: (cannot be read as a tar\.gz archive|the archive has no member)"):
        read_members(file, ("a",), 100_000)
