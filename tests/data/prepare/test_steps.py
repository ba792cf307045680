"""Tests of MinMax, Robust, Clip, Log, Impute, Ordinal and Hash: results, inverses and errors."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnrun.data.columns import Columns
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.prepare.impute import Impute
from nnrun.data.prepare.registry import STEPS, fitted_json, restore
from nnrun.data.prepare.step import ExampleSpec
from nnrun.errors import DataError
from nnrun.spec.part import Part

SMALL = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))
MATRIX = arrays.arrays("float64", st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=SMALL)
ARGUMENTS = {
    "MinMax": {"low": -1, "high": 3},
    "Robust": {},
    "Clip": {"low": -5, "high": 100},
    "Log": {"offset": 20000},
    "Impute": {"strategy": "median"},
    "Ordinal": {"columns": ["c0"]},
    "Hash": {"columns": ["c0"], "buckets": 7},
}


def _columns(matrix: np.ndarray) -> Columns:
    return Columns({f"c{index}": matrix[:, index] for index in range(matrix.shape[1])})


def _text(*values: str | None) -> np.ndarray:
    return np.array(values, dtype=object)


@given(MATRIX, st.sampled_from(["MinMax", "Robust", "Log"]))
@settings(max_examples=120, deadline=None)
def test_scaling_is_undone_by_its_inverse(matrix: np.ndarray, name: str) -> None:
    """Scaled values are restored, constant columns included."""
    step = STEPS[name](**ARGUMENTS[name])
    table = _columns(matrix)
    step.fit(table)
    back = step.invert(step.apply(table))
    for column, values in table.values.items():
        assert np.allclose(back.values[column], values, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint64", "float16", ">f4", ">i2"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Rescale", {"divide_by": 1000, "offset": 300}),
        ("Standardize", {}),
        ("MinMax", {"low": -1000, "high": 1000}),
        ("Robust", {}),
        ("Clip", {"low": -1000, "high": 300}),
        ("Log", {"offset": 1000}),
        ("Log", {"offset": 1000, "columns": [0]}),
        ("Robust", {"columns": [0]}),
    ],
)
def test_a_step_treats_numbers_of_any_type_alike(name: str, arguments: dict[str, object], dtype: str) -> None:
    """Arguments that do not fit the type of an array neither fail nor overflow."""
    values = np.array([[0, 1], [1, 1], [0, 0], [1, 0]])
    results = []
    for kind in ("float64", dtype):
        step = STEPS[name](**arguments)
        step.fit(values.astype(kind))
        results.append(step.apply(values.astype(kind)))
    assert np.allclose(results[0], results[1], atol=1e-3)


@given(MATRIX, st.sampled_from(sorted(ARGUMENTS)))
@settings(max_examples=120, deadline=None)
def test_a_step_restored_from_json_does_the_same(matrix: np.ndarray, name: str) -> None:
    """prepare.json is all that a later command needs, and the computed output spec is right."""
    step = STEPS[name](**ARGUMENTS[name])
    table = _columns(matrix)
    step.fit(table)
    (again,) = restore(json.loads(json.dumps([fitted_json(Part("preparation", name, ARGUMENTS[name], ()), step)])))
    assert (step.apply(table).matrix() == again.apply(table).matrix()).all()
    view = step.compute_output_spec(ExampleSpec((len(table.names),), table.names))
    assert view.shape == (step.apply(table).matrix().shape[1],)


@given(MATRIX, st.floats(-3, 0), st.floats(0.5, 3))
@settings(max_examples=80, deadline=None)
def test_min_max_reaches_both_ends_of_its_range(matrix: np.ndarray, low: float, high: float) -> None:
    """The smallest training value becomes `low`, the largest `high`; a constant becomes `low`."""
    step = STEPS["MinMax"](low=low, high=high)
    table = _columns(matrix)
    step.fit(table)
    for name, column in step.apply(table).values.items():
        constant = np.ptp(table.values[name]) == 0
        assert column.min() == pytest.approx(low, abs=1e-9)
        assert column.max() == pytest.approx(low if constant else high, abs=1e-9)


@given(MATRIX)
@settings(max_examples=80, deadline=None)
def test_robust_scaling_is_scikit_learns(matrix: np.ndarray) -> None:
    """Median and quartiles are those of RobustScaler."""
    from sklearn.preprocessing import RobustScaler

    step = STEPS["Robust"]()
    table = _columns(matrix)
    step.fit(table)
    ours = np.column_stack(list(step.apply(table).values.values()))
    assert np.allclose(ours, RobustScaler().fit_transform(matrix), atol=1e-6, rtol=1e-6)


@given(MATRIX)
@settings(max_examples=60, deadline=None)
def test_an_array_is_scaled_as_a_table_is(matrix: np.ndarray) -> None:
    """Arrays as a whole, or some of their columns by index, get the same statistics."""
    for name in ("MinMax", "Robust", "Log"):
        whole, table = STEPS[name](**ARGUMENTS[name]), STEPS[name](**ARGUMENTS[name])
        whole.fit(matrix)
        table.fit(_columns(matrix))
        assert np.allclose(whole.apply(matrix), table.apply(_columns(matrix)).matrix(), atol=1e-2, rtol=1e-3)
    some = STEPS["MinMax"](columns=[0])
    some.fit(matrix)
    assert (some.apply(matrix)[:, 1:] == matrix[:, 1:]).all()


@given(MATRIX)
@settings(max_examples=60, deadline=None)
def test_clipping_keeps_what_lies_between(matrix: np.ndarray) -> None:
    """Nothing lies outside of the bounds, and nothing inside is changed."""
    done = STEPS["Clip"](low=-10, high=10).apply(_columns(matrix)).values
    for name, column in _columns(matrix).values.items():
        assert (done[name] >= -10).all()
        assert (done[name] <= 10).all()
        inside = np.abs(column) <= 10
        assert (done[name][inside] == column[inside]).all()


def test_numbers_without_a_logarithm_are_refused() -> None:
    """The smallest number is named, with a hint, in training and later."""
    step = STEPS["Log"]()
    with pytest.raises(ValueError, match="Log needs numbers above -1, received -3; write a larger `offset`"):
        step.fit(Columns({"a": np.array([5.0, -3.0])}))
    step.fit(Columns({"a": np.array([5.0])}))
    with pytest.raises(ValueError, match="received -1"):
        step.apply(Columns({"a": np.array([-1.0])}))


@pytest.mark.parametrize(
    ("strategy", "value", "expected"),
    [("mean", None, 4.0), ("median", None, 2.0), ("most_frequent", None, 1.0), ("constant", -7, -7.0)],
)
def test_missing_numbers_are_filled_in(strategy: str, value: float | None, expected: float) -> None:
    """The value comes from the training part, also for other parts."""
    step = STEPS["Impute"](strategy, value=value)
    train = Columns({"a": np.array([1.0, 1.0, 3.0, np.nan, 11.0]), "b": np.zeros(5)})
    notes = step.fit(train)
    assert notes == [f"Impute: {strategy} fills in 1 in 'a' of the training part."]
    assert step.apply(train).values["a"].tolist() == [1, 1, 3, expected, 11]
    assert step.apply(Columns({"a": np.array([np.nan]), "b": np.ones(1)})).values["a"].tolist() == [expected]


def test_missing_text_is_filled_in_by_the_most_frequent_or_a_constant() -> None:
    """Columns of text and of numbers are treated differently."""
    table = Columns({"town": _text("Ulm", None, "Bonn", "Ulm"), "age": np.array([1.0, np.nan, 3.0, 3.0])})
    step = STEPS["Impute"]("most_frequent")
    step.fit(table)
    assert step.apply(table).values["town"].tolist() == ["Ulm", "Ulm", "Bonn", "Ulm"]
    assert step.apply(table).values["age"].tolist() == [1, 3, 3, 3]
    step = STEPS["Impute"]("constant", value="?")
    step.fit(table)
    assert step.apply(table).values["town"].tolist() == ["Ulm", "?", "Bonn", "Ulm"]
    assert np.isnan(step.apply(table).values["age"][1])


def test_imputing_what_cannot_be_imputed_is_refused() -> None:
    """A mean of text, a column without any value, and a constant without a value."""
    table = Columns({"town": _text("Ulm", None), "age": np.array([np.nan, np.nan])})
    with pytest.raises(ValueError, match="mean does not suit column 'town', which holds text"):
        STEPS["Impute"](columns=["town"]).fit(table)
    with pytest.raises(ValueError, match="mean does not suit column 'town', which holds text"):
        STEPS["Impute"](columns=["town"]).compute_output_spec(
            ExampleSpec((2,), ("town", "age"), text=frozenset({"town"}))
        )
    with pytest.raises(ValueError, match="all values of column 'age' are missing in the training part"):
        STEPS["Impute"]().fit(table)
    with pytest.raises(ValueError, match="`value` goes with `strategy: constant`"):
        STEPS["Impute"]("mean", value=3)


@given(st.lists(st.text(max_size=4), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_ordinal_numbers_are_undone(words: list[str]) -> None:
    """Numbers follow sorted order from 0, and lead back to the categories."""
    step = STEPS["Ordinal"](["a"])
    table = Columns({"a": _text(*words)})
    step.fit(table)
    done = step.apply(table)
    assert done.values["a"].tolist() == [sorted(set(words)).index(word) for word in words]
    assert step.invert(done).values["a"].tolist() == words


def test_an_order_of_the_users_goes_before_sorting() -> None:
    """`order` numbers categories in the order of the config; others are unseen."""
    step = STEPS["Ordinal"](["size"], order={"size": ["small", "large"]})
    table = Columns({"size": _text("large", "small")})
    step.fit(table)
    assert step.apply(table).values["size"].tolist() == [1, 0]
    with pytest.raises(DataError, match=r"column size: expected one of .*\(small, large\), received 'huge'"):
        step.apply(Columns({"size": _text("huge")}))
    with pytest.raises(ValueError, match="`order` names 'colour', which is not among `columns`"):
        STEPS["Ordinal"](["size"], order={"colour": ["red"]}).fit(table)
    lenient = STEPS["Ordinal"](["size"], unseen="minus_one")
    lenient.fit(table)
    assert lenient.apply(Columns({"size": _text("huge", "large")})).values["size"].tolist() == [-1, 0]


@given(st.lists(st.text(max_size=6), min_size=1, max_size=10), st.integers(2, 50))
def test_hashing_is_md5_of_the_text(words: list[str], buckets: int) -> None:
    """The same text has the same number below `buckets` on every machine."""
    done = STEPS["Hash"](["a"], buckets).apply(Columns({"a": _text(*words)})).values["a"]
    digests = [hashlib.md5(word.encode(), usedforsecurity=False).hexdigest() for word in words]
    assert done.tolist() == [int(digest, 16) % buckets for digest in digests]


def test_text_hashed_in_numbers_and_in_words_is_the_same() -> None:
    """A column of 7.0 and one of `7` hash alike."""
    number = STEPS["Hash"](["a"], 100).apply(Columns({"a": np.array([7.0])})).values["a"]
    word = STEPS["Hash"](["a"], 100).apply(Columns({"a": _text("7")})).values["a"]
    assert number.tolist() == word.tolist()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("MinMax", {"low": 1, "high": 1}, "low expected a number below high"),
        ("Clip", {}, "expected `low`, `high` or both"),
        ("Clip", {"low": 3, "high": 1}, "low expected a number of at most high"),
        ("Hash", {"columns": ["a"], "buckets": 1}, "buckets expected an integer of at least 2"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(name: str, arguments: dict, text: str) -> None:
    """A range of nothing, no bound at all, one bucket."""
    with pytest.raises(ValueError, match=text):
        STEPS[name](**arguments)


@pytest.mark.parametrize("name", ["MinMax", "Robust", "Standardize", "Log"])
def test_text_and_missing_values_are_refused_by_their_column(name: str) -> None:
    """Scaling text, or numbers that are not there, has no meaning."""
    step = STEPS[name](columns=["a"])
    with pytest.raises(ValueError, match=f"{name} takes numbers, but column 'a' holds text"):
        step.fit(Columns({"a": _text("x")}))
    with pytest.raises(ValueError, match=f"{name} takes numbers, but column 'a' holds text"):
        step.compute_output_spec(ExampleSpec((1,), ("a",), text=frozenset({"a"})))
    with pytest.raises(ValueError, match=f"column 'a' has missing values; put a SimpleImputer step before {name}"):
        step.fit(Columns({"a": np.array([1.0, np.nan])}))


GAPS = "age,town,risk\n30,Ulm,0\n,Bonn,1\n50,,0\n40,Ulm,1\n"


def test_a_table_may_have_missing_features_where_a_step_fills_them_in(paths, listener, spec) -> None:
    """Check and loading agree: Impute fills in missing values, of numbers and of text by a step each."""
    (paths.config_dir / "t.csv").write_text(GAPS)
    steps = (
        ("Impute", {"strategy": "median"}),
        ("Impute", {"strategy": "constant", "value": "?"}),
        ("OneHot", {"columns": ["town"]}),
    )
    config = spec("csv", file="t.csv", prepare=steps)
    _, findings = infer_facts(config, form="binary", paths=paths)
    assert findings == ()
    done = load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert done.facts.columns == ("age", "town=?", "town=Bonn", "town=Ulm")
    assert done.train.x.tolist() == [[30, 0, 0, 1], [40, 0, 1, 0], [50, 1, 0, 0], [40, 0, 0, 1]]


@pytest.mark.parametrize("prepare", [(), (("Impute", {"columns": ["age"]}), ("OneHot", {"columns": ["town"]}))])
def test_a_gap_that_nothing_fills_in_is_refused(paths, listener, spec, prepare) -> None:
    """Without the step, or with one for other columns, the column with the missing value is named."""
    (paths.config_dir / "t.csv").write_text(GAPS)
    config = spec("csv", file="t.csv", prepare=prepare)
    with pytest.raises(DataError, match=r"line 3, column age: expected a value|column 'town' has missing values"):
        load(config, form="binary", seed=1, paths=paths, progress=listener)


def test_a_missing_target_is_refused_whatever_the_steps(paths, listener, spec) -> None:
    """No step fills in targets."""
    (paths.config_dir / "t.csv").write_text("age,risk\n30,0\n40,\n")
    config = spec("csv", file="t.csv", prepare=(("Impute", {}),))
    with pytest.raises(DataError, match="line 3, column risk: expected a value, received a missing one"):
        load(config, form="binary", seed=1, paths=paths, progress=listener)
    assert [finding.name for finding in infer_facts(config, form="binary", paths=paths)[1]] == ["defective-data"]


def test_a_column_without_any_value_is_refused_before_it_is_read() -> None:
    """Where all values of a column are known to be missing, no statistic can replace them; a constant can."""
    spec = ExampleSpec((2,), ("age", "bmi"), {"bmi": ()})
    for strategy in ("mean", "median"):
        with pytest.raises(ValueError, match="all values of column 'bmi' are missing; leave it out of `features`"):
            Impute(strategy).compute_output_spec(spec)
    assert Impute("constant", value=0).compute_output_spec(spec) == spec
    assert Impute("mean", columns=["age"]).compute_output_spec(spec) == spec
