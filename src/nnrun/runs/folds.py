"""The folds of a cross-validation on disk: which are done, and which figure stands for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nnrun.runs.json_text import NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder

#: The figures that tell most, and what is no figure of a model or says the same in other words.
_FIRST = ("error_percent", "bits_per_character")
_LAST = ("loss", "rows", "errors", "error_rate", "fold", "repeat")


def done_folds(folder: RunFolder) -> dict[int, dict[str, Any]]:
    """The records of the folds that are done, by number."""
    found = {}
    for path in sorted(folder.folds.glob("*")):
        try:
            fields = json.loads((path / "record.json").read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(fields, dict) and fields.get("status") == "done" and isinstance(fields.get("fold"), int):
            found[fields["fold"]] = fields
    return found


def headline_figure(scores: Mapping[str, Any]) -> tuple[str, float]:
    """The figure of a fold that tells most: of classes the error, else the first metric, else the loss."""
    numbers = {name: number for name, value in scores.items() if (number := _number(value)) is not None}
    names = [*_FIRST, *(name for name in numbers if name not in _LAST), "loss"]
    return next((name, numbers[name]) for name in names if name in numbers)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
