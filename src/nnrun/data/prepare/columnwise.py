"""What steps share that change numbers column by column: which columns, side by side, and back into the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns, resolve
from nnrun.data.prepare.step import indexes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable, ExampleSpec


class Columnwise:
    """A step that changes every number by figures of its column; a subclass says how.

    Args:
        columns: The columns to treat, by name or index; None: all columns of numbers, or a whole array.
    """

    def __init__(self, columns: list[str | int] | None) -> None:
        self.columns = columns
        self.figures: dict[str, np.ndarray] = {}

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn the figures of every number from the training part."""
        names = self.names(x)
        values = gather(x, names, type(self).__name__)
        self.take(self.learn(values))
        return []

    def take(self, figures: Mapping[str, Any]) -> None:
        """Take figures that `learn` gave."""
        import numpy as np

        self.figures = {name: np.asarray(figure, "float64") for name, figure in figures.items()}

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The examples with the columns changed."""
        return self._changed(x, back=False)

    def invert(self, x: ArrayOrTable) -> ArrayOrTable:
        """The examples that `apply` would turn into `x`, where it loses nothing."""
        return self._changed(x, back=True)

    def state(self) -> dict[str, Any]:
        """The figures."""
        return {name: figure.tolist() for name, figure in self.figures.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the figures."""
        self.take(state)

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The same shape; the columns must be there and hold numbers."""
        if self.columns is not None and view.columns is not None:
            _refuse_text([name for name in resolve(self.columns, view.columns) if name in view.text], self)
        return view

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:
        """The figures of values of shape (rows, ...)."""
        raise NotImplementedError

    def change(self, values: np.ndarray) -> np.ndarray:
        """The changed values; they are a copy that may be written to."""
        raise NotImplementedError

    def undo(self, values: np.ndarray) -> np.ndarray:
        """The values that `change` would turn into these."""
        raise NotImplementedError

    def names(self, x: ArrayOrTable) -> list[str]:
        """The columns to treat; empty where `x` is an array that is treated as a whole."""
        if not isinstance(x, Columns):
            return [] if self.columns is None else resolve(self.columns, indexes(x))
        if self.columns is None:
            return [name for name in x.names if name not in x.text()]
        names = resolve(self.columns, x.names)
        _refuse_text([name for name in names if name in x.text()], self)
        return names

    def _changed(self, x: ArrayOrTable, *, back: bool) -> ArrayOrTable:
        names = self.names(x)
        # A whole array is treated in float32, which is what the model takes: pictures would else need twice the memory.
        values = gather(x, names, type(self).__name__).astype("float64" if names or back else "float32")
        changed = self.undo(values) if back else self.change(values).astype(values.dtype, copy=False)
        return scatter(x, names, changed)


def gather(x: ArrayOrTable, names: Sequence[str], step: str) -> np.ndarray:
    """These columns side by side; the whole array where no columns are named.

    Raises:
        ValueError: A value is missing.
    """
    import numpy as np

    if isinstance(x, Columns):
        for name in names:
            refuse_missing(name, x.values[name], step)
        return np.stack([x.values[name] for name in names], axis=1) if names else np.empty((len(x), 0))
    return x[:, [int(name) for name in names]] if names else x


def scatter(x: ArrayOrTable, names: Sequence[str], values: np.ndarray) -> ArrayOrTable:
    """The examples with these columns replaced."""
    if isinstance(x, Columns):
        return Columns({**x.values, **{name: values[:, index] for index, name in enumerate(names)}})
    if not names:
        return values
    whole = x.astype("float64")
    whole[:, [int(name) for name in names]] = values
    return whole


def missing(column: np.ndarray) -> np.ndarray:
    """Which values of a column are missing: NaN among numbers, None among text."""
    import numpy as np

    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), dtype=bool)


def refuse_missing(name: str, column: np.ndarray, step: str) -> None:
    """Refuse a column with missing values.

    Raises:
        ValueError: There are some.
    """
    if missing(column).any():
        raise ValueError(f"column {name!r} has missing values; put an Impute step before {step}")


def _refuse_text(names: list[str], step: object) -> None:
    if names:
        raise ValueError(f"{type(step).__name__} takes numbers, but column {names[0]!r} holds text")
