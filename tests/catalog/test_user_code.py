"""Python files of users are read from their syntax trees, with every problem at its place, and never run."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog import lookup
from nnrun.catalog.user_code import read_bytes, read_contents
from nnrun.errors import ConfigError

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Problem


def entries(text: str) -> dict[str, Entry]:
    """Return the entries of a file's text by category and name."""
    (code,) = read_contents([("my.py", dedent(text).encode())])
    return {f"{entry.category}.{entry.name}": entry for entry in code.entries}


def problems(*texts: str) -> tuple[Problem, ...]:
    """Return the problems of files' texts."""
    with pytest.raises(ConfigError) as caught:
        read_contents([(f"my{number}.py", dedent(text).encode()) for number, text in enumerate(texts)])
    return caught.value.problems


@pytest.mark.parametrize(
    ("imports", "base", "category"),
    [
        ("import keras", "keras.layers.Layer", "layers"),
        ("import keras", "keras.Layer", "layers"),
        ("import keras as K", "K.losses.Loss", "losses"),
        ("from keras import layers", "layers.Layer", "layers"),
        ("from keras.layers import Layer as L", "L", "layers"),
        ("import keras.callbacks", "keras.callbacks.Callback", "callbacks"),
        ("from keras.optimizers import schedules", "schedules.LearningRateSchedule", "schedules"),
        ("try:\n    import keras\nexcept ImportError:\n    raise", "keras.metrics.Mean", "metrics"),
        ("import keras", "keras.Model", "layers"),
        ("import keras", "keras.optimizers.Adam", "optimizers"),
        ("import keras", "keras.initializers.Initializer", "initializers"),
        ("import keras", "keras.regularizers.Regularizer", "regularizers"),
        ("import keras", "keras.constraints.Constraint", "constraints"),
    ],
)
def test_a_class_is_what_its_base_is(imports: str, base: str, category: str) -> None:
    """However Keras is imported, a class's base says its category, for classes that descend from it in turn too."""
    found = entries(f"{imports}\nclass Mine({base}): ...\nclass Other(Mine): ...\nclass _Hidden({base}): ...")
    assert set(found) == {f"{category}.Mine", f"{category}.Other"}
    assert found[f"{category}.Mine"].origin == "user"


def test_a_mixin_before_the_base_changes_nothing() -> None:
    """A class of several bases is what the base of Keras' is, whatever plain classes of the file stand before it."""
    found = entries("""
        import keras
        class Mixin:
            def helper(self): ...
        class Mine(Mixin, keras.layers.Dense): ...
    """)
    assert set(found) == {"layers.Mine"}
    assert found["layers.Mine"].positional == "units"


def test_functions_and_plain_classes_are_recognized_by_their_form() -> None:
    """Readers, losses, activations and steps are recognized by names, arguments and methods; the rest is ignored."""
    found = entries("""
        def gap(y_true, y_pred): ...
        def bent(x): ...
        def read_points(rows: int, places): ...
        def helper(a, b): ...
        def weighed(y_true, y_pred, weight): ...
        class Reader:
            def load(self, places, progress): ...
        class Cutoff:
            def apply(self, x): ...
        class Plain: ...
    """)
    assert set(found) == {
        "losses.gap",
        "metrics.gap",
        "activations.bent",
        "sources.read_points",
        "sources.Reader",
        "preparation.Cutoff",
    }
    assert list(found["sources.read_points"].parameters) == ["rows"]


def test_arguments_have_kinds_defaults_and_summaries() -> None:
    """`__init__` has names, defaults and annotations, the docstring summaries, and `**kwargs` the base's arguments."""
    found = entries('''
        import keras
        from typing import Literal
        RATE = 0.5
        class Mine(keras.layers.Layer):
            """Does it.

            Args:
                units: How many.
            """
            def __init__(self, units: int, mode: Literal["a", "b"] = "a", pair: tuple[int, int] = (1, 2), rate=RATE,
                         kernel_regularizer=None, inner: keras.layers.Layer = None, **kwargs): ...
            def call(self, inputs, training=None): ...
    ''')["layers.Mine"]
    assert found.summary == "Does it."
    assert found.positional == "units"
    units, mode = found.parameters["units"], found.parameters["mode"]
    assert (units.required, units.summary, units.kind.accepts("8"), units.kind.accepts(8)) == (
        True,
        "How many.",
        False,
        True,
    )
    assert (mode.default, mode.kind.accepts("c")) == ("a", False)
    assert found.parameters["pair"].default == [1, 2]
    assert found.parameters["rate"].default == 0.5
    assert "regularizer" in found.parameters["kernel_regularizer"].kind.expects
    assert "layer" in found.parameters["inner"].kind.expects
    assert {"name", "trainable", "dtype"} <= set(found.parameters)
    assert set(found.call) == {"training"}


def test_arguments_that_a_class_passes_to_its_base_are_not_the_configs() -> None:
    """`super().__init__(units=3, **kwargs)` leaves all of Dense's arguments but `units`."""
    found = entries("""
        import keras
        class Three(keras.layers.Dense):
            def __init__(self, **kwargs):
                super().__init__(units=3, **kwargs)
    """)["layers.Three"]
    assert "activation" in found.parameters
    assert "units" not in found.parameters


def test_a_loss_defines_the_form_of_its_targets() -> None:
    """By its base, by `targets` in the class, or by `my_loss.targets` below a function."""
    found = entries("""
        import keras
        class Mine(keras.losses.SparseCategoricalCrossentropy): ...
        class Stated(keras.losses.Loss):
            targets = "one_hot"
        def gap(y_true, y_pred): ...
        gap.targets = "binary"
        def free(y_true, y_pred): ...
    """)
    forms = {name: found[f"losses.{name}"].targets for name in ("Mine", "Stated", "gap", "free")}
    assert forms == {"Mine": "integer", "Stated": "one_hot", "gap": "binary", "free": None}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("def f(:\n", (1, 7), "syntax error"),
        ("x = 1\nreturn 3\n", (2, 1), "outside function"),
        ("import keras\nclass Dense(keras.layers.Layer): ...\n", (2, 7), "already the name of a layer of Keras"),
        ("def relu(x): ...\n", (1, 5), "already the name of an activation of Keras"),
        ("import tensorflow as tf\nclass A(tf.keras.layers.Layer): ...\n", (2, 9), "another Keras"),
        ("from tensorflow.keras.layers import Layer\nclass A(Layer): ...\n", (2, 9), "another Keras"),
        ("import numpy as np\ndef read_a(x=np.inf): ...\n", (2, 14), "written out for 'x', received np.inf"),
        ("def read_a(x={1, 2}): ...\n", (1, 14), "received {1, 2}"),
        ("class S:\n    def fit(self, x): ...\n    def apply(self, x): ...\n", (1, 7), "'get_state' and 'set_state'"),
        ("def gap(y_true, y_pred): ...\ngap.targets = 'words'\n", (2, 15), "expected one of 'integer'"),
    ],
)
def test_problems_have_their_place(text: str, place: tuple[int, int], words: str) -> None:
    """Mistakes in a file are problems with line and column."""
    (problem,) = problems(text)
    assert problem.mark is not None
    assert (problem.mark.file, problem.mark.line, problem.mark.column) == ("my0.py", *place)
    assert words in problem.text


def test_one_name_in_two_files_is_refused() -> None:
    """A name that two files define is refused, as a config could mean either."""
    (problem,) = problems("def bent(x): ...", "\ndef bent(x): ...")
    assert str(problem.mark) == "my1.py:2:5"
    assert "also defined in my0.py" in problem.text


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = '\0'", b"(" * 3000, b"x = " + b"-" * 20000 + b"1"])
def test_a_file_that_is_not_python_is_refused(content: bytes) -> None:
    """Other encodings, NULs and endless nesting are refused like any other mistake."""
    with pytest.raises(ConfigError) as caught:
        read_contents([("my.py", content)])
    assert "my.py" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message has the file's name and the reason."""
    with pytest.raises(ConfigError, match=r"nope\.py.*No such file"):
        read_bytes(tmp_path / "nope.py")


def test_entries_exist_only_inside_their_block() -> None:
    """`entry`, `names`, `names_and_aliases` and `find` include the user's entries inside the block only."""
    found = entries("import keras\nclass Mine(keras.layers.Layer): ...")
    with lookup.with_user_entries(found.values()):
        assert lookup.entry("layers", "Mine") is found["layers.Mine"]
        assert "Mine" in lookup.names("layers")
        assert "Mine" in lookup.names_and_aliases("layers")
        assert lookup.find("mine") == (found["layers.Mine"],)
        with lookup.with_user_entries(()):
            assert lookup.entry("layers", "Mine") is None
    assert lookup.entry("layers", "Mine") is None
    assert "Mine" not in lookup.names_and_aliases("layers")


NAMES = st.sampled_from(["Mine", "read_it", "_a", "Dense", "x", "y_true", "keras", "load", "apply"])
VALUES = st.sampled_from(
    [
        "1",
        "(1, 'a')",
        "None",
        "open('ran', 'w')",
        "[*x]",
        "1e999",
        "-2.5",
        "keras.layers.Dense(3)",
        "0x" + "f" * 5000,
        "lambda: 1",
        "f'{x}'",
    ]
)
KINDS = st.sampled_from(
    [
        "",
        ": int",
        ": 'list[int]'",
        ": 'not ['",
        ": tuple[()]",
        ": dict[str, float] | None",
        ": open('ran')",
        ": Literal[1, x]",
        ": keras.layers.Layer",
        ": Callable[..., int]",
    ]
)
BASES = st.sampled_from(["keras.layers.Layer", "keras.losses.Loss", "object", "open('ran', 'w')", "Mine", "tf.keras.A"])


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Draw a small Python file that, if it were run, would leave a file `ran` behind and end the program."""
    arguments = ", ".join(f"a{number}{draw(KINDS)}={draw(VALUES)}" for number in range(draw(st.integers(0, 3))))
    lines = ["import keras", "open('ran', 'w')"]
    for _ in range(draw(st.integers(1, 3))):
        name = draw(NAMES)
        lines += [
            f"@print\nclass {name}({draw(BASES)}):\n    def __init__(self, {arguments}): ...",
            f"def {name}({arguments}): ...",
            f"{name}.targets = {draw(VALUES)}",
        ]
    return "\n".join([*draw(st.permutations(lines)), "raise SystemExit"])


@given(sources())
def test_nothing_is_ever_run(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Reading any file returns entries or problems, and does not run it."""
    folder = tmp_path_factory.getbasetemp()
    found: tuple[Problem, ...] = ()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        try:
            read_contents([("my.py", text.encode())])
        except ConfigError as error:
            found = error.problems
    assert all(problem.mark is None or problem.mark.file == "my.py" for problem in found)
    assert not (folder / "ran").exists()
