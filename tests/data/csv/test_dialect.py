"""Rows of text tables, and the lines on which they begin."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from nnrun.data.csv.dialect import Dialect, row_lines
from nnrun.data.csv.header import read_header

if TYPE_CHECKING:
    from pathlib import Path

FILES = [
    ("a,b\n1,2\n3,4\n", [2, 3]),
    ("1,2\n3,4", [1, 2]),
    ("a,b\r\n1,2\r\n3,4\r\n\r\n\n", [2, 3]),
    ("a,b\r1,2\r3,4\r", [2, 3]),
    ("a,b\n\n1,2\n  \n3,4\n", [3, 5]),
    ('a,b\n\n1,"x\ny"\n2,z\n', [3, 5]),
    ('a,b\n1,"x\n\ny"\n2,z\n\n', [2, 5]),
]


@pytest.mark.parametrize(("text", "lines"), FILES)
def test_a_row_begins_on_the_line_that_an_editor_shows(tmp_path: Path, text: str, lines: list[int]) -> None:
    """Headers, blank lines, fields of several lines and every kind of line end count as lines, also in a gzip file."""
    for file, content in ((tmp_path / "t.csv", text.encode()), (tmp_path / "t.csv.gz", gzip.compress(text.encode()))):
        file.write_bytes(content)
        assert row_lines(read_header(file, Dialect()), len(lines)).tolist() == lines
