"""Rows without a target: which they are, and examples without them (`drop_missing_target`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import missing_mask
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.data.dataset import Examples
    from nnrun.errors import Path

#: Error for a table in which no row has all targets, and what to do.
NO_TARGETS, NO_TARGETS_HINT = "no row has a target", "name another column as `target`, or fill the targets in"
#: Error for windows of rows of which some would be left out.
NO_WINDOWS = "windows need rows that follow one another; write `drop_missing: true` instead of `drop_missing_target`"


def missing_targets(y: np.ndarray | Columns) -> np.ndarray:
    """Return where a row lacks its target, or one of several: bool of shape (rows,).

    Args:
        y: One target of shape (rows,), several of shape (rows, targets), or columns of which some hold text.
    """
    if isinstance(y, Columns):
        masks = np.array([missing_mask(column) for column in y.values.values()])
        return np.asarray(masks.any(axis=0))
    missing = missing_mask(y)
    return np.asarray(missing if missing.ndim == 1 else missing.any(axis=1))


def drop_missing_targets(examples: Examples, source: str) -> tuple[Examples, np.ndarray]:
    """Return the examples that have all their targets, and their rows; `dropped` says how many others there were.

    Args:
        examples: All examples of a source.
        source: The source's name, for messages.

    Raises:
        DataError: None has.
    """
    everything = np.arange(len(examples))
    if examples.y is None:
        return examples, everything
    kept = everything[~missing_targets(examples.y)]
    if not len(kept):
        raise DataError(f"{source}: {NO_TARGETS}", hint=NO_TARGETS_HINT)
    dropped = len(everything) - len(kept)
    return replace(examples.take(kept), findings=examples.findings, dropped=dropped), kept


def no_target_left(path: Path) -> Finding:
    """Return the error that no row of a table has a target; `path` is the place of `target` in the config."""
    return Finding(path, NO_TARGETS, NO_TARGETS_HINT, "defective-data")


def dropped_note(source: str, count: int) -> str:
    """Return the note that rows of a source were left out."""
    verb = "has" if count == 1 else "have"
    return f"{format_count(count, 'row')} of {source} {verb} no target and {'is' if count == 1 else 'are'} left out."


def rows_with_targets(rows: int, missing: Iterable[int]) -> int | None:
    """Return how many rows have all targets; None where that depends on which rows lack which target.

    Args:
        rows: The number of all rows.
        missing: How many rows lack each target.
    """
    gaps = [count for count in missing if count]
    return rows - sum(gaps) if len(gaps) < 2 else None
