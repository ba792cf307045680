"""Files that are not configs."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnrun.config.document import read
from nnrun.config.files import MAX_FILE_SIZE
from nnrun.errors import ConfigError, Problem


def refusal(file: Path) -> Problem:
    """The only problem of a file that must be refused."""
    with pytest.raises(ConfigError) as caught:
        read(file)
    (problem,) = caught.value.problems
    return problem


def test_a_missing_file_offers_its_neighbour(tmp_path: Path) -> None:
    """The hint for a misspelt name is the nearest *.yaml file of that folder."""
    (tmp_path / "mnist_cnn.yaml").touch()
    (tmp_path / "mnist_cmn.txt").touch()
    problem = refusal(tmp_path / "mnist_cn.yaml")
    assert problem.text == f"{tmp_path / 'mnist_cn.yaml'}: there is no such file"
    assert problem.hint == "Did you mean 'mnist_cnn.yaml'?"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """If the folder is missing too, the hint says so."""
    assert refusal(tmp_path / "none" / "x.yaml").hint == f"there is no folder '{tmp_path / 'none'}' either"


def test_a_folder(tmp_path: Path) -> None:
    """A folder is refused, with the configs in it as hint."""
    assert refusal(tmp_path).hint == "it contains no *.yaml files"
    (tmp_path / "a.yaml").touch()
    problem = refusal(tmp_path)
    assert problem.text.endswith("expected a config file, received a folder")
    assert problem.hint == "name one of its files: a.yaml"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="file permissions do not bind this user")
def test_an_unreadable_file(tmp_path: Path) -> None:
    """A file without read permission is refused with the system's reason."""
    file = tmp_path / "x.yaml"
    file.write_text("a: 1")
    file.chmod(0)
    assert "cannot be read (Permission denied)" in refusal(file).text


def test_an_impossible_name() -> None:
    """A name that no system accepts, or a part of a path that is a file, is refused with the reason."""
    assert "cannot be read" in refusal(Path("a\0b.yaml")).text
    assert "cannot be read (Not a directory)" in refusal(Path(__file__) / "x.yaml").text


def test_50_megabytes_are_refused_at_once(tmp_path: Path) -> None:
    """A huge file is refused by its size on disk, without reading it."""
    file = tmp_path / "x.yaml"
    with file.open("wb") as stream:
        stream.truncate(50_000_000)
    tracemalloc.start()
    try:
        problem = refusal(file)
        assert tracemalloc.get_traced_memory()[1] < MAX_FILE_SIZE
    finally:
        tracemalloc.stop()
    assert "at most 1 MB, received 50.0 MB" in problem.text


def test_a_stream_is_read_up_to_the_limit(tmp_path: Path) -> None:
    """Where the size on disk says nothing (a device), no more than the limit is read."""
    if not Path("/dev/zero").exists():
        pytest.skip("this system has no /dev/zero")
    assert "at most 1 MB" in refusal(Path("/dev/zero")).text
    file = tmp_path / "x.yaml"
    file.write_bytes(b"#" * MAX_FILE_SIZE)
    assert "without any values" in refusal(file).text


@pytest.mark.parametrize(
    ("raw", "place", "words"),
    [
        (b"", "1:1", "without any values"),
        (b"\xef\xbb\xbf", "1:1", "without any values"),
        (b"# only a comment\n", "1:1", "without any values"),
        (b"a: \xc3\xa4\nb: '\xc3\xa4\xff'", "2:6", "expected UTF-8 text, received the byte 0xFF at offset 12"),
        (b"\xef\xbb\xbfa: \xe9", "1:4", "byte 0xE9 at offset 6"),
        (b"\xff\xfea\x00", "1:1", "byte 0xFF at offset 0"),
        (b"\x89PNG\r\n\x1a\n\x00", "1:1", "byte 0x89 at offset 0"),
        (b"a: 1\nPK\x03\x04\x00", "2:3", "received binary data"),
        (b"a: 1\nb: \x1b[0m", "2:4", "control character U+001B"),
    ],
)
def test_files_that_are_not_text(tmp_path: Path, raw: bytes, place: str, words: str) -> None:
    """Empty, binary and wrongly encoded files are refused with line and column."""
    file = tmp_path / "x.yaml"
    file.write_bytes(raw)
    problem = refusal(file)
    assert str(problem.mark) == f"{file}:{place}"
    assert words in problem.text
    assert problem.hint


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    """No bytes raise anything but a ConfigError."""
    file = tmp_path / "x.yaml"
    file.write_bytes(raw)
    problems: tuple[Problem, ...] = ()
    try:
        read(file)
    except ConfigError as error:
        problems = error.problems
    assert all(problem.mark is not None for problem in problems)
