"""Atomic writing of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.atomic_files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


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
