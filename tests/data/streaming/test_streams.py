"""Tests of streams: like arrays whose rows stay on disk until they are indexed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.prepare.scaling import Rescale
from nnrun.data.streaming.streams import Stream
from nnrun.errors import DataError


@dataclass(frozen=True, eq=False)
class Shelf:
    """A store in memory that notes how many rows it was asked for at a time."""

    block: np.ndarray | Columns
    asked: list[int]

    def read(self, rows: np.ndarray) -> np.ndarray | Columns:
        """Return the rows."""
        self.asked.append(len(rows))
        return self.block[rows]

    def digest(self, rows: np.ndarray) -> str:
        """Return the rows as text."""
        return ",".join(map(str, rows.tolist()))


def stream(block: np.ndarray | Columns, memory: float = 1e6) -> Stream:
    """Make a stream of all rows of a block."""
    return Stream(Shelf(block, []), np.arange(len(block)), memory)


@given(st.integers(1, 60), st.floats(100, 4000))
def test_blocks_are_all_rows_in_order_and_never_larger_than_their_share(rows: int, memory: float) -> None:
    """Joined, the blocks are the examples; each holds as many as its share of the memory, at least one."""
    x = np.arange(rows * 3, dtype="float64").reshape(rows, 3)
    made = stream(x, memory)
    blocks = list(made.blocks())
    assert (np.concatenate(blocks) == x).all()
    assert max(map(len, blocks)) <= max(1, memory / 32 / (3 * 8))


def test_selecting_rows_reads_nothing() -> None:
    """A part of a stream is a stream with the rows of the source."""
    made = stream(np.arange(20.0).reshape(10, 2))
    some = made[np.array([7, 3, 5])][1:]
    assert made.store.asked == []
    assert some.rows.tolist() == [3, 5]
    assert some.read(np.array([1])).tolist() == [[10, 11]]
    assert some.digest() == "3,5"
    assert some[1].tolist() == [10, 11]


def test_a_finalized_stream_returns_what_the_model_takes() -> None:
    """After its steps it is float32; a table's columns stand side by side, or those that an input takes."""
    table = Columns({"a": np.array([0.0, 2.0]), "b": np.array([4.0, 6.0])})
    made = stream(table).with_step(Rescale(2)).finalized()
    assert (made.shape, made.names, made.dtype, made.ndim) == ((2, 2), (), np.dtype("float32"), 2)
    assert np.asarray(made).tolist() == [[0, 2], [1, 3]]
    assert made.select_columns([1]).read(np.array([1])).tolist() == [[3]]
    assert made.select_columns([1]).all_columns().shape == (2, 2)


def test_a_number_that_is_not_finite_is_refused_with_its_row_in_the_source() -> None:
    """NaN, and what float32 cannot hold, would silently turn every weight into NaN."""
    made = stream(np.array([[1.0], [2.0], [1e60]])).finalized()[np.array([2, 0])]
    with pytest.raises(DataError, match=r"example 2 \(counted from 0 in its source\) holds a number"):
        made.read(np.array([0]))


def test_text_that_no_step_encodes_is_refused() -> None:
    """The model takes numbers; the step to add is named."""
    made = stream(Columns({"a": np.array(["x"], dtype=object)})).finalized()
    with pytest.raises(DataError, match="OneHot"):
        made.read(np.array([0]))
