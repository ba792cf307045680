"""Tests of how a model reads what it writes on: every way gives what the plain way gives."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.backend.start import tensorflow
from nnrun.engine.generation.decoding import BatchedWindows, FullWindow, KvCache, StatefulRnn, TextModelSpec
from nnrun.engine.generation.generate import TextGenerator
from nnrun.engine.generation.sampling import SamplingOptions

pytestmark = pytest.mark.keras

WINDOW, CODES = 8, 11
NEXT = TextModelSpec(WINDOW, CODES, "scaled", every=False, logits=True, padding=4)
EVERY = TextModelSpec(WINDOW, CODES, "codes", every=True, logits=True, padding=0)


def wide(keras: ModuleType, stddev: float) -> Any:
    """First weights so large that greedy texts do not settle on one character, the same in every test."""
    return keras.initializers.RandomNormal(stddev=stddev, seed=2)


def end_model(keras: ModuleType, dtype: str | None = None) -> Any:
    """Two recurrent layers that say what follows their window."""
    layers = keras.layers
    inputs = layers.Input((WINDOW, 1))
    hidden = layers.LSTM(12, return_sequences=True, kernel_initializer=wide(keras, 10.0), dtype=dtype)(inputs)
    hidden = layers.GRU(10, kernel_initializer=wide(keras, 3.0), dtype=dtype)(layers.Dropout(0.2)(hidden))
    return keras.Model(inputs, layers.Dense(CODES, kernel_initializer=wide(keras, 1.0))(hidden))


def recurrent_model(keras: ModuleType, dtype: str | None = None) -> Any:
    """Make a recurrent model with an output for every character."""
    layers = keras.layers
    inputs = layers.Input((WINDOW,))
    hidden = layers.Embedding(CODES, 6, embeddings_initializer=wide(keras, 2.0))(inputs)
    hidden = layers.LSTM(12, return_sequences=True, kernel_initializer=wide(keras, 1.0), dtype=dtype)(hidden)
    return keras.Model(inputs, layers.Dense(CODES, kernel_initializer=wide(keras, 1.0))(hidden))


def transformer(keras: ModuleType, dtype: str | None = None) -> Any:
    """A block of causal attention over positions."""
    from nnrun.engine.model.layers import PositionEmbedding

    layers = keras.layers
    inputs = layers.Input((WINDOW,))
    hidden = layers.Embedding(CODES, 8, embeddings_initializer=wide(keras, 2.0))(inputs)
    hidden = PositionEmbedding(WINDOW, initializer=wide(keras, 0.4))(hidden)
    attention = layers.MultiHeadAttention(2, 4, kernel_initializer=wide(keras, 0.4), dtype=dtype)
    hidden = layers.Add()([hidden, attention(hidden, hidden, use_causal_mask=True)])
    return keras.Model(inputs, layers.Dense(CODES, kernel_initializer=wide(keras, 0.4))(hidden))


def generator_of(
    model: Any, keras: ModuleType, spec: TextModelSpec, sampling: SamplingOptions, *, recompute: bool = False
) -> TextGenerator:
    """A generator of one of these models."""
    return TextGenerator(keras, tensorflow(), model, spec, sampling, seed=5, recompute=recompute)


def written(generator: TextGenerator, text: list[int], samples: int = 1, length: int = 30) -> list[list[int]]:
    """What it writes."""
    pieces = list(generator.generate(np.array(text, dtype="int32"), length, samples))
    return [[int(code) for code in row] for row in np.concatenate(pieces, axis=1)]


@pytest.mark.parametrize(
    ("build", "spec", "recompute", "reading", "how"),
    [
        (end_model, NEXT, False, BatchedWindows, "window"),
        (recurrent_model, EVERY, False, StatefulRnn, "state"),
        (recurrent_model, EVERY, True, BatchedWindows, "window"),
        (transformer, EVERY, False, KvCache, "cache"),
        (transformer, EVERY, True, FullWindow, "window"),
    ],
)
def test_the_form_of_a_model_decides(
    keras: ModuleType, build: Any, spec: TextModelSpec, recompute: bool, reading: type, how: str
) -> None:
    """Recurrent layers keep their state, attention caches its window, and models with one output compute windows."""
    generator = generator_of(build(keras), keras, spec, SamplingOptions(), recompute=recompute)
    used = generator.decoding_for(np.array([1, 5, 3]), WINDOW - 2)
    assert type(used) is reading
    assert used.name == how


def test_a_text_longer_than_the_window_is_computed_by_full_windows(keras: ModuleType) -> None:
    """Attention has no cache if the last character is in another window than the first."""
    generator = generator_of(transformer(keras), keras, EVERY, SamplingOptions())
    # The last character that is written is read by nobody.
    assert type(generator.decoding_for(np.array([1, 5, 3]), WINDOW - 2)) is KvCache
    assert type(generator.decoding_for(np.array([1, 5, 3]), WINDOW - 1)) is FullWindow


def test_a_model_that_looks_ahead_computes_full_windows(keras: ModuleType) -> None:
    """A model whose layers look ahead, or at several steps, computes full windows."""
    layers = keras.layers
    inputs = layers.Input((WINDOW, 1))
    model = keras.Model(inputs, layers.Dense(CODES)(layers.Bidirectional(layers.LSTM(4))(inputs)))
    assert type(generator_of(model, keras, NEXT, SamplingOptions()).decoding_for(np.array([1]), 5)) is FullWindow


@pytest.mark.parametrize("text", [[3], [1, 5, 3], [1, 2, 3, 4, 5, 6, 7, 8], [9, 1, 2, 3, 4, 5, 6, 7, 8, 10]])
@pytest.mark.parametrize(
    ("build", "spec", "recompute"),
    [(end_model, NEXT, False), (recurrent_model, EVERY, True), (transformer, EVERY, False)],
)
@pytest.mark.parametrize("sampling", [SamplingOptions(), SamplingOptions(3.0, top_k=9, repetition_penalty=1.2)])
def test_fast_decodings_generate_the_text_of_full_windows(
    keras: ModuleType, build: Any, spec: TextModelSpec, recompute: bool, sampling: SamplingOptions, text: list[int]
) -> None:
    """The same characters, drawn ones and of several samples too, within the window and beyond it."""
    model = build(keras)
    quick = generator_of(model, keras, spec, sampling, recompute=recompute)
    plain = generator_of(model, keras, spec, sampling, recompute=recompute)
    plain._decoding = FullWindow(tensorflow(), model, spec)
    lengths = [30, *[WINDOW - len(text) + more for more in (1, 2) if len(text) <= WINDOW]]
    for length in lengths:
        made = written(quick, text, samples=2, length=length)
        assert made == written(plain, text, samples=2, length=length)
        assert sampling.greedy or length < 30 or len(set(made[0])) > 4


@pytest.mark.parametrize(
    ("build", "spec", "recompute"),
    [
        (end_model, NEXT, False),
        (recurrent_model, EVERY, False),
        (recurrent_model, EVERY, True),
        (transformer, EVERY, False),
        (transformer, EVERY, True),
    ],
)
def test_inputs_and_outputs_may_have_names(
    keras: ModuleType, build: Any, spec: TextModelSpec, recompute: bool, recwarn: pytest.WarningsRecorder
) -> None:
    """The model of a graph, which takes and returns tensors by name, writes what the chain of its layers writes."""
    chain = build(keras)
    graph = keras.Model({"text": chain.input}, {"next": chain.output})
    made = [
        written(generator_of(one, keras, spec, SamplingOptions(), recompute=recompute), [1, 5, 3], samples=2)
        for one in (chain, graph)
    ]
    assert made[0] == made[1]
    assert not [one for one in recwarn if "structure of `inputs`" in str(one.message)]


def test_a_full_window_has_the_outputs_of_the_model(keras: ModuleType) -> None:
    """Greedy text of a transformer is the most probable character after each window, position for position."""
    model = transformer(keras)
    made = written(generator_of(model, keras, EVERY, SamplingOptions()), [1, 5, 3])[0]
    text = [1, 5, 3]
    for _ in made:
        window = text[-WINDOW:]
        padded = np.array([window + [0] * (WINDOW - len(window))])
        text.append(int(np.asarray(model(padded, training=False))[0, len(window) - 1].argmax()))
    assert made == text[3:]


@pytest.mark.parametrize(
    ("build", "spec", "recompute"),
    [
        (end_model, NEXT, False),
        (recurrent_model, EVERY, False),
        (recurrent_model, EVERY, True),
        (transformer, EVERY, False),
    ],
)
def test_half_precision_is_kept(keras: ModuleType, build: Any, spec: TextModelSpec, recompute: bool) -> None:
    """What is remembered keeps the type that its layer computes in."""
    generator = generator_of(build(keras, "mixed_bfloat16"), keras, spec, SamplingOptions(), recompute=recompute)
    made = written(generator, [1, 5, 3], length=12)[0]
    assert len(made) == 12
    assert set(made) <= set(range(CODES))
