"""What sources of the user's own return: each form is read as a user expects, or refused in words with its place."""

# ruff: noqa: PD011 - `values` of Columns, which is no DataFrame

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnrun.data.columns import Columns
from nnrun.data.model_inputs import select
from nnrun.data.sources.returned_data import read_returned
from nnrun.errors import DataError
from nnrun.spec.facts import Facts
from nnrun.spec.model import ModelInput

WHO = "my.py:3: read_own"
X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
FRAME = pd.DataFrame({"age": [1, 2, 3.5], "colour": ["red", None, "blue"], "kind": ["a", "b", "a"]})


class _Opaque:
    pass


class _Raising:
    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("not now")


@pytest.mark.parametrize(
    "returned",
    [
        (X, Y),
        [X, Y],
        (X.tolist(), Y.tolist()),
        {"x": X, "y": Y},
        (X.astype(object), Y),
        (X, [str(one) for one in Y]),
        (X, Y.reshape(-1, 1)),
        (X.astype(">f4"), Y.astype("uint64")),
        (np.asfortranarray(X), Y.astype(bool)),
        (np.ma.array(X), np.ma.array(Y)),
        (X, pd.Series(Y)),
        (pd.DataFrame(X).to_numpy(), pd.DataFrame({"y": Y})),
    ],
    ids=range(12),
)
def test_examples_and_targets_are_read_in_many_forms(returned: Any) -> None:
    """Tuples, lists, dicts, objects that are numbers, any byte order and masked arrays are one data set."""
    data = read_returned(returned, WHO)
    assert np.array_equal(data.train.x, X)
    assert [int(one) for one in np.reshape(data.train.y, -1)] == Y.tolist()
    assert data.test is None
    assert len(data.target_names) == 1


def test_parts_and_weights_are_read() -> None:
    """A pair of pairs is training and test; a third value, and the fields of a dict, are weights."""
    data = read_returned(((X, Y), (X[:2], Y[:2], [1, 2])), WHO)
    assert len(data.train) == 6
    assert data.test is not None
    assert data.test.weight.tolist() == [1, 2]
    fields = {"x": X, "y": Y, "sample_weight": np.ones(6), "x_test": X[:1], "y_test": Y[:1], "group": list("aabbcc")}
    data = read_returned(fields, WHO)
    assert data.train.weight.tolist() == [1] * 6
    assert len(data.test) == 1
    assert data.groups.tolist() == list("aabbcc")


def test_two_or_three_rows_in_lists_are_no_parts() -> None:
    """A pair of short lists is examples and targets, although each has as many items as a part has values."""
    data = read_returned(([[0, 1], [1, 0]], [0, 1]), WHO)
    assert data.train.x.tolist() == [[0, 1], [1, 0]]
    assert data.test is None


@pytest.mark.parametrize("returned", [FRAME, FRAME.to_dict("list") | {"y": FRAME["kind"]}, (FRAME, FRAME["kind"])])
def test_tables_have_named_columns(returned: Any) -> None:
    """The last column of a table alone is the target, as in a csv; columns keep names, text and what is missing."""
    data = read_returned(returned, WHO)
    assert isinstance(data.train.x, Columns)
    assert data.train.x.names[:2] == ("age", "colour")
    assert data.train.x.values["age"].tolist() == [1, 2, 3.5]
    assert data.train.x.values["colour"].tolist() == ["red", None, "blue"]
    assert list(data.train.y) == ["a", "b", "a"]
    assert data.layout["columns"][:2] == ["age", "colour"]


def test_columns_may_be_dates_booleans_categories_and_arrays() -> None:
    """Dates are days, truth values 0 and 1, categories text, and an array of several columns is as many."""
    frame = pd.DataFrame({"d": pd.to_datetime(["1970-01-02", "1970-01-03"]), "b": [True, False]})
    frame["c"] = pd.Categorical(["u", "v"])
    frame["n"] = pd.array([1, None], dtype="Int64")
    x = read_returned((frame, [0, 1]), WHO).train.x
    assert x.values["d"].tolist() == [1, 2]
    assert x.values["b"].tolist() == [1, 0]
    assert x.values["c"].tolist() == ["u", "v"]
    assert x.values["n"][0] == 1
    assert np.isnan(x.values["n"][1])
    x = read_returned(({"a": X, "b": Y}, Y), WHO).train.x
    assert x.names == ("a_0", "a_1", "b")
    records = np.array([(1, 2.5), (2, 3.5)], dtype=[("p", "i4"), ("q", "f8")])
    assert read_returned((records, [0, 1]), WHO).train.x.names == ("p", "q")


def test_targets_may_be_arrays_of_any_rank_or_absent() -> None:
    """Pictures are targets as they are; None is no target, for models whose target is the input."""
    pictures = np.zeros((6, 4, 4))
    assert read_returned((X, pictures), WHO).train.y.shape == (6, 4, 4)
    assert read_returned((X, None), WHO).train.y is None
    assert read_returned((X, np.eye(3)[[0, 1, 2, 0, 1, 2]]), WHO).target_names == ("target_0", "target_1", "target_2")
    assert list(read_returned((X, [b"a"] * 6), WHO).train.y) == ["a"] * 6


def test_sequences_of_different_lengths_are_kept() -> None:
    """Lists of token ids of different lengths are examples that a step pads."""
    data = read_returned(([[1, 2], [3], [4, 5, 6]], [0, 1, 0]), WHO)
    assert [row.tolist() for row in data.train.x] == [[1, 2], [3], [4, 5, 6]]


def test_what_is_masked_is_missing() -> None:
    """The data behind a mask are not taken for values."""
    x = read_returned((np.ma.array(X, mask=X == 4), Y), WHO).train.x
    assert np.isnan(x[2, 0])
    assert np.isnan(x).sum() == 1


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (None, "expected examples with targets, received nothing (None)"),
        ("abc", "expected examples with targets, received 'abc' (str)"),
        (b"abc", "received b'abc' (bytes)"),
        (7, "received 7 (int)"),
        ((row for row in X), "received a generator (generator), which gives one value at a time"),
        (X, "received one array of shape [6, 2]"),
        ((X,), "received tuple of 1"),
        ((X, Y, Y, Y), "received tuple of 4"),
        ([], "received list of 0"),
        ({}, "expected a dict with the keys x and y, received no keys"),
        ({"images": X, "labels": Y}, "expected a dict with the keys x and y, received images, labels"),
        ({"x": X, "y": Y, "weigths": Y}, "has the key 'weigths', which is no field"),
        ({"x": X, "yy": Y}, "has the key 'yy', which is no field"),
        (_Opaque(), "received an object of _Opaque"),
        ((_Opaque(), Y), "expected an array for x, received an object of _Opaque"),
        ((_Raising(), Y), "expected an array for x, received an object of _Raising: not now"),
        ((X, _Opaque()), "expected an array for y, received an object of _Opaque"),
        ((X, "abc"), "expected an array for y, received 'abc' (str)"),
        ((X, (y for y in Y)), "expected an array for y, received a generator"),
        ((X[:, 0], Y), "expected x of shape [examples, ...], received [6]"),
        ((np.float64(3), Y), "expected an array for x, received"),
        ((X, Y[:5]), "x has 6 examples, y has 5 targets"),
        ((X[:0], Y[:0]), "expected at least one example, received none in x"),
        ((X.astype(str), Y), "expected numbers in x, received text such as '0.0'"),
        ((X.astype("M8[D]"), Y), "expected numbers in x, received dates"),
        ((X.astype("m8[D]"), Y), "expected numbers in x, received durations"),
        ((X + 1j, Y), "expected numbers in x, received complex numbers"),
        ((X, Y + 1j), "expected numbers or names of classes in y, received complex numbers"),
        ((X, Y.astype("M8[D]")), "expected numbers or names of classes in y, received dates"),
        ((X, [0, 1, None, 1, 0, 1]), "y has no value for example 2"),
        ((X, [_Opaque()] * 6), "expected numbers or names of classes in y, received an object of _Opaque"),
        (([[0.5, 1], [2]] * 3, Y), "expected an array for x, received rows of different lengths"),
        ((np.array([[{}, 1]] * 6, dtype=object), Y), "expected numbers in x, received dict of 0"),
        ((X, Y, np.ones((6, 2))), "expected one value an example for the weights, 6 in all, received the shape [6, 2]"),
        ((X, Y, ["a"] * 6), "expected numbers in the weights, received 'a' (str)"),
        ((X, Y, 3.0), "expected an array for the weights, received 3.0 (float)"),
        (((X, Y), (X[:, :1], Y)), "examples of the training and the test part differ: [2] and [1]"),
        ({"x": X, "y": Y, "x_test": X}, "x_test is given without y_test"),
        ({"x": X, "y": Y, "y_test": Y}, "expected examples, received nothing for x_test"),
        (({"a": X, "b": Y[:3]}, Y), "expected columns of one length in x, received a_0: 6, a_1: 6, b: 3"),
        (({"a": np.zeros((6, 200, 200))}, Y), "expected at most 20000 numbers an example for 'a' in x"),
        (({"a": [_Opaque()] * 6}, Y), "expected numbers or text in x['a'], received an object of _Opaque"),
        (({}, Y), "expected columns of one length in x, received none"),
    ],
)
def test_everything_else_is_refused_in_words(returned: object, text: str) -> None:
    """The error names the function with its place, and says what was expected, what was received and what to return."""
    with pytest.raises(DataError) as caught:
        read_returned(returned, WHO)
    assert caught.value.text.startswith(f"{WHO}: ")
    assert text in caught.value.text
    assert caught.value.hint


def test_texts_alone_are_one_column() -> None:
    """Of the name `text`, which steps and `predict` use; what is missing stays missing."""
    for texts in (["a b", "c", None, "d", "e", "f"], np.array(["a b", "c", "", "d", "e", "f"])):
        x = read_returned((texts, Y), WHO).train.x
        assert isinstance(x, Columns)
        assert (x.names, x.text()) == (("text",), ("text",))
        assert x.values["text"][0] == "a b"


def test_fields_of_several_dimensions_are_columns_that_an_input_takes_together() -> None:
    """In C order, as `name[0]`, `name[1]`, ..., beside numbers and texts."""
    pictures = np.arange(48.0).reshape(6, 2, 2, 2)
    data = read_returned({"x": {"picture": pictures, "word": ["a"] * 6, "age": Y}, "y": Y}, WHO)
    assert isinstance(data.train.x, Columns)
    assert data.train.x.names == (*(f"picture[{index}]" for index in range(8)), "word", "age")
    facts = Facts("classification", "integer", (8,), columns=data.train.x.names[:8])
    wanted = ModelInput("card", columns=("picture",))
    taken = select(np.stack(list(data.train.x.values.values())[:8], axis=1), facts, [wanted])
    assert isinstance(taken, dict)
    assert np.array_equal(taken["card"].reshape(6, 2, 2, 2), pictures)
