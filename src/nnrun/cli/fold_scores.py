"""What the folds of a cross-validation say together, on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.cli.layout import Table, put_paragraph, put_table
from nnrun.formatting import format_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.cli.screen import Screen

#: What other lines of the table say in other words.
_TWICE = ("errors", "error_rate")


def put_fold_scores(screen: Screen, crossed: Mapping[str, Any]) -> None:
    """Write each figure's mean over folds, its spread and its interval."""
    means = {name: value for name, value in crossed["mean"].items() if name not in _TWICE}
    if any(name != "loss" and value == means.get("loss") for name, value in means.items()):
        del means["loss"]  # a metric of the same name as the loss says it better
    rows = []
    for name, mean in means.items():
        low, high = crossed["interval_95"][name]
        rows.append(
            [
                name,
                format_number(mean),
                format_number(crossed["sd"][name]),
                f"{format_number(low)} to {format_number(high)}",
            ]
        )
    headings = ("figure", "mean", "sd", "95 % interval")
    put_table(screen, Table(headings, rows, frozenset(headings[1:]), ("95 % interval",)))
    repeats = f", {crossed['repeats']} times" if crossed["repeats"] > 1 else ""
    put_paragraph(screen, f"Over {crossed['folds']} folds{repeats}; sd over folds, interval: {crossed['interval']}.")
