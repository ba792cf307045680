"""Tests of MultiLabelBinarizer: the columns of scikit-learn's own, kept as JSON; and of lists of numbers in cells."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.prepare.label_sets import MultiLabelBinarizer
from nnrun.data.prepare.shapes import PadSequences
from nnrun.data.prepare.start_end import StartEndPacker

SETS = st.lists(st.lists(st.sampled_from(["drama", "crime", "war"]), max_size=4), min_size=1, max_size=8)


def _table(cells: list[str | None]) -> Columns:
    return Columns({"genres": np.array(cells, dtype=object), "year": np.arange(len(cells), dtype="float64")})


@given(SETS, SETS)
def test_columns_are_those_of_scikit_learn(train: list[list[str]], new: list[list[str]]) -> None:
    """Labels of the training part, sorted; those of other rows that it lacks are left out; JSON keeps them."""
    from sklearn.preprocessing import MultiLabelBinarizer as Theirs

    ours = MultiLabelBinarizer(["genres"], ";")
    cells = [";".join(one) for one in train]
    if not any(train):
        with pytest.raises(ValueError, match="no cell of 'genres' has a label"):
            ours.fit(_table(list(cells)))
        return
    ours.fit(_table(list(cells)))
    theirs = Theirs().fit(train)
    restored = MultiLabelBinarizer(["genres"], ";")
    restored.restore(json.loads(json.dumps(ours.state())))
    known = set(theirs.classes_)
    for sets in (train, [[one for one in row if one in known] for row in new]):
        found = restored.apply(_table([";".join(one) for one in sets]))
        assert found.names == (*(f"genres={name}" for name in theirs.classes_), "year")
        np.testing.assert_array_equal(found.matrix()[:, :-1], theirs.transform(sets))
    extra = restored.apply(_table(["opera"])).matrix()
    assert not extra[:, :-1].any()


def test_classes_are_stated_and_empty_cells_are_empty_sets() -> None:
    """`classes` says the order of columns; a missing cell has no label."""
    step = MultiLabelBinarizer(["genres"], ";", classes=["war", "crime"])
    step.fit(_table(["crime", None]))
    np.testing.assert_array_equal(step.apply(_table(["crime;war", None])).matrix(), [[1, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize("state", [{"classes": []}, {"classes": {"genres": []}}, {"classes": {"genres": [1]}}])
def test_a_changed_state_is_refused(state: dict[str, object]) -> None:
    """Labels in a run folder are lists of texts."""
    with pytest.raises(ValueError, match="expected a list of labels"):
        MultiLabelBinarizer(["genres"]).restore(state)


def test_sequences_in_cells_are_padded_and_cut() -> None:
    """A column of lists of numbers becomes a column for each position, as Keras' pad_sequences fills and cuts."""
    step = PadSequences(3, columns=["genres"], separator=" ")
    assert step.fit(_table(["1 2 3 4", "5"])) == ["PadSequences: 1 of 2 training sequences are longer than 3 and cut."]
    found = step.apply(_table(["1 2 3 4", "5", None]))
    assert found.names == ("genres[0]", "genres[1]", "genres[2]", "year")
    np.testing.assert_array_equal(found.matrix()[:, :3], [[2, 3, 4], [0, 0, 5], [0, 0, 0]])
    post = PadSequences(2, "post", "post", -1, ["genres"], " ").apply(_table(["1 2 3", "4"]))
    np.testing.assert_array_equal(post.matrix()[:, :2], [[1, 2], [4, -1]])


@given(st.lists(st.lists(st.integers(2, 5), max_size=4), min_size=1, max_size=5))
def test_a_shifted_target_is_what_stands_before_each_token(rows: list[list[int]]) -> None:
    """The target ends with the end; the decoder's input has each token one place later, and the start first."""
    numbers = np.array([row + [0] * (4 - len(row)) for row in rows])
    packed = StartEndPacker.pack(numbers, end=7)
    shifted = StartEndPacker.shift(packed, start=6, end=7)
    assert [row[: row.index(7)] for row in packed.tolist()] == rows
    assert [row[: len(one) + 1] for row, one in zip(shifted.tolist(), rows, strict=True)] == [[6, *one] for one in rows]
    # A position counts where the decoder has an input, which is where the target has a token.
    np.testing.assert_array_equal(packed != 0, shifted != 0)
