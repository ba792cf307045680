"""The step by which a model generates text, for formats that hold several functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.generation.decoding import FullWindow
from nnrun.engine.scoring.outputs import log_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.engine.generation.decoding import TextModelSpec


def next_token_function(tf: Any, model: Any, spec: TextModelSpec) -> Callable[[Any, Any], dict[str, Any]]:
    """Return a function that chooses the token after those of a window.

    Args:
        tf: TensorFlow.
        model: The model.
        spec: Its inputs and outputs.

    Returns:
        A function of the last token ids, int32 of shape (rows, window), -1 before the text begins (as many in each
        row), and a temperature (0: the likeliest token). It returns the `token`, shape (rows,), and the
        `probabilities` of all tokens before the temperature is applied, shape (rows, vocabulary).
    """
    window = FullWindow(tf, model, spec)

    def next_token(codes: Any, temperature: Any) -> dict[str, Any]:
        index = tf.reduce_sum(tf.cast(codes[0] >= 0, tf.int32)) - 1
        outputs, _ = window.step(None, (), index, codes)
        logs = log_probabilities(tf, tf.cast(outputs, tf.float32), logits=spec.logits)
        drawn = tf.random.categorical(logs / tf.maximum(temperature, 1e-6), 1)[:, 0]
        token = tf.where(temperature > 0, drawn, tf.argmax(logs, axis=-1))
        return {"token": token, "probabilities": tf.exp(logs)}

    return next_token
