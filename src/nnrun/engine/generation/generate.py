"""Writes text: the loop over characters is one compiled program that hands characters out in chunks.

A loop that calls `predict` for each character spends nearly all of its time on the calls (measured: 12 to 20 characters
a second against 917, with the same characters).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.generation.decoding import KvCache, reading_for
from nnrun.engine.generation.sampling import Sampling, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from numpy.typing import NDArray

    from nnrun.engine.generation.decoding import Reading
    from nnrun.engine.generation.text_model_spec import TextModelSpec


#: The most characters that one call of the program makes.
_MOST = 256
#: How long a call should take, so that characters appear as they are made and Ctrl-C is heard, in seconds.
_SECONDS = 0.1


class Writer:
    """Writes on from a text.

    Args:
        keras: The woken Keras.
        tf: The TensorFlow module.
        model: The model.
        voice: How it takes and gives characters.
        sampling: How the next character is chosen.
        seed: Names the draws: the same seed, the same text.
        recompute: Whether the window is read anew for each character even where memory could be carried.
    """

    def __init__(
        self,
        keras: ModuleType,
        tf: Any,
        model: Any,
        voice: TextModelSpec,
        sampling: Sampling,
        *,
        seed: int,
        recompute: bool = False,
    ) -> None:
        self._tf, self._voice, self._sampling, self._seed = tf, voice, sampling, seed
        self._reading = reading_for(keras, tf, model, voice, recompute=recompute)
        self._compile = partial(tf.function, autograph=False, jit_compile=_suits_xla(tf, model) or None)
        self._programs: dict[tuple[str, int], Callable[..., Any]] = {}
        self._before: dict[tuple[str, int], Callable[..., Any]] = {}

    def reading_of(self, codes: NDArray[np.int32], length: int) -> Reading:
        """Tell how the model reads when it writes `length` characters after `codes`."""
        if isinstance(self._reading, KvCache) and len(codes) + length > self._voice.window + 1:
            return self._reading.beyond
        return self._reading

    def write(self, codes: NDArray[np.int32], length: int, samples: int) -> Iterator[NDArray[np.int32]]:
        """Write `length` characters after `codes`, shape (characters,), `samples` times at once.

        The program is compiled once for each way of reading and number of samples, and takes weights that changed
        meanwhile as they are.

        Yields:
            The next characters, shape (samples, some), as they are made.
        """
        reading = self.reading_of(codes, length)
        program, place = self._program(reading, samples), self._place(reading, codes, samples)
        done, size = 0, 1
        while done < length:
            began = time.perf_counter()
            count = min(size, length - done)
            made, place = program(place, self._tf.constant(count))
            yield np.asarray(made)[:, :count]
            # The first call may also compile.
            size = 8 if done == 0 else _next_size(count, time.perf_counter() - began)
            done += count

    def _program(self, reading: Reading, samples: int) -> Callable[..., Any]:
        key = (reading.how, samples)
        if key not in self._programs:
            self._programs[key] = self._compile(partial(self._chunk, reading, samples))
        return self._programs[key]

    def _chunk(self, reading: Reading, samples: int, place: Any, count: Any) -> Any:
        """Make `count` characters from `place` on; gives them, with room to spare, and the place after them."""
        tf = self._tf

        def body(made: Any, place: Any, out: Any) -> Any:
            code, index, begun, memory, seen = place
            outputs, memory = reading.take(code, memory, index, seen)
            seed = tf.stack([tf.constant(self._seed, tf.int32), index - begun])
            code = choose(tf, outputs, seen, self._sampling, seed, logits=self._voice.logits)
            place = (code, index + 1, begun, memory, tf.concat([seen[:, 1:], code[:, None]], axis=1))
            return made + 1, place, tf.where(tf.range(_MOST)[None] == made, code[:, None], out)

        began = (tf.constant(0), place, tf.zeros((samples, _MOST), tf.int32))
        _, place, out = tf.while_loop(lambda made, *_: made < count, body, began, parallel_iterations=1)
        return out, place

    def _place(self, reading: Reading, codes: NDArray[np.int32], samples: int) -> Any:
        """Where writing begins: the last character, which it is, of which on, what is remembered, what was seen."""
        tf, window = self._tf, self._voice.window
        codes = codes[-window:] if reading.windowed else codes
        if not self._voice.every:
            # What is said at a window's end was only ever said of a full one.
            codes = np.concatenate([np.full(window - len(codes), self._voice.padding, "int32"), codes])
        seen = np.full(window, -1, dtype="int32")
        seen[window - min(len(codes), window) :] = codes[-window:]
        last = len(codes) - 1
        memory = self._remembered(reading, codes[:-1], samples) if reading.remembers else ()
        code = tf.constant(np.full(samples, codes[-1], dtype="int32"))
        return code, tf.constant(last), tf.constant(last), memory, tf.constant(np.tile(seen, (samples, 1)))

    def _remembered(self, reading: Reading, codes: NDArray[np.int32], samples: int) -> Any:
        tf, key = self._tf, (reading.how, samples)
        if key not in self._before:
            # Without XLA on TensorFlow, to which every length of a text is a shape of its own.
            form = [tf.TensorSpec([None], tf.int32), tf.TensorSpec((), tf.int32)]
            self._before[key] = tf.function(partial(self._read, reading, samples), form, autograph=False)
        # JAX compiles for each length: few lengths serve all texts.
        room = np.zeros(1 << len(codes).bit_length(), "int32")
        room[: len(codes)] = codes
        return self._before[key](tf.constant(room), tf.constant(len(codes), tf.int32))

    def _read(self, reading: Reading, samples: int, text: Any, length: Any) -> Any:
        """Give what is remembered of the first `length` characters of a text."""
        tf = self._tf
        unseen = tf.fill((samples, self._voice.window), -1)

        def body(index: Any, memory: Any) -> Any:
            return index + 1, reading.take(tf.repeat(text[index][None], samples), memory, index, unseen)[1]

        began = (tf.constant(0), reading.nothing_yet(samples))
        return tf.while_loop(lambda index, _: index < length, body, began, parallel_iterations=1)[1]


def _suits_xla(tf: Any, model: Any) -> bool:
    """XLA is faster for recurrent, dense and attention layers on CPU, and ten times slower for convolutions."""
    convolves = any("Conv" in type(layer).__name__ for layer in model._flatten_layers())  # noqa: SLF001
    return not convolves and not tf.config.list_physical_devices("GPU")


def _next_size(size: int, seconds: float) -> int:
    wanted = int(size * _SECONDS / max(seconds, 1e-6))
    return max(1, min(wanted, size * 4, _MOST))
