"""Headers of csv files: the names of columns, and all that is wrong with them in one error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.data.csv.dialect import Dialect
from nnrun.data.csv.header import read_header
from nnrun.data.data_facts import infer_facts
from nnrun.data.sources.csv import Csv
from nnrun.errors import DataError, DefectsError

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = 'id,age,,"age", ,kind,age,kind,y\n1,2,3,4,5,6,7,8,9\n'
TWICE = "the header names the column"
DEFECTS = [
    (1, "line 1, column 2: a column has no name in the header"),
    (1, f"line 1, column age: {TWICE} 'age' 3 times (fields 1, 3 and 6)"),
    (1, "line 1, column 4: a column has no name in the header"),
    (1, f"line 1, column kind: {TWICE} 'kind' twice (fields 5 and 7)"),
]


def test_everything_that_is_wrong_with_a_header_is_reported(paths, listener, spec) -> None:
    """Repeated names and columns without a name are reported together, by `check` and by training, with their line."""
    (paths.config_dir / "t.csv").write_text(BROKEN)
    with pytest.raises(DefectsError) as refused:
        Csv("t.csv", header=True).load(paths, listener)
    assert [(one.mark.line, one.text) for one in refused.value.problems] == DEFECTS
    assert (refused.value.row, refused.value.column) == (1, 2)
    facts, found = infer_facts(spec("csv", file="t.csv", header=True), form="number", paths=paths)
    assert facts is None
    assert [(one.mark.line, one.text, one.name) for one in found] == [(*one, "defective-data") for one in DEFECTS]


STATED = [{"features": ["age"]}, {"target": [0, -1], "features": ["age"]}, {"target": 0}, {"group": 0, "target": "y"}]


@pytest.mark.parametrize("stated", STATED)
def test_a_column_that_is_selected_by_index_needs_no_name(paths, listener, stated: dict) -> None:
    """A column without a name is not a defect if the config gives it a role or does not select it."""
    (paths.config_dir / "t.csv").write_text(",age,y\n1,2,3\n4,5,6\n")
    raw = Csv("t.csv", header=True, **stated).load(paths, listener)
    assert raw.train.x.names == (("age", "y") if stated == {"target": 0} else ("age",))
    (paths.config_dir / "t.csv").write_text("y,,age\n1,2,3\n4,5,6\n")
    with pytest.raises(DefectsError, match="line 1, column 1: a column has no name"):
        Csv("t.csv", header=True).load(paths, listener)


def test_a_header_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """A header in another encoding is reported as such, and not as unknown columns."""
    file = tmp_path / "t.csv"
    file.write_bytes("größe,y\n1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 1: expected text in the encoding utf-8, but the header contains bytes"):
        read_header(file, Dialect())
