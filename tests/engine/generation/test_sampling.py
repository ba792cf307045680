"""Tests of choosing the next character: each option on its distribution."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnrun.engine.backend.start import tensorflow
from nnrun.engine.generation.sampling import SamplingOptions, candidates, penalize, sample_next

pytestmark = pytest.mark.keras

#: Probabilities of two rows of six codes.
SHARES = arrays("float32", (2, 6), elements=st.floats(0.0078125, 1, width=32)).map(
    lambda raw: raw / raw.sum(axis=1, keepdims=True)
)
ALIKE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)


def spread(shares: np.ndarray, sampling: SamplingOptions) -> np.ndarray:
    """What may be drawn, as a share for each code."""
    found, codes = candidates(tensorflow(), tensorflow().math.log(shares), sampling)
    out = np.zeros_like(shares)
    np.put_along_axis(out, np.asarray(codes), np.asarray(found), axis=1)
    return out


@ALIKE
@given(SHARES)
def test_a_temperature_of_one_changes_nothing(keras: ModuleType, shares: np.ndarray) -> None:
    """Without options the draws follow the model's own probabilities."""
    np.testing.assert_allclose(spread(shares, SamplingOptions(1.0)), shares, atol=1e-5)


@ALIKE
@given(SHARES)
def test_low_temperatures_come_near_the_most_probable(keras: ModuleType, shares: np.ndarray) -> None:
    """A temperature near 0 leaves the most probable codes alone, and a huge one makes all alike."""
    cold = spread(shares, SamplingOptions(1e-4))
    top = shares >= shares.max(axis=1, keepdims=True) * 0.99
    assert (cold[~top] < 1e-3).all()
    np.testing.assert_allclose(spread(shares, SamplingOptions(1e6)), 1 / 6, atol=1e-3)


@ALIKE
@given(SHARES, st.integers(1, 8))
def test_top_k_keeps_the_k_most_probable(keras: ModuleType, shares: np.ndarray, k: int) -> None:
    """K codes stay, none of them less probable than one that does not, in their own proportions."""
    kept = spread(shares, SamplingOptions(1.0, top_k=k))
    assert ((kept > 0).sum(axis=1) == min(k, 6)).all()
    for row, left in zip(shares, kept, strict=True):
        assert row[left > 0].min() >= row[left == 0].max(initial=0)
        np.testing.assert_allclose(left[left > 0], row[left > 0] / row[left > 0].sum(), rtol=1e-4)


@ALIKE
@given(SHARES, st.floats(0.05, 0.95))
def test_top_p_keeps_the_fewest_that_have_p(keras: ModuleType, shares: np.ndarray, p: float) -> None:
    """The codes that stay have at least P together, and would have less without the least of them."""
    kept = spread(shares, SamplingOptions(1.0, top_p=p))
    for row, left in zip(shares, kept, strict=True):
        mass = row[left > 0].sum()
        assert mass >= p - 1e-5
        assert mass - row[left > 0].min() < p + 1e-5


@ALIKE
@given(SHARES, st.floats(0, 1))
def test_min_p_keeps_what_is_not_much_less(keras: ModuleType, shares: np.ndarray, p: float) -> None:
    """Codes stay whose probability is at least P times the largest; the most probable always stays."""
    kept = spread(shares, SamplingOptions(1.0, min_p=p))
    least = p * shares.max(axis=1, keepdims=True)
    assert (kept[shares > least * 1.001] > 0).all()
    assert (kept[shares < least * 0.999] == 0).all()
    assert (kept.max(axis=1) > 0).all()


@ALIKE
@given(SHARES, st.floats(1.01, 3))
def test_a_penalty_makes_recent_tokens_less_probable(keras: ModuleType, shares: np.ndarray, by: float) -> None:
    """A code that was just seen loses, one that was not does not, and -1 stands for nothing seen."""
    tf = tensorflow()
    likely = tf.math.log(shares)
    after = np.exp(penalize(tf, likely, np.array([[0, -1], [-1, -1]]), by))
    assert after[0, 0] <= shares[0, 0] + 1e-6
    assert (after[0, 1:] >= shares[0, 1:] - 1e-6).all()
    np.testing.assert_allclose(after[1], shares[1], rtol=1e-4)


@pytest.mark.parametrize("logits", [False, True])
def test_greedy_takes_the_most_probable(keras: ModuleType, logits: bool) -> None:
    """Without a temperature the most probable is taken, of equal ones the first, as numpy's argmax takes it."""
    outputs: Any = np.array([[0.1, 0.5, 0.4], [0.4, 0.2, 0.4]], dtype="float32")
    chosen = sample_next(tensorflow(), outputs, np.array([[-1], [-1]]), SamplingOptions(), [1, 2], logits=logits)
    assert chosen.numpy().tolist() == [1, 0]


def test_draws_follow_the_probabilities(keras: ModuleType) -> None:
    """Many draws come as often as their probabilities say, and the same seed draws the same."""
    tf = tensorflow()
    shares = np.tile(np.array([[0.5, 0.3, 0.2, 0.0]], dtype="float32"), (20000, 1))
    seen = np.full((20000, 1), -1)
    drawn = sample_next(tf, tf.constant(shares), seen, SamplingOptions(1.0), [7, 0], logits=False).numpy()
    again = sample_next(tf, tf.constant(shares), seen, SamplingOptions(1.0), [7, 0], logits=False).numpy()
    other = sample_next(tf, tf.constant(shares), seen, SamplingOptions(1.0), [7, 1], logits=False).numpy()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20000, shares[0], atol=0.015)
    assert (drawn == again).all()
    assert (drawn != other).any()


@ALIKE
@given(
    SHARES,
    st.integers(0, 2**31 - 1),
    st.sampled_from(
        [
            SamplingOptions(1.0, top_k=2),
            SamplingOptions(1.3, top_p=0.5),
            SamplingOptions(0.7, min_p=0.4),
            SamplingOptions(1.0, 4, 0.8, 0.2),
        ]
    ),
)
def test_only_candidates_are_drawn(keras: ModuleType, shares: np.ndarray, seed: int, sampling: SamplingOptions) -> None:
    """Whatever is drawn, it is of what the options keep, alone or together."""
    many = np.tile(shares[:1], (200, 1))
    drawn = sample_next(tensorflow(), many, np.full((200, 1), -1), sampling, [seed, 3], logits=False).numpy()
    assert (spread(many[:1], sampling)[0][drawn] > 0).all()


@ALIKE
@given(SHARES, st.integers(0, 2**31 - 1))
def test_the_coldest_draw_is_the_greedy_one(keras: ModuleType, shares: np.ndarray, seed: int) -> None:
    """A temperature near 0 draws what is most probable, where one code clearly is."""
    tf, seen = tensorflow(), np.full((2, 1), -1)
    cold = sample_next(tf, shares, seen, SamplingOptions(1e-4), [seed, 0], logits=False).numpy()
    greedy = sample_next(tf, shares, seen, SamplingOptions(), [seed, 0], logits=False).numpy()
    ordered = np.sort(shares, axis=1)
    clear = ordered[:, -1] > ordered[:, -2] * 1.01
    assert (cold == greedy)[clear].all()


@ALIKE
@given(SHARES, st.floats(0.05, 0.95), st.floats(0.2, 3))
def test_top_p_looks_at_what_the_temperature_leaves(
    keras: ModuleType, shares: np.ndarray, p: float, temperature: float
) -> None:
    """Probabilities are sharpened first; the mass P is of these, and what stays keeps its proportions."""
    sharp, kept = spread(shares, SamplingOptions(temperature)), spread(shares, SamplingOptions(temperature, top_p=p))
    for row, left in zip(sharp, kept, strict=True):
        assert row[left > 0].sum() >= p - 1e-4
        np.testing.assert_allclose(left, np.where(left > 0, row, 0) / row[left > 0].sum(), atol=1e-4)


def test_a_high_temperature_draws_all_tokens_alike(keras: ModuleType) -> None:
    """A huge temperature draws every code as often as every other."""
    shares = np.tile(np.array([[0.9, 0.05, 0.03, 0.02]], dtype="float32"), (20000, 1))
    drawn = sample_next(
        tensorflow(), shares, np.full((20000, 1), -1), SamplingOptions(1e6), [7, 0], logits=False
    ).numpy()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20000, 0.25, atol=0.015)
