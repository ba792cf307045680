"""The origin of a value: the places that set it, or whose default it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nnrun.config.document import Document, parse
from nnrun.config.dotted import join_path, split_path
from nnrun.errors import NnrunError
from nnrun.spec.origin import origin

if TYPE_CHECKING:
    from nnrun.errors import Mark


@pytest.fixture(scope="module")
def config() -> Document:
    """A config with parts in every form."""
    return parse(
        """\
data: {source: digits, prepare: [{Reshape: [8, 8, 1]}], split: {test: 0.2}}
model:
  - Conv2D: {filters: 4, kernel_size: [3, 3], kernel_regularizer: {L2: 0.01}}
  - MaxPooling2D: [2, 2]
  - Flatten
  - Dense: {units: $classes, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: adam
  callbacks: [ModelCheckpoint]
""",
        "x.yaml",
    )


def marked(marks: tuple[Mark, ...]) -> list[str]:
    """Return the words at these places."""
    return [mark.text[mark.column - 1 : mark.column - 1 + mark.length] for mark in marks]


@pytest.mark.parametrize(
    ("path", "value", "places"),
    [
        ("model.0.Conv2D.filters", 4, ["4"]),
        ("model.-1.Dense.units", "$classes", ["$classes"]),
        ("model.2.Flatten", "Flatten", ["Flatten"]),
        ("training.optimizer.Adam", "adam", ["adam"]),
        ("model.1.MaxPooling2D.pool_size", [2, 2], ["[2, 2]"]),
        ("model.1.MaxPooling2D.pool_size.0", 2, ["2"]),
        ("model.0.Conv2D.kernel_regularizer.L2.l2", 0.01, ["0.01"]),
        ("data.prepare.0.Reshape.shape", [8, 8, 1], ["[8, 8, 1]"]),
    ],
)
def test_values_of_the_config(config: Document, path: str, value: object, places: list[str]) -> None:
    """A value is found in a mapping, as the value of the first argument, as a bare word or an alias."""
    found = origin(config, split_path(path))
    assert (found.value, marked(found.places), found.default_of) == (value, places, None)


@pytest.mark.parametrize(
    ("path", "value", "owner"),
    [
        ("seed", 0, "nnrun"),
        ("training.epochs", 1, "Keras"),
        ("training.metrics", [], "nnrun"),
        ("training.best", {"monitor": None, "mode": "auto", "over": None}, "nnrun"),
        ("keras.epsilon", 1e-7, "Keras"),
        ("data.split.shuffle", True, "nnrun"),
        ("model.0.Conv2D.strides", [1, 1], "Keras"),
        ("model.1.MaxPooling2D.padding", "valid", "Keras"),
        ("model.2.Flatten.data_format", None, "Keras"),
        ("model.0.Conv2D.kernel_initializer", "glorot_uniform", "Keras"),
        ("model.0.Conv2D.kernel_initializer.GlorotUniform.seed", None, "Keras"),
        ("training.optimizer.Adam.beta_1", 0.9, "Keras"),
        ("training.optimizer.adam.beta_1", 0.9, "Keras"),
        ("training.callbacks.0.ModelCheckpoint.filepath", None, "nnrun"),
    ],
)
def test_defaults(config: Document, path: str, value: object, owner: str) -> None:
    """What the config leaves out has its default: in sections, in parts, and in parts that are defaults."""
    found = origin(config, split_path(path))
    assert (found.value, found.default_of, found.places) == (value, owner, ())
    assert join_path(found.path) == path


def test_the_name_of_a_default_part(config: Document) -> None:
    """A default's own name below it, in either spelling, means the default."""
    for name in ("GlorotUniform", "glorot_uniform"):
        found = origin(config, split_path(f"model.0.Conv2D.kernel_initializer.{name}"))
        assert (join_path(found.path), found.value) == ("model.0.Conv2D.kernel_initializer", "glorot_uniform")


@pytest.mark.parametrize(
    ("path", "text", "hint"),
    [
        ("sed", "the config has no 'sed'", "Did you mean 'seed'?"),
        ("training.epoch", "'training' has no 'epoch'", "Did you mean 'epochs'?"),
        ("seed.x", "'seed' has no 'x'", None),
        ("model.9", "'model' has no '9'", "it is a list, whose items count from 0 to 3"),
        ("model.0.Conv2D.filter", "Conv2D has no argument 'filter'", "Did you mean 'filters'?"),
        ("model.0.filters", "'model.0' is Conv2D, so there is no 'filters' inside it", "write model.0.Conv2D.filters"),
        ("model.0.Dense.units", "'model.0' is Conv2D, so there is no 'Dense' inside it", "write model.0.Conv2D.units"),
        ("model.0.Conv2D.padding.x", "'padding' of Conv2D is \"valid\" (text), so there is no 'x' inside it", None),
        (
            "model.0.Conv2D.kernel_initializer.Zeros.seed",
            "'kernel_initializer' of Conv2D is GlorotUniform, so there is no 'Zeros' inside it",
            None,
        ),
    ],
)
def test_an_unknown_path_is_refused(config: Document, path: str, text: str, hint: str | None) -> None:
    """The error says which path was probably meant."""
    with pytest.raises(NnrunError) as caught:
        origin(config, split_path(path))
    assert caught.value.text == text
    assert hint is None or caught.value.hint == hint


@pytest.mark.keras
def test_keras_own_defaults_are_those_of_keras(config: Document) -> None:
    """What is reported as Keras' default is the default of the installed Keras."""
    import inspect

    import keras
    import numpy as np
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    fit = inspect.signature(keras.Model.fit).parameters
    for name in ("epochs", "shuffle"):
        assert origin(config, ["training", name]).value == fit[name].default
    assert origin(config, ["training", "batch_size"]).value == ArrayDataAdapter(np.zeros((99, 1))).batch_size
    for name in ("floatx", "epsilon", "image_data_format"):
        assert origin(config, ["keras", name]).value == getattr(keras.config, name)()
