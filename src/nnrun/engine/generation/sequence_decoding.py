"""Texts that a model writes token by token from another text: greedy and beam decoding, in one compiled program."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring.outputs import log_probabilities, only_output
from nnrun.spec.compared_output import has_logits
from nnrun.spec.graph import decoder_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.data.dataset import TextTargets
    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.spec.experiment import Experiment

#: A logarithm of a probability that no choice has.
_IMPOSSIBLE = -1e9


def write_targets(
    started: tuple[Any, Any, Any], experiment: Experiment, target: TextTargets | None, tensors: Tensors, beam_width: int
) -> NDArray[np.int64] | None:
    """Return what a model writes for each example, token numbers of shape (rows, length), filled up with 0.

    Args:
        started: Keras, the TensorFlow module (or JAX under its names), and the model.
        experiment: The experiment.
        target: How targets of text are encoded, or None.
        tensors: A part of the data, in memory.
        beam_width: How many unfinished texts of each example are followed.

    Returns:
        The texts; None where targets are not written.
    """
    name = None if target is None else decoder_input(experiment.graph, target.column)
    if target is None or not target.is_written or name is None:
        return None
    logits = has_logits(next(iter(experiment.losses.values())))
    decoder = SequenceDecoder(*started, target, name, logits=logits, beam_width=beam_width)
    return decoder.decode(tensors, experiment.training.batch_size)


class SequenceDecoder:
    """Writes the target of each example: each token after those that it has written before.

    The whole model is computed for each token, with the tokens so far in the decoder's input. That is right for every
    model whose output at a position depends on no later position of that input: recurrent layers that read forward, and
    attention with a causal mask.

    Args:
        keras: The started Keras.
        tf: The TensorFlow module, or JAX under TensorFlow's names.
        model: The model: its output has the shape (rows, length, tokens).
        target: How targets are encoded.
        decoder_input: The name of the input that takes the target.
        logits: Whether outputs are logits, not probabilities.
        beam_width: How many unfinished texts of each example are followed; 1 takes the likeliest token each time.
    """

    def __init__(
        self,
        keras: Any,
        tf: Any,
        model: Any,
        target: TextTargets,
        decoder_input: str,
        *,
        logits: bool,
        beam_width: int = 1,
    ) -> None:
        self._ops, self._tf, self._model, self._target = keras.ops, tf, model, target
        self._input, self._logits, self._width = decoder_input, logits, beam_width
        self._program = tf.function(self._write, autograph=False)

    def decode(self, tensors: Tensors, batch_size: int) -> NDArray[np.int64]:
        """Return the texts of all examples as token numbers of shape (rows, length), filled up with 0.

        Args:
            tensors: A part of the data, in memory.
            batch_size: The examples that are written at a time.
        """
        written, size = [], min(batch_size, tensors.rows)
        for begin in range(0, tensors.rows, size):
            # The last batch is filled up with its last example, so that one program serves all.
            rows = np.minimum(np.arange(begin, begin + size, dtype="int32"), tensors.rows - 1)
            x = tensors.take(self._tf, tensors.fields, self._tf.constant(rows))[0]
            found = np.asarray(self._program({name: field for name, field in x.items() if name != self._input}))
            written.append(found[: tensors.rows - begin])
        return np.concatenate(written).astype(np.int64)

    def _write(self, inputs: dict[str, Any]) -> Any:
        """Return the likeliest texts that were found, shape (rows, length).

        The state is, for each example and each of its texts: the tokens so far, shape (rows * width, length); the sum
        of the logarithms of their probabilities, (rows, width); whether it has ended, (rows * width,).
        """
        ops, width, length = self._ops, self._width, self._target.length
        batch = next(iter(inputs.values())).shape[0]
        repeated = {name: ops.repeat(field, width, axis=0) for name, field in inputs.items()}
        # At first all texts of an example are the same: only one of them counts.
        scores = ops.tile(ops.convert_to_tensor([[0.0] + [_IMPOSSIBLE] * (width - 1)], "float32"), (batch, 1))
        tokens = ops.zeros((batch * width, length), "int32")
        ended = ops.zeros((batch * width,), "bool")

        def goes_on(step: Any, tokens: Any, scores: Any, ended: Any) -> Any:
            del tokens, scores
            return ops.logical_and(step < length, ops.logical_not(ops.all(ended)))

        body = partial(self._next_token, repeated, batch)
        _, tokens, _, _ = ops.while_loop(goes_on, body, (ops.convert_to_tensor(0, "int32"), tokens, scores, ended))
        # The likeliest text of an example is its first.
        return ops.reshape(tokens, (batch, width, length))[:, 0]

    def _next_token(
        self, inputs: dict[str, Any], batch: int, step: Any, tokens: Any, scores: Any, ended: Any
    ) -> tuple[Any, Any, Any, Any]:
        """Add a token to each text that has not ended, and keep the likeliest texts of each example."""
        ops, width, length = self._ops, self._width, self._target.length
        choices = self._log_probabilities(inputs, step, tokens)
        vocabulary = choices.shape[-1]
        # A text that has ended goes on with padding alone, at no cost.
        padding = ops.where(ops.arange(vocabulary) == 0, 0.0, _IMPOSSIBLE)
        choices = ops.where(ended[:, None], padding[None, :], choices)
        totals = scores[:, :, None] + ops.reshape(choices, (batch, width, vocabulary))
        scores, best = ops.top_k(ops.reshape(totals, (batch, width * vocabulary)), width)
        best = ops.cast(best, "int32")
        beams = ops.reshape(ops.arange(batch, dtype="int32")[:, None] * width + best // vocabulary, (-1,))
        token = ops.reshape(best % vocabulary, (-1,))
        tokens = ops.where(ops.arange(length)[None, :] == step, token[:, None], ops.take(tokens, beams, axis=0))
        ended = ops.logical_or(ops.take(ended, beams, axis=0), token == self._target.end)
        return step + 1, tokens, scores, ended

    def _log_probabilities(self, inputs: dict[str, Any], step: Any, tokens: Any) -> Any:
        """Return the logarithm of the probability of each next token, shape (texts, tokens)."""
        ops, target = self._ops, self._target
        begin = ops.full((tokens.shape[0], 1), target.start, dtype="int32")
        shifted = ops.concatenate([begin, tokens[:, :-1]], axis=1)
        # An end is no input of a decoder; what follows it is not used.
        shifted = ops.where(shifted == target.end, 0, shifted)
        shifted = ops.where(ops.arange(target.length)[None, :] > step, 0, shifted)
        outputs = only_output(self._model({**inputs, self._input: ops.cast(shifted, "float32")}, training=False))
        here = ops.cast(ops.take(outputs, step, axis=1), "float32")
        logarithms = log_probabilities(self._tf, here, logits=self._logits)
        numbers = ops.arange(here.shape[-1])
        # The padding and the unknown token (0 and 1) are no text, and neither is the start.
        never = ops.logical_or(ops.logical_or(numbers < 2, numbers == target.start), numbers > target.end)
        return ops.where(never[None, :], _IMPOSSIBLE, logarithms)
