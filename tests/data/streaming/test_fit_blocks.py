"""Tests that steps fitted to a stream are those fitted to the same examples in memory, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.load import fit_step
from nnrun.data.prepare.categories import Hash, OneHot, Ordinal
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.scaling import Clip, Log, MinMax, Rescale, Robust, Standardize
from nnrun.data.prepare.shapes import PadSequences
from nnrun.data.streaming.streams import Stream

from .test_streams import stream

#: Creates each step.
STEPS: dict[str, Any] = {
    "Standardize": Standardize,
    "Standardize one": lambda: Standardize(["n0"]),
    "MinMax": MinMax,
    "Robust": Robust,
    "Clip": lambda: Clip(low=-1),
    "Log": lambda: Log(offset=1e7),
    "Rescale": lambda: Rescale(3),
    "Impute": lambda: Impute("median"),
    "Impute mean": lambda: Impute("mean"),
    "Impute text": lambda: Impute("most_frequent", ["t"]),
    "Ordinal": lambda: Ordinal(["t"]),
    "OneHot": lambda: OneHot(["t", "n0"]),
    "Hash": lambda: Hash(["t"], 9),
}


def table(rows: int, columns: int, seed: int) -> Columns:
    """Make columns of numbers of very different sizes, one that never changes, and one of text."""
    rng = np.random.default_rng(seed)
    numbers = {f"n{i}": rng.normal(0, 10.0 ** rng.integers(-3, 5), rows) for i in range(columns)}
    return Columns({**numbers, "still": np.full(rows, 0.1), "t": rng.choice(["a", "b", "c"], rows).astype(object)})


def same_state(one: Any, other: Any) -> bool:
    """Return whether two steps have the same state, to the last bit."""
    return repr(one.state()) == repr(other.state())


@pytest.mark.parametrize("name", STEPS)
@given(st.integers(1, 400), st.integers(1, 5), st.integers(0, 99), st.sampled_from([2e3, 2e4, 1e6]))
@settings(max_examples=25, deadline=None)
def test_a_streamed_table_is_fitted_as_in_memory(name: str, rows: int, columns: int, seed: int, memory: float) -> None:
    """For every size of blocks, state, notes and prepared rows are those of the whole table."""
    block = table(rows, columns, seed)
    whole, streamed = STEPS[name](), STEPS[name]()
    made = stream(block, memory)
    assert fit_step("step", streamed, made) == whole.fit(block)
    assert same_state(streamed, whole)
    expected, given_ = whole.apply(block), made.with_step(streamed).read(np.arange(rows))
    assert expected.names == given_.names
    assert all((expected.values[one] == given_.values[one]).all() for one in expected.names)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("make", [Standardize, MinMax, lambda: Standardize(["0"]), lambda: MinMax(["0", "1"])])
@given(st.integers(1, 300), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_streamed_arrays_are_fitted_as_in_memory(kind: str, make: Any, rows: int, size: int, seed: int) -> None:
    """Pictures and flat arrays, bytes or floats, have the same state and notes."""
    step, other = make(), make()
    shape = (rows, size) if step.columns else (rows, size, size, 3)
    x = (np.random.default_rng(seed).uniform(0, 255, shape)).astype(kind)
    made = stream(x, 20_000)
    assert fit_step("step", other, made) == step.fit(x)
    assert same_state(step, other)


def test_a_long_column_is_summed_as_in_memory() -> None:
    """Blocks cross NumPy's own buffers (8,192 numbers): means and deviations of 30,000 rows keep every bit."""
    rng = np.random.default_rng(1)
    for x in (rng.normal(3, 1e3, (30_000, 3)), rng.integers(0, 255, (9_000, 5, 5, 1)).astype("uint8")):
        whole, streamed = Standardize(), Standardize()
        whole.fit(x)
        fit_step("step", streamed, stream(x, 1e6))
        assert same_state(whole, streamed)


def test_a_step_is_fitted_to_the_output_of_the_one_before() -> None:
    """Missing values are filled in, then standardized: as in memory."""
    block = table(200, 2, 3)
    block.values["n0"][::7] = np.nan
    chain = [Impute("median"), Ordinal(["t"]), Standardize()]
    expected: Any = block
    for step in chain:
        step.fit(expected)
        expected = step.apply(expected)
    made: Stream = stream(block, 4e3)
    for step in (Impute("median"), Ordinal(["t"]), Standardize()):
        fit_step("step", step, made)
        made = made.with_step(step)
    assert (np.asarray(made) == expected.matrix()).all()


def test_a_few_whole_columns_are_read_at_a_time() -> None:
    """A table with ten columns is read five times where memory holds two columns, not once a column."""
    block = Columns({f"c{index}": np.arange(100.0) for index in range(10)})
    made = stream(block, 4 * 2 * 100 * 8)
    on_disk = made.table()
    made.store.asked.clear()
    assert all((on_disk.values[name] == block.values[name]).all() for name in on_disk.names)
    assert sum(made.store.asked) == 5 * 100
    assert (len(on_disk), on_disk.text()) == (100, ())


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (PadSequences(3), "PadSequences needs all examples at once"),
        (Robust(), "which of data on disk only tables allow"),
    ],
)
def test_a_step_that_needs_all_examples_is_refused(step: Any, text: str) -> None:
    """The message lists the steps that can be fitted to a stream."""
    with pytest.raises(ValueError, match=text):
        fit_step(type(step).__name__, step, stream(np.zeros((4, 3))))
