"""The step `OneHot`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import Columns, resolve
from nnrun.data.columnwise import refuse_missing
from nnrun.data.step import View, indexes
from nnrun.data.unseen import UnseenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.step import Block


class OneHot:
    """Replace a column of categories by one column of 0 and 1 for each category of the training part.

    Categories are sorted. The new columns stand where the old one stood and are named `colour=red`.

    Args:
        columns: The columns to treat, by name or index, or the word `target`: class targets become one-hot rows
            whatever the loss.
        unseen: What a category does that the training part does not have: `error` refuses the data and names it,
            `zeros` gives it a row of zeros.
    """

    def __init__(
        self, columns: list[str | int] | Literal["target"], unseen: Literal["error", "zeros"] = "error"
    ) -> None:
        self.columns = columns
        self.unseen = unseen
        self.categories: dict[str, list[Any]] = {}

    @property
    def target(self) -> bool:
        """Whether the step is about the target rather than the features."""
        return self.columns == "target"

    def fit(self, x: Block) -> list[str]:
        """Learn the categories."""
        import numpy as np

        if not self.target:
            table = _table(x)
            for name in resolve(self.columns, table.names):
                refuse_missing(name, table.values[name], "OneHot")
            self.categories = {
                name: np.unique(table.values[name]).tolist() for name in resolve(self.columns, table.names)
            }
        return []

    def apply(self, x: Block) -> Block:
        """The table with one column for each category."""
        if self.target:
            return x
        wide: dict[str, np.ndarray] = {}
        for name, column in _table(x).values.items():
            wide.update(self._spread(name, column) if name in self.categories else {name: column})
        return Columns(wide)

    def state(self) -> dict[str, Any]:
        """The categories of each column."""
        return {"categories": self.categories}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the categories."""
        self.categories = dict(state["categories"])

    def shape(self, view: View) -> View:
        """One column for each category, as far as the categories are known."""
        if self.target:
            return view
        if len(view.shape) != 1:
            raise ValueError(f"OneHot takes a table, but an example has the shape {list(view.shape)}")
        if view.columns is None:
            return replace(view, shape=(None,))
        asked = resolve(self.columns, view.columns)
        text = view.text - set(asked)
        if any(name not in view.values for name in asked):
            return View((None,), None, view.values, text)
        names = tuple(
            new
            for name in view.columns
            for new in ([f"{name}={value}" for value in view.values[name]] if name in asked else [name])
        )
        return View((len(names),), names, view.values, text)

    def _spread(self, name: str, column: np.ndarray) -> dict[str, np.ndarray]:
        import numpy as np

        refuse_missing(name, column, "OneHot")
        categories = self.categories[name]
        if self.unseen == "error":
            self._refuse_unseen(name, column)
        return {
            f"{name}={_plain(category)}": np.asarray(column == category, dtype="float64") for category in categories
        }

    def _refuse_unseen(self, name: str, column: np.ndarray) -> None:
        known = set(self.categories[name])
        strange = [row for row, value in enumerate(column.tolist()) if value not in known]
        if strange:
            raise UnseenError(
                [_plain(value) for value in self.categories[name]],
                _plain(column[strange[0]]),
                example=strange[0],
                count=len(strange),
                column=name,
                hint="say `unseen: zeros` in the OneHot step to give such rows zeros",
            )


def _plain(value: object) -> object:
    """A whole number without its `.0`, as the user wrote it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table(x: Block) -> Columns:
    if isinstance(x, Columns):
        return x
    return Columns({name: x[:, index] for index, name in enumerate(indexes(x))})
