"""The corrected score of the best combination is nearly unbiased, above all where all combinations are equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nnrun.sweep.folder import SweepFolder
from nnrun.sweep.ledger import Trial
from nnrun.sweep.selection_bias import correct_best, leave_one_out, posterior_of_best
from nnrun.sweep.study import groups, objective

NOWHERE = SweepFolder(Path("no/such/folder"))
#: The true scores of k combinations whose luck has a standard deviation of 1.
TRUTHS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "equal": lambda _, k: np.zeros(k),
    "alike": lambda random, k: random.normal(size=k),
    "half_are_bad": lambda random, k: np.where(np.arange(k) < k // 2, 0.0, random.uniform(0, 30, k)),
    "one_is_better": lambda _, k: np.r_[-6.0, np.zeros(k - 1)],
    "a_valley": lambda random, k: 20 * random.uniform(-1, 1, k) ** 2,
}


def swept(scores: list[list[dict[str, Any]]], choose_by: str | None = None) -> tuple[Any, Any]:
    """Return the groups of a sweep and their objective: for each combination, the scores of each seed."""
    pairs = [(number, seed, one) for number, row in enumerate(scores) for seed, one in enumerate(row)]
    trials = [
        Trial(at, number, seed, {"x": number}, "done", scores=one) for at, (number, seed, one) in enumerate(pairs)
    ]
    goal = objective(trials, choose_by, "auto")
    return groups(trials, goal), goal


def validation(value: float, name: str = "loss", **more: float) -> dict[str, Any]:
    """Return the scores of a trial."""
    return {"validation": {name: value, **more}}


@pytest.mark.parametrize("k", [3, 20])
@pytest.mark.parametrize("truth", TRUTHS)
def test_scores_over_seeds_are_corrected_without_bias(truth: str, k: int) -> None:
    """For any true scores, and a luck of the seed that all combinations share; the plain best score is too good."""
    random, plain, corrected = np.random.default_rng(5), [], []
    for _ in range(600):
        true = TRUTHS[truth](random, k)
        scores = true[:, None] + 3**0.5 * random.normal(size=(k, 3)) + 5 * random.normal(size=3)
        best = int(scores.mean(axis=1).argmin())
        common = (scores - true[:, None]).mean()
        plain.append(scores.mean(axis=1)[best] - true[best] - common)
        corrected.append(leave_one_out(scores.tolist()) - true[best] - common)
    error = np.std(corrected) / len(corrected) ** 0.5
    # One seed less chooses, which makes it a little too bad where it matters which one is chosen.
    assert -3 * error < np.mean(corrected) < 0.25 + 3 * error
    if truth == "equal":
        assert np.mean(plain) < -0.8
        assert abs(np.mean(corrected)) < 3 * error


def test_the_correction_of_tibshirani_takes_off_too_much_of_equal_combinations() -> None:
    """The reason why it is not used: of ten folds about twice the bias, where leaving folds out has none."""
    random, bias, theirs, ours = np.random.default_rng(6), [], [], []
    for _ in range(400):
        scores = random.normal(size=(20, 10))
        best = scores.mean(axis=1).argmin()
        bias.append(-scores[best].mean())
        theirs.append((scores[best] - scores.min(axis=0)).mean())
        ours.append(leave_one_out(scores.tolist()) - scores[best].mean())
    assert np.mean(theirs) / np.mean(bias) == pytest.approx(10**0.5 - 1, rel=0.1)
    assert np.mean(ours) / np.mean(bias) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("truth", TRUTHS)
def test_scores_of_one_seed_are_corrected_by_their_standard_errors(truth: str) -> None:
    """At least two thirds of the bias are gone for any true scores, and where one is far ahead nothing is taken off."""
    random, plain, corrected = np.random.default_rng(7), [], []
    for _ in range(40):
        true = TRUTHS[truth](random, 20)
        scores = true + random.normal(size=20)
        best = int(scores.argmin())
        plain.append(scores[best] - true[best])
        corrected.append(posterior_of_best(scores.tolist(), [1.0] * 20) - true[best])
    assert abs(np.mean(corrected)) < max(abs(np.mean(plain)) / 3, 3 * np.std(corrected) / 40**0.5)


def test_errors_on_the_same_rows_are_corrected_without_bias_where_all_are_equal() -> None:
    """Most rows are right or wrong for all combinations, so that their luck is alike: the mean of all is the figure."""
    random, plain, corrected = np.random.default_rng(8), [], []
    for _ in range(40):
        common = random.uniform(size=200) < 0.3
        wrong = np.where(random.uniform(size=(15, 200)) < 0.8, common, random.uniform(size=(15, 200)) < 0.3)
        percents = 100 * wrong.mean(axis=1)
        rows = [
            [validation(float(one), "error_percent", rows=200, errors=2 * one, error_rate=one / 100)]
            for one in percents
        ]
        found = correct_best(NOWHERE, *swept(rows))
        assert found is not None
        assert found.value is not None
        assert found.by == "rows"
        plain.append(percents.min() - 30)
        corrected.append(found.value - 30)
    assert np.mean(plain) < -2
    assert abs(np.mean(corrected)) < 3 * np.std(corrected) / 40**0.5


@given(some.lists(some.lists(some.floats(-100, 100), min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_corrected_score_is_never_better_than_the_best(scores: list[list[float]]) -> None:
    """Whatever the scores are."""
    assert leave_one_out(scores) >= min(sum(row) / 3 for row in scores) - 1e-9


@given(some.lists(some.floats(-100, 100), min_size=2, max_size=200), some.floats(0.01, 50))
def test_a_posterior_lies_between_the_best_and_the_worst(values: list[float], error: float) -> None:
    """However many there are, and however far they lie apart."""
    found = posterior_of_best(values[:30], [error] * len(values[:30]))
    assert min(values[:30]) - 1e-9 <= found <= max(values[:30]) + 1e-9


def test_larger_is_better_is_corrected_downwards() -> None:
    """An accuracy loses what an error gains."""
    rows = [[validation(one, "accuracy", rows=50)] for one in (0.70, 0.72, 0.75, 0.71)]
    found = correct_best(NOWHERE, *swept(rows, "validation.accuracy"))
    assert found is not None
    assert found.value is not None
    assert 0.70 <= found.value < 0.75


def test_what_cannot_be_corrected_is_said_with_its_reason() -> None:
    """One seed of a loss, and one combination; seeds that differ."""
    found = correct_best(NOWHERE, *swept([[validation(0.5, rows=50)], [validation(0.4, rows=50)]]))
    assert found is not None
    assert (found.value, found.by) == (None, None)
    assert "--seeds 3" in found.note
    assert correct_best(NOWHERE, *swept([[validation(0.5), validation(0.4)]])) is None


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        # The second fold chooses the second combination, which the first one scores with 20; the other way round 30.
        ([[[10.0, 30.0]], [[20.0, 10.0]]], 25.0),
        # The folds of another repeat, which test the same rows, do not choose.
        ([[[10.0, 30.0], [5.0, 5.0]], [[20.0, 10.0], [50.0, 50.0]]], 15.0),
    ],
)
def test_folds_are_left_out_where_there_are_folds(
    tmp_path: Path, each: list[list[list[float]]], expected: float
) -> None:
    """Their scores are in the ledger, or in the folders of the trials; without both the reason is given."""
    folder = SweepFolder.create(tmp_path, "folds")
    rows, whole = [], []
    for number, repeats in enumerate(each):
        flat = [value for values in repeats for value in values]
        mean = {"error_percent": sum(flat) / len(flat)}
        folds = [
            {"fold": at, "repeat": repeat, "error_percent": one}
            for repeat, values in enumerate(repeats)
            for at, one in enumerate(values)
        ]
        summary = {"folds": 2, "repeats": len(repeats), "interval": "t", "mean": mean, "sd": mean, "each": folds}
        summary["interval_95"] = {"error_percent": [0.0, 1.0]}
        run = folder.run(number)
        run.path.mkdir(parents=True)
        run.write_json(run.scores, {"cross_validation": summary})
        rows.append([{"cross_validation": {"mean": mean}}])
        whole.append([{"cross_validation": summary}])
    found = correct_best(folder, *swept(rows))
    assert found is not None
    assert (found.value, found.by) == (expected, "folds")
    assert correct_best(NOWHERE, *swept(whole)) == found
    lost = correct_best(NOWHERE, *swept(rows))
    assert lost is not None
    assert lost.value is None
    assert "the scores of the same folds" in lost.note
