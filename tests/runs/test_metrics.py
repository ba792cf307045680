"""The metrics of each epoch on disk."""

from __future__ import annotations

import tempfile
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.runs import metrics
from nnrun.runs.folder import RunFolder

rows = st.lists(
    st.fixed_dictionaries(
        {
            "epoch": st.integers(1, 10**6),
            "fold": st.none() | st.integers(0, 99),
            "loss": st.floats(allow_nan=False),
            "seconds": st.floats(0, 1e6),
        }
    ),
    min_size=1,
    max_size=5,
)


def _write(folder: str, given_rows: list[dict[str, Any]]) -> Path:
    path = Path(folder) / "metrics.jsonl"
    for row in given_rows:
        metrics.append(path, row)
    return path


@given(rows)
def test_what_is_appended_is_read(given_rows: list[dict[str, Any]]) -> None:
    """Every epoch appended reads back the same, to the last digit, infinities included."""
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, given_rows)
        assert metrics.read(path) == given_rows
        assert metrics.read_last(path) == given_rows[-1]


@given(rows)
def test_several_epochs_may_come_at_once(given_rows: list[dict[str, Any]]) -> None:
    """Appending several epochs at once writes the same lines as one after the other."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        together = Path(other) / "metrics.jsonl"
        metrics.append(together, *given_rows)
        assert together.read_bytes() == _write(one, given_rows).read_bytes()


@given(rows, st.data())
def test_a_torn_last_line_costs_that_line_alone(given_rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """A file cut anywhere in its last line still has every line before it, and can be appended to."""
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, given_rows)
        whole = path.read_bytes()
        begin = whole.rfind(b"\n", 0, len(whole) - 1) + 1
        cut = data.draw(st.integers(begin, len(whole) - 1))
        path.write_bytes(whole[:cut])
        kept = given_rows if cut == len(whole) - 1 else given_rows[:-1]
        assert metrics.read(path) == kept
        assert metrics.read_last(path) == (kept[-1] if kept else None)
        metrics.append(path, given_rows[-1])
        assert metrics.read(path) == [*kept, given_rows[-1]]


@given(st.binary(max_size=40))
@example(b"0")
@example(b"{\0}")
@example(b'{\0"\0e\0p\0o\0c\0h\0"\0:\0001\0}')
def test_a_tail_of_garbage_is_survived(garbage: bytes) -> None:
    """Bytes that a power failure left after the last line, zeros included, do not hide the lines before."""
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, [{"epoch": 1, "fold": None, "loss": 0.5}])
        with path.open("ab") as file:
            file.write(b"\0" + garbage.replace(b"\n", b""))
        assert metrics.read(path) == [{"epoch": 1, "fold": None, "loss": 0.5}]
        metrics.append(path, {"epoch": 2, "fold": None, "loss": 0.25})
        assert [row["epoch"] for row in metrics.read(path)] == [1, 2]


@pytest.mark.parametrize("torn", [b"0", b"[1]", b"{}", b'{"loss": 1}', b'{"epoch": "1"}', b'"epoch"', b"null"])
def test_a_tail_that_is_json_and_no_epoch_is_torn(tmp_path: Path, torn: bytes) -> None:
    """What has no line end and is no epoch was torn, also if it happens to be JSON; with a line end it is an error."""
    path = _write(str(tmp_path), [{"epoch": 1, "fold": None, "loss": 0.5}])
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert metrics.read(path) == [{"epoch": 1, "fold": None, "loss": 0.5}]
    path.write_bytes(whole + torn + b"\n")
    with pytest.raises(RunError, match="line 2: expected the metrics of an epoch"):
        metrics.read(path)


def test_the_lines_of_folds_are_kept_fold_by_fold(folder: RunFolder) -> None:
    """Whatever order the epochs of folds were written in, they are kept in that of the folds, the final fit last."""
    for number, epochs in ((0, 2), (1, 3), (None, 2)):
        place = folder if number is None else folder.fold(number)
        place.state.mkdir(parents=True)
        file = folder.final_fit_metrics if number is None else place.metrics
        lines = [{"epoch": epoch, "fold": number, "loss": float("nan")} for epoch in range(1, epochs + 1)]
        metrics.append(file, *lines)
        metrics.append(folder.metrics, *reversed(lines))
    for written, expected in (
        ({None: None, 1: 2, 0: None}, [(0, 1), (0, 2), (1, 1), (1, 2), (None, 1), (None, 2)]),
        ({1: None, 0: 1}, [(0, 1), (1, 1), (1, 2), (1, 3)]),
        ({}, []),
    ):
        metrics.keep_epochs(folder, written)
        assert [(row["fold"], row["epoch"]) for row in metrics.read(folder.metrics)] == expected


def test_epoch_and_fold_come_first_and_lines_end(tmp_path: Path) -> None:
    """A line begins with epoch and fold, holds NumPy's numbers as plain ones, and is complete."""
    path = tmp_path / "metrics.jsonl"
    metrics.append(path, {"loss": np.float32(0.5), "val_loss": None, "epoch": 1})
    assert path.read_text() == '{"epoch": 1, "fold": null, "loss": 0.5, "val_loss": null}\n'


def test_nan_is_a_word_in_the_file_and_a_number_when_read(tmp_path: Path) -> None:
    """A diverged epoch's NaN keeps the file JSON and comes back as NaN."""
    path = tmp_path / "metrics.jsonl"
    metrics.append(path, {"epoch": 1, "loss": float("nan")})
    assert '"loss": "nan"' in path.read_text()
    assert isnan(metrics.read(path)[0]["loss"])


def test_a_missing_file_has_no_epochs(tmp_path: Path) -> None:
    """Before the first epoch there is nothing to read, and that is no error."""
    assert metrics.read(tmp_path / "none") == []
    assert metrics.read_last(tmp_path / "none") is None


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """Damage before the last line is not passed over: the error names the line."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"epoch": 1}\n[2]\n{"epoch": 3}\n')
    with pytest.raises(RunError, match="line 2: expected the metrics of an epoch") as caught:
        metrics.read(path)
    assert "remove that line" in (caught.value.hint or "")


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    """A folder called metrics.jsonl can neither be read nor appended to, and the error names it."""
    with pytest.raises(RunError, match="Cannot read"):
        metrics.read(tmp_path)
    with pytest.raises(RunError, match="Cannot write"):
        metrics.append(tmp_path, {"epoch": 1})
