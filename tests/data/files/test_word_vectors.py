"""Tests of vectors of words in the text formats of GloVe and word2vec."""

from __future__ import annotations

import codecs
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.files import word_vectors
from nnrun.data.files.word_vectors import check_word_vectors, read_word_vectors
from nnrun.errors import DataError

WORDS = st.lists(st.text(alphabet="abcé-.", min_size=1, max_size=5), min_size=1, max_size=6, unique=True)


@given(WORDS, st.integers(2, 4), st.booleans())
def test_vectors_come_back_in_the_order_of_the_words(words: list[str], width: int, counted: bool) -> None:
    """Each word that the file has gets its numbers, with and without word2vec's first line; others get 0."""
    numbers = np.random.default_rng(1).normal(size=(len(words), width)).astype("float32")
    lines = [f"{len(words)} {width}"] * counted
    lines += [f"{word} {' '.join(map(repr, row.tolist()))}" for word, row in zip(words, numbers, strict=True)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.txt"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        vectors, known = read_word_vectors(file, ["", *reversed(words)])
    assert known.tolist() == [False, *[True] * len(words)]
    np.testing.assert_array_equal(vectors, [[0] * width, *numbers[::-1]])


def test_a_word_may_hold_blanks(tmp_path: Path) -> None:
    """The numbers are the last fields of a line, as in GloVe's largest file."""
    (tmp_path / "v.txt").write_text("a 1 2\n. . . 3 4\n", encoding="utf-8")
    vectors, known = read_word_vectors(tmp_path / "v.txt", [". . .", "b"])
    assert (vectors.tolist(), known.tolist()) == ([[3, 4], [0, 0]], [True, False])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "expected lines of a word and its numbers"),
        ("<html>\n", "expected lines of a word and its numbers"),
        ("a b c\n", "expected lines of a word and its numbers"),
        ("a 1 2\nb 1\n", "expected a word and 2 numbers, received 2 fields"),
        ("a 1 2\nb 1 x\n", "expected 2 finite numbers after the word, received 'x'"),
        ("a 1 2\nb 1 nan\n", "expected 2 finite numbers after the word, received 'nan'"),
        ("a 1\nb inf\n", "expected 1 finite number after the word, received 'inf'"),
    ],
)
def test_what_is_no_vector_is_refused(tmp_path: Path, content: str, text: str) -> None:
    """Another file, a line with fewer numbers, and what is no number are errors with file and line, of `check` too."""
    file = tmp_path / "v.txt"
    file.write_text(content, encoding="utf-8")
    for read in (partial(read_word_vectors, words=["a", "b"]), check_word_vectors):
        with pytest.raises(DataError, match=text) as raised:
            read(file)
        assert (raised.value.file, raised.value.row) == (file, max(1, content.count("\n")))
        assert raised.value.hint
    file.write_text("a 1 2\n", encoding="utf-8")
    assert check_word_vectors(file) == 2


def test_check_reads_the_beginning_of_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of gigabytes are read whole by training alone."""
    monkeypatch.setattr(word_vectors, "_CHECKED_BYTES", 10)
    (tmp_path / "v.txt").write_text("word 1 2\n" * 5 + "b x 2\n", encoding="utf-8")
    assert check_word_vectors(tmp_path / "v.txt") == 2
    with pytest.raises(DataError, match="line 6"):
        read_word_vectors(tmp_path / "v.txt", ["b"])


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("between", [" ", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_may_be_written_by_any_program(tmp_path: Path, mark: bytes, between: str, end: str) -> None:
    """A byte order mark belongs to no word, tabs and blanks are alike, and so are line ends."""
    lines = ["red", *"12"], ["new york", *"34"], ["été", *"56"]
    content = end.join(between.join(fields) for fields in lines) + end
    (tmp_path / "v.txt").write_bytes(mark + content.encode())
    vectors, known = read_word_vectors(tmp_path / "v.txt", ["red", "new york", "été"])
    assert known.all()
    assert vectors.tolist() == [[1, 2], [3, 4], [5, 6]]
