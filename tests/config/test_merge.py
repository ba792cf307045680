"""One config merged over another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.document import Document, parse
from nnrun.config.dump import dump
from nnrun.config.merge import drop_key, merge_documents
from nnrun.config.overrides import apply
from nnrun.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Mark

BASE = """\
name: small
data: {source: {npz: {file: a.npz, arrays: {x: images}}}, split: {validation: 0.2}}
training:
  loss: {Huber: {delta: 2.0}}
  optimizer: {Adam: {learning_rate: {ExponentialDecay: {decay_steps: 9}}, beta_1: 0.8}}
  metrics: [accuracy, mse]
  epochs: 10
"""


def merged(base: str, top: str) -> dict[str, Any]:
    """The data of one text over another."""
    return merge_documents(parse(base, "base.yaml"), parse(top, "top.yaml"), "base.yaml").data


def at(data: Any, *path: str | int) -> Any:
    """The value at a path."""
    for key in path:
        data = data[key]
    return data


@pytest.mark.parametrize(
    ("top", "path", "value"),
    [
        ("training: {epochs: 3}", "training.epochs", 3),
        ("training: {epochs: 3}", "training.metrics", ["accuracy", "mse"]),
        ("training: {metrics: [mae]}", "training.metrics", ["mae"]),
        ("training: {metrics: mae}", "training.metrics", "mae"),
        ("training: {metrics: null}", "training", {"loss", "optimizer", "epochs"}),
        ("training: 3", "training", 3),
        ("name: {a: 1}", "name", {"a": 1}),
        ("training: null", "", {"name", "data"}),
        ("training: {best: {monitor: null}}", "training.best", {"monitor": None}),
        ("data: {split: {test: 0.1}}", "data.split", {"validation": 0.2, "test": 0.1}),
        ("data: {split: {k_fold: {folds: 5, groups: null}}}", "data.split.k_fold", {"folds": 5, "groups": None}),
        ("keras: {floatx: float16}", "keras", {"floatx": "float16"}),
    ],
)
def test_mappings_merge_lists_replace_and_null_removes(top: str, path: str, value: object) -> None:
    """Mappings merge; anything else is replaced as a whole."""
    found = at(merged(BASE, top), *path.split(".")) if path else merged(BASE, top)
    assert (set(found) if isinstance(value, set) else found) == value


@pytest.mark.parametrize(
    ("top", "path", "value"),
    [
        ("data: {source: {csv: {file: t.csv}}}", "data.source", {"csv": {"file": "t.csv"}}),
        ("data: {source: mnist}", "data.source", "mnist"),
        ("data: {source: {npz: b.npz}}", "data.source", {"npz": "b.npz"}),
        ("data: {source: {npz: {file: b.npz}}}", "data.source", {"npz": {"file": "b.npz", "arrays": {"x": "images"}}}),
        ("data: {source: {npz: {arrays: {y: labels}}}}", "data.source.npz.arrays", {"x": "images", "y": "labels"}),
        ("training: {loss: mse}", "training.loss", "mse"),
        ("training: {loss: {Tversky: {alpha: 1.0}}}", "training.loss", {"Tversky": {"alpha": 1.0}}),
        ("training: {optimizer: {SGD: {momentum: 0.9}}}", "training.optimizer", {"SGD": {"momentum": 0.9}}),
        ("training: {optimizer: {SGD: 0.1}}", "training.optimizer", {"SGD": 0.1}),
        ("training: {optimizer: Adam}", "training.optimizer", "Adam"),
        ("training: {optimizer: {Adam: null}}", "training.optimizer", {"Adam": None}),
        (
            "training: {optimizer: {momentum: 0.9, nesterov: true}}",
            "training.optimizer",
            {"momentum": 0.9, "nesterov": True},
        ),
        (
            "training: {optimizer: {adam: {beta_1: 0.7}}}",
            "training.optimizer",
            {"adam": {"learning_rate": {"ExponentialDecay": {"decay_steps": 9}}, "beta_1": 0.7}},
        ),
        (
            "training: {optimizer: {Adam: {beta_1: null}}}",
            "training.optimizer.Adam",
            {"learning_rate": {"ExponentialDecay": {"decay_steps": 9}}},
        ),
        (
            "training: {optimizer: {Adam: {learning_rate: {ExponentialDecay: {decay_rate: 0.5}}}}}",
            "training.optimizer.Adam.learning_rate",
            {"ExponentialDecay": {"decay_steps": 9, "decay_rate": 0.5}},
        ),
        (
            "training: {optimizer: {Adam: {learning_rate: {CosineDecay: {decay_steps: 3}}}}}",
            "training.optimizer.Adam.learning_rate",
            {"CosineDecay": {"decay_steps": 3}},
        ),
    ],
)
def test_another_part_replaces_and_the_same_part_merges(top: str, path: str, value: object) -> None:
    """Two parts never become a mapping with two names; the arguments of one part merge, wherever it is."""
    assert at(merged(BASE, top), *path.split(".")) == value


def test_a_part_replaces_a_single_value_or_a_word() -> None:
    """`{SGD: {...}}` over `SGD` or over `{SGD: 0.1}` is what the extending file has."""
    for base in ("SGD", "{SGD: 0.1}", "{SGD: null}"):
        optimizer = merged(f"training: {{optimizer: {base}}}", "training: {optimizer: {SGD: {momentum: 0.9}}}")
        assert at(optimizer, "training", "optimizer") == {"SGD": {"momentum": 0.9}}


def test_graphs_merge_output_by_output() -> None:
    """A model that is a mapping merges; an output's loss is a part, and outputs with one key each are both kept."""
    base = "model: {layers: [Flatten], outputs: {price: {loss: {Huber: {delta: 2.0}}}}}"
    top = "model: {outputs: {price: {loss: {LogCosh: {name: l}}}, Kind: {loss: mse}}}"
    assert merged(base, top) == {
        "model": {
            "layers": ["Flatten"],
            "outputs": {"price": {"loss": {"LogCosh": {"name": "l"}}}, "Kind": {"loss": "mse"}},
        }
    }


def test_column_names_are_not_parts() -> None:
    """Columns that begin with an upper-case letter merge, though they look like parts."""
    assert at(
        merged("data: {source: {csv: {types: {Age: integer}}}}", "data: {source: {csv: {types: {Sex: text}}}}"),
        "data",
        "source",
        "csv",
        "types",
    ) == {"Age": "integer", "Sex": "text"}


@pytest.mark.parametrize(
    ("top", "place", "text", "hint"),
    [
        ("nmae: null", "nmae", "the config has no 'nmae' in base.yaml", "Did you mean 'name'?"),
        ("training:\n  epoch: null", "epoch", "'training' has no 'epoch' in base.yaml", "Did you mean 'epochs'?"),
        ("keras:", "keras", "the config has no 'keras' in base.yaml", "delete this line"),
        (
            "training: {optimizer: {Adam: {clipnorm: ~}}}",
            "clipnorm",
            "'training.optimizer.Adam' has no 'clipnorm' in base.yaml",
            "delete this line",
        ),
    ],
)
def test_removing_what_is_not_there(word: Callable[[Mark], str], top: str, place: str, text: str, hint: str) -> None:
    """A `null` for a key that the base lacks is refused at the key, with the key that was probably meant."""
    with pytest.raises(ConfigError) as caught:
        merged(BASE, top)
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert (word(problem.mark), problem.mark.file) == (place, "top.yaml")
    assert problem.text == f"null removes a key of a base, but {text}"
    assert problem.hint == hint


def test_every_useless_null_is_found() -> None:
    """A merge reports all its problems at once."""
    with pytest.raises(ConfigError) as caught:
        merged(BASE, "a: null\ntraining: {b: null}\n")
    assert len(caught.value.problems) == 2


def test_history_lists_the_base_first(word: Callable[[Mark], str]) -> None:
    """The history of a value has the base's place, the extending file's and that of `--set`, in this order."""
    document = merge_documents(parse(BASE, "base.yaml"), parse("training:\n  epochs: 20\n", "top.yaml"), "base.yaml")
    document = apply(document, ["training.epochs=3"])
    assert [(mark.file, mark.line, word(mark)) for mark in document.history(("training", "epochs"))] == [
        ("base.yaml", 7, "10"),
        ("top.yaml", 2, "20"),
        ("--set", 1, "3"),
    ]
    assert [mark.file for mark in document.history(("training",))] == ["base.yaml", "top.yaml"]
    assert [mark.file for mark in document.history(("name",))] == ["base.yaml"]


def test_history_inside_what_was_replaced() -> None:
    """Inside a replaced list, a value keeps the place of the base's value at the same path, and no other."""
    document = merge_documents(
        parse("model: [{Dense: {units: 8}}, Flatten]", "base.yaml"),
        parse("model: [{Dense: {units: 9, name: d}}]", "top.yaml"),
        "base.yaml",
    )
    files = {path: [mark.file for mark in document.history(path)] for path in document.value_marks}
    assert files["model", 0, "Dense", "units"] == ["base.yaml", "top.yaml"]
    assert files["model", 0, "Dense", "name"] == ["top.yaml"]
    assert ("model", 1) not in files


def test_a_place_reached_twice_is_listed_once() -> None:
    """Where two bases share a base of their own, its places are once in the history, where they counted last."""
    shared = parse("seed: 1", "c.yaml")
    left = merge_documents(shared, parse("seed: 2", "a.yaml"), "c.yaml")
    right = merge_documents(shared, parse("name: b", "b.yaml"), "c.yaml")
    document = merge_documents(left, right, "a.yaml")
    assert document.data["seed"] == 1
    assert [mark.file for mark in document.history(("seed",))] == ["a.yaml", "c.yaml"]


KEYS = st.sampled_from(["name", "data", "training", "source", "optimizer", "loss", "Adam", "adam", "x.y", "epochs"])
SCALARS = st.integers() | st.booleans() | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=6)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10
    ),
    max_size=4,
)


def settings(draw: st.DrawFn) -> dict[str, Any]:
    """Some of the settings of one schema: a path is a mapping in all of them or in none."""
    part = {"learning_rate": SCALARS, "schedule": st.fixed_dictionaries({"Decay": st.dictionaries(KEYS, SCALARS)})}
    optimizer = st.fixed_dictionaries({"Adam": st.fixed_dictionaries({}, optional=part)})
    training = {"epochs": SCALARS, "metrics": st.lists(SCALARS), "optimizer": optimizer}
    schema = {
        "seed": SCALARS,
        "expect": st.dictionaries(KEYS, SCALARS),
        "training": st.fixed_dictionaries({}, optional=training),
    }
    data: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=schema))
    return data


SETTINGS = st.composite(settings)()


def document(data: dict[str, Any], file: str) -> Document:
    """Return a config with the data."""
    return parse(dump(data), file)


@given(DATA)
def test_an_empty_extension_changes_nothing(data: dict[str, Any]) -> None:
    """An empty config over a base is the base: data, order, and the place of every key and value."""
    base = document(data, "base.yaml")
    result = merge_documents(base, drop_key(parse("extends: base.yaml", "top.yaml"), "extends"), "base.yaml")
    assert dump(result.data) == dump(base.data)
    assert result.key_marks == base.key_marks
    assert {**result.value_marks, (): None} == {**base.value_marks, (): None}
    assert result.value_marks[()].file == "top.yaml"


@given(DATA)
def test_an_empty_base_gives_nothing_and_a_config_over_itself_is_itself(data: dict[str, Any]) -> None:
    """A config over an empty one, and over its own text, has the same data."""
    top = document(data, "top.yaml")
    assert merge_documents(document({}, "base.yaml"), top, "base.yaml").data == data
    assert merge_documents(document(data, "base.yaml"), top, "base.yaml").data == data


@given(SETTINGS, SETTINGS, SETTINGS)
def test_merging_is_associative(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    """Of configs of one shape it does not matter which two are merged first."""
    # With nulls, or where a single value stands over a mapping, it does: they cut off what lies below them alone.
    one, two, three = document(first, "1"), document(second, "2"), document(third, "3")
    left = merge_documents(merge_documents(one, two, "1"), three, "2")
    right = merge_documents(one, merge_documents(two, three, "2"), "1")
    assert left.data == right.data
    assert left.value_marks == right.value_marks
    # A shorter list in between makes the history of the items that it lacks begin again.
    paths = [path for path in left.value_marks if not any(isinstance(key, int) for key in path)]
    assert [left.history(path) for path in paths] == [right.history(path) for path in paths]


@given(DATA, DATA)
def test_every_mark_points_at_its_text_in_its_own_file(first: dict[str, Any], second: dict[str, Any]) -> None:
    """After a merge, the mark of every key and single value covers its own text, in its own file."""
    texts = {"base.yaml": dump(first), "top.yaml": dump(second)}
    result = merge_documents(parse(texts["base.yaml"], "base.yaml"), parse(texts["top.yaml"], "top.yaml"), "base.yaml")
    assert set(result.key_marks) == {path for path in result.value_marks if path and isinstance(path[-1], str)}
    for path, mark in [*result.value_marks.items(), *result.key_marks.items()]:
        assert texts[mark.file].split("\n")[mark.line - 1] == mark.text
        value = at(result.data, *path)
        marked = mark.text[mark.column - 1 : mark.column - 1 + mark.length]
        if mark is result.key_marks.get(path):
            assert parse(f"? {marked}", "w").data == {path[-1]: None}
        elif not isinstance(value, (dict, list)):
            assert parse(f"v: {marked}", "w").data == {"v": value}


@given(DATA, DATA)
def test_neither_side_is_changed(first: dict[str, Any], second: dict[str, Any]) -> None:
    """A merge leaves both configs as they were."""
    base, top = document(first, "base.yaml"), document(second, "top.yaml")
    merge_documents(base, top, "base.yaml")
    assert (base, top) == (document(first, "base.yaml"), document(second, "top.yaml"))
