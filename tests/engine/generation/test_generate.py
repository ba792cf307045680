"""Tests of writing text: the compiled loop gives what the naive one gives."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.engine.backend.start import tensorflow
from nnrun.engine.generation.decoding import StatefulRnn, TextModelSpec
from nnrun.engine.generation.generate import TextGenerator
from nnrun.engine.generation.sampling import SamplingOptions

pytestmark = pytest.mark.keras

WINDOW, CODES = 8, 11


def write(
    keras: ModuleType,
    model: Any,
    spec: TextModelSpec,
    seed_codes: list[int],
    sampling: SamplingOptions = SamplingOptions(),  # noqa: B008
    *,
    samples: int = 1,
    length: int = 40,
    seed: int = 3,
    recompute: bool = False,
) -> np.ndarray:
    """All that a generator writes."""
    generator = TextGenerator(keras, tensorflow(), model, spec, sampling, seed=seed, recompute=recompute)
    codes = np.array(seed_codes, dtype="int32")
    return np.concatenate(list(generator.generate(codes, length, samples)), axis=1)


@pytest.fixture
def next_model(keras: ModuleType) -> Any:
    """Make a model of scaled windows with an output for the end of the window."""
    inputs = keras.layers.Input((WINDOW, 1))
    hidden = keras.layers.LSTM(12, kernel_initializer="orthogonal")(inputs)
    wide = keras.initializers.RandomNormal(stddev=3.0)
    outputs = keras.layers.Dense(CODES, activation="softmax", kernel_initializer=wide)(hidden)
    return keras.Model(inputs, outputs)


@pytest.fixture
def every_model(keras: ModuleType) -> Any:
    """Make a recurrent model of token ids with an output for every character, for windows of any length."""
    layers = keras.layers
    inputs = layers.Input((None,))
    hidden = layers.Embedding(CODES, 6, embeddings_initializer="orthogonal")(inputs)
    hidden = layers.LSTM(12, return_sequences=True)(hidden)
    hidden = layers.LayerNormalization()(hidden)
    hidden = layers.GRU(12, return_sequences=True)(layers.Dropout(0.5)(hidden))
    return keras.Model(inputs, layers.Dense(CODES, kernel_initializer="orthogonal")(hidden))


def test_windows_are_those_of_predict(keras: ModuleType, next_model: Any) -> None:
    """Greedy text equals that of `predict` for each character, after a seed text longer than the window."""
    codes = [1, 5, 3, 2, 7, 8, 9, 1, 4, 0]
    made = write(keras, next_model, TextModelSpec(WINDOW, CODES, "scaled", False, False, 0), codes)[0]
    text = list(codes)
    for _ in range(40):
        window = np.array(text[-WINDOW:], dtype="float32")[None, :, None] / np.float32(CODES)
        text.append(int(next_model.predict(window, verbose=0).argmax()))
    assert made.tolist() == text[len(codes) :]


def test_a_short_text_is_padded_on_the_left(keras: ModuleType, next_model: Any) -> None:
    """A text shorter than the window stands at its end, after the padding's code."""
    spec = TextModelSpec(WINDOW, CODES, "scaled", False, False, 4)
    short = write(keras, next_model, spec, [1, 2])
    assert (short == write(keras, next_model, spec, [4] * (WINDOW - 2) + [1, 2])).all()


def test_a_kept_state_gives_the_text_of_computing_all_again(keras: ModuleType, every_model: Any) -> None:
    """Greedy text with a kept state equals that of a model that computes the whole text again for each character."""
    spec = TextModelSpec(WINDOW, CODES, "codes", True, True, 0)
    generator = TextGenerator(keras, tensorflow(), every_model, spec, SamplingOptions(), seed=1)
    assert isinstance(generator.decoding_for(np.array([1, 5, 3]), 40), StatefulRnn)
    made = write(keras, every_model, spec, [1, 5, 3])[0]
    text = [1, 5, 3]
    for _ in range(40):
        text.append(int(np.asarray(every_model(np.array([text]), training=False))[0, -1].argmax()))
    assert made.tolist() == text[3:]


def test_recomputing_reads_the_last_window(keras: ModuleType, every_model: Any) -> None:
    """Without a kept state the same model computes its last window, which first fills up from the text's start."""
    spec = TextModelSpec(WINDOW, CODES, "codes", True, True, 0)
    made = write(keras, every_model, spec, [1, 5, 3], recompute=True)[0]
    text = [1, 5, 3]
    for _ in range(40):
        text.append(int(np.asarray(every_model(np.array([text[-WINDOW:]]), training=False))[0, -1].argmax()))
    assert made.tolist() == text[3:]


@pytest.mark.parametrize("recompute", [False, True])
def test_the_same_seed_gives_the_same_text(keras: ModuleType, every_model: Any, recompute: bool) -> None:
    """Draws depend on the seed alone, not on how the text is handed out; samples differ from each other."""
    spec, sampling = TextModelSpec(WINDOW, CODES, "codes", True, True, 0), SamplingOptions(1.5, repetition_penalty=1.2)
    made = write(keras, every_model, spec, [1, 2], sampling, samples=3, seed=5, recompute=recompute)
    again = write(keras, every_model, spec, [1, 2], sampling, samples=3, seed=5, recompute=recompute)
    other = write(keras, every_model, spec, [1, 2], sampling, samples=3, seed=6, recompute=recompute)
    assert made.shape == (3, 40)
    assert (made == again).all()
    assert (made != other).any()
    assert (made[0] != made[1]).any()


@pytest.mark.parametrize("recompute", [False, True])
def test_a_generator_is_compiled_once(keras: ModuleType, every_model: Any, recompute: bool) -> None:
    """Writing again, after another text, compiles nothing again and uses the current weights."""
    spec = TextModelSpec(WINDOW, CODES, "codes", True, True, 0)
    generator = TextGenerator(keras, tensorflow(), every_model, spec, SamplingOptions(0.9), seed=1, recompute=recompute)
    before = np.concatenate(list(generator.generate(np.array([1, 2], dtype="int32"), 40, 2)), axis=1)
    every_model.set_weights([-weight for weight in every_model.get_weights()])
    list(generator.generate(np.array([3, 4], dtype="int32"), 40, 2))
    after = np.concatenate(list(generator.generate(np.array([1, 2], dtype="int32"), 40, 2)), axis=1)
    fresh = write(keras, every_model, spec, [1, 2], SamplingOptions(0.9), samples=2, seed=1, recompute=recompute)
    assert (before != after).any()
    assert (after == fresh).all()
    list(generator.generate(np.array([1, 2, 3, 4], dtype="int32"), 4, 2))
    programs = [*generator._programs.values(), *generator._prefill_programs.values()]
    assert [one.experimental_get_tracing_count() for one in programs] == [1, 1]
