"""What the trials of a sweep say together: the mean over seeds, the best combination, and by which score."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Any

import pytest

from nnrun.errors import RunError
from nnrun.runs.statistics import t_quantile
from nnrun.sweep.ledger import Trial
from nnrun.sweep.study import groups, objective, reported


def trial(number: int, combination: int, scores: dict[str, Any] | None, status: str = "done") -> Trial:
    """Return a trial with these scores."""
    return Trial(number, combination, number, {"x": combination}, status=status, scores=scores)  # type: ignore[arg-type]


def validation(**scores: float) -> dict[str, Any]:
    """Return scores of the validation part beside those of a test part, which are better."""
    return {"test": {"error_percent": 1.0, "loss": 0.1}, "validation": scores}


def test_the_validation_part_chooses_and_never_the_test_part() -> None:
    """Of its scores the most informative one."""
    goal = objective([trial(0, 0, validation(loss=0.5, error_percent=9.0))], None, "auto")
    assert goal is not None
    assert (goal.path, goal.is_smaller_better) == ("validation.error_percent", True)
    with pytest.raises(RunError, match="no trial has scores of a validation part"):
        objective([trial(0, 0, {"test": {"loss": 1.0}})], None, "auto")


def test_folds_choose_by_their_mean() -> None:
    """Every row is tested by a model that did not see it."""
    scores = {"cross_validation": {"mean": {"error_percent": 20.0}}}
    goal = objective([trial(0, 0, scores)], None, "auto")
    assert goal is not None
    assert (goal.path, reported(scores)) == (
        "cross_validation.mean.error_percent",
        "cross_validation.mean.error_percent",
    )


def test_seeds_of_a_combination_are_one_figure_with_its_interval() -> None:
    """The mean, the standard deviation and Student's interval of the seeds, of a score without ends."""
    values = [3.0, 4.0, 6.0]
    trials = [trial(number, 0, {"validation": {"own": value}}) for number, value in enumerate(values)]
    (group,) = groups(trials, objective(trials, "validation.own", "min"))
    reach = t_quantile(0.95, 2) * stdev(values) / 3**0.5
    assert group.estimate is not None
    assert group.value == fmean(values)
    assert group.sd == stdev(values)
    assert (group.estimate.low, group.estimate.high) == pytest.approx((fmean(values) - reach, fmean(values) + reach))


@pytest.mark.parametrize(("mode", "best"), [("min", [1, 0, 2]), ("max", [2, 0, 1])])
def test_the_best_combination_comes_first(mode: str, best: list[int]) -> None:
    """The smallest or the largest score; combinations that are not done come last."""
    trials = [trial(number, number, {"validation": {"own": value}}) for number, value in enumerate([2.0, 1.0, 3.0])]
    trials.append(trial(3, 3, None, "waiting"))
    found = groups(trials, objective(trials, "validation.own", mode))
    assert [one.combination for one in found] == [*best, 3]


def test_a_combination_with_a_seed_that_failed_or_diverged_is_not_chosen() -> None:
    """A mean over the seeds that went well would flatter it."""
    trials = [
        trial(0, 0, validation(loss=0.1)),
        trial(1, 0, None, "failed"),
        trial(2, 1, validation(loss=0.2)),
        trial(3, 1, validation(loss=float("nan"))),
        trial(4, 2, validation(loss=0.9)),
        trial(5, 2, validation(loss=0.8)),
    ]
    found = groups(trials, objective(trials, None, "auto"))
    assert [(one.combination, one.value) for one in found] == [(2, pytest.approx(0.85)), (0, None), (1, None)]


def test_equals_keep_their_order() -> None:
    """Whichever trial ended first, the best one is the same."""
    trials = [trial(number, number, validation(loss=0.5)) for number in range(3)]
    goal = objective(trials, None, "auto")
    assert [one.combination for one in groups(trials[::-1], goal)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("validation.acuracy", "no trial has the score"),
        ("validation.own", "whether a larger 'validation.own' is better"),
    ],
)
def test_a_score_that_cannot_choose_is_a_message(path: str, text: str) -> None:
    """The message says which scores there are, or that `mode` is needed."""
    with pytest.raises(RunError, match=text):
        objective([trial(0, 0, {"validation": {"own": 1.0}})], path, "auto")


def test_a_score_of_a_class_whose_name_has_a_dot_can_choose() -> None:
    """What the message about an unknown score lists is found."""
    scores = {"validation": {"per_class": {"1.5": {"f1": 0.5}}}}
    goal = objective([trial(0, 0, scores)], "validation.per_class.1.5.f1", "auto")
    assert goal is not None
    assert (goal.value(trial(0, 0, scores)), goal.is_smaller_better) == (0.5, False)


def test_nothing_is_chosen_before_a_trial_is_done() -> None:
    """The combinations are listed all the same."""
    trials = [trial(0, 0, None, "running"), trial(1, 1, None, "waiting")]
    assert objective(trials, "validation.loss", "auto") is None
    assert [one.combination for one in groups(trials, None)] == [0, 1]
