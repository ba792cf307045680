"""Changes from the command line."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.config.document import Document, parse
from nnrun.config.dump import dump_inline
from nnrun.config.overrides import apply
from nnrun.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.errors import Mark, Path, Problem


def at(document: Document, path: Path) -> Any:
    """The value at a path."""
    value: Any = document.data
    for key in path:
        value = value[key]
    return value


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("training.epochs=3", ("training", "epochs"), 3),
        ("training.epochs = 3", ("training", "epochs"), 3),
        ("name='a=b'", ("name",), "a=b"),
        ("name=x y", ("name",), "x y"),
        ("name=null", ("name",), None),
        ("name=on", ("name",), "on"),
        ("model.2.Dropout=0.5", ("model", 2, "Dropout"), 0.5),
        ("model.-1.Dense.units=5", ("model", 3, "Dense", "units"), 5),
        ("model.0.Conv2D.kernel_size.1=5", ("model", 0, "Conv2D", "kernel_size"), [3, 5]),
        ("model.1={Dense: {units: 3}}", ("model", 1), {"Dense": {"units": 3}}),
        ("model.1.Flatten.name=flat", ("model", 1), {"Flatten": {"name": "flat"}}),
        ("training.optimizer.Adam.learning_rate=1e-3", ("training", "optimizer"), {"Adam": {"learning_rate": 0.001}}),
        ("training.optimizer.adam.learning_rate=.5", ("training", "optimizer"), {"adam": {"learning_rate": 0.5}}),
        ("training.best.monitor=val_loss", ("training", "best"), {"monitor": "val_loss"}),
        (
            "training.callbacks+={EarlyStopping: {patience: 3}}",
            ("training", "callbacks"),
            [{"EarlyStopping": {"patience": 3}}],
        ),
        ("training.metrics+=mae", ("training", "metrics"), ["accuracy", "mse", "mae"]),
        ("model.0.Conv2D.kernel_size+=3", ("model", 0, "Conv2D", "kernel_size"), [3, 3, 3]),
        ("training.metrics~", ("training",), {"optimizer": "Adam", "epochs": 10}),
        ("training.metrics.0~", ("training", "metrics"), ["mse"]),
        ("expect.test.error_percent.value=2", ("expect",), {"test.error_percent": {"value": 2, "within": 0.3}}),
        ('expect."train.loss".at_most=2', ("expect", "train.loss"), {"at_most": 2}),
        ("keras.floatx=float16", ("keras",), {"floatx": "float16"}),
    ],
)
def test_valid_options(document: Document, option: str, path: Path, value: object) -> None:
    """Every form of a path reaches its value; the value has YAML 1.2's type."""
    found = at(apply(document, [option]), path)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("option", "column", "words", "hint"),
    [
        (
            "training.optimizer.SGD.momentum=0.9",
            20,
            "'training.optimizer' is 'Adam', so there is no 'SGD'",
            "training.optimizer={SGD: ...}",
        ),
        ("training.epochs.x=1", 17, "'training.epochs' is a single value", "training.epochs={x: ...}"),
        ("training.epochs.x~", 17, "'training.epochs' is a single value", "training.epochs~"),
        ("training.epochs+=1", 10, "is not a list", "training.epochs=[...]"),
        ("model.4=Flatten", 7, "'model' has no item 4 (its indexes are 0 to 3)", "model+=..."),
        ("model.-5=Flatten", 7, "'model' has no item -5", "model+=..."),
        ("model.Dropout=0.1", 7, "expected an index, received 'Dropout'", "write model.2.Dropout"),
        ("model.Dense.units=1", 7, "expected an index, received 'Dense'", "write model.3.Dense"),
        ("model.GRU=1", 7, "expected an index, received 'GRU'", "write model.0 for its first item"),
        ("training.0=1", 10, "'training' has no '0'", "optimizer, epochs, metrics"),
        ("training.metricz~", 10, "'training' has no 'metricz'", "Did you mean 'metrics'?"),
        ("trainin.metrics~", 1, "the config has no 'trainin'", "Did you mean 'training'?"),
        ("training.epochs", 1, "expected path=value, path+=value or path~", "--set training.epochs=3"),
        ("training..epochs=1", 10, "expected a key or an index", "training.epochs=3"),
        ("training.=1", 10, "expected a key or an index", "training.epochs=3"),
        ("=1", 1, "expected a key or an index", "training.epochs=3"),
        ("", 1, "expected path=value", "training.epochs=3"),
        ("name=", 5, "expected a value, received none", "write null"),
        ("name=# x", 8, "expected a value, received none", "write null"),
        ("name=[1, 2", 11, "expected ',' or ']'", "close it"),
        ("name=@x", 6, "cannot begin with this character", "single quotes"),
        ("name=!!str 1", 6, "received the tag", "delete the tag"),
        ("name={a: 1, a: 2}", 13, "defined twice", "line 1"),
        ("name=*x", 6, "no anchor", "&x"),
        ("na\x00me=1", 3, "binary data", "YAML"),
    ],
)
def test_invalid_options(document: Document, option: str, column: int, words: str, hint: str) -> None:
    """An option that cannot be applied is refused at the wrong word of the option, with what to type."""
    with pytest.raises(ConfigError) as caught:
        apply(document, [option])
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert (problem.mark.file, problem.mark.line, problem.mark.column, problem.mark.text) == (
        "--set",
        1,
        column,
        option,
    )
    assert words in problem.text
    assert hint in (problem.hint or "")


def test_all_options_are_checked(document: Document) -> None:
    """Several wrong options are refused together."""
    with pytest.raises(ConfigError) as caught:
        apply(document, ["training.epochs=3", "model.9=1", "name=", "training"])
    assert len(caught.value.problems) == 3


def test_the_document_stays(document: Document) -> None:
    """The given document is never changed."""
    before = copy.deepcopy((document.data, document.value_marks, document.key_marks, document.provenance))
    apply(
        document, ["model.0~", "training.metrics+=x", "training.optimizer.Adam.beta_1=0.5", "expect~", "model.0=Dense"]
    )
    with pytest.raises(ConfigError):
        apply(document, ["model.0~", "nothing"])
    assert (document.data, document.value_marks, document.key_marks, document.provenance) == before


def test_marks_point_into_the_option(document: Document, word: Callable[[Mark], str]) -> None:
    """A changed value is marked in the option's text; its key stays where the file has it."""
    option = "training.optimizer={Adam: {learning_rate: ten}}"
    changed = apply(document, [option])
    mark = changed.mark(("training", "optimizer", "Adam", "learning_rate"))
    assert (mark.file, mark.line, mark.text, word(mark)) == ("--set", 1, option, "ten")
    assert word(changed.key_mark(("training", "optimizer", "Adam", "learning_rate"))) == "learning_rate"
    assert str(changed.key_mark(("training", "optimizer"))) == str(document.key_mark(("training", "optimizer")))


def test_new_keys_are_marked_in_the_option(document: Document, word: Callable[[Mark], str]) -> None:
    """A key that only the option has is marked there, so that a misspelt one can be pointed at."""
    changed = apply(document, ["training.epoch=3", "training.optimizer.Adam.beta=1"])
    assert str(changed.key_mark(("training", "epoch"))) == "--set:1:10"
    assert word(changed.key_mark(("training", "optimizer", "Adam", "beta"))) == "beta"
    assert word(changed.key_mark(("training", "optimizer", "Adam"))) == "Adam"


def test_removing_an_item_moves_the_marks(document: Document, word: Callable[[Mark], str]) -> None:
    """After an item is removed the marks of later items follow them."""
    changed = apply(document, ["model.1~"])
    assert word(changed.mark(("model", 1, "Dropout"))) == "0.2"
    assert word(changed.key_mark(("model", 2, "Dense", "units"))) == "units"
    assert ("model", 3) not in changed.value_marks


def test_provenance(document: Document) -> None:
    """The history has every place of a value, oldest first, and the last one is its mark."""
    path = ("training", "epochs")
    changed = apply(document, ["training.epochs=3", "name=x", "training.epochs=4"])
    history = changed.history(path)
    assert [mark.text for mark in history] == ["  epochs: 10", "training.epochs=3", "training.epochs=4"]
    assert history[-1] == changed.mark(path)
    assert changed.provenance[path] == history
    assert changed.history(("training", "metrics")) == (document.mark(("training", "metrics")),)


def test_removal_forgets(document: Document) -> None:
    """A key that is removed and set again begins a new history."""
    changed = apply(document, ["training.epochs=3", "training.epochs~", "training.epochs=5"])
    assert [mark.text for mark in changed.history(("training", "epochs"))] == ["training.epochs=5"]


def test_a_path_of_thousands_of_keys(document: Document) -> None:
    """A path deeper than any config is refused, not followed."""
    with pytest.raises(ConfigError, match="at most 100 keys, received 5001"):
        apply(document, [".".join(["a"] * 5001) + "=1"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_values_keep_their_types(value: object) -> None:
    """Any value set from the command line equals the same value in a file, with the same type."""
    document = apply(parse("a: {b: [1]}", "x.yaml"), [f"a.b.0={dump_inline(value)}"])
    assert repr(document.data) == repr({"a": {"b": [value]}})


@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.builds(
                "{}{}{}".format,
                st.sampled_from(
                    ["a", "a.b", "a.b.0", "a.b.-1", "a.b.0.c", "w", "w.Adam", "w.Adam.x", "n.x", "a.c.d", "'a.b'"]
                ),
                st.sampled_from(["=", "+=", "~"]),
                st.sampled_from(["", "1", "[1, {c: 2}]", "Adam", "{", "*x", "{c: 1, c: 2}"]),
            ),
        ),
        max_size=6,
    )
)
def test_any_options_leave_a_whole_document(options: list[str]) -> None:
    """Any options are refused, or leave marks for exactly the existing values and keys."""
    problems: tuple[Problem, ...] = ()
    document = parse("a: {b: [{c: 1}, 2]}\nw: Adam\nn: null\n", "x.yaml")
    try:
        document = apply(document, options)
    except ConfigError as error:
        problems = error.problems
    assert all(problem.mark and problem.mark.file == "--set" for problem in problems)
    values: set[Path] = set()
    keys: set[Path] = set()
    waiting: list[tuple[Path, Any]] = [((), document.data)]
    while waiting:
        path, value = waiting.pop()
        values.add(path)
        if isinstance(value, dict):
            keys |= {(*path, key) for key in value}
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
    assert set(document.value_marks) == values
    assert set(document.key_marks) == keys
    assert set(document.provenance) <= values
    assert all(document.history(path)[-1] == document.mark(path) for path in values)
