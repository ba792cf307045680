"""Tests of windows gathered inside the compiled step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.data.series.windows import RowWindows
from nnrun.data.text.tokenizer import encode_tokens
from nnrun.data.text.windows import Windows
from nnrun.engine.backend.start import tensorflow
from nnrun.engine.executors.window_batches import row_tensors, window_tensors

pytestmark = pytest.mark.keras

CODES = np.array([0, 1, 2, 3, 2, 1, 0, 3, 3], dtype="uint8")


@pytest.mark.parametrize("encoding", ["codes", "scaled", "one_hot"])
@pytest.mark.parametrize("width", [3, None])
@pytest.mark.parametrize("xla", [False, True])
def test_gathered_windows_are_the_windows(keras: ModuleType, encoding: Any, width: int | None, xla: bool) -> None:
    """What the step gathers equals what the views give, bit for bit, with XLA and without."""
    tf = tensorflow()
    x = Windows(CODES, range(0, 6, 2), 3, "codes", 4)
    y = Windows(CODES, range(1, 7, 2), width, encoding, 4)
    tensors = window_tensors(tf, x, y)
    index = np.array([2, 0], dtype="int32")
    taken = tf.function(lambda rows: tensors.take(tf, tensors.fields, rows), jit_compile=xla)(tf.constant(index))
    np.testing.assert_array_equal(taken[0], x[index])
    np.testing.assert_array_equal(taken[1], y[index])
    assert taken[1].dtype.as_numpy_dtype == y.dtype
    assert tensors.rows == 3


def test_only_the_token_ids_are_kept(keras: ModuleType) -> None:
    """A part of a text takes its codes' bytes, and parts of one form share one program."""
    tf = tensorflow()
    first = window_tensors(tf, Windows(CODES, range(6), 3, "codes", 4), Windows(CODES, range(3, 9), None, "codes", 4))
    short = CODES[:5]
    second = window_tensors(tf, Windows(short, range(2), 3, "codes", 4), Windows(short, range(3, 5), None, "codes", 4))
    assert first.fields.shape == (9,)
    assert first.fields.dtype == tf.uint8
    assert first.take == second.take


def test_token_ids_are_in_memory_once(keras: ModuleType) -> None:
    """A tensor of aligned token ids shares their memory; others are copied, with the same batches."""
    tf = tensorflow()
    aligned = encode_tokens("abcabcabc", "abc")
    for text, shared in ((aligned, True), (aligned[1:], False)):
        windows = Windows(text, range(4), 3, "codes", 3)
        tensors = window_tensors(tf, windows, windows)
        before = tensors.take(tf, tensors.fields, tf.range(4))[0].numpy()
        np.testing.assert_array_equal(before, windows[np.arange(4)])
        text[0] = 2
        assert (int(tensors.fields[0]) == 2) == shared
        text[0] = before[0, 0]


def test_inputs_and_targets_may_have_names(keras: ModuleType) -> None:
    """A model with named inputs and outputs takes windows by their names."""
    tf = tensorflow()
    x, y = Windows(CODES, range(6), 3, "codes", 4), Windows(CODES, range(3, 9), None, "codes", 4)
    tensors = window_tensors(tf, {"text": x}, {"after": y})
    taken = tensors.take(tf, tensors.fields, tf.range(2))
    assert (list(taken[0]), list(taken[1])) == (["text"], ["after"])


def test_a_text_without_weights_is_the_same_text(keras: ModuleType) -> None:
    """Where scores leave sample weights out, the token ids of a text stay whole."""
    windows = Windows(CODES, range(6), 3, "codes", 4)
    tensors = window_tensors(tensorflow(), windows, windows)
    assert tensors.without_sample_weight() is tensors


@pytest.mark.parametrize("xla", [False, True])
def test_gathered_windows_of_rows_are_the_windows(keras: ModuleType, xla: bool) -> None:
    """Inputs, targets and weights of windows of rows are those on the host, and every array is kept once."""
    tf = tensorflow()
    values = np.arange(24, dtype="float32").reshape(12, 2)
    starts = np.array([0, 2, 5], dtype="int32")
    x = RowWindows(values, starts, 3)
    y = RowWindows(values[:, :1].copy(), starts, 2, offset=3, is_flat=True)
    weight = np.array([1, 2, 3], dtype="float32")
    tensors = row_tensors(tf, {"all": x, "second": x.select_columns([1])}, y, weight)
    index = np.array([2, 0], dtype="int32")
    taken = tf.function(lambda rows: tensors.take(tf, tensors.fields, rows), jit_compile=xla)(tf.constant(index))
    np.testing.assert_array_equal(taken[0]["all"], x[index])
    np.testing.assert_array_equal(taken[0]["second"], x[index][..., 1:])
    np.testing.assert_array_equal(taken[1], y[index])
    np.testing.assert_array_equal(taken[2], weight[index])
    np.testing.assert_array_equal(tensors.targets, np.asarray(y))
    assert len(tensors.without_sample_weight().take(tf, tensors.without_sample_weight().fields, tf.range(2))) == 2
