"""Files that the user names: written through links, into pipes and devices, and otherwise atomically."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from nnrun.errors import RunError
from nnrun.runs.output_file import write_output

WRITE = "import sys, pathlib; from nnrun.runs.output_file import write_output; "
WRITE += "write_output(pathlib.Path(sys.argv[1]), b'content')"


def mode(path: Path) -> int:
    """Return the bits of a file's mode."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    """A file that is not there yet is made with the mode that the umask gives."""
    write_output(tmp_path / "a", b"x")
    (tmp_path / "b").touch()
    assert mode(tmp_path / "a") == mode(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, bits: int) -> None:
    """A page that only its owner may read stays such a page."""
    page = tmp_path / "p.html"
    page.touch()
    page.chmod(bits)
    write_output(page, b"x")
    assert (page.read_bytes(), mode(page)) == (b"x", bits)


def test_links_stay_and_their_target_is_written(tmp_path: Path) -> None:
    """A chain of links, relative ones too, leads to the file that is written; a link to nothing makes it."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "t.html").write_bytes(b"old")
    (tmp_path / "there" / "t.html").chmod(0o600)
    (tmp_path / "there" / "next").symlink_to("t.html")
    (tmp_path / "l.html").symlink_to("there/next")
    (tmp_path / "new").symlink_to("there/made")
    write_output(tmp_path / "l.html", b"content")
    write_output(tmp_path / "new", b"content")
    assert (tmp_path / "l.html").is_symlink()
    assert (tmp_path / "there" / "next").is_symlink()
    assert (tmp_path / "there" / "t.html").read_bytes() == b"content"
    assert mode(tmp_path / "there" / "t.html") == 0o600
    assert (tmp_path / "there" / "made").read_bytes() == b"content"


def test_all_names_of_a_file_get_the_content(tmp_path: Path) -> None:
    """A file with two names (hard links) is written in place, so that both names have the content."""
    (tmp_path / "a").write_bytes(b"a long old content")
    os.link(tmp_path / "a", tmp_path / "b")
    write_output(tmp_path / "b", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path: Path) -> None:
    """What reads a named pipe receives the content, and the pipe is still there."""
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, b"content" * 20_000)
    reader.join()
    assert received == [b"content" * 20_000]
    assert pipe.is_fifo()


def test_devices_stay_devices(tmp_path: Path) -> None:
    """Writing to the device that swallows everything leaves it a device, through a link too."""
    null = Path("/dev/null")
    (tmp_path / "link").symlink_to(null)
    for path in (null, tmp_path / "link"):
        write_output(path, b"content")
    assert null.is_char_device()
    assert (tmp_path / "link").is_symlink()


def test_a_real_full_disk_is_named_in_the_error() -> None:
    """Writing to a device that is always full is an error that names it."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(RunError, match="Cannot write /dev/full: the disk is full"):
        write_output(full, b"x")
    assert full.is_char_device()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_open_files_of_the_process_are_written_where_they_stand(tmp_path: Path, name: str, kind: str) -> None:
    """`--out /dev/stdout` reaches a pipe, and a file that the shell opened is continued at its end."""
    if not Path(name).exists():
        pytest.skip(f"this system has no {name}")
    command = [sys.executable, "-c", WRITE, name]
    if kind == "pipe":
        assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b"content"
        return
    (tmp_path / "log").write_bytes(b"before ")
    with (tmp_path / "log").open("ab") as log:
        subprocess.run(command, stdout=log, check=True)
    assert (tmp_path / "log").read_bytes() == b"before content"


def test_a_process_substitution_receives_the_content() -> None:
    """`--out >(command)` of a shell gives the content to the command."""
    words = ["bash", "-c", '"$0" -c "$1" >(tr a-z A-Z; echo)', sys.executable, WRITE]
    words[2] = '"$0" -c "$1" >(tr a-z A-Z) | cat'
    assert subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout == b"CONTENT"


def test_a_file_that_may_not_be_written_stays(tmp_path: Path) -> None:
    """A file without the right to write it is not replaced, although its folder would allow it."""
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everything")
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o444)
    with pytest.raises(RunError, match="you may not write there"):
        write_output(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_in_a_folder_that_takes_no_other_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no temporary file can be made, or the file is a mount point, the file itself is written."""
    (tmp_path / "a").write_bytes(b"a long old content")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", refuse)
    write_output(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    """Links that lead to each other are an error that names the file."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(RunError, match=r"Cannot write .*a: "):
        write_output(tmp_path / "a", b"x")
