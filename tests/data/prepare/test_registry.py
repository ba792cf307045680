"""Steps of the preparation: fitted once, kept as JSON, applied again; wrong use is refused before and after loading."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnrun.catalog import lookup
from nnrun.data.columns import Columns
from nnrun.data.prepare.registry import STEPS, fitted_json, restore
from nnrun.data.prepare.step import ExampleSpec
from nnrun.errors import DataError
from nnrun.spec.part import Part

SMALL = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))
MATRIX = arrays.arrays("float64", st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=SMALL)


def _columns(matrix: np.ndarray) -> Columns:
    return Columns({f"c{index}": matrix[:, index] for index in range(matrix.shape[1])})


@given(MATRIX)
@settings(max_examples=80, deadline=None)
def test_standardizing_is_undone_by_its_inverse(matrix: np.ndarray) -> None:
    """Standardized values are restored, constant columns included."""
    step = STEPS["Standardize"]()
    table = _columns(matrix)
    step.fit(table)
    back = step.invert(step.apply(table))
    for name, column in table.values.items():
        assert np.allclose(back.values[name], column, atol=1e-6)


@given(MATRIX)
@settings(max_examples=60, deadline=None)
def test_standardized_columns_have_mean_0_and_deviation_1_or_are_0(matrix: np.ndarray) -> None:
    """The standard deviation is the population's, and a constant column becomes 0 and is named."""
    step = STEPS["Standardize"]()
    table = _columns(matrix)
    notes = step.fit(table)
    for name, column in step.apply(table).values.items():
        constant = len(set(table.values[name].tolist())) == 1
        assert abs(column.mean()) < 1e-6
        assert constant == any(repr(name) in note for note in notes)
        assert (column == 0).all() if constant else abs(column.std() - 1) < 1e-6


@given(MATRIX, st.sampled_from(["Rescale", "Standardize", "Reshape", "OneHot"]))
@settings(max_examples=80, deadline=None)
def test_a_step_restored_from_json_does_the_same(matrix: np.ndarray, name: str) -> None:
    """prepare.json is all that a later command needs."""
    arguments = {
        "Rescale": {"divide_by": 3, "offset": 1},
        "Reshape": {"shape": [1, -1]},
        "OneHot": {"columns": ["c0"]},
    }.get(name, {})
    step = STEPS[name](**arguments)
    table = _columns(matrix)
    step.fit(table)
    kept = json.loads(
        json.dumps([{"source": "csv", "layout": {}}, fitted_json(Part("preparation", name, arguments, ()), step)])
    )
    (again,) = restore(kept)
    first, second = step.apply(table), again.apply(table)
    assert (_plain(first) == _plain(second)).all()


@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_fitted_step_has_the_same_bytes_with_defaults_written_out(name: str) -> None:
    """A run that is resumed reads its steps from the resolved config, which has every default: the file stays equal."""
    known = lookup.entry("preparation", name)
    assert known is not None
    defaults = {key: one.default for key, one in known.parameters.items() if one.default is not None}
    step: Any = SimpleNamespace(state=dict)
    as_written, resolved = (
        json.dumps(fitted_json(Part("preparation", name, arguments, ()), step)) for arguments in ({}, defaults)
    )
    assert as_written == resolved
    assert json.loads(as_written)["arguments"] == defaults


def _plain(block: np.ndarray | Columns) -> np.ndarray:
    return block.matrix() if isinstance(block, Columns) else block


def test_rescaling_pixels_is_float32_division() -> None:
    """`Rescale: {divide_by: 255}` is exactly x.astype("float32") / 255."""
    pixels = np.arange(256, dtype="uint8").reshape(-1, 16, 16)
    done = STEPS["Rescale"](divide_by=255).apply(pixels)
    assert done.dtype == "float32"
    assert (done == pixels.astype("float32") / 255).all()


def test_rescaling_keeps_text() -> None:
    """Only columns of numbers are rescaled."""
    table = Columns({"a": np.array([2.0, 4.0]), "b": np.array(["x", "y"], dtype=object)})
    done = STEPS["Rescale"](divide_by=2, offset=1).apply(table)
    assert done.values["a"].tolist() == [2.0, 3.0]
    assert done.values["b"].tolist() == ["x", "y"]


def test_standardizing_named_columns_keeps_the_others() -> None:
    """Columns are named by name or index, in tables and in arrays of rows."""
    matrix = np.array([[0.0, 10.0], [2.0, 20.0]])
    for block in (_columns(matrix), matrix):
        step = STEPS["Standardize"](columns=[1] if isinstance(block, np.ndarray) else ["c1"])
        step.fit(block)
        assert _plain(step.apply(block)).tolist() == [[0.0, -1.0], [2.0, 1.0]]


def test_pictures_are_standardized_pixel_by_pixel() -> None:
    """Each number of an example has its own mean and deviation."""
    pictures = np.arange(24, dtype="uint8").reshape(2, 3, 4)
    step = STEPS["Standardize"]()
    step.fit(pictures)
    assert step.apply(pictures).tolist() == (np.ones((3, 4)) * np.array([-1, 1])[:, None, None]).tolist()


def test_categories_become_columns_in_place() -> None:
    """New columns stand where the old one stood, named after their categories in order."""
    table = Columns({"a": np.array([1.0, 2.0, 1.0]), "b": np.array(["x", "z", "y"], dtype=object), "c": np.zeros(3)})
    step = STEPS["OneHot"](columns=["b", 0])
    step.fit(table)
    done = step.apply(table)
    assert done.names == ("a=1", "a=2", "b=x", "b=y", "b=z", "c")
    assert done.matrix().tolist() == [[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0]]


def test_an_unseen_category_is_refused_or_zeros_as_the_config_says() -> None:
    """The default refuses and names the category, the column and the way out; `unseen: zeros` gives zeros."""
    seen = Columns({"b": np.array(["x", "y"], dtype=object)})
    new = Columns({"b": np.array(["x", "w"], dtype=object)})
    strict, lenient = STEPS["OneHot"](columns=["b"]), STEPS["OneHot"](columns=["b"], unseen="zeros")
    strict.fit(seen)
    lenient.fit(seen)
    with pytest.raises(
        DataError, match=r"column b: expected one of the categories of the training part \(x, y\), received 'w'"
    ) as refused:
        strict.apply(new)
    assert refused.value.hint == "write `unseen: zeros` in the OneHot step to give such rows zeros"
    assert lenient.apply(new).matrix().tolist() == [[1, 0], [0, 0]]


TABLE = ExampleSpec((3,), ("a", "b", "c"), {"b": ("x", "y")}, frozenset({"b"}))


@pytest.mark.parametrize(
    ("name", "arguments", "view", "expected"),
    [
        ("Reshape", {"shape": [28, 28, 1]}, ExampleSpec((784,)), (28, 28, 1)),
        ("Reshape", {"shape": [-1, 7]}, ExampleSpec((28, 28)), (112, 7)),
        ("Reshape", {"shape": [-1, 7]}, ExampleSpec((None,)), (None, 7)),
        ("Rescale", {"divide_by": 2}, ExampleSpec((5,)), (5,)),
        ("Standardize", {"columns": ["a", 2]}, TABLE, (3,)),
        ("OneHot", {"columns": ["b"]}, TABLE, (4,)),
        ("OneHot", {"columns": ["a"]}, TABLE, (None,)),
        ("OneHot", {"columns": "target"}, TABLE, (3,)),
    ],
)
def test_output_specs_are_computed_without_data(name: str, arguments: dict, view: ExampleSpec, expected: tuple) -> None:
    """The output spec of a step follows from the input spec alone."""
    assert STEPS[name](**arguments).compute_output_spec(view).shape == expected


@pytest.mark.parametrize(
    ("name", "arguments", "view", "message"),
    [
        ("Reshape", {"shape": [27, 28]}, ExampleSpec((28, 28)), r"needs 756 values, but an example has 784"),
        ("Reshape", {"shape": [-1, 27]}, ExampleSpec((28, 28)), "a multiple of 27"),
        ("Reshape", {"shape": [3]}, TABLE, "column 'b' holds text"),
        ("Standardize", {"columns": ["b"]}, TABLE, "column 'b' holds text"),
        ("Standardize", {"columns": ["aa"]}, TABLE, "there is no column 'aa'"),
        ("Standardize", {"columns": [3]}, TABLE, "there is no column 3: the table has 3 columns, 0 to 2"),
        ("OneHot", {"columns": ["b", 1]}, TABLE, "named twice"),
        (
            "OneHot",
            {"columns": ["b"]},
            ExampleSpec((28, 28)),
            r"takes a table, but an example has the shape \[28, 28\]",
        ),
    ],
)
def test_an_impossible_step_is_refused_before_loading(
    name: str, arguments: dict, view: ExampleSpec, message: str
) -> None:
    """Shapes that do not divide, missing columns and text are named."""
    with pytest.raises(ValueError, match=message):
        STEPS[name](**arguments).compute_output_spec(view)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Rescale", {"divide_by": 0}, "other than 0"),
        ("Reshape", {"shape": [0, 2]}, "positive"),
        ("Reshape", {"shape": [-1, -1]}, "at most one"),
    ],
)
def test_invalid_arguments_are_refused(name: str, arguments: dict, message: str) -> None:
    """A division by 0 and an empty shape are refused at once."""
    with pytest.raises(ValueError, match=message):
        STEPS[name](**arguments)


def test_a_step_of_another_version_is_named() -> None:
    """A run's prepare.json may have steps that this version does not have."""
    with pytest.raises(DataError, match="a step 'Whiten'"):
        restore([{"step": "Whiten", "arguments": {}, "learned": {}}])


@pytest.mark.parametrize(
    ("step", "count"),
    [
        ({"Ordinal": {"columns": ["b"]}}, 2),
        ({"Ordinal": {"columns": ["b"], "order": {"b": ["x", "y", "z"]}}}, 3),
        ({"Hash": {"columns": ["b"], "buckets": 50}}, 50),
    ],
)
def test_steps_that_number_categories_state_how_many_there_are(step: dict, count: int) -> None:
    """The known categories, those of an order, or the buckets: what an embedding of the column needs at least."""
    ((name, arguments),) = step.items()
    spec = STEPS[name](**arguments).compute_output_spec(TABLE)
    assert dict(spec.categories) == {"b": count}
