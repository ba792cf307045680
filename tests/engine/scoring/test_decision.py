"""Temperatures and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from nnrun.engine.scoring.decision import (
    HIGHEST,
    SCORES,
    Goal,
    at_temperature,
    best_threshold,
    calibration,
    counts,
    fit_temperature,
    gain_interval,
)

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000000000000001, 0.75, 1.0]) | st.floats(0, 1), st.integers(0, 1)
    ),
    min_size=1,
    max_size=30,
)
GOALS = st.builds(Goal, st.just("cost"), st.floats(0, 10), st.floats(0.1, 10)) | st.sampled_from(
    [Goal(one) for one in SCORES]
)


def reached(positive: np.ndarray, truth: np.ndarray, goal: Goal, threshold: float) -> float:
    """Return what a threshold reaches."""
    table = counts(positive, truth, threshold)
    return float(goal.value(*(table[name] for name in ("tp", "fp", "fn", "tn"))))


@given(ROWS, GOALS)
def test_no_threshold_is_better(rows: list[tuple[float, int]], goal: Goal) -> None:
    """Whatever the probabilities, no other threshold reaches more than the chosen one, or costs less."""
    positive, truth = np.array([one for one, _ in rows]), np.array([one for _, one in rows])
    chosen = reached(positive, truth, goal, best_threshold(positive, truth, goal))
    others = [
        reached(positive, truth, goal, float(one)) for one in (*positive, *np.nextafter(positive, 2), 0.0, 0.5, 1.5)
    ]
    assert chosen == (min(others) if goal.is_cost else max(others))


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_those_of_scikit_learn(name: str) -> None:
    """Each score equals scikit-learn's function of that name on the decided classes."""
    drawn = np.random.default_rng(0)
    for _ in range(20):
        truth, positive = drawn.integers(0, 2, 40), drawn.random(40)
        expected = getattr(metrics, name if name != "f1" else "f1_score", None) or getattr(metrics, f"{name}_score")
        assert reached(positive, truth, Goal(name), 0.4) == pytest.approx(expected(truth, positive >= 0.4))


def test_costs_lead_to_the_threshold_of_theory() -> None:
    """With true probabilities the best threshold is the share of a false positive in both costs (Elkan 2001)."""
    drawn = np.random.default_rng(1)
    positive = drawn.random(200_000)
    truth = (drawn.random(200_000) < positive).astype(int)
    assert best_threshold(positive, truth, Goal("cost", 1, 4)) == pytest.approx(0.2, abs=0.02)


@given(st.floats(0.1, 10), st.integers(2, 5), st.integers(0, 1000))
def test_a_temperature_keeps_the_order_of_classes(temperature: float, classes: int, seed: int) -> None:
    """Probabilities sum to 1, their order stays, and temperature 1 changes nothing."""
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(classes), 20)
    found = at_temperature(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))
    np.testing.assert_allclose(at_temperature(probabilities, 1.0), probabilities, atol=1e-12)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_a_model_that_is_too_sure_gets_its_temperature(true: float) -> None:
    """Logits multiplied by a number are calibrated by it, and the calibration error then nearly vanishes."""
    drawn = np.random.default_rng(2)
    logits = drawn.normal(0, 1.5, (20_000, 3))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (drawn.random((20_000, 1)) > right.cumsum(axis=1)).sum(axis=1)
    sure = at_temperature(right, 1 / true)
    found = fit_temperature(sure, truth)
    assert found == pytest.approx(true, rel=0.05)
    assert calibration(at_temperature(sure, found), truth)["expected_calibration_error"] < 0.01


def test_probabilities_of_chance_reach_the_edge() -> None:
    """Where classes have nothing to do with the probabilities, the highest temperature is the best."""
    drawn = np.random.default_rng(3)
    assert fit_temperature(drawn.dirichlet([0.1, 0.1], 5000), drawn.integers(0, 2, 5000)) > HIGHEST * 0.9


def test_the_interval_of_a_change_is_that_of_paired_samples() -> None:
    """Its ends are near those of resampling the rows themselves, and the same threshold changes nothing."""
    drawn = np.random.default_rng(4)
    positive = drawn.random(300)
    truth = (drawn.random(300) < positive).astype(int)
    goal = Goal("cost", 1, 5)
    assert gain_interval(positive, truth, goal, (0.5, 0.5)) == (0.0, 0.0)
    changes = []
    for _ in range(2000):
        rows = drawn.integers(0, 300, 300)
        values = [reached(positive[rows], truth[rows], goal, one) for one in (0.5, 0.2)]
        changes.append(values[1] - values[0])
    assert gain_interval(positive, truth, goal, (0.5, 0.2)) == pytest.approx(
        np.percentile(changes, [2.5, 97.5]), abs=0.04
    )
