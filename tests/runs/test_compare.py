"""Comparison of two runs: the right test for their kind, on the same rows only, with a conclusion in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.runs.compare import compare, mcnemar
from nnrun.runs.folder import RunFolder
from nnrun.runs.statistics import summarize_folds

ERRORS = [4.0, 6.0, 5.0, 7.0]


@pytest.fixture
def crossed(
    make_run: Callable[..., RunFolder], finished_fold: Callable[..., dict[str, Any]]
) -> Callable[..., RunFolder]:
    """Make a finished cross-validation of folds with these figures, ten rows each."""

    def make(figures: list[float], metric: str = "mean_squared_error", second: int = 0, shift: int = 0) -> RunFolder:
        folder = make_run("crossed", second)
        lines = ["fold,row,truth,prediction"]
        each = []
        for number, figure in enumerate(figures):
            place = folder.fold(number)
            place.restart()
            rows = {"train": 30, "test": 10}
            place.write_json(place.record, finished_fold(number, rows))
            each.append({"fold": number, "repeat": 0, "rows": 10, "loss": figure, metric: figure})
            lines += [f"{number},{10 * number + row},{row + shift}.0,1.0" for row in range(10)]
        folder.write_text(folder.predictions, "\n".join(lines) + "\n")
        folder.write_json(folder.scores, {"cross_validation": summarize_folds(each, repeats=1, share=1 / 3)})
        return folder

    return make


@pytest.fixture
def single(make_run: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """Make a finished classifier that got these rows right."""

    def make(right: list[bool], second: int = 0) -> RunFolder:
        folder = make_run("single", second)
        lines = [f"{row},a,{'a' if one else 'b'}" for row, one in enumerate(right)]
        folder.write_text(folder.predictions, "\n".join(["row,truth,prediction", *lines]) + "\n")
        error = 100 * right.count(False) / len(right)
        folder.write_json(folder.scores, {"test": {"rows": len(right), "error_percent": error}})
        return folder

    return make


def test_folds_are_paired(crossed: Callable[..., RunFolder]) -> None:
    """A difference that every fold shows is significant, however much the folds differ from each other."""
    found = compare(crossed(ERRORS), crossed([figure - 1 - figure / 1000 for figure in ERRORS], second=1))
    assert found.metric == "mean_squared_error"
    assert found.difference == pytest.approx(-1.0055)
    assert found.p < 0.001
    assert found.interval_95[1] < 0
    assert "1.006 lower, which is better; that is more than chance would explain" in found.conclusion
    assert "The second run is better in 4 of 4 folds, the first in 0." in found.conclusion
    document = found.as_json()
    assert (document["said"], "conclusion" in document) == (found.conclusion, False)


def test_the_p_value_is_the_corrected_one(crossed: Callable[..., RunFolder]) -> None:
    """The p value is that of Nadeau and Bengio's test, computed here with SciPy's t distribution."""
    from math import sqrt
    from statistics import fmean, stdev

    from scipy.stats import t

    gaps = [1.0, -0.5, 2.0, 0.25]
    found = compare(crossed(ERRORS), crossed([one + gap for one, gap in zip(ERRORS, gaps, strict=True)], second=1))
    value = fmean(gaps) / (stdev(gaps) * sqrt(1 / 4 + 10 / 30))
    assert found.p == pytest.approx(2 * t.sf(value, 3))
    assert "could well be chance" in found.conclusion


def test_more_is_better_for_some_figures(crossed: Callable[..., RunFolder]) -> None:
    """A higher accuracy is better, a higher error worse."""
    first, second = crossed([0.5, 0.6, 0.7], "accuracy"), crossed([0.6, 0.7, 0.81], "accuracy", second=1)
    assert "higher, which is better" in compare(first, second).conclusion
    assert "higher, which is worse" in compare(first, second, "loss").conclusion


def test_the_same_run_twice_is_the_same(crossed: Callable[..., RunFolder]) -> None:
    """Equal results are reported as equal."""
    folder = crossed(ERRORS)
    found = compare(folder, folder)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.conclusion.startswith("Both runs have the same mean_squared_error")


def test_other_rows_or_figures_are_refused(
    crossed: Callable[..., RunFolder], single: Callable[..., RunFolder], make_run: Callable[..., RunFolder]
) -> None:
    """Runs that cannot be paired are refused with what differs."""
    first = crossed(ERRORS)
    with pytest.raises(RunError, match=r"line 2 of predictions\.csv: fold 0 and 0, row 0 and 0, truth 0.0 and 5.0"):
        compare(first, crossed(ERRORS, second=1, shift=5))
    with pytest.raises(RunError, match="40 and 30 rows"):
        compare(first, crossed(ERRORS[:3], second=2))
    with pytest.raises(RunError, match="no metric 'accuracy' in common"):
        compare(first, crossed(ERRORS, second=3), "accuracy")
    with pytest.raises(RunError, match="is a single run, and the other a cross-validation"):
        compare(first, single([True]))
    with pytest.raises(RunError, match="no scores"):
        compare(first, make_run("empty", 9))


def test_two_classifiers_are_compared_by_the_rows_that_one_got_right(single: Callable[..., RunFolder]) -> None:
    """Only rows that exactly one run got right count in the test."""
    first = single([True] * 20 + [False] * 10 + [True] * 1)
    second = single([True] * 20 + [True] * 10 + [False] * 1, second=1)
    found = compare(first, second)
    assert found.each == [{"rows": 31, "only_first_right": 1, "only_second_right": 10}]
    assert found.p == pytest.approx(2 * (1 + 11) / 2**11)
    assert found.means == pytest.approx((100 * 10 / 31, 100 * 1 / 31))
    assert "lower, which is better; that is more than chance" in found.conclusion
    with pytest.raises(RunError, match="compared by their errors"):
        compare(first, second, "accuracy")


def test_the_counts_are_told_apart(single: Callable[..., RunFolder]) -> None:
    """Rows that both got right are counted too, so that no count reads as the whole."""
    found = compare(single([True, True, False]), single([True, False, False], second=1))
    counts = "right in both runs: 1, in the first alone: 1, in the second alone: 0, in neither: 1."
    assert found.conclusion.endswith(f"Of 3 predictions, {counts}")
    assert found.conclusion.startswith("The second run's error is 33.33 percentage points higher, which is worse; that")
    same = compare(single([True], second=2), single([True], second=3))
    assert same.conclusion.startswith("Both runs have the same error. Of 1 prediction, right in both runs: 1,")


def test_single_runs_without_errors_say_why(make_run: Callable[..., RunFolder]) -> None:
    """Two single regressions have no rows that are right, and learn how to be compared."""
    folders = [make_run("numbers", second) for second in (0, 1)]
    for folder in folders:
        folder.write_json(folder.scores, {"task": "regression", "test": {"rows": 3, "mean_squared_error": 1.0}})
    with pytest.raises(RunError, match="it predicts numbers") as caught:
        compare(*folders)
    assert "split: {k_fold: {}}" in str(caught.value.hint)


def test_a_sample_of_predictions_is_called_one(single: Callable[..., RunFolder]) -> None:
    """Of a text only the first rows are kept: the test is over those, and the errors of all are stated."""
    folders = [single([True, False], second) for second in (0, 1)]
    for folder, error in zip(folders, (1.0, 2.0), strict=True):
        folder.write_json(folder.scores, {"validation": {"rows": 5000, "error_percent": error}})
    found = compare(*folders)
    assert found.part == "validation"
    assert found.conclusion.endswith("predictions.csv keeps; over all of them the errors are 1.00 % and 2.00 %.")


def test_the_interval_of_a_difference_is_a_possible_difference(crossed: Callable[..., RunFolder]) -> None:
    """Two accuracies differ by 1 at most; the interval agrees with the test about 0."""
    found = compare(crossed([0.1, 0.9], "accuracy"), crossed([0.9, 0.8], "accuracy", second=1))
    assert found.interval_95 == (-1, 1)
    assert found.p > 0.05


def test_a_metric_of_ones_own_has_no_better_side(crossed: Callable[..., RunFolder]) -> None:
    """Of an unknown metric the sentence says higher and lower, not better and worse; ties are counted."""
    found = compare(crossed([1.0, 2.0, 3.0], "gain"), crossed([1.5, 2.0, 2.0], "gain", second=1), "gain")
    assert "lower; that could well be chance" in found.conclusion
    assert found.conclusion.endswith("The second run is higher in 1 of 3 folds, the first in 1; 1 is equal.")


def test_a_difference_in_every_fold_alike_has_a_small_p(crossed: Callable[..., RunFolder]) -> None:
    """A p value of 0 is shown as less than the smallest that is shown."""
    found = compare(crossed([1.0, 2.0]), crossed([2.0, 3.0], second=1))
    assert "(p < 0.0001)" in found.conclusion


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(one: int, other: int) -> None:
    """The p value equals SciPy's binomial test, whichever run comes first."""
    from scipy.stats import binomtest

    assert mcnemar(one, other) == mcnemar(other, one)
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_rows() -> None:
    """Thousands of rows neither overflow nor vanish."""
    assert mcnemar(3000, 3000) == pytest.approx(1.0)
    assert 0 <= mcnemar(100, 5000) < 1e-300
