"""Comparison of two runs: the right test for their kind, on the same rows only, with a conclusion in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.errors import RunError
from nnrun.runs.compare import compare, mcnemar
from nnrun.runs.folder import RunFolder
from nnrun.runs.statistics import summarize_folds

ERRORS = [4.0, 6.0, 5.0, 7.0]


@pytest.fixture
def crossed(make_run: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """Make a finished cross-validation of folds with these figures, ten rows each."""

    def make(figures: list[float], metric: str = "mean_squared_error", second: int = 0, shift: int = 0) -> RunFolder:
        folder = make_run("crossed", second)
        lines = ["fold,row,truth,prediction"]
        each = []
        for number, figure in enumerate(figures):
            place = folder.fold(number)
            place.restart()
            rows = {"train": 30, "test": 10}
            place.write_json(place.record, {"fold": number, "status": "done", "rows": rows})
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
        folder.write_json(folder.scores, {"test": {"rows": len(right), "error_percent": 1.0}})
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
    assert "better in 4 of 4 folds" in found.conclusion
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
    assert found.conclusion.startswith("Both have the same mean_squared_error")


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
