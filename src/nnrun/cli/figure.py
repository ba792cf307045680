"""A figure as a screen shows it."""

from __future__ import annotations


def figure(value: object) -> str:
    """Give a figure with as many digits as tell something."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.4g}"
