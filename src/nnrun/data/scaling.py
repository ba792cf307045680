"""The steps that change every number by itself: `Rescale` and `Standardize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns
from nnrun.data.columnwise import Columnwise, gather

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.step import Block, View


class Rescale:
    """Divide every number by a constant, then add another.

    Pictures of 0 to 255 become numbers of 0 to 1 with `Rescale: {divide_by: 255}`. The arithmetic is float32.

    Args:
        divide_by: The divisor; not 0.
        offset: Added after the division.
    """

    def __init__(self, divide_by: float, offset: float = 0.0) -> None:
        if divide_by == 0:
            raise ValueError("Rescale: divide_by expected a number other than 0, received 0")
        self.divide_by = divide_by
        self.offset = offset

    def fit(self, x: Block) -> list[str]:  # noqa: ARG002
        """Learn nothing: both constants stand in the config."""
        return []

    def apply(self, x: Block) -> Block:
        """`x / divide_by + offset`; text columns stay as they are."""
        import numpy as np

        if isinstance(x, Columns):
            return Columns(
                {
                    name: column if column.dtype == object else column / self.divide_by + self.offset
                    for name, column in x.values.items()
                }
            )
        scaled = np.divide(x, np.float32(self.divide_by), dtype="float32")
        if self.offset:
            scaled += np.float32(self.offset)
        return scaled

    def state(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing was learned."""

    def shape(self, view: View) -> View:
        """The same shape."""
        return view


class Standardize(Columnwise):
    """Shift and scale to mean 0 and standard deviation 1, as seen in the training part.

    Each number of an example is treated by itself, over the training examples. The standard deviation is the
    population's (ddof 0), as in scikit-learn's StandardScaler. A number that never changes becomes 0.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    def __init__(self, columns: list[str | int] | None = None) -> None:
        super().__init__(columns)

    def fit(self, x: Block) -> list[str]:
        """Learn mean and standard deviation of every number; tell which are constant."""
        super().fit(x)
        names = self.names(x)
        values = gather(x, names, "Standardize")
        return constant_note(values.max(axis=0) == values.min(axis=0), names)

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:
        """Mean and standard deviation."""
        import numpy as np

        constant = values.max(axis=0) == values.min(axis=0)
        return {
            "mean": np.where(constant, values[0], values.mean(axis=0, dtype="float64")),
            "scale": np.where(constant, 1.0, values.std(axis=0, dtype="float64")),
        }

    def change(self, values: np.ndarray) -> np.ndarray:
        """`(x - mean) / standard deviation`, in the precision of the values."""
        import numpy as np

        figures = {name: figure.astype(values.dtype) for name, figure in self.figures.items()}
        np.subtract(values, figures["mean"], out=values)
        np.divide(values, figures["scale"], out=values)
        return values

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Back to the original numbers."""
        changed: np.ndarray = values * self.figures["scale"] + self.figures["mean"]
        return changed


def constant_note(constant: np.ndarray, names: list[str]) -> list[str]:
    """What to tell of numbers that never change."""
    count = int(constant.sum())
    if not count:
        return []
    which = (
        ", ".join(repr(name) for name, still in zip(names, constant, strict=True) if still)
        if names
        else f"{count} numbers"
    )
    return [f"Standardize: {which} never changed in the training part and became 0."]
