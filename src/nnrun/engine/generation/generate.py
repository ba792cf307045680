"""Text generation: the loop over characters is one compiled program that returns them in chunks.

A loop that calls `predict` for each character spends nearly all of its time on the calls (measured: 12 to 20 characters
a second against 917, with the same characters).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.generation.decoding import KvCache, choose_decoding
from nnrun.engine.generation.sampling import SamplingOptions, sample_next

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from numpy.typing import NDArray

    from nnrun.engine.generation.decoding import Decoding, TextModelSpec


#: The most characters that one call of the program generates.
_MAX_CHUNK = 256
#: How long a call should take, so that characters appear as they are generated and Ctrl-C is noticed, in seconds.
_CALL_SECONDS = 0.1


class TextGenerator:
    """Continues a text.

    Args:
        keras: The started Keras.
        tf: The TensorFlow module.
        model: The model.
        spec: The model's inputs and outputs.
        sampling: How the next character is chosen.
        seed: The seed of the draws: the same seed, the same text.
        recompute: Whether the whole window is computed again for each character even if a state could be kept.
    """

    def __init__(
        self,
        keras: ModuleType,
        tf: Any,
        model: Any,
        spec: TextModelSpec,
        sampling: SamplingOptions,
        *,
        seed: int,
        recompute: bool = False,
    ) -> None:
        self._tf, self._spec, self._sampling, self._seed = tf, spec, sampling, seed
        self._decoding = choose_decoding(keras, tf, model, spec, recompute=recompute)
        self._compile = partial(tf.function, autograph=False, jit_compile=_gains_by_xla(tf, model) or None)
        self._programs: dict[tuple[str, int], Callable[..., Any]] = {}
        self._prefill_programs: dict[tuple[str, int], Callable[..., Any]] = {}

    def decoding_for(self, prompt: NDArray[np.int32], length: int) -> Decoding:
        """Return how the model generates `length` characters after `prompt`."""
        if isinstance(self._decoding, KvCache) and len(prompt) + length > self._spec.window + 1:
            return self._decoding.beyond_window
        return self._decoding

    def generate(
        self, prompt: NDArray[np.int32], length: int, samples: int, seed: int | None = None
    ) -> Iterator[NDArray[np.int32]]:
        """Generate `length` characters after `prompt`, shape (characters,), `samples` times at once.

        The program is compiled once for each decoding and number of samples, and uses the model's current weights. The
        seed of the draws is the generator's own unless one is given.

        Yields:
            The next characters, shape (samples, some), as they are generated.
        """
        decoding = self.decoding_for(prompt, length)
        program, position = self._program(decoding, samples), self._start(decoding, prompt, samples)
        draws = self._tf.constant(self._seed if seed is None else seed, self._tf.int32)
        done, size = 0, 1
        while done < length:
            started = time.perf_counter()
            count = min(size, length - done)
            characters, position = program(position, self._tf.constant(count), draws)
            yield np.asarray(characters)[:, :count]
            # The first call may also compile.
            size = 8 if done == 0 else _next_size(count, time.perf_counter() - started)
            done += count

    def _program(self, decoding: Decoding, samples: int) -> Callable[..., Any]:
        key = (decoding.name, samples)
        if key not in self._programs:
            self._programs[key] = self._compile(partial(self._chunk, decoding, samples))
        return self._programs[key]

    def _chunk(self, decoding: Decoding, samples: int, position: Any, count: Any, draws: Any) -> Any:
        """Generate `count` characters from a position; return them, padded to `_MAX_CHUNK`, and the next position.

        `draws` is the seed of the draws.
        """
        tf = self._tf

        def body(done: Any, position: Any, characters: Any) -> Any:
            token, index, first, state, recent = position
            outputs, state = decoding.step(token, state, index, recent)
            seed = tf.stack([draws, index - first])
            token = sample_next(tf, outputs, recent, self._sampling, seed, logits=self._spec.logits)
            position = (token, index + 1, first, state, tf.concat([recent[:, 1:], token[:, None]], axis=1))
            return done + 1, position, tf.where(tf.range(_MAX_CHUNK)[None] == done, token[:, None], characters)

        initial = (tf.constant(0), position, tf.zeros((samples, _MAX_CHUNK), tf.int32))
        _, position, characters = tf.while_loop(lambda done, *_: done < count, body, initial, parallel_iterations=1)
        return characters, position

    def _start(self, decoding: Decoding, prompt: NDArray[np.int32], samples: int) -> Any:
        """Return the position at the end of the prompt.

        It is the last token, its index in the text, the index of the prompt's end, the state, and the last window.
        """
        tf, window = self._tf, self._spec.window
        prompt = prompt[-window:] if decoding.windowed else prompt
        if not self._spec.every:
            # A model that predicts at the window's end was trained on full windows only.
            prompt = np.concatenate([np.full(window - len(prompt), self._spec.padding, "int32"), prompt])
        recent = np.full(window, -1, dtype="int32")
        recent[window - min(len(prompt), window) :] = prompt[-window:]
        last = len(prompt) - 1
        state = self._prefilled_state(decoding, prompt[:-1], samples) if decoding.has_state else ()
        token = tf.constant(np.full(samples, prompt[-1], dtype="int32"))
        return token, tf.constant(last), tf.constant(last), state, tf.constant(np.tile(recent, (samples, 1)))

    def _prefilled_state(self, decoding: Decoding, prompt: NDArray[np.int32], samples: int) -> Any:
        tf, key = self._tf, (decoding.name, samples)
        if key not in self._prefill_programs:
            # Without XLA on TensorFlow, which would compile for every length of a prompt.
            signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec((), tf.int32)]
            prefill = partial(self._prefill, decoding, samples)
            self._prefill_programs[key] = tf.function(prefill, signature, autograph=False)
        # JAX compiles for each length: few lengths serve all prompts.
        padded = np.zeros(1 << len(prompt).bit_length(), "int32")
        padded[: len(prompt)] = prompt
        return self._prefill_programs[key](tf.constant(padded), tf.constant(len(prompt), tf.int32))

    def _prefill(self, decoding: Decoding, samples: int, prompt: Any, length: Any) -> Any:
        """Return the state after the first `length` characters of a prompt."""
        tf = self._tf
        no_window = tf.fill((samples, self._spec.window), -1)

        def body(index: Any, state: Any) -> Any:
            return index + 1, decoding.step(tf.repeat(prompt[index][None], samples), state, index, no_window)[1]

        initial = (tf.constant(0), decoding.initial_state(samples))
        return tf.while_loop(lambda index, _: index < length, body, initial, parallel_iterations=1)[1]


def _gains_by_xla(tf: Any, model: Any) -> bool:
    """Whether XLA is faster: for recurrent, dense and attention layers on CPU; convolutions are ten times slower."""
    has_convolution = any("Conv" in type(layer).__name__ for layer in model._flatten_layers())  # noqa: SLF001
    return not has_convolution and not tf.config.list_physical_devices("GPU")


def _next_size(size: int, seconds: float) -> int:
    return max(1, min(int(size * _CALL_SECONDS / max(seconds, 1e-6)), size * 4, _MAX_CHUNK))
