"""Sampling: how the next character is chosen from a model's outputs, as the most probable one or at random.

All of it is TensorFlow, so that it runs inside the compiled loop. The options: top-k (A. Fan et al., 2018),
top-p (A. Holtzman et al., 2020), min-p (M. Nguyen et al., 2024), repetition penalty (N. S. Keskar et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnrun.engine.scoring.outputs import TINY, log_probabilities


@dataclass(frozen=True)
class SamplingOptions:
    """The options of sampling.

    Attributes:
        temperature: The divisor of the logarithms of probabilities; 0 takes the most probable character.
        top_k: The number of most probable characters that may be chosen.
        top_p: The probability that the most probable characters together must reach; the others are left out.
        min_p: The least probability of a character, as a share of that of the most probable one.
        repetition_penalty: The factor of the logarithm of the probability of characters in the last window.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    @property
    def greedy(self) -> bool:
        """Whether nothing is random."""
        return self.temperature == 0


def sample_next(tf: Any, outputs: Any, recent: Any, sampling: SamplingOptions, seed: Any, *, logits: bool) -> Any:
    """Choose a token id for each row.

    Args:
        tf: The TensorFlow module.
        outputs: The model's outputs, shape (rows, vocabulary).
        recent: The last window of token ids of each row, shape (rows, steps); -1 before the text.
        sampling: The options.
        seed: Two integers: the seed of this draw.
        logits: Whether outputs are logits, not probabilities.

    Returns:
        int32 of shape (rows,).
    """
    outputs = tf.cast(outputs, tf.float32)
    if sampling.greedy and sampling.repetition_penalty == 1:
        # Without logarithms, which could make two near probabilities equal.
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)
    scores = penalize(tf, log_probabilities(tf, outputs, logits=logits), recent, sampling.repetition_penalty)
    if sampling.greedy:
        return tf.argmax(scores, axis=-1, output_type=tf.int32)
    probabilities, tokens = candidates(tf, scores, sampling)
    # The maximum of logarithms with Gumbel noise is a draw by their probabilities; Philox draws the same noise with and
    # without XLA.
    uniform = tf.random.stateless_uniform(tf.shape(probabilities), seed, minval=TINY, maxval=1.0, alg="philox")
    logarithms = tf.math.log(tf.maximum(probabilities, TINY))
    noisy = tf.where(probabilities > 0, logarithms - tf.math.log(-tf.math.log(uniform)), -1e30)
    return tf.gather(tokens, tf.argmax(noisy, axis=-1, output_type=tf.int32), batch_dims=1)


def penalize(tf: Any, scores: Any, recent: Any, penalty: float) -> Any:
    """Multiply the logarithms of the probabilities of recent token ids by the penalty, shape (rows, vocabulary)."""
    if penalty == 1:
        return scores
    is_recent = tf.reduce_max(tf.one_hot(recent, scores.shape[-1]), axis=1) > 0
    return tf.nn.log_softmax(tf.where(is_recent, scores * penalty, scores))


def candidates(tf: Any, scores: Any, sampling: SamplingOptions) -> tuple[Any, Any]:
    """Return the probabilities to draw by, in descending order, and their token ids; the largest one is never 0."""
    softened = tf.nn.softmax(scores / sampling.temperature)
    probabilities, tokens = tf.nn.top_k(softened, k=softened.shape[-1])
    rank = tf.range(softened.shape[-1])[None]
    if sampling.top_k is not None:
        probabilities = _keep(tf, probabilities, rank < sampling.top_k)
    if sampling.top_p is not None:
        before = tf.cumsum(probabilities, axis=-1, exclusive=True)
        probabilities = _keep(tf, probabilities, (before < sampling.top_p) | (rank == 0))
    if sampling.min_p is not None:
        probabilities = _keep(tf, probabilities, probabilities >= sampling.min_p * probabilities[:, :1])
    return probabilities, tokens


def _keep(tf: Any, probabilities: Any, mask: Any) -> Any:
    kept = tf.where(mask, probabilities, 0.0)
    return kept / tf.reduce_sum(kept, axis=-1, keepdims=True)
