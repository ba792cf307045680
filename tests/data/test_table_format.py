"""How a table is written, found from its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.data.table_format import infer_encoding, infer_separator
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n3,4\n", ","),
        ("a;b\n1,5;2\n3,25;4\n", ";"),
        ("a\tb c\n1\t2 3\n4\t5 6\n", "\t"),
        ("  1.5  2\n  3.25 4\n", " "),
        ('name,what\n"Doe; Jo",x\n"Roe, Al",y\n', ","),
        ("one\ntwo\n", None),
        ("Some prose, and a comma.\nThen no comma here\nAnd two, commas, here.\n", None),
    ],
)
def test_the_separator_divides_all_rows_evenly(tmp_path: Path, text: str, separator: str | None) -> None:
    """The separator is the character that gives all rows the same number of fields, a blank only where no mark does."""
    file = tmp_path / "table"
    file.write_text(text, encoding="utf-8")
    assert infer_separator(file, "utf-8", ",") == separator


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    """A table of any usual encoding is read as what was written."""
    file = tmp_path / "table.csv"
    file.write_bytes("größe,é\n1,2\n".encode(encoding))
    assert file.read_bytes().decode(infer_encoding(file)).startswith("größe")


def test_binary_data_are_refused(tmp_path: Path) -> None:
    """A file with zero bytes is no table."""
    file = tmp_path / "table.csv"
    file.write_bytes(bytes(range(256)) * 3)
    with pytest.raises(DataError, match="binary"):
        infer_separator(file, "utf-8", ",")
