"""Tests of weights of examples: by class, and by a column or array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.target_encoding import apply_class_weights, class_weights
from nnrun.errors import DataError
from nnrun.spec.facts import Facts

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

KINDS = Facts("classification", "integer", (1,), 3, class_names=("setosa", "versicolor", "virginica"))
NUMBERED = Facts("classification", "integer", (1,), 3, class_names=("1", "2", "3"))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_balanced_weights_are_scikit_learn_s(numbers: list[int]) -> None:
    """Each class gets n / (k * count), over the classes that there are."""
    from sklearn.utils.class_weight import compute_sample_weight

    y = np.array(numbers)
    weights = class_weights(y, KINDS, "balanced")
    assert np.allclose(weights, compute_sample_weight("balanced", y))
    assert weights.dtype == "float32"


@pytest.mark.parametrize(
    ("facts", "wanted", "expected"),
    [
        (KINDS, {"virginica": 3.0}, [1, 1, 3]),
        (KINDS, {"0": 0.5, "versicolor": 0}, [0.5, 0, 1]),
        (KINDS, {2: 4}, [1, 1, 4]),
        (NUMBERED, {"1": 5.0, 3: 2}, [5, 1, 2]),
    ],
)
def test_classes_are_weighed_by_name_or_number(facts: Facts, wanted: dict, expected: list) -> None:
    """Classes that are not named weigh 1; where classes have numbers as names, a number is a name."""
    assert class_weights(np.array([0, 1, 2]), facts, wanted).tolist() == expected
    assert class_weights(np.array([[0, 2], [1, 1]]), facts, wanted).shape == (2, 2)


@pytest.mark.parametrize(
    ("facts", "wanted", "text", "hint"),
    [
        (KINDS, {"virginca": 2}, "there is no class 'virginca'", "Did you mean 'virginica'?"),
        (KINDS, {"3": 2}, "there is no class '3'", "there are: setosa, versicolor, virginica"),
        (NUMBERED, {"0": 2}, "there is no class '0'", "there are: 1, 2, 3"),
        (KINDS, {"setosa": -1}, "expected a number of at least 0 for 'setosa', received -1", "leaves a class out"),
        (KINDS, {"setosa": float("nan")}, "received nan", "leaves a class out"),
        (KINDS, {"setosa": 1, "0": 2}, "names the class 'setosa' twice", "take one out"),
    ],
)
def test_invalid_weights_are_refused(facts: Facts, wanted: dict, text: str, hint: str) -> None:
    """Unknown classes, classes named twice and weights below 0 are named, with a hint."""
    with pytest.raises(DataError, match=text) as refused:
        class_weights(np.array([0, 1]), facts, wanted)
    assert hint in str(refused.value.hint)


@pytest.mark.parametrize("form", ["integer", "one_hot", {"kind": "integer"}, {"kind": "one_hot"}])
def test_class_weights_multiply_the_examples_own(paths: DataPaths, listener, spec, form) -> None:
    """A row's weight is its own times its class's, however classes are encoded."""
    (paths.config_dir / "t.csv").write_text("a,kind,w\n1,x,2\n2,x,1\n3,y,3\n4,z,1\n")
    done = load(
        spec("csv", file="t.csv", target="kind", sample_weight="w"), form=form, seed=1, paths=paths, progress=listener
    )
    assert apply_class_weights(done.train, done.facts, {"x": 10, "z": 0}).sample_weight.tolist() == [20, 10, 3, 0]
    assert done.train.sample_weight.tolist() == [2, 1, 3, 1]
    alone = load(
        spec("csv", file="t.csv", target="kind", features=["a"]), form=form, seed=1, paths=paths, progress=listener
    )
    assert apply_class_weights(alone.train, alone.facts, "balanced").sample_weight.tolist() == pytest.approx(
        [2 / 3, 2 / 3, 4 / 3, 4 / 3]
    )


def test_binary_classes_are_weighed(paths: DataPaths, listener, spec) -> None:
    """0 and 1 of a binary loss are classes too."""
    (paths.config_dir / "t.csv").write_text("a,kind\n1,no\n2,yes\n")
    done = load(spec("csv", file="t.csv"), form="binary", seed=1, paths=paths, progress=listener)
    assert apply_class_weights(done.train, done.facts, {"yes": 7}).sample_weight.tolist() == [1, 7]


@pytest.mark.parametrize(
    ("source", "form", "text"),
    [
        ("diabetes", "number", "one class an example"),
        ("repeats", "integer", "one class an example"),
        ("iris", {"species": "integer", "$row": "number"}, "one output, but there are 2"),
    ],
)
def test_class_weights_need_one_target_of_classes(
    paths: DataPaths, listener, spec, source: str, form, text: str
) -> None:
    """Numbers, sequences and several outputs cannot be weighed by class, as in Keras."""
    done = load(spec(source), form=form, seed=1, paths=paths, progress=listener)
    with pytest.raises(DataError, match=text) as refused:
        apply_class_weights(done.train, done.facts, "balanced")
    assert "sample_weight" in str(refused.value.hint)


def test_a_column_of_weights_is_no_feature(paths: DataPaths, listener, spec, split) -> None:
    """Every part has the weights of its own rows, in float32; the column is neither feature nor target."""
    (paths.config_dir / "t.csv").write_text("a,w,y\n" + "".join(f"{i},{i / 10},{i % 2}\n" for i in range(20)))
    config = spec("csv", file="t.csv", sample_weight="w", split=split(test=0.2, validation=0.25))
    done = load(config, form="integer", seed=1, paths=paths, progress=listener)
    for part in (done.train, done.validation, done.test):
        assert np.array_equal(part.sample_weight, (part.rows / 10).astype("float32"))
        assert part.x.shape == (len(part), 1)
    assert done.facts.columns == ("a",)
    assert "train.sample_weight" in done.digests
    assert infer_facts(config, form="integer", paths=paths) == (done.facts, ())


def test_arrays_of_weights_are_named_in_the_config(paths: DataPaths, listener, spec) -> None:
    """An npz's weights count only where `arrays` names them; a test part has its own."""
    arrays = {"x": np.ones((3, 2)), "y": np.array([0, 1, 0]), "x_test": np.ones((1, 2)), "y_test": np.array([1])}
    np.savez(paths.config_dir / "a.npz", **arrays, w=np.array([1, 2, 3]), v=np.array([4]))
    arrays = {"sample_weight": "w", "sample_weight_test": "v"}
    done = load(spec("npz", file="a.npz", arrays=arrays), form="integer", seed=1, paths=paths, progress=listener)
    assert (done.train.sample_weight.tolist(), done.test.sample_weight.tolist()) == ([1, 2, 3], [4])
    plain = load(spec("npz", file="a.npz"), form="integer", seed=1, paths=paths, progress=listener)
    assert plain.train.sample_weight is None


def test_a_column_of_a_bundled_table_may_weigh_its_rows(paths: DataPaths, listener, spec) -> None:
    """`sklearn` takes weights as csv does."""
    done = load(
        spec("sklearn", set="iris", sample_weight="petal_width"),
        form="integer",
        seed=1,
        paths=paths,
        progress=listener,
    )
    assert done.facts.columns == ("sepal_length", "sepal_width", "petal_length")
    assert done.train.sample_weight[:3].tolist() == pytest.approx([0.2, 0.2, 0.2])


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,w,y\n1,1,0\n\n2,-3,1\n", "w", "line 4, column w: expected a weight of at least 0, received -3"),
        ("a,w,y\n1,x,0\n2,z,1\n", "w", "column w: expected a number, received 'x'"),
        ("a,w,y\n1,,0\n2,3,1\n", "w", "line 2, column w: expected a value, received a missing one"),
        ("a,w,y\n1,1,0\n2,3,1\n", "v", "there is no column 'v'"),
        ("a,w,y\n1,1,0\n2,3,1\n", "y", "the column 'y' is named as `sample_weight` and as `target`"),
        ("a,w,y\n1,0,0\n2,0,1\n", "w", "all weights of the train part are 0"),
    ],
)
def test_columns_that_cannot_weigh_are_refused(
    paths: DataPaths, listener, spec, text: str, column: str, message: str
) -> None:
    """Negative, missing and wordy weights are named with their row; the column must exist and be nothing else."""
    (paths.config_dir / "t.csv").write_text(text)
    asked = spec("csv", file="t.csv", sample_weight=column)
    with pytest.raises(DataError, match=message):
        load(asked, form="integer", seed=1, paths=paths, progress=listener)
    _, findings = infer_facts(asked, form="integer", paths=paths)
    inferred = [finding for finding in findings if finding.severity == "error"]
    assert len(inferred) == (0 if "all weights" in message else 1)


@pytest.mark.parametrize(
    ("weights", "arrays", "message"),
    [
        (np.array([1.0, -2.0]), {"sample_weight": "w"}, r"received -2 in example 1 \(train part; counted from 0"),
        (np.array([1.0, np.inf]), {"sample_weight": "w"}, "received inf"),
        (np.ones(3), {"sample_weight": "w"}, "expected sample_weight to be 2 numbers, one an example"),
        (np.array(["a", "b"]), {"sample_weight": "w"}, "expected sample_weight to be 2 numbers"),
        (np.ones(2), {"sample_weight": "v"}, "there is no array 'v'"),
        (np.ones(2), {"sample_weight_test": "w"}, "sample_weight_test is given, but the file has no x_test"),
    ],
)
def test_arrays_that_cannot_weigh_are_refused(
    paths: DataPaths, listener, spec, weights: np.ndarray, arrays: dict, message: str
) -> None:
    """There must be one finite number of at least 0 an example."""
    np.savez(paths.config_dir / "a.npz", x=np.ones((2, 2)), y=np.array([0, 1]), w=weights)
    with pytest.raises(DataError, match=message) as refused:
        load(spec("npz", file="a.npz", arrays=arrays), form="integer", seed=1, paths=paths, progress=listener)
    assert refused.value.hint or "the file has" in refused.value.text
