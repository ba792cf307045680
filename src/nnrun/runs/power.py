"""How many repeats a difference of two means needs to be shown by Student's t-test: a power analysis.

The power of a t-test is the probability that a statistic with a noncentral t distribution lies beyond the quantile of
Student's distribution: D. B. Owen, "The power of Student's t-test", Journal of the American Statistical Association 60
(1965), 320-333; J. Cohen, "Statistical power analysis for the behavioral sciences" (2nd edition, 1988), chapter 2.
"""

from __future__ import annotations

from math import erf, exp, lgamma, log, pi, sqrt

from nnrun.runs.statistics import CONFIDENCE, t_quantile

#: The power that is asked for, as is usual.
POWER = 0.8
#: More repeats are not counted: such a difference is none in practice.
MOST_REPEATS = 10_000
#: The sum of the standard normal quantiles of 97.5 % and 80 %.
_NORMAL_QUANTILES = 2.8015852
#: The points of the integral, and how many standard deviations around its mean they reach.
_POINTS, _REACH = 400, 9.0


def t_test_power(effect: float, degrees: int, alpha: float = 1 - CONFIDENCE) -> float:
    """Return the power of a two-sided t-test.

    The statistic is (Z + effect) / U, where Z is a standard normal variable and U the square root of a chi-squared one
    divided by its degrees of freedom; the probability given U is integrated over U by Simpson's rule.

    Args:
        effect: The noncentrality: the true difference divided by its standard error.
        degrees: The degrees of freedom.
        alpha: The level of the test.
    """
    quantile = t_quantile(1 - alpha, degrees)
    spread = 1 / sqrt(2 * degrees)
    low, high = max(0.0, 1 - _REACH * spread), 1 + _REACH * spread
    step = (high - low) / _POINTS
    total = 0.0
    for index in range(_POINTS + 1):
        u = low + index * step
        beyond = _normal(effect - quantile * u) + _normal(-effect - quantile * u)
        weight = 1 if index in (0, _POINTS) else 4 if index % 2 else 2
        total += weight * beyond * _chi_density(u, degrees)
    return min(1.0, total * step / 3)


def repeats_needed(difference: float, sd: float, *, paired: bool) -> int | None:
    """Return how many repeats a two-sided t-test at 5 % needs to show a difference with a power of 80 %.

    With n pairs the effect is |difference| / (sd / sqrt(n)), with n - 1 degrees of freedom; with two groups of n it is
    |difference| / (sd sqrt(2 / n)), with 2n - 2 (Cohen 1988, section 2.3).

    Args:
        difference: The true difference of the means.
        sd: The standard deviation of the differences of pairs, or the one within the groups.
        paired: Whether there are pairs.

    Returns:
        The number of pairs, or the number in each group; None for no difference, and where `MOST_REPEATS` do not do.
    """
    if difference == 0:
        return None
    if sd == 0:
        return 2

    def does(count: int) -> bool:
        effect = abs(difference) / sd * sqrt(count if paired else count / 2)
        return t_test_power(effect, count - 1 if paired else 2 * count - 2) >= POWER

    # With normal quantiles in place of Student's, the number is a little too small: the search begins there.
    near = (_NORMAL_QUANTILES * sd / difference) ** 2 * (1 if paired else 2)
    if near > MOST_REPEATS:
        return None
    low, step = max(1, int(near) - 1), 1
    high = low + step
    while not does(high):
        low, step = high, 2 * step
        high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if does(middle) else (middle, high)
    return high if high <= MOST_REPEATS else None


def _normal(z: float) -> float:
    return 0.5 * (1 + erf(z / sqrt(2)))


def _chi_density(u: float, degrees: int) -> float:
    """Return the density of U: that of a chi variable divided by the square root of its degrees of freedom."""
    if u <= 0:
        return sqrt(2 / pi) if degrees == 1 else 0.0
    half = degrees / 2
    return exp(log(2) + half * log(half) - lgamma(half) + (degrees - 1) * log(u) - half * u * u)
