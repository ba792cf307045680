"""What Keras' metrics return: their names in logs, whether more is better, and which return several figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from nnrun.catalog import lookup
from nnrun.catalog.figures import figure_of_metric
from nnrun.catalog.shapes.names import snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Whether a smaller or a larger value of a figure is better, as callbacks of Keras call it.
Direction: TypeAlias = Literal["min", "max"]

#: Metrics that return a figure for each output where this argument is null, and the value that makes it one figure.
_BY_OUTPUT: Final = {
    "F1Score": ("average", "macro"),
    "FBetaScore": ("average", "macro"),
    "R2Score": ("class_aggregation", "uniform_average"),
}
#: Metrics that return a figure for each of several thresholds.
_BY_THRESHOLD: Final = ("Precision", "Recall", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")


def direction(name: str) -> Direction | None:
    """Return whether a metric of the catalog is better when smaller or larger.

    Args:
        name: The canonical name of a metric. A user's class is like the class of Keras that it descends from.

    Returns:
        None for a metric of the user's own, of which nobody can know it.
    """
    entry = lookup.entry("metrics", name)
    better = figure_of_metric(name if entry is None or entry.base is None else entry.base).better
    return None if better is None else "max" if better == "larger" else "min"


def default_name(name: str) -> tuple[str, bool]:
    """Return the name that Keras gives a metric in logs, and whether it numbers a second object of the class."""
    entry = lookup.entry("metrics", name)
    parameter = entry.parameters.get("name") if entry is not None else None
    given = None if parameter is None else parameter.default
    is_numbered = parameter is not None and given is None
    return (given if isinstance(given, str) else snake_case(name)), is_numbered


def thresholds_of(name: str, arguments: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the thresholds for each of which a metric returns a figure; none where it returns one figure for all."""
    given = arguments.get("thresholds")
    return tuple(given) if name in _BY_THRESHOLD and isinstance(given, list) and len(given) > 1 else ()


def has_figure_by_output(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a metric returns a figure for each class or output."""
    argument = _BY_OUTPUT.get(name, ("", ""))[0]
    entry = lookup.entry("metrics", name)
    if entry is None or argument not in entry.parameters:
        return False
    return arguments.get(argument, entry.parameters[argument].default) is None


def aggregation(name: str) -> tuple[str, str] | None:
    """Return the argument, with a value, that makes one figure of those for each output; None where there is none."""
    return _BY_OUTPUT.get(name)
