"""Sequences of labels of a model with the loss CTC."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from nnrun.engine.scoring.label_sequences import (
    beam_decode,
    edit_distance,
    greedy_decode,
    label_scores,
    labels_of,
    unusable_labels,
)


def _outputs(*paths: list[int]) -> np.ndarray:
    """Return outputs in which these classes are the likeliest."""
    return np.eye(4)[np.array(paths)]


def test_repetitions_and_blanks_are_left_out() -> None:
    """A label counts once until another class follows; a blank between two equal labels keeps both."""
    decoded = greedy_decode(_outputs([1, 1, 2, 0, 2], [0, 0, 0, 0, 0], [3, 0, 0, 3, 3], [0, 1, 2, 1, 0]))
    assert decoded.tolist() == [[1, 2, 2, 0, 0], [0] * 5, [3, 3, 0, 0, 0], [1, 2, 1, 0, 0]]


@pytest.mark.keras
def test_decoding_is_that_of_keras(keras) -> None:
    """Keras decodes the same outputs to the same labels; it fills up with -1."""
    outputs = np.random.default_rng(3).normal(size=(20, 7, 4)).astype("float32")
    theirs, _ = keras.ops.ctc_decode(outputs, np.full(20, 7, "int32"), strategy="greedy", mask_index=0)
    labels = [[one for one in row if one > 0] for row in np.asarray(theirs)[0].tolist()]
    assert [[one for one in row if one] for row in greedy_decode(outputs).tolist()] == labels


@pytest.mark.keras
def test_a_beam_finds_the_likeliest_labels_of_all_paths(keras) -> None:
    """As every path counted one by one: also where the best path leads to other labels, which is greedy's answer."""
    outputs = np.random.default_rng(3).normal(size=(12, 4, 3)).astype("float32")
    found = beam_decode(keras, 30, outputs)
    differ = 0
    for row, chances in enumerate(np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)):
        totals: Counter[tuple[int, ...]] = Counter()
        for path in product(range(3), repeat=4):
            labels = tuple(labels_of(greedy_decode(np.eye(3)[np.array([path])])[0]))
            totals[labels] += float(np.prod([chances[step, one] for step, one in enumerate(path)]))
        best = max(totals, key=lambda labels: totals[labels])
        assert tuple(labels_of(found[row])) == best
        differ += tuple(labels_of(greedy_decode(outputs[row : row + 1])[0])) != best
    assert differ
    assert beam_decode(keras, 3, outputs[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [([], [], 0), ([1, 2], [], 2), ([1, 2, 3], [1, 3], 1), ([1, 2], [2, 1], 2), ([3, 1, 2], [3, 3, 2, 2], 2)],
)
def test_the_distance_is_the_least_number_of_changes(first: list[int], second: list[int], distance: int) -> None:
    """Insertions, deletions and replacements count one each, in both directions."""
    assert edit_distance(first, second) == edit_distance(second, first) == distance


def test_rows_and_labels_are_counted() -> None:
    """A row is wrong as a whole; the label error rate is over the true labels of all rows."""
    truth, predicted = np.array([[1, 2, 0], [3, 0, 0], [0, 0, 0]]), np.array([[1, 2, 0], [3, 2, 0], [0, 0, 0]])
    assert label_scores(truth, predicted) == (1, pytest.approx(1 / 3))
    assert label_scores(np.zeros((2, 3)), np.zeros((2, 3))) == (0, None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1, 2, 3], None),
        ([3, 0, 0], None),
        ([0, 0, 0], None),
        ([1, 4, 0], "expects labels from 1 to 3, received 4"),
        ([1, -1, 0], "expects labels from 1 to 3, received -1"),
        ([1.5, 0, 0], "expects labels from 1 to 3, received 1.5"),
        ([1, 0, 2], "expects 0 behind the labels alone, received 1 0 2"),
        ([1, 1, 1], "expects 5 steps for a row of labels, received 4"),
    ],
)
def test_targets_that_cannot_be_aligned_are_found(row: list[float], reason: str | None) -> None:
    """Labels without an output, blanks among labels and more labels than steps are named."""
    assert unusable_labels(np.array([[1, 2, 0], row], dtype="float32"), steps=4, classes=4) == reason
