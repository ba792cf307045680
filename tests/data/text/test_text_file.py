"""Tests of reading texts of any encoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.text.text_file import detect_encoding, read_text
from nnrun.errors import DataError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_encoding_is_detected(tmp_path: Path, encoding: str) -> None:
    """A text is read alike whatever its encoding, with a mark or without."""
    file = tmp_path / "text.txt"
    file.write_bytes("Träume, «Ungeziefer» und Übrigens: Größe".encode(encoding))
    assert read_text(file, None)[0] == "Träume, «Ungeziefer» und Übrigens: Größe"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0\ufeff"), min_size=1))
def test_utf_8_is_read_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """A text written as UTF-8 is read back unchanged."""
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_bytes(text.encode("utf-8"))
    assert read_text(file, None) == (text, "utf-8")


def test_every_line_end_is_one_character(tmp_path: Path) -> None:
    """Line ends of every system become one character, as in Python's own text files."""
    file = tmp_path / "text.txt"
    file.write_bytes(b"a\r\nb\rc\n")
    assert read_text(file, None)[0] == "a\nb\nc\n"


def test_a_bad_byte_is_named_with_its_offset(tmp_path: Path) -> None:
    """A damaged UTF-8 text is refused with the byte, its offset, its line and column, not read as odd letters."""
    file = tmp_path / "text.txt"
    file.write_bytes("Träume\nGröße Übel".encode() + b"\xff!")
    place = r"text\.txt: the byte 0xFF at offset 21 \(line 2, column 11\) is not utf-8"
    with pytest.raises(DataError, match=place) as caught:
        read_text(file, None)
    assert "encoding" in str(caught.value.hint)


def test_the_place_of_a_bad_byte_counts_characters(tmp_path: Path) -> None:
    """Line and column count lines and characters of the text, not bytes of the file, whatever its encoding."""
    file = tmp_path / "text.txt"
    file.write_bytes("Träume\r\n\u0a0aGr".encode("utf-16-le") + b"\x00\xdc")
    with pytest.raises(DataError, match=r"the byte 0x00 at offset 22 \(line 2, column 4\) is not utf-16-le"):
        read_text(file, "utf-16-le")


def test_a_stated_encoding_wins(tmp_path: Path) -> None:
    """A stated encoding is used even where another would be detected."""
    file = tmp_path / "text.txt"
    file.write_bytes("Ä".encode())
    assert read_text(file, "latin-1") == ("Ã\x84", "latin-1")


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    """An encoding that Python does not know is named."""
    file = tmp_path / "text.txt"
    file.write_bytes(b"a")
    with pytest.raises(DataError, match="there is no encoding 'utf-9'"):
        read_text(file, "utf-9")


def test_a_text_with_bytes_that_utf_8_has_not_is_old() -> None:
    """A text that cannot be UTF-8 is taken for Windows' Western European."""
    assert detect_encoding("Größe".encode("cp1252")) == "cp1252"
