"""Layers that look words up, as steps of the preparation that give the rest of the model the same numbers."""

from __future__ import annotations

from typing import Any

import pytest

from nnrun.config import document as documents
from nnrun.config.dump import dump
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model.to_config.compare import ModelComparison
from nnrun.engine.model.to_config.convert import convert, prove
from nnrun.errors import RunError
from nnrun.spec.experiment import validate

pytestmark = pytest.mark.keras

TEXTS = ["a red fox", "the blue dog runs", "The fox!"]
WORDS = ["red", "blue", "dark green"]


@pytest.fixture(scope="module")
def keras() -> Any:
    """Start Keras once for all models."""
    return start_keras(BackendSettings(seed=7))


def _written(keras: Any, model: Any) -> tuple[dict[str, Any], ModelComparison]:
    converted = convert(keras, model, None)
    data = {
        "name": "x",
        "data": {"source": {"csv": {"file": "x.csv", "target": "y"}}, "prepare": converted.prepare},
        **converted.sections,
        "training": {"loss": "mean_squared_error", "optimizer": "Adam"},
    }
    document = documents.parse(dump(data), "x.yaml")
    return document.data, prove(keras, model, converted, validate(document), document.key_mark)


def _words(keras: Any, **arguments: Any) -> Any:
    layer = keras.layers.TextVectorization(**arguments)
    layer.adapt(TEXTS)
    return layer


def _lookup(keras: Any, **arguments: Any) -> Any:
    return keras.layers.StringLookup(vocabulary=WORDS, **arguments)


@pytest.mark.parametrize(
    ("shape", "arguments", "step"),
    [
        ((), {"output_sequence_length": 5}, {"output_sequence_length": 5}),
        ((1,), {}, {}),
        ((), {"output_mode": "multi_hot"}, {"output_mode": "multi_hot"}),
        ((1,), {"output_mode": "count", "ngrams": 2}, {"ngrams": 2, "output_mode": "count"}),
        ((1,), {"split": "character", "standardize": "lower", "output_sequence_length": 7},
         {"standardize": "lower", "split": "character", "output_sequence_length": 7}),
        ((1,), {"standardize": None, "max_tokens": 4, "output_sequence_length": 3},
         {"standardize": None, "output_sequence_length": 3}),
    ],
)  # fmt: skip
def test_text_vectorization_is_the_step_of_its_name(
    keras: Any, shape: tuple[int, ...], arguments: dict[str, Any], step: dict[str, Any]
) -> None:
    """With the layer's vocabulary, and numbers with which the model computes the same."""
    words = _words(keras, **arguments)
    layers = keras.layers
    rest = [layers.Dense(2)] if "output_mode" in arguments else [layers.Embedding(40, 3), layers.LSTM(2)]
    model = keras.Sequential([keras.Input(shape, dtype="string", name="message"), words, *rest])
    data, comparison = _written(keras, model)
    (found,) = data["data"]["prepare"]
    vocabulary = words.get_vocabulary(include_special_tokens=False)
    assert found == {"TextVectorization": {"columns": ["message"], **step, "vocabulary": vocabulary}}
    assert len(data["model"]) == len(rest)
    assert comparison.equal


@pytest.mark.parametrize(
    "arguments",
    [
        {"output_mode": "one_hot"},
        {"output_mode": "multi_hot"},
        {"output_mode": "count"},
        {},
        {"mask_token": ""},
    ],
)
def test_string_lookup_takes_a_whole_text_for_one_word(keras: Any, arguments: dict[str, Any]) -> None:
    """Its numbers and its columns, unknown words among them, next to an input of numbers."""
    layers = keras.layers
    colour, size = keras.Input((1,), dtype="string", name="colour"), keras.Input((2,), name="size")
    x = _lookup(keras, **arguments)(colour)
    if "output_mode" not in arguments:
        x = layers.Flatten()(layers.Embedding(5, 2)(x))
    x = layers.Concatenate()([x, layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])(size)])
    data, comparison = _written(keras, keras.Model([colour, size], layers.Dense(1)(x)))
    assert data["model"]["inputs"] == {"colour": ["colour"], "size": ["size"]}
    assert data["data"]["prepare"][0]["TextVectorization"]["columns"] == ["colour"]
    assert comparison.equal


def _two_users(keras: Any) -> Any:
    text = keras.Input((1,), dtype="string")
    one, other = _words(keras, output_mode="count")(text), _words(keras, output_mode="multi_hot")(text)
    return keras.Model(text, keras.layers.Dense(1)(keras.layers.Concatenate()([one, other])))


def _padded(keras: Any) -> Any:
    return _words(keras, output_mode="count", pad_to_max_tokens=True, max_tokens=50)


def _of(*make: Any, shape: tuple[int, ...] = (1,)) -> Any:
    def model(keras: Any) -> Any:
        return keras.Sequential([keras.Input(shape, dtype="string"), *(one(keras) for one in make)])

    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_two_users, "is taken by 2 layers"),
        (_of(lambda keras: _words(keras, output_mode="tf_idf")), "has weights of words"),
        (_of(lambda keras: keras.layers.TextVectorization()), "was never adapted"),
        (_of(lambda keras: _lookup(keras, num_oov_indices=3)), "has a number of unknown words other than one"),
        (_of(_lookup, shape=(4,)), "takes one text of each row"),
        (_of(lambda keras: keras.layers.Hashing(8)), "takes texts, and a model of nnrun receives numbers"),
        (
            _of(lambda keras: _words(keras, output_mode="count", pad_to_max_tokens=True, max_tokens=50)),
            "pads its output",
        ),
    ],
)
def test_what_no_step_does_is_refused_with_its_reason(keras: Any, make: Any, message: str) -> None:
    """The layer is named."""
    with pytest.raises(RunError, match=message):
        convert(keras, make(keras), None)
