"""Confidence intervals of shares, in closed form."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_interval(errors: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of an error rate.

    Unlike the interval from the normal approximation it stays inside [0, 1] and does not shrink to a point at 0 errors.
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.

    Args:
        errors: How many rows the model got wrong.
        rows: How many rows there are.
        confidence: How often such an interval holds the true rate; 0.95 is z = 1.959963984540054.

    Returns:
        The lower and the upper end, as shares.

    Raises:
        ValueError: `rows` is not positive, `errors` is not between 0 and `rows`, or `confidence` not between 0 and 1.
    """
    if rows < 1 or not 0 <= errors <= rows or not 0 < confidence < 1:
        message = "expected 0 <= errors <= rows, rows >= 1 and 0 < confidence < 1; received: "
        raise ValueError(message + f"{errors}, {rows}, {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = errors / rows
    centre = share + z * z / (2 * rows)
    spread = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    # Rounding must not push an end past the share itself, which at 0 or all errors is the end.
    return min(share, max(0.0, (centre - spread) / scale)), max(share, min(1.0, (centre + spread) / scale))
