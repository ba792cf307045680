"""Reading and writing inside a folder that may come from somebody else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from nnrun.errors import RunError
from nnrun.regular_files import (
    append_regular,
    open_to_append,
    read_regular,
    require_folders,
    require_inside,
    require_regular_tree,
)


def _make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "a symbolic link to": lambda path: path.symlink_to(path.parent.parent / "outside"),
    "a symbolic link": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
    "a socket": _make_socket,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder next to a file that is none of its business."""
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use", [lambda path: read_regular(path, 100), lambda path: append_regular(path, b"x")])
def test_only_regular_files_are_read_and_written(folder: Path, kind: str, use: Callable[[Path], object]) -> None:
    """A link, a pipe or a socket in a file's place is refused at once, with its name and what it is."""
    path = folder / "log.txt"
    KINDS[kind](path)
    with pytest.raises(RunError, match=f"log.txt is {kind}") as caught:
        use(path)
    assert "rm " in (caught.value.hint or "")
    assert (folder.parent / "outside").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_with_anything_else_is_refused(folder: Path, kind: str) -> None:
    """Before a run is continued, nothing in it may lead out of it or block, however deep it lies."""
    (folder / "folds" / "00").mkdir(parents=True)
    (folder / "folds" / "00" / "record.json").write_bytes(b"{}")
    require_regular_tree(folder)
    KINDS[kind](folder / "folds" / "00" / "metrics.jsonl")
    with pytest.raises(RunError, match=rf"metrics\.jsonl is {kind}"):
        require_regular_tree(folder)


def test_a_link_on_the_way_to_a_file_is_refused(folder: Path) -> None:
    """A folder inside the folder may be no link either; links above it are the user's own."""
    (folder.parent / "elsewhere").mkdir()
    (folder / "plots").symlink_to("../elsewhere")
    for refused in (
        lambda: require_inside(folder, folder / "plots" / "curve.svg"),
        lambda: require_folders(folder, folder / "plots"),
    ):
        with pytest.raises(RunError, match=r"plots is a symbolic link to \.\./elsewhere"):
            refused()
    (folder.parent / "mine").symlink_to("run")
    require_inside(folder.parent / "mine", folder.parent / "mine" / "report.html")


def test_a_larger_file_than_expected_is_not_read(folder: Path) -> None:
    """A file of terabytes is refused by its size, before anything of it is read."""
    path = folder / "scores.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RunError, match="at most 100 are expected"):
        read_regular(path, 100)
    path.write_bytes(b"x" * 100)
    assert read_regular(path, 100) == b"x" * 100


def test_what_is_appended_belongs_to_this_folder_alone(folder: Path) -> None:
    """A file that has another name elsewhere (a hard link) is copied before anything is appended."""
    os.link(folder.parent / "outside", folder / "log.txt")
    append_regular(folder / "log.txt", b" and more")
    with os.fdopen(open_to_append(folder / "log.txt"), "ab") as file:
        file.write(b"!")
    assert (folder / "log.txt").read_bytes() == b"precious and more!"
    assert (folder.parent / "outside").read_bytes() == b"precious"
