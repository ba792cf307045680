"""The step `Impute`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import Columns, resolve
from nnrun.data.prepare.columnwise import missing
from nnrun.data.prepare.step import indexes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable, ExampleSpec


class Impute:
    """Fill in missing values with a figure of the column, as seen in the training part.

    Where this step stands, a table may have missing values in its feature columns; elsewhere they are refused with
    their row. Columns of text take `most_frequent` or `constant`.

    Args:
        strategy: What stands for a missing value: the column's `mean`, its `median`, its `most_frequent` value (of
            several the smallest), or a `constant`.
        columns: The columns to treat, by name or index; where not given, all that the strategy suits.
        value: The constant.
    """

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

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn what stands for a missing value in each column; tell how many are missing."""
        table = _table(x)
        names = self._names(table)
        self.fill = {name: self._figure(name, table.values[name]) for name in names}
        gaps = {name: int(missing(table.values[name]).sum()) for name in names}
        told = ", ".join(f"{count} in {name!r}" for name, count in gaps.items() if count)
        return [f"Impute: {self.strategy} fills in {told} of the training part."] if told else []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The table without missing values in these columns."""
        table = _table(x)
        filled = Columns({**table.values, **{name: self._filled(name, table.values[name]) for name in self.fill}})
        return filled if isinstance(x, Columns) else filled.matrix()

    def state(self) -> dict[str, Any]:
        """What stands for a missing value in each column."""
        return {"fill": self.fill}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what stands for a missing value."""
        self.fill = dict(state["fill"])

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The same shape; the strategy must suit the columns."""
        if len(view.shape) != 1:
            raise ValueError(f"Impute takes a table, but an example has the shape {list(view.shape)}")
        if self.columns is not None and view.columns is not None:
            for name in resolve(self.columns, view.columns):
                self._refuse(name, text=name in view.text)
        return view

    def _names(self, table: Columns) -> list[str]:
        if self.columns is None:
            text = set(table.text())
            return [name for name in table.names if self._suits(text=name in text)]
        names = resolve(self.columns, table.names)
        for name in names:
            self._refuse(name, text=table.values[name].dtype == object)
        return names

    def _suits(self, *, text: bool) -> bool:
        if self.strategy == "constant":
            return isinstance(self.value, str) == text
        return not text or self.strategy == "most_frequent"

    def _refuse(self, name: str, *, text: bool) -> None:
        if not self._suits(text=text):
            held = "text" if text else "numbers"
            raise ValueError(f"Impute: {self.strategy} does not suit column {name!r}, which holds {held}")

    def _figure(self, name: str, column: np.ndarray) -> float | str:
        import numpy as np

        if self.value is not None:
            return self.value
        known = column[~missing(column)]
        if not len(known):
            raise ValueError(f"all values of column {name!r} are missing in the training part")
        if self.strategy == "most_frequent":
            values, counts = np.unique(known, return_counts=True)
            found = values[counts.argmax()]
            return found if isinstance(found, str) else float(found)
        return float(np.mean(known) if self.strategy == "mean" else np.median(known))

    def _filled(self, name: str, column: np.ndarray) -> np.ndarray:
        gaps = missing(column)
        if not gaps.any():
            return column
        filled = column.copy()
        filled[gaps] = self.fill[name]
        return filled


def _table(x: ArrayOrTable) -> Columns:
    if isinstance(x, Columns):
        return x
    return Columns({name: x[:, index].astype("float64") for index, name in enumerate(indexes(x))})
