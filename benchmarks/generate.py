"""Compare the speed of text generation with a loop that calls `predict` for each character, on the same weights.

    python benchmarks/generate.py [--characters 40] [--rounds 3] [--units 256] [--window 100]

Three models: one that predicts the character after its window (the published form), which is computed for each
character; one that predicts the character after every one, whose recurrent state is carried; and a transformer, whose
keys and values are cached until its window is full, where it ends here. The naive loop of the last two computes the
whole text so far for each character, which the carried state must equal. Both sides take turns within a round, since
the speed of a shared machine drifts, and both are compiled before. Weights are random but large, so that texts do not
converge to one character; each pair of texts must be equal, character for character. Prints one JSON line per model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.backend.start import BackendSettings, start_keras, tensorflow, usable_cores
from nnrun.engine.generation.decoding import TextModelSpec
from nnrun.engine.generation.generate import TextGenerator
from nnrun.engine.generation.sampling import SamplingOptions

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY = 41
#: The characters that nnrun generates if the model has no limit, enough to be timed.
MAX_CHARACTERS = 2000


class Windowed:
    """The published form: scaled token ids as input, the character after the window as output."""

    name = "window"

    def __init__(self, keras: Any, units: int, window: int) -> None:
        self.seed, self.most = window, MAX_CHARACTERS
        layers = keras.layers
        inputs = layers.Input((window, 1))
        # Wide enough that texts do not settle on one character, and not so wide that rounding grows along the window.
        wide = {"kernel_initializer": _wide(keras, 10.0), "recurrent_initializer": _wide(keras, 0.15)}
        hidden = layers.LSTM(units, **wide)(inputs)
        outputs = layers.Dense(VOCABULARY, "softmax", kernel_initializer=_wide(keras, 1.0))(hidden)
        self.model = keras.Model(inputs, outputs)
        self.spec = TextModelSpec(window, VOCABULARY, "scaled", every=False, logits=False, padding=0)

    def next(self, text: list[int]) -> int:
        """Return the most probable token id, computed as in the published script."""
        window = np.array(text[-self.spec.window :], dtype="float32")[None, :, None] / np.float32(VOCABULARY)
        return int(self.model.predict(window, verbose=0).argmax())


class Stepwise:
    """The fast form: token ids as input, the character after every one as output."""

    name = "state"

    def __init__(self, keras: Any, units: int, window: int) -> None:
        self.seed, self.most = window, MAX_CHARACTERS
        layers = keras.layers
        inputs = layers.Input((None,))
        hidden = layers.Embedding(VOCABULARY, 32, embeddings_initializer=_wide(keras, 1.0))(inputs)
        hidden = layers.LSTM(units, return_sequences=True)(hidden)
        outputs = layers.Dense(VOCABULARY, "softmax", kernel_initializer=_wide(keras, 1.0))(hidden)
        self.model = keras.Model(inputs, outputs)
        self.spec = TextModelSpec(window, VOCABULARY, "codes", every=True, logits=False, padding=0)

    def next(self, text: list[int]) -> int:
        """Return the most probable token id after the whole text so far."""
        return int(self.model.predict(np.array([text]), verbose=0)[0, -1].argmax())


class Attention:
    """A transformer of the size of `shakespeare_transformer`, with the input and output of the fast form."""

    name = "cache"

    def __init__(self, keras: Any, units: int, window: int) -> None:
        from nnrun.engine.model.layers import PositionEmbedding

        del units
        layers = keras.layers
        # Twice the window, of which half is the seed text.
        window, self.seed, self.most = 2 * window, window, window
        inputs = layers.Input((window,))
        hidden = layers.Embedding(VOCABULARY, 128, embeddings_initializer=_wide(keras, 1.0))(inputs)
        hidden = PositionEmbedding(window, initializer=_wide(keras, 1.0))(hidden)
        for _ in range(4):
            normal = layers.LayerNormalization()(hidden)
            attention = layers.MultiHeadAttention(4, 32)(normal, normal, use_causal_mask=True)
            hidden = layers.Add()([hidden, attention])
            inner = layers.Dense(512, "gelu")(layers.LayerNormalization()(hidden))
            hidden = layers.Add()([hidden, layers.Dense(128)(inner)])
        outputs = layers.Dense(VOCABULARY, "softmax", kernel_initializer=_wide(keras, 1.0))(hidden)
        self.model = keras.Model(inputs, outputs)
        self.spec = TextModelSpec(window, VOCABULARY, "codes", every=True, logits=False, padding=0)

    def next(self, text: list[int]) -> int:
        """Return the most probable token id after the whole text so far, which is shorter than the window."""
        window = np.array([text + [0] * (self.spec.window - len(text))])
        return int(self.model.predict(window, verbose=0)[0, len(text) - 1].argmax())


def _wide(keras: Any, stddev: float) -> Any:
    return keras.initializers.RandomNormal(stddev=stddev)


def measure(keras: Any, case: Any, characters: int, rounds: int) -> dict[str, Any]:
    """Measure both sides in turns, from the same seed text."""
    writer = TextGenerator(keras, tensorflow(), case.model, case.spec, SamplingOptions(), seed=1)
    rng = np.random.default_rng(7)
    naive, ours, equal = [], [], True
    case.next(rng.integers(0, VOCABULARY, case.seed).tolist())
    for _ in range(rounds):
        seed = rng.integers(0, VOCABULARY, case.seed).astype("int32")
        slow, seconds = _timed(lambda seed=seed: _naive(case, seed.tolist(), characters))
        naive.append(characters / seconds)
        quick, pace = _written(writer, seed, case.most)
        ours.append(pace)
        equal = equal and quick[:characters] == slow
    return {
        "form": case.name,
        "how": writer.decoding_for(seed, case.most).name,
        "equal": equal,
        "compared": characters * rounds,
        "different_codes": len(set(quick)),
        "naive_characters_per_second": round(statistics.median(naive), 1),
        "ours_characters_per_second": round(statistics.median(ours), 1),
        "times": round(statistics.median(ours) / statistics.median(naive), 1),
        "cores": usable_cores(),
    }


def _naive(case: Any, text: list[int], characters: int) -> list[int]:
    began = len(text)
    for _ in range(characters):
        text.append(case.next(text))
    return text[began:]


def _timed(work: Callable[[], list[int]]) -> tuple[list[int], float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _written(writer: TextGenerator, seed: np.ndarray, characters: int) -> tuple[list[int], float]:
    """Return the text that nnrun generates, and its speed after the first call, which compiles."""
    made: list[int] = []
    began, before = 0.0, 0
    for some in writer.generate(seed, characters, 1):
        made += some[0].tolist()
        if not began:
            began, before = time.perf_counter(), len(made)
    return made, (len(made) - before) / (time.perf_counter() - began)


def main() -> None:
    """Measure the three models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, usual in (("characters", 40), ("rounds", 3), ("units", 256), ("window", 100)):
        parser.add_argument(f"--{word}", type=int, default=usual)
    options = parser.parse_args()
    keras = start_keras(BackendSettings(seed=7))
    for form in (Windowed, Stepwise, Attention):
        figures = measure(keras, form(keras, options.units, options.window), options.characters, options.rounds)
        sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
