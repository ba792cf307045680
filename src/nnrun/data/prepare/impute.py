"""The step that fills in missing values: `Impute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.prepare.step import Step, as_table, check_table, missing_mask

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks, ExampleSpec


class Impute(Step):
    """Fill in missing values with a statistic of the column, as seen in the training part.

    With this step, a table may have missing values in its feature columns; without, they are refused with their row.
    Columns of text take `most_frequent` or `constant`.

    Args:
        strategy: What replaces a missing value: the column's `mean`, its `median`, its `most_frequent` value (of
            several the smallest), or a `constant`.
        columns: The columns to treat, by name or index; where not given, all that the strategy suits.
        value: The constant.
    """

    learned = ("fill",)

    def __init__(
        self,
        strategy: Literal["mean", "median", "constant", "most_frequent"] = "mean",
        columns: list[str | int] | None = None,
        value: float | str | None = None,
    ) -> None:
        if (strategy == "constant") != (value is not None):
            raise ValueError("Impute: `value` goes with `strategy: constant`, and only with it")
        self.strategy, self.columns, self.value = strategy, columns, value
        self.fill: dict[str, float | str] = {}

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Learn what replaces a missing value in each column; note how many are missing."""
        table = data.table()
        missing: dict[str, int] = {}
        self.fill = {}
        for name in self._names(table.names, table.text()):
            column = table.values[name]
            column = column if column.dtype == object else column.astype("float64", copy=False)
            self.fill[name] = self._fill_value(name, column)
            missing[name] = int(missing_mask(column).sum())
        listed = ", ".join(f"{count} in {name!r}" for name, count in missing.items() if count)
        return [f"{self.name}: {self.strategy} fills in {listed} of the training part."] if listed else []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the table without missing values in these columns.

        Raises:
            ValueError: A column is not there.
        """
        table = as_table(x if isinstance(x, Columns) else x.astype("float64"))
        if absent := [name for name in self.fill if name not in table.values]:
            raise ValueError(f"{self.name}: there is no column {absent[0]!r}")
        filled = Columns({**table.values, **{name: self._filled(name, table.values[name]) for name in self.fill}})
        return filled if isinstance(x, Columns) else filled.matrix()

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the same spec; the strategy must suit the columns."""
        check_table(spec, self)
        names = self._names(spec.columns, spec.text) if spec.columns is not None else []
        empty = [name for name in names if name in spec.values and not spec.values[name]]
        if empty and self.value is None:
            raise ValueError(f"{_all_missing(self.name, empty[0])}; leave it out of `features`")
        return spec

    def _names(self, names: Sequence[str], text: Collection[str]) -> list[str]:
        """Return the columns to treat."""
        if self.columns is None:
            return [name for name in names if self._suits(text=name in text)]
        named = resolve_columns(self.columns, names)
        wrong = next((name for name in named if not self._suits(text=name in text)), None)
        if wrong is not None:
            kind = "text" if wrong in text else "numbers"
            raise ValueError(f"{self.name}: {self.strategy} does not suit column {wrong!r}, which holds {kind}")
        return named

    def _suits(self, *, text: bool) -> bool:
        if self.strategy == "constant":
            return isinstance(self.value, str) == text
        return not text or self.strategy == "most_frequent"

    def _fill_value(self, name: str, column: np.ndarray) -> float | str:
        if self.value is not None:
            return self.value
        known = column[~missing_mask(column)]
        if not len(known):
            raise ValueError(f"{_all_missing(self.name, name)} in the training part; leave it out of `features`")
        if self.strategy == "most_frequent":
            values, counts = np.unique(known, return_counts=True)
            found = values[counts.argmax()]
            return found if isinstance(found, str) else float(found)
        return float(np.mean(known) if self.strategy == "mean" else np.median(known))

    def _filled(self, name: str, column: np.ndarray) -> np.ndarray:
        missing = missing_mask(column)
        if not missing.any():
            return column
        filled = column.copy()
        filled[missing] = self.fill[name]
        return filled


def _all_missing(step: str, name: str) -> str:
    return f"{step}: all values of column {name!r} are missing"
