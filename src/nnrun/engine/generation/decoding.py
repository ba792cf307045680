"""The ways in which a model reads the text that it writes on, one character at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.window_batches import encoded
from nnrun.engine.generation.incremental import Carrier

if TYPE_CHECKING:
    from types import ModuleType

    from nnrun.engine.generation.text_model_spec import TextModelSpec


class Whole:
    """Reads the last window anew for each character: right for every model.

    Attributes:
        how: What a user is told.
        remembers: Whether something is kept from character to character.
        windowed: Whether what is said depends on a window of the text only.
    """

    how = "window"
    remembers = False
    windowed = True

    def __init__(self, tf: Any, model: Any, voice: TextModelSpec) -> None:
        self._tf, self._model, self._voice = tf, model, voice

    def nothing_yet(self, samples: int) -> Any:
        """Give what is remembered before the first character."""
        del samples
        return ()

    def take(self, code: Any, memory: Any, index: Any, seen: Any) -> tuple[Any, Any]:
        """Take one character.

        What is said only at the window's end needs the text there, after padding. What is said at every character
        needs it at the beginning, as nothing after a character changes what is said of it.

        Args:
            code: The character's code, shape (samples,).
            memory: What is remembered.
            index: Which character of the text it is, counted from 0.
            seen: The last window of codes, `code` at its end and -1 where there is no text, shape (samples, window).

        Returns:
            What the model says of the next one, shape (samples, vocabulary), and what is then remembered.
        """
        del code
        tf, voice = self._tf, self._voice
        last = tf.minimum(index, voice.window - 1)
        window = tf.roll(seen, last + 1, axis=1) if voice.every else seen
        window = tf.where(window < 0, voice.padding, window)
        outputs = self._model(encoded(tf, window, voice.encoding, voice.vocabulary), training=False)
        return (tf.gather(outputs, last, axis=1) if voice.every else outputs), memory


class _Stepping:
    """Takes the model's steps one by one, with what its layers remember of those before."""

    remembers = True

    def __init__(self, tf: Any, carrier: Carrier, voice: TextModelSpec) -> None:
        self._tf, self._carrier, self._voice = tf, carrier, voice

    def _step(self, codes: Any, memory: Any, index: Any) -> tuple[Any, Any]:
        """Take one character for each row, shape (rows,); gives (rows, vocabulary), and what is then remembered."""
        x = encoded(self._tf, codes[:, None], self._voice.encoding, self._voice.vocabulary)
        return self._carrier.advance(x, memory, index)


class StatefulRnn(_Stepping):
    """Carries what recurrent layers remember: what they say is said of the whole text so far."""

    how = "state"
    windowed = False

    def nothing_yet(self, samples: int) -> Any:
        """Give what is remembered before the first character."""
        return self._carrier.nothing_yet(samples)

    def take(self, code: Any, memory: Any, index: Any, seen: Any) -> tuple[Any, Any]:
        """Take one character, as `Whole.take` does."""
        del seen
        return self._step(code, memory, index)


class KvCache(StatefulRnn):
    """Carries keys and values of attention, for as long as the text stays within the window.

    When a full window moves on, each of its characters gets another position and loses one before it: nothing kept
    would be right. A longer text is read by windows from its beginning: making a second program when the window is
    full takes longer (1.5 s) than reading some hundred windows anew.

    Attributes:
        beyond: How a text is read that does not stay within the window.
    """

    how = "cache"
    windowed = True

    def __init__(self, tf: Any, carrier: Carrier, voice: TextModelSpec, beyond: Whole) -> None:
        super().__init__(tf, carrier, voice)
        self.beyond = beyond


class BatchedWindows(_Stepping):
    """Reads a recurrent model's windows side by side: each character is taken by all windows that contain it.

    The window that ends at a character began `window` characters before. So as many windows are under way at any time,
    each with a memory of its own, and one product for all of them does what a window read anew does in as many
    products, one after the other: the same operations, but weights are fetched once (measured: 0.53 against 0.90 ms of
    processor time for a character of LSTM(256), window 100, and two cores can share the one product).
    """

    how = "window"
    windowed = True

    def nothing_yet(self, samples: int) -> Any:
        """Give what is remembered before the first character: of window after window, sample after sample."""
        return self._carrier.nothing_yet(samples * self._voice.window)

    def take(self, code: Any, memory: Any, index: Any, seen: Any) -> tuple[Any, Any]:
        """Take one character, as `Whole.take` does."""
        tf, window = self._tf, self._voice.window
        samples = seen.shape[0]
        begins = tf.tile(tf.range(window) == index % window, [samples])
        memory = tf.nest.map_structure(
            lambda fresh, old: tf.where(tf.reshape(begins, [-1] + [1] * (len(old.shape) - 1)), fresh, old),
            self.nothing_yet(samples),
            memory,
        )
        outputs, after = self._step(tf.repeat(code, window), memory, index)
        # The one that began a window ago ends here; while the text is shorter, the one that began with it.
        ends = tf.where(index + 1 < window, 0, (index + 1) % window)
        return tf.gather(tf.reshape(outputs, (samples, window, outputs.shape[-1])), ends, axis=1), after


Reading = Whole | StatefulRnn | BatchedWindows


def reading_for(keras: ModuleType, tf: Any, model: Any, voice: TextModelSpec, *, recompute: bool) -> Reading:
    """Choose how a model reads: the quickest way that gives what its form promises.

    Args:
        keras: The woken Keras.
        tf: The TensorFlow module.
        model: The model.
        voice: How it takes and gives characters.
        recompute: Whether each character is to be written after nothing but its window, read anew.
    """
    whole = Whole(tf, model, voice)
    if not Carrier.can_step(keras, model):
        return whole
    carrier = Carrier(keras, model, voice.window)
    if not carrier.bounded:
        return StatefulRnn(tf, carrier, voice) if voice.every and not recompute else BatchedWindows(tf, carrier, voice)
    if voice.every and not recompute:
        return KvCache(tf, carrier, voice, whole)
    return whole
