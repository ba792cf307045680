"""The steps that change every number by itself: `Rescale` and `Standardize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns
from nnrun.data.prepare.columnwise import Columnwise, gather

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable, ExampleSpec


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

    def fit(self, x: ArrayOrTable) -> list[str]:  # noqa: ARG002
        """Learn nothing: both constants stand in the config."""
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
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

    def shape(self, view: ExampleSpec) -> ExampleSpec:
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

    def fit(self, x: ArrayOrTable) -> list[str]:
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


class MinMax(Columnwise):
    """Shift and scale to the range from `low` to `high`, as seen in the training part.

    Each number of an example is treated by itself. Values of other parts may lie outside of the range. A number that
    never changes becomes `low`.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
        low: What the smallest value becomes.
        high: What the largest value becomes.
    """

    def __init__(self, columns: list[str | int] | None = None, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__(columns)
        if low >= high:
            raise ValueError(f"MinMax: low expected a number below high ({high:g}), received {low:g}")
        self.low, self.high = low, high

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:
        """The smallest value, and how far the largest lies above it."""
        import numpy as np

        least = values.min(axis=0).astype("float64")
        span = values.max(axis=0).astype("float64") - least
        return {"least": least, "span": np.where(span > 0, span, 1.0)}

    def change(self, values: np.ndarray) -> np.ndarray:
        """From the range that was seen to the one that is asked for."""
        shifted = (values - self.figures["least"]) / self.figures["span"]
        changed: np.ndarray = shifted * (self.high - self.low) + self.low
        return changed

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Back to the range that was seen."""
        share = (values - self.low) / (self.high - self.low)
        changed: np.ndarray = share * self.figures["span"] + self.figures["least"]
        return changed


class Robust(Columnwise):
    """Shift by the median and scale by the distance between the quartiles, as seen in the training part.

    A few extreme values change neither, unlike mean and standard deviation. A number whose quartiles are equal is only
    shifted.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    def __init__(self, columns: list[str | int] | None = None) -> None:
        super().__init__(columns)

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:
        """The median, and the third quartile less the first."""
        import numpy as np

        first, middle, third = np.percentile(values, (25, 50, 75), axis=0)
        return {"median": middle, "scale": np.where(third > first, third - first, 1.0)}

    def change(self, values: np.ndarray) -> np.ndarray:
        """`(x - median) / (third quartile - first quartile)`."""
        changed: np.ndarray = (values - self.figures["median"]) / self.figures["scale"]
        return changed

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Back to the original numbers."""
        changed: np.ndarray = values * self.figures["scale"] + self.figures["median"]
        return changed


class Clip(Columnwise):
    """Replace numbers below `low` by `low`, and those above `high` by `high`.

    Args:
        low: The smallest number that stays; no bound where not given.
        high: The largest number that stays; no bound where not given.
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    def __init__(
        self, low: float | None = None, high: float | None = None, columns: list[str | int] | None = None
    ) -> None:
        super().__init__(columns)
        if low is None and high is None:
            raise ValueError("Clip: expected `low`, `high` or both, received neither")
        if low is not None and high is not None and low > high:
            raise ValueError(f"Clip: low expected a number of at most high ({high:g}), received {low:g}")
        self.low, self.high = low, high

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:  # noqa: ARG002
        """Nothing: both bounds stand in the config."""
        return {}

    def change(self, values: np.ndarray) -> np.ndarray:
        """Numbers between the bounds."""
        import numpy as np

        changed: np.ndarray = np.clip(values, self.low, self.high)
        return changed

    def undo(self, values: np.ndarray) -> np.ndarray:
        """The same: what was cut off is lost."""
        return values


class Log(Columnwise):
    """Take the natural logarithm of `x + offset`: counts and prices that span powers of ten come closer together.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
        offset: Added before; 1 keeps 0 at 0.
    """

    def __init__(self, columns: list[str | int] | None = None, offset: float = 1.0) -> None:
        super().__init__(columns)
        self.offset = offset

    def learn(self, values: np.ndarray) -> Mapping[str, Any]:
        """Nothing; numbers without a logarithm are refused."""
        self._refuse(values)
        return {}

    def change(self, values: np.ndarray) -> np.ndarray:
        """`log(x + offset)`."""
        import numpy as np

        self._refuse(values)
        return np.asarray(np.log(values + self.offset))

    def undo(self, values: np.ndarray) -> np.ndarray:
        """`exp(x) - offset`."""
        import numpy as np

        return np.asarray(np.exp(values) - self.offset)

    def _refuse(self, values: np.ndarray) -> None:
        least = values.min(initial=0.0 if self.offset > 0 else 1.0)
        if least + self.offset <= 0:
            raise ValueError(
                f"Log needs numbers above {-self.offset:g}, received {least:g}; say a larger `offset`, or Clip first"
            )
