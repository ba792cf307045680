"""Targets in the loss's form, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.columns import label
from nnrun.data.target_encoding import decode, encode, learn_classes
from nnrun.errors import DataError

WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=3), min_size=1, max_size=30)
NUMBERS = st.lists(st.integers(-5, 20), min_size=1, max_size=30)


@given(st.one_of(WORDS, NUMBERS), st.sampled_from(["integer", "one_hot"]))
@settings(max_examples=80, deadline=None)
def test_classes_come_back(values: list, form: str) -> None:
    """Every class, in words or numbers, is found again in its encoding."""
    y = np.array(values, dtype=object if isinstance(values[0], str) else "float64")
    classes = learn_classes([y], form, ("kind",))
    encoded = encode(y, form, classes)
    assert decode(encoded, form, classes) == [label(value) for value in values]
    assert encoded.dtype == ("int32" if form == "integer" else "float32")
    assert encoded.shape == ((len(y),) if form == "integer" else (len(y), len(classes)))


@given(st.lists(st.sampled_from(["no", "yes"]), min_size=1, max_size=20))
def test_two_classes_become_0_and_1_and_come_back(values: list[str]) -> None:
    """Binary targets are one column of 0 and 1."""
    y = np.array(values, dtype=object)
    encoded = encode(y, "binary", ("no", "yes"))
    assert encoded.shape == (len(y), 1)
    assert decode(encoded, "binary", ("no", "yes")) == values


def test_classes_of_numbers_are_ordered_by_size() -> None:
    """10 comes after 9, not after 1, and whole floats are written without a point."""
    assert learn_classes([np.array([10.0, 9.0]), np.array([1])], "integer", ("y",)) == ("1", "9", "10")


def test_numbers_stay_numbers() -> None:
    """A loss for numbers gets float32 columns, one target or several."""
    assert encode(np.array([1, 2]), "number", ()).tolist() == [[1.0], [2.0]]
    assert encode(np.array([[1.5, 2], [3, 4]]), "number", ()).shape == (2, 2)


def test_classes_named_in_words_may_come_as_numbers() -> None:
    """scikit-learn's arrays give the class's number where the registry has its name."""
    assert encode(np.array([0, 2]), "integer", ("setosa", "versicolor", "virginica")).tolist() == [0, 2]


def test_one_hot_rows_are_recognised() -> None:
    """Targets that are one-hot rows already are taken as classes."""
    y = np.eye(3)[[2, 0]]
    classes = learn_classes([y], "integer", ("target 0", "target 1", "target 2"))
    assert encode(y, "integer", classes).tolist() == [2, 0]
    assert encode(y, "one_hot", classes).tolist() == y.tolist()


def test_several_columns_of_0_and_1_are_several_answers() -> None:
    """A binary loss takes several target columns as they are."""
    y = np.array([[0, 1], [1, 1]])
    assert learn_classes([y], "binary", ("a", "b")) == ()
    assert encode(y, "binary", ()).tolist() == y.tolist()


@pytest.mark.parametrize(
    ("y", "form", "classes", "message"),
    [
        (np.array(["a"], dtype=object), "number", (), "the target holds text such as 'a'"),
        (np.array([3]), "integer", ("0", "1"), r"expected a class of the training data \(0, 1\), received '3'"),
        (np.array([1]), "integer", ("2", "3"), "received '1'"),
        (np.array([0, 1, 2]), "binary", ("0", "1", "2"), "has 3 classes"),
        (np.array([[0.5, 0.5]]), "integer", ("a", "b"), "not one-hot rows"),
        (np.array([[0, 2]]), "binary", (), "expected targets of 0 and 1"),
        (np.array([np.inf]), "number", (), "not finite"),
        (np.array([1e300]), "number", (), "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_targets_that_do_not_suit_the_loss_are_refused(y: np.ndarray, form: str, classes: tuple, message: str) -> None:
    """What the loss cannot compare with is named, with a way out."""
    with pytest.raises(DataError, match=message) as refused:
        encode(y, form, classes)
    assert refused.value.hint


def test_fractions_are_no_classes() -> None:
    """A price is not a class: the loss is wrong, and the message says which would suit."""
    with pytest.raises(DataError, match=r"numbers such as 24\.5") as refused:
        learn_classes([np.array([24.5, 3.0])], "integer", ("price",))
    assert "mean_squared_error" in str(refused.value.hint)
