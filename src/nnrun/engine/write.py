"""Writes text: the loop over characters is one compiled program that hands characters out in chunks.

A loop that calls `predict` for each character spends nearly all of its time on the calls (measured: 12 to 20 characters
a second against 917, with the same characters).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.carry import advance, can_carry, nothing_yet
from nnrun.engine.sampling import Sampling, choose
from nnrun.engine.take_windows import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from numpy.typing import NDArray

    from nnrun.data.windows import Encoding

#: The most characters that one call of the program makes.
_MOST = 256
#: How long a call should take, so that characters appear as they are made and Ctrl-C is heard, in seconds.
_SECONDS = 0.1


@dataclass(frozen=True)
class Voice:
    """How a model takes and gives characters.

    Attributes:
        window: How many characters an example has.
        vocabulary: How many different ones there are.
        encoding: How they are given to the model.
        every: Whether it says after every character of the window what follows, not only at its end.
        logits: Whether it gives logarithms, not probabilities.
        padding: The code that stands before a text shorter than the window.
    """

    window: int
    vocabulary: int
    encoding: Encoding
    every: bool
    logits: bool
    padding: int


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
        voice: Voice,
        sampling: Sampling,
        *,
        seed: int,
        recompute: bool = False,
    ) -> None:
        self._keras, self._tf, self._model, self._voice, self._sampling = keras, tf, model, voice, sampling
        self._seed = seed
        self.carries = voice.every and not recompute and can_carry(keras, model)
        self._compile = partial(tf.function, autograph=False, jit_compile=_suits_xla(tf, model) or None)
        self._programs: dict[int, Callable[..., Any]] = {}
        self._reading: dict[int, Callable[..., Any]] = {}

    def write(self, codes: NDArray[np.int32], length: int, samples: int) -> Iterator[NDArray[np.int32]]:
        """Write `length` characters after `codes`, shape (characters,), `samples` times at once.

        The program is compiled once for each number of samples (the one that reads `codes` for each length of them
        too), and takes weights that changed meanwhile as they are.

        Yields:
            The next characters, shape (samples, some), as they are made.
        """
        program = self._program(samples)
        place = (self._memory if self.carries else self._window)(codes, samples)
        done, size = 0, 1
        while done < length:
            began = time.perf_counter()
            count = min(size, length - done)
            made, place = program(place, self._tf.constant(done), self._tf.constant(count))
            yield np.asarray(made)[:, :count]
            # The first call may also compile.
            size = 8 if done == 0 else _next_size(count, time.perf_counter() - began)
            done += count

    def _program(self, samples: int) -> Callable[..., Any]:
        if samples not in self._programs:
            self._programs[samples] = self._compile(partial(self._chunk, samples))
        return self._programs[samples]

    def _chunk(self, samples: int, place: Any, done: Any, count: Any) -> Any:
        """Make `count` characters from `place` on; gives them, with room to spare, and the place after them."""
        tf = self._tf
        step = self._step_with_memory if self.carries else self._step_over_window

        def body(made: Any, place: Any, out: Any) -> Any:
            outputs, seen, put = step(place)
            seed = tf.stack([tf.constant(self._seed, tf.int32), done + made])
            code = choose(tf, outputs, seen, self._sampling, seed, logits=self._voice.logits)
            return made + 1, put(code), tf.where(tf.range(_MOST)[None] == made, code[:, None], out)

        began = (tf.constant(0), place, tf.zeros((samples, _MOST), tf.int32))
        _, place, out = tf.while_loop(lambda made, *_: made < count, body, began, parallel_iterations=1)
        return out, place

    def _window(self, codes: NDArray[np.int32], samples: int) -> Any:
        """Where a model stands that reads its window for each character: the window, and how much of it is text.

        What is said only at the window's end needs the text there, after padding; what is said at every character
        needs none, as nothing after a character changes what is said of it.
        """
        tf, voice = self._tf, self._voice
        last = codes[-voice.window :]
        window = np.full(voice.window, voice.padding, dtype="int32")
        length = len(last) if voice.every else voice.window
        window[: len(last)] = last if voice.every else window[: len(last)]
        if not voice.every:
            window[voice.window - len(last) :] = last
        return tf.constant(np.tile(window, (samples, 1))), tf.constant(length)

    def _step_over_window(self, place: Any) -> Any:
        tf, voice = self._tf, self._voice
        window, length = place
        outputs = self._model(encoded(tf, window, voice.encoding, voice.vocabulary), training=False)
        outputs = tf.gather(outputs, length - 1, axis=1) if voice.every else outputs
        seen = tf.where(tf.range(voice.window)[None] < length, window, -1)

        def put(code: Any) -> Any:
            moved = tf.concat([window[:, 1:], code[:, None]], axis=1)
            there = tf.where(tf.range(voice.window)[None] == length, code[:, None], window)
            return tf.where(length == voice.window, moved, there), tf.minimum(length + 1, voice.window)

        return outputs, seen, put

    def _memory(self, codes: NDArray[np.int32], samples: int) -> Any:
        """Where a model stands whose memory is carried: the last character, the memory, what was just seen."""
        tf, voice = self._tf, self._voice
        seen = np.full(voice.window, -1, dtype="int32")
        seen[voice.window - min(len(codes), voice.window) :] = codes[-voice.window :]
        last = np.full(samples, codes[-1], dtype="int32")
        if samples not in self._reading:
            self._reading[samples] = tf.function(partial(self._read, samples), autograph=False)
        memory = self._reading[samples](tf.constant(codes[:-1], tf.int32))
        return tf.constant(last), memory, tf.constant(np.tile(seen, (samples, 1)))

    def _read(self, samples: int, text: Any) -> Any:
        """Give what a model remembers that has read a text."""
        tf = self._tf

        def body(index: Any, memory: Any) -> Any:
            code = tf.repeat(text[index][None], samples)
            return index + 1, self._take(code, memory)[1]

        began = (tf.constant(0), nothing_yet(self._keras, self._model, samples))
        return tf.while_loop(lambda index, _: index < tf.size(text), body, began, parallel_iterations=1)[1]

    def _step_with_memory(self, place: Any) -> Any:
        tf = self._tf
        code, memory, seen = place
        outputs, after = self._take(code, memory)
        return outputs, seen, lambda new: (new, after, tf.concat([seen[:, 1:], new[:, None]], axis=1))

    def _take(self, code: Any, memory: Any) -> Any:
        x = encoded(self._tf, code[:, None], self._voice.encoding, self._voice.vocabulary)
        return advance(self._keras, self._model, x, memory)


def _suits_xla(tf: Any, model: Any) -> bool:
    """XLA is faster for recurrent, dense and attention layers on CPU, and ten times slower for convolutions."""
    convolves = any("Conv" in type(layer).__name__ for layer in model._flatten_layers())  # noqa: SLF001
    return not convolves and not tf.config.list_physical_devices("GPU")


def _next_size(size: int, seconds: float) -> int:
    wanted = int(size * _SECONDS / max(seconds, 1e-6))
    return max(1, min(wanted, size * 4, _MOST))
