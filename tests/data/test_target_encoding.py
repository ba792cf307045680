"""Tests of targets: encoded for one loss or several, the input itself, sequences of classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnrun.data.columns import label
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.target_encoding import encode_targets, infer_positions, learn_classes
from nnrun.errors import DataError
from nnrun.spec.facts import Facts, TargetFacts

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=3), min_size=1, max_size=30)
NUMBERS = st.lists(st.integers(-5, 20), min_size=1, max_size=30)
TABLE = "age,colour,kind,price\n" + "".join(
    f"{20 + index},{('red', 'blue')[index % 2]},{('x', 'y', 'z')[index % 3]},{index / 2}\n" for index in range(30)
)
FORMS = {"kind": "integer", "price": "number"}


def _decode(encoded: np.ndarray, form: str, classes: tuple) -> list[str]:
    """Return the names of encoded classes."""
    numbers = encoded.argmax(axis=-1) if form == "one_hot" else encoded
    return [classes[number] for number in numbers.reshape(-1).astype(int).tolist()]


@given(st.one_of(WORDS, NUMBERS), st.sampled_from(["integer", "one_hot"]))
@settings(max_examples=80, deadline=None)
def test_classes_come_back(values: list, form: str) -> None:
    """Every class, in words or numbers, can be decoded."""
    y = np.array(values, dtype=object if isinstance(values[0], str) else "float64")
    classes = learn_classes([y], form, ("kind",))
    encoded = encode_targets(y, form, classes)
    assert _decode(encoded, form, classes) == [label(value) for value in values]
    assert encoded.dtype == ("int32" if form == "integer" else "float32")
    assert encoded.shape == ((len(y),) if form == "integer" else (len(y), len(classes)))


@given(st.lists(st.sampled_from(["no", "yes"]), min_size=1, max_size=20))
def test_two_classes_become_0_and_1_and_come_back(values: list[str]) -> None:
    """Binary targets are one column of 0 and 1."""
    y = np.array(values, dtype=object)
    encoded = encode_targets(y, "binary", ("no", "yes"))
    assert encoded.shape == (len(y), 1)
    assert _decode(encoded, "binary", ("no", "yes")) == values


def test_classes_of_numbers_are_ordered_by_size() -> None:
    """10 comes after 9, not after 1, and whole floats are written without a point."""
    assert learn_classes([np.array([10.0, 9.0]), np.array([1])], "integer", ("y",)) == ("1", "9", "10")


def test_numbers_stay_numbers() -> None:
    """A loss for numbers gets float32 columns, one target or several."""
    assert encode_targets(np.array([1, 2]), "number", ()).tolist() == [[1.0], [2.0]]
    assert encode_targets(np.array([[1.5, 2], [3, 4]]), "number", ()).shape == (2, 2)


def test_classes_named_in_words_may_come_as_numbers() -> None:
    """scikit-learn's arrays give the class's number where the registry has its name."""
    assert encode_targets(np.array([0, 2]), "integer", ("setosa", "versicolor", "virginica")).tolist() == [0, 2]


def test_one_hot_rows_are_recognised() -> None:
    """Targets that are one-hot rows already are taken as classes."""
    y = np.eye(3)[[2, 0]]
    classes = learn_classes([y], "integer", ("target 0", "target 1", "target 2"))
    assert encode_targets(y, "integer", classes).tolist() == [2, 0]
    assert encode_targets(y, "one_hot", classes).tolist() == y.tolist()


def test_several_columns_of_0_and_1_are_several_answers() -> None:
    """A binary loss takes several target columns as they are."""
    y = np.array([[0, 1], [1, 1]])
    assert learn_classes([y], "binary", ("a", "b")) == ()
    assert encode_targets(y, "binary", ()).tolist() == y.tolist()


@pytest.mark.parametrize(
    ("y", "form", "classes", "message"),
    [
        (np.array(["a"], dtype=object), "number", (), "the target holds text such as 'a'"),
        (np.array([3]), "integer", ("0", "1"), r"expected a class of the training data \(0, 1\), received '3'"),
        (np.array([1]), "integer", ("2", "3"), "received '1'"),
        (np.array([0, 1, 2]), "binary", ("0", "1", "2"), "has 3 classes"),
        (np.array([[0.5, 0.5]]), "integer", ("a", "b"), "not one-hot rows"),
        (np.array([[0, 2]]), "binary", (), "a binary loss compares with 0 and 1, but the target holds 2"),
        (np.array([np.inf]), "number", (), "not finite"),
        (np.array([1e300]), "number", (), "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_targets_that_do_not_suit_the_loss_are_refused(y: np.ndarray, form: str, classes: tuple, message: str) -> None:
    """Targets that the loss cannot compare are named, with a hint."""
    with pytest.raises(DataError, match=message) as refused:
        encode_targets(y, form, classes)
    assert refused.value.hint


def test_fractions_are_no_classes() -> None:
    """A price is not a class: the loss is wrong, and the message says which would suit."""
    with pytest.raises(DataError, match=r"numbers such as 24\.5") as refused:
        learn_classes([np.array([24.5, 3.0])], "integer", ("price",))
    assert "mean_squared_error" in str(refused.value.hint)


def _two(paths: DataPaths, spec, split):
    (paths.config_dir / "t.csv").write_text(TABLE)
    return spec("csv", file="t.csv", features=["age"], target=["kind", "price"], split=split(test=0.2))


def test_each_target_has_its_own_form(paths: DataPaths, listener, spec, split) -> None:
    """A class and a number side by side: class numbers for one, float32 columns for the other, classes for one only."""
    done = load(_two(paths, spec, split), form=FORMS, seed=1, paths=paths, progress=listener)
    assert isinstance(done.train.y, dict)
    assert {key: (y.shape, y.dtype.name) for key, y in done.train.y.items()} == {
        "kind": ((24,), "int32"),
        "price": ((24, 1), "float32"),
    }
    assert np.array_equal(done.train.y["price"][:, 0], done.train.rows / 2)
    assert np.array_equal(done.train.y["kind"], done.train.rows % 3)
    assert (done.facts.value("$classes"), done.facts.value("$classes", "kind")) == (3, 3)
    assert done.facts.value("$classes", "price") is None
    assert done.facts.value("$features", "price") == 1
    assert {"train.y.kind", "test.y.price"} <= set(done.digests)


@pytest.mark.parametrize(
    "forms", [FORMS, {"price": "number", "kind": "one_hot"}, {"kind": "one_hot", "$row": "number"}]
)
def test_facts_of_several_targets_are_inferred(paths: DataPaths, listener, spec, split, forms: dict) -> None:
    """Inferred facts are those of the loaded data, and the first target decides the task."""
    config = _two(paths, spec, split)
    facts, findings = infer_facts(config, form=forms, paths=paths)
    assert findings == ()
    assert facts == load(config, form=forms, seed=1, paths=paths, progress=listener).facts
    assert facts.task == ("regression" if next(iter(forms)) == "price" else "classification")


def test_facts_of_several_targets_come_back_from_json(paths: DataPaths, listener, spec, split) -> None:
    """The record keeps every target's facts."""
    facts = load(_two(paths, spec, split), form=FORMS, seed=1, paths=paths, progress=listener).facts
    assert Facts.from_json(json.loads(json.dumps(facts.as_json()))) == facts
    assert facts.by_target["kind"] == TargetFacts("integer", "classification", 3, 1, ("x", "y", "z"))


def test_one_target_by_name_is_one_target_in_a_mapping(paths: DataPaths, listener, spec) -> None:
    """A mapping with one key gives the same array as the form alone, under its key."""
    config = spec("iris")
    alone = load(config, form="one_hot", seed=1, paths=paths, progress=listener)
    named = load(config, form={"species": "one_hot"}, seed=1, paths=paths, progress=listener)
    assert np.array_equal(named.train.y["species"], alone.train.y)
    assert named.facts.by_target["species"].class_names == alone.facts.class_names == named.facts.class_names
    assert alone.facts.by_target == {}


@pytest.mark.parametrize("key", ["$image", "$input"])
def test_the_input_itself_is_the_target_of_an_autoencoder(paths: DataPaths, listener, spec, key: str) -> None:
    """A field's word as target gives the very array that enters, without a copy."""
    config = spec("digits", prepare=(("Rescale", {"divide_by": 16}), ("Reshape", {"shape": [8, 8, 1]})))
    done = load(config, form={key: "number"}, seed=1, paths=paths, progress=listener)
    assert done.train.y[key] is done.train.x
    assert (done.facts.task, done.facts.form, done.facts.targets) == ("regression", "number", 1)
    assert infer_facts(config, form={key: "number"}, paths=paths) == (done.facts, ())
    np.savez(paths.config_dir / "more.npz", x=np.ones((2, 64)))
    again = load_new_data(config, done.fitted, file=paths.config_dir / "more.npz", facts=done.facts, with_target=True)
    assert np.array_equal(again.y[key], np.full((2, 8, 8, 1), 1 / 16, "float32"))


def test_several_targets_are_read_from_a_new_file(paths: DataPaths, listener, spec, split) -> None:
    """The test part's rows in another file give the same targets, by the classes learned then."""
    config = _two(paths, spec, split)
    done = load(config, form=FORMS, seed=1, paths=paths, progress=listener)
    lines = TABLE.splitlines()
    other = paths.config_dir / "other.csv"
    other.write_text("\n".join([lines[0], *(lines[1 + row] for row in done.test.rows)]) + "\n")
    again = load_new_data(config, done.fitted, file=other, facts=done.facts, with_target=True)
    assert {key: y.tolist() for key, y in again.y.items()} == {key: y.tolist() for key, y in done.test.y.items()}
    without = load_new_data(config, done.fitted, file=other, facts=done.facts, with_target=False)
    assert without.y.shape == (6, 0)


@pytest.mark.parametrize(
    ("forms", "text", "hint"),
    [
        ({"knd": "integer"}, "there is no target 'knd'", "Did you mean 'kind'?"),
        ({"price": "integer"}, "the target holds numbers such as 0.5", "mean_squared_error"),
        ({"kind": "number"}, "the target holds text such as", "a loss for classes"),
        ("integer", "must all hold numbers", "an output of its own"),
    ],
)
def test_an_impossible_target_is_refused(paths: DataPaths, listener, spec, split, forms, text: str, hint: str) -> None:
    """Unknown targets, prices as classes, words as numbers, and text in several columns of one loss are named."""
    with pytest.raises(DataError, match=text) as refused:
        load(_two(paths, spec, split), form=forms, seed=1, paths=paths, progress=listener)
    assert hint in str(refused.value.hint)


@pytest.mark.parametrize(
    ("forms", "path", "name"),
    [
        ({"knd": "integer"}, ("model", "outputs", "knd"), "unknown-target"),
        ({"$image": "number"}, ("model", "outputs", "$image"), "unknown-field"),
        ({"price": "integer"}, ("training", "loss"), "loss-target-mismatch"),
        ({"kind": "number"}, ("training", "loss"), "loss-target-mismatch"),
        ({"kind": "binary"}, ("training", "loss"), "loss-target-mismatch"),
        ("integer", ("data", "source", "csv", "target"), "loss-target-mismatch"),
    ],
)
def test_an_impossible_target_is_found(paths: DataPaths, spec, split, forms, path: tuple, name: str) -> None:
    """The same mistakes are findings before anything is loaded."""
    _, findings = infer_facts(_two(paths, spec, split), form=forms, paths=paths)
    assert [(finding.path, finding.name) for finding in findings] == [(path, name)]


def test_one_hot_targets_keep_numbers_next_to_classes(paths: DataPaths, listener, spec, split) -> None:
    """`OneHot: target` makes rows of the classes, and keeps a price a number."""
    (paths.config_dir / "t.csv").write_text(TABLE)
    config = spec(
        "csv",
        file="t.csv",
        features=["age"],
        target=["kind", "price"],
        prepare=(("OneHot", {"columns": "target"}),),
        split=split(test=0.2),
    )
    forms = {"kind": "binary", "price": "number"}
    done = load(config, form=forms, seed=1, paths=paths, progress=listener)
    assert {key: about.form for key, about in done.facts.by_target.items()} == {"kind": "one_hot", "price": "number"}


SEQUENCES = arrays.arrays("int64", st.tuples(st.integers(2, 6), st.integers(2, 5)), elements=st.integers(0, 4)).filter(
    lambda y: (y.sum(axis=1) != 1).any()
)


@given(SEQUENCES, st.sampled_from(["integer", "one_hot"]))
@settings(max_examples=60, deadline=None)
def test_sequences_of_classes_come_back(y: np.ndarray, form: str) -> None:
    """A class for every step: numbers of shape (rows, steps), or rows of them, and decoded again."""
    positions = infer_positions([y], form)
    classes = learn_classes([y], form, ("tag",), positions)
    encoded = encode_targets(y, form, classes, positions)
    assert positions == y.shape[1:]
    assert encoded.shape == (*y.shape, len(classes)) if form == "one_hot" else encoded.shape == y.shape
    assert _decode(encoded, form, classes) == [str(value) for value in y.reshape(-1).tolist()]


@pytest.mark.parametrize("channel", [(), (1,)])
def test_a_class_for_every_pixel_is_a_class_at_every_position(channel: tuple) -> None:
    """Masks of shape (rows, height, width), with or without a channel, suit losses for classes and for 0 and 1."""
    masks = np.random.default_rng(0).integers(0, 2, (3, 4, 5, *channel))
    positions = infer_positions([masks], "integer")
    assert positions == (4, 5)
    assert encode_targets(masks, "integer", ("0", "1"), positions).shape == (3, 4, 5)
    assert encode_targets(masks, "one_hot", ("0", "1"), positions).shape == (3, 4, 5, 2)
    assert encode_targets(masks, "binary", ()).shape == masks.shape
    assert encode_targets(masks, "number", ()).shape == masks.shape


def test_sequences_in_an_npz_are_loaded_and_read_again(paths: DataPaths, listener, spec) -> None:
    """Classes are learned over all steps, and a single row of another file is no one-hot row by accident."""
    folder = paths.config_dir
    y = np.random.default_rng(0).integers(0, 3, (12, 4))
    np.savez(folder / "a.npz", x=np.ones((12, 4)), y=y)
    config = spec("npz", file="a.npz")
    done = load(config, form="one_hot", seed=1, paths=paths, progress=listener)
    assert done.train.y.shape == (12, 4, 3)
    assert (done.facts.classes, done.facts.targets, done.facts.positions) == (3, 3, (4,))
    np.savez(folder / "b.npz", x=np.ones((1, 4)), y=np.array([[0, 1, 0, 0]]))
    again = load_new_data(config, done.fitted, file=folder / "b.npz", facts=done.facts, with_target=True)
    assert again.y.argmax(axis=-1).tolist() == [[0, 1, 0, 0]]
    np.savez(folder / "c.npz", x=np.ones((1, 4)), y=np.array([[0, 1, 0]]))
    with pytest.raises(DataError, match="expected targets of shape"):
        load_new_data(config, done.fitted, file=folder / "c.npz", facts=done.facts, with_target=True)


@pytest.mark.parametrize(
    ("values", "classes", "numbers"),
    [
        ([1, 1], ("0", "1"), [1, 1]),
        ([0, 0], ("0", "1"), [0, 0]),
        ([-1, -1], ("-1", "1"), [0, 0]),
        ([0, 1], ("0", "1"), [0, 1]),
    ],
)
def test_numbers_of_a_binary_target_keep_their_meaning(values: list, classes: tuple, numbers: list) -> None:
    """Where 1 alone occurs it is still class 1, and 0 alone still class 0."""
    y = np.array(values, dtype="float64")
    assert learn_classes([y], "binary", ("kind",)) == classes
    assert encode_targets(y, "binary", classes).reshape(-1).tolist() == numbers
    assert learn_classes([np.array(["yes", "yes"], dtype=object)], "binary", ("kind",)) == ("yes",)


@pytest.mark.parametrize("rows", ["[[0.1, 1], [0.7, 1], [0.4, 1]]", "[[0.1, 0], [0.7, 0]]"])
def test_the_facts_of_a_single_class_are_those_of_the_loaded_data(paths: DataPaths, listener, spec, rows: str) -> None:
    """What `check` infers of a target of one number agrees with loading."""
    config = spec("inline", rows=json.loads(rows))
    facts, _ = infer_facts(config, form="binary", paths=paths)
    assert facts == load(config, form="binary", seed=1, paths=paths, progress=listener).facts
    assert facts.class_names == ("0", "1")
