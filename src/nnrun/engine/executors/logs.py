"""Loss and metrics as plain numbers, one for each figure: a metric may return one for each class or output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.errors import RunError
from nnrun.spec.figures import figure_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    #: What tells the figures of a metric apart, by the metric's name.
    Labels = Mapping[str, Sequence[str]]


def to_float(value: Any) -> float:
    """Convert a 32-bit number by its own shortest digits: 0.001 and not 0.0010000000474974513; no bit is lost."""
    number = value.numpy() if hasattr(value, "numpy") else value
    return float(number) if isinstance(number, bool | np.bool_) else float(str(number))


def _figure(name: str, value: Any) -> float:
    """Convert the value of a figure.

    Raises:
        RunError: It is no number, as a metric of the user's own may return.
    """
    try:
        return to_float(value)
    except (TypeError, ValueError):
        received = "nothing (None)" if value is None else f"{str(value)[:60]} ({type(value).__name__})"
        text = f"the metric '{name}' returned {received}, expected a number, an array of numbers or a dict of these"
        raise RunError(text, "let its result(self) return a number: ops.mean(...)") from None


def scalar_logs(results: Mapping[str, Any], labels: Labels) -> dict[str, float]:
    """Return the figures of what a model's metrics return, each under its name.

    Args:
        results: Loss and metrics; numbers, arrays, or mappings of these by the user's own metrics.
        labels: What tells the figures of an array apart, by the metric's name.
    """
    return {name: _figure(name, value) for name, value in split_figures(results, labels).items()}


def split_figures(results: Mapping[str, Any], labels: Labels, *, folds: bool = False) -> dict[str, Any]:
    """Split what metrics return into figures.

    Args:
        results: As for `scalar_logs`.
        labels: As for `scalar_logs`.
        folds: Whether each value has a first dimension of folds, which is kept.

    Returns:
        A number for each figure; with `folds`, an array of shape (folds,).
    """
    plain = _without_mappings(results)
    kept = 1 if folds else 0
    if all(len(np.shape(value)) == kept for value in plain.values()):
        return plain
    taken = {name for name, value in plain.items() if len(np.shape(value)) == kept}
    figures: dict[str, Any] = {}
    for name, value in plain.items():
        if name in taken:
            figures[name] = value
            continue
        array = np.asarray(value)
        columns = array.reshape(*array.shape[:kept], -1)
        names = figure_names(name, labels.get(name, ()), columns.shape[-1], (*taken, *figures))
        figures |= {one: columns[..., index] for index, one in enumerate(names)}
    return figures


def _without_mappings(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results with the entries of a mapping in its place, under both names."""
    plain: dict[str, Any] = {}
    for name, value in results.items():
        if isinstance(value, dict):
            plain |= _without_mappings({f"{name}_{key}": one for key, one in value.items()})
        else:
            plain[name] = value
    return plain
