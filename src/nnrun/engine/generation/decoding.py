"""Decoding: the ways in which a model computes the next character of a text, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.executors.window_batches import encode_tokens
from nnrun.engine.generation.incremental import IncrementalModel
from nnrun.engine.scoring.outputs import only_output

if TYPE_CHECKING:
    from types import ModuleType

    from nnrun.data.text.windows import Encoding


@dataclass(frozen=True)
class TextModelSpec:
    """The inputs and outputs of a model of text.

    Attributes:
        window: The number of characters of an example.
        vocabulary: The number of different characters.
        encoding: How characters are encoded.
        every: Whether the model predicts after every character of the window, not only at its end.
        logits: Whether its outputs are logits, not probabilities.
        padding: The token id that fills up a text shorter than the window.
    """

    window: int
    vocabulary: int
    encoding: Encoding
    every: bool
    logits: bool
    padding: int


class FullWindow:
    """Computes the whole last window again for each character: right for every model.

    Attributes:
        name: The name in results.
        has_state: Whether a state is kept from character to character.
        windowed: Whether a prediction depends on a window of the text only.
    """

    name = "window"
    has_state = False
    windowed = True

    def __init__(self, tf: Any, model: Any, spec: TextModelSpec) -> None:
        self._tf, self._model, self._spec = tf, model, spec

    def initial_state(self, samples: int) -> Any:
        """Return the state before the first character."""
        del samples
        return ()

    def step(self, token: Any, state: Any, index: Any, recent: Any) -> tuple[Any, Any]:
        """Process one character.

        A model that predicts only at the window's end gets the text there, after padding. A model that predicts at
        every character gets the text at the window's start, as later characters change no earlier prediction.

        Args:
            token: The character's token id, shape (samples,).
            state: The state.
            index: The index of the character in the text, counted from 0.
            recent: The last window of token ids, `token` at its end and -1 before the text, shape (samples, window).

        Returns:
            The model's outputs for the next character, shape (samples, vocabulary), and the new state.
        """
        del token
        tf, spec = self._tf, self._spec
        last = tf.minimum(index, spec.window - 1)
        window = tf.roll(recent, last + 1, axis=1) if spec.every else recent
        window = tf.where(window < 0, spec.padding, window)
        x = encode_tokens(tf, window, spec.encoding, spec.vocabulary)
        names = self._model.input
        x = dict.fromkeys(names, x) if isinstance(names, dict) else x
        outputs = only_output(self._model(x, training=False))
        return (tf.gather(outputs, last, axis=1) if spec.every else outputs), state


class _WithState:
    """Processes characters one by one, with the state of the model's layers after those before."""

    has_state = True

    def __init__(self, tf: Any, model: IncrementalModel, spec: TextModelSpec) -> None:
        self._tf, self._model, self._spec = tf, model, spec

    def _advance(self, tokens: Any, state: Any, index: Any) -> tuple[Any, Any]:
        """Process one character of each row, shape (rows,); return (rows, vocabulary), and the new state."""
        x = encode_tokens(self._tf, tokens[:, None], self._spec.encoding, self._spec.vocabulary)
        return self._model.step(x, state, index)


class StatefulRnn(_WithState):
    """Keeps the state of recurrent layers: predictions depend on the whole text so far."""

    name = "state"
    windowed = False

    def initial_state(self, samples: int) -> Any:
        """Return the state before the first character."""
        return self._model.initial_state(samples)

    def step(self, token: Any, state: Any, index: Any, recent: Any) -> tuple[Any, Any]:
        """Process one character, as `FullWindow.step` does."""
        del recent
        return self._advance(token, state, index)


class KvCache(StatefulRnn):
    """Keeps keys and values of attention, as long as the text stays within the window.

    When a full window moves on, each of its characters gets another position and loses one before it: no cached value
    would be right. A longer text is computed by full windows from its start: compiling a second program when the window
    is full takes longer (1.5 s) than computing some hundred windows.

    Attributes:
        beyond_window: The decoding of a text that does not stay within the window.
    """

    name = "cache"
    windowed = True

    def __init__(self, tf: Any, model: IncrementalModel, spec: TextModelSpec, beyond_window: FullWindow) -> None:
        super().__init__(tf, model, spec)
        self.beyond_window = beyond_window


class BatchedWindows(_WithState):
    """Computes a recurrent model's windows as a batch: each character is processed for all windows that contain it.

    The window that ends at a character began `window` characters before. So as many windows are in progress at any
    time, each with a state of its own, and one product for all of them replaces as many products, one after the other,
    of a full window: the same operations, but weights are fetched once (measured: 0.53 against 0.90 ms of processor
    time for a character of LSTM(256), window 100, and two cores can share the one product).
    """

    name = "window"
    windowed = True

    def initial_state(self, samples: int) -> Any:
        """Return the state before the first character: window after window, sample after sample."""
        return self._model.initial_state(samples * self._spec.window)

    def step(self, token: Any, state: Any, index: Any, recent: Any) -> tuple[Any, Any]:
        """Process one character, as `FullWindow.step` does."""
        tf, window = self._tf, self._spec.window
        samples = recent.shape[0]
        starts_here = tf.tile(tf.range(window) == index % window, [samples])
        state = tf.nest.map_structure(
            lambda initial, old: tf.where(tf.reshape(starts_here, [-1] + [1] * (len(old.shape) - 1)), initial, old),
            self.initial_state(samples),
            state,
        )
        outputs, state = self._advance(tf.repeat(token, window), state, index)
        # The window that started a window ago ends here; while the text is shorter, the first one does.
        ending = tf.where(index + 1 < window, 0, (index + 1) % window)
        return tf.gather(tf.reshape(outputs, (samples, window, outputs.shape[-1])), ending, axis=1), state


Decoding = FullWindow | StatefulRnn | BatchedWindows


def choose_decoding(keras: ModuleType, tf: Any, model: Any, spec: TextModelSpec, *, recompute: bool) -> Decoding:
    """Choose the fastest decoding that is right for a model.

    Args:
        keras: The started Keras.
        tf: The TensorFlow module.
        model: The model.
        spec: The model's inputs and outputs.
        recompute: Whether each character must depend on nothing but its window.
    """
    full_window = FullWindow(tf, model, spec)
    if not IncrementalModel.supports(keras, model):
        return full_window
    incremental = IncrementalModel(keras, model, spec.window)
    keeps_state = spec.every and not recompute
    if not incremental.bounded:
        return (StatefulRnn if keeps_state else BatchedWindows)(tf, incremental, spec)
    return KvCache(tf, incremental, spec, full_window) if keeps_state else full_window
