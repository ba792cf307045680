"""Student's t distribution in plain Python: importing SciPy for one number takes longer than a small experiment."""

from __future__ import annotations

from math import exp, inf, lgamma, log, log1p

_SMALLEST = 1e-300
_CLOSE = 1e-15


def two_sided(t: float, degrees: float) -> float:
    """The probability that a t of so many degrees of freedom lies at least as far from 0 as `t`."""
    if t in (inf, -inf):
        return 0.0
    if t * t < degrees:  # where the first form would lose small t in rounding
        return 1 - _incomplete_beta(0.5, degrees / 2, t * t / (degrees + t * t))
    return _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


def quantile(confidence: float, degrees: float) -> float:
    """The t that is not exceeded in absolute value with probability `confidence`, by bisection."""
    low, high = 0.0, 1.0
    while two_sided(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if two_sided(middle, degrees) > 1 - confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # The fraction converges quickly on this side of the mean only; the other side follows by symmetry.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front (Lentz)."""
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _off_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
