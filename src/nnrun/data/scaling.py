"""The steps that change every number by itself: `Rescale` and `Standardize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns, resolve
from nnrun.data.step import indexes

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


class Standardize:
    """Shift and scale to mean 0 and standard deviation 1, as seen in the training part.

    Each number of an example is treated by itself, over the training examples. The standard deviation is the
    population's (ddof 0), as in scikit-learn's StandardScaler. A number that never changes becomes 0.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    def __init__(self, columns: list[str | int] | None = None) -> None:
        self.columns = columns
        self.mean: np.ndarray | None = None
        self.scale: np.ndarray | None = None

    def fit(self, x: Block) -> list[str]:
        """Learn mean and standard deviation of every number; tell which are constant."""
        import numpy as np

        names = self._names(x)
        values = _gather(x, names)
        constant = values.max(axis=0) == values.min(axis=0)
        self.mean = np.where(constant, values[0], values.mean(axis=0, dtype="float64"))
        self.scale = np.where(constant, 1.0, values.std(axis=0, dtype="float64"))
        return _constant_note(constant, names)

    def apply(self, x: Block) -> Block:
        """`(x - mean) / standard deviation`."""
        import numpy as np

        names = self._names(x)
        values = _gather(x, names)
        assert self.mean is not None, "fit or restore comes first"  # noqa: S101
        scaled = values.astype("float64" if names else "float32")
        np.subtract(scaled, self.mean.astype(scaled.dtype), out=scaled)
        np.divide(scaled, np.asarray(self.scale, dtype=scaled.dtype), out=scaled)
        return _scatter(x, names, scaled)

    def invert(self, x: Block) -> Block:
        """The examples that `apply` would turn into `x`."""
        import numpy as np

        names = self._names(x)
        return _scatter(x, names, _gather(x, names) * np.asarray(self.scale) + np.asarray(self.mean))

    def state(self) -> dict[str, Any]:
        """Means and standard deviations."""
        import numpy as np

        return {"mean": np.asarray(self.mean).tolist(), "scale": np.asarray(self.scale).tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take means and standard deviations."""
        import numpy as np

        self.mean, self.scale = np.asarray(state["mean"], dtype="float64"), np.asarray(state["scale"], dtype="float64")

    def shape(self, view: View) -> View:
        """The same shape; the columns must be there and hold numbers."""
        if self.columns is not None and view.columns is not None:
            _refuse_text([name for name in resolve(self.columns, view.columns) if name in view.text])
        return view

    def _names(self, x: Block) -> list[str]:
        """The columns to treat; empty where `x` is an array that is treated as a whole."""
        if not isinstance(x, Columns):
            return [] if self.columns is None else resolve(self.columns, indexes(x))
        if self.columns is None:
            return [name for name in x.names if name not in x.text()]
        names = resolve(self.columns, x.names)
        _refuse_text([name for name in names if name in x.text()])
        return names


def _gather(x: Block, names: list[str]) -> np.ndarray:
    """These columns side by side; the whole array where no columns are named."""
    import numpy as np

    if isinstance(x, Columns):
        return np.stack([x.values[name] for name in names], axis=1) if names else np.empty((len(x), 0))
    return x[:, [int(name) for name in names]] if names else x


def _scatter(x: Block, names: list[str], values: np.ndarray) -> Block:
    """The examples with these columns replaced."""
    if isinstance(x, Columns):
        return Columns({**x.values, **{name: values[:, index] for index, name in enumerate(names)}})
    if not names:
        return values
    whole = x.astype("float64")
    whole[:, [int(name) for name in names]] = values
    return whole


def _refuse_text(names: list[str]) -> None:
    if names:
        raise ValueError(f"Standardize takes numbers, but column {names[0]!r} holds text")


def _constant_note(constant: np.ndarray, names: list[str]) -> list[str]:
    count = int(constant.sum())
    if not count:
        return []
    which = (
        ", ".join(repr(name) for name, still in zip(names, constant, strict=True) if still)
        if names
        else f"{count} numbers"
    )
    return [f"Standardize: {which} never changed in the training part and became 0."]
