"""How the next character is chosen from what a model gives to each: the most probable, or drawn.

All of it is TensorFlow, so that it runs inside the compiled loop. What the options mean: top-k (A. Fan et al., 2018),
top-p (A. Holtzman et al., 2020), min-p (M. Nguyen et al., 2024), repetition penalty (N. S. Keskar et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Below this a probability is 0 by rounding; its logarithm would be infinite.
TINY = 1e-30


@dataclass(frozen=True)
class Sampling:
    """How to choose.

    Attributes:
        temperature: What logarithms of probabilities are divided by; 0 takes the most probable.
        top_k: How many of the most probable may be chosen.
        top_p: The share of probability that the most probable ones together must reach; the others are left out.
        min_p: The share of the most probable one's probability that a character needs.
        repetition_penalty: What the logarithm of a character is multiplied by that the model has just seen.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn."""
        return self.temperature == 0


def choose(tf: Any, outputs: Any, seen: Any, sampling: Sampling, seed: Any, *, logits: bool) -> Any:
    """Choose a code for each row.

    Args:
        tf: The TensorFlow module.
        outputs: What the model gives, shape (rows, vocabulary).
        seen: Codes that each row's model has just seen, shape (rows, steps); -1 where there is none.
        sampling: How.
        seed: Two integers that name this draw.
        logits: Whether outputs are logarithms, not probabilities.

    Returns:
        int32 of shape (rows,).
    """
    outputs = tf.cast(outputs, tf.float32)
    if sampling.greedy and sampling.repetition_penalty == 1:
        # As the naive loop takes it: a logarithm could make two near probabilities equal.
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)
    likely = penalised(tf, log_probabilities(tf, outputs, logits=logits), seen, sampling.repetition_penalty)
    if sampling.greedy:
        return tf.argmax(likely, axis=-1, output_type=tf.int32)
    shares, codes = narrowed(tf, likely, sampling)
    # The highest of logarithms with Gumbel noise is a draw by their shares; Philox gives the same noise with and
    # without XLA.
    uniform = tf.random.stateless_uniform(tf.shape(shares), seed, minval=TINY, maxval=1.0, alg="philox")
    noisy = tf.where(shares > 0, tf.math.log(tf.maximum(shares, TINY)) - tf.math.log(-tf.math.log(uniform)), -1e30)
    return tf.gather(codes, tf.argmax(noisy, axis=-1, output_type=tf.int32), batch_dims=1)


def log_probabilities(tf: Any, outputs: Any, *, logits: bool) -> Any:
    """Give the logarithm of each code's probability, shape (rows, vocabulary)."""
    return tf.nn.log_softmax(outputs) if logits else tf.math.log(tf.maximum(outputs, TINY))


def penalised(tf: Any, likely: Any, seen: Any, penalty: float) -> Any:
    """Make codes less probable that were just seen: logarithms of probabilities are multiplied by the penalty."""
    if penalty == 1:
        return likely
    there = tf.reduce_max(tf.one_hot(seen, likely.shape[-1]), axis=1) > 0
    return tf.nn.log_softmax(tf.where(there, likely * penalty, likely))


def narrowed(tf: Any, likely: Any, sampling: Sampling) -> tuple[Any, Any]:
    """Give what may be drawn: shares, the largest first and 0 for what is left out, and the code of each.

    The most probable code always stays.
    """
    sharp = tf.nn.softmax(likely / sampling.temperature)
    shares, codes = tf.nn.top_k(sharp, k=sharp.shape[-1])
    rank = tf.range(sharp.shape[-1])[None]
    if sampling.top_k is not None:
        shares = _kept(tf, shares, rank < sampling.top_k)
    if sampling.top_p is not None:
        before = tf.cumsum(shares, axis=-1, exclusive=True)
        shares = _kept(tf, shares, (before < sampling.top_p) | (rank == 0))
    if sampling.min_p is not None:
        shares = _kept(tf, shares, shares >= sampling.min_p * shares[:, :1])
    return shares, codes


def _kept(tf: Any, shares: Any, keep: Any) -> Any:
    left = tf.where(keep, shares, 0.0)
    return left / tf.reduce_sum(left, axis=-1, keepdims=True)
