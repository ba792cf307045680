"""Steps that change numbers: `Rescale`, `Standardize`, `MinMax`, `Robust`, `Clip` and `Log`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.prepare.step import OneBlock, Step, as_table, check_no_missing, index_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nnrun.data.prepare.step import ArrayOrTable, Blocks, ExampleSpec


class Rescale(Step):
    """Divide every number by a constant, then add another.

    Pictures of 0 to 255 become numbers of 0 to 1 with `Rescale: {divide_by: 255}`. The arithmetic is float32.

    Args:
        divide_by: The divisor; not 0.
        offset: Added after the division.
        columns: The columns of numbers or of pictures to treat, by name or index; default: all.
    """

    takes_arrays = True

    def __init__(self, divide_by: float, offset: float = 0.0, columns: list[str | int] | None = None) -> None:
        if divide_by == 0:
            raise ValueError("Rescale: divide_by expected a number other than 0, received 0")
        self.divide_by = divide_by
        self.offset = offset
        self.columns = columns

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return `x / divide_by + offset`; text columns stay as they are."""
        if isinstance(x, Columns) or self.columns is not None:
            changed = self._changed(as_table(x), lambda values: values / self.divide_by + self.offset)
            return changed if isinstance(x, Columns) else changed.matrix()
        scaled: np.ndarray = np.divide(x, np.float32(self.divide_by), dtype="float32")
        if self.offset:
            scaled += np.float32(self.offset)
        return scaled

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the same spec; the columns must exist, and be named where pictures stand next to them."""
        if self.columns is None and spec.arrays and spec.shape != (0,):
            columns = ", ".join(spec.arrays)
            raise ValueError(
                "Rescale would divide the columns as it divides the pictures next to them; "
                f"write `Rescale: {{columns: [{columns}], divide_by: {self.divide_by:g}}}`"
            )
        if self.columns is not None and spec.columns is not None:
            names = resolve_columns(self.columns, (*spec.columns, *spec.arrays))
            check_numbers(self.name, names, spec.text)
        return spec

    def _changed(self, x: Columns, change: Callable[[np.ndarray], np.ndarray]) -> Columns:
        """Return a table whose columns of numbers, or those that are named, are changed, and whose pictures are scaled.

        Raises:
            ValueError: A named column does not exist, or holds text.
        """
        every = (*x.names, *x.arrays)
        names = every if self.columns is None else resolve_columns(self.columns, every)
        if self.columns is not None:
            check_numbers(self.name, names, x.text())
        values = {
            name: change(column) if name in names and column.dtype != object else column
            for name, column in x.values.items()
        }
        arrays = {name: self._scaled_array(one) if name in names else one for name, one in x.arrays.items()}
        return Columns(values, arrays)

    def _scaled_array(self, array: Any) -> Any:
        """Return an array, or a stream, after the step."""
        whole = Rescale(self.divide_by, self.offset)
        return array.with_step(whole) if hasattr(array, "with_step") else whole.apply(array)

    @property
    def is_invertible(self) -> bool:
        """Whether `invert` undoes the step."""
        return True

    def invert(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return `(x - offset) * divide_by`; text columns stay as they are."""
        if isinstance(x, Columns):
            return self._changed(x, lambda values: (values - self.offset) * self.divide_by)
        return np.asarray((x - np.float32(self.offset)) * np.float32(self.divide_by), dtype="float32")


class NumericStep(Step):
    """Base class of steps that change every number by statistics of its column, or of its place in an array.

    Args:
        columns: The columns to treat, by name or index; None: all columns of numbers, or a whole array.
    """

    #: The statistics that a fit learns.
    statistic_names: ClassVar[tuple[str, ...]] = ()
    #: Whether missing values stay missing, instead of being refused.
    keeps_missing: ClassVar[bool] = False

    def __init__(self, columns: list[str | int] | None = None) -> None:
        self.columns = columns
        self.statistics: dict[str, np.ndarray] = {}

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the changed values; `values` is a copy that may be written to."""
        raise NotImplementedError

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return the values that `transform` would turn into these."""
        raise NotImplementedError

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the examples with the columns changed."""
        # A whole array is treated in float32, which is what the model takes: pictures would else need twice the memory.
        names = self.names(x)
        values = self._select(x, names).astype("float64" if names else "float32")
        return _replace_columns(x, names, self.transform(values).astype(values.dtype, copy=False))

    @property
    def is_invertible(self) -> bool:
        """Whether `invert` undoes the step."""
        return True

    def invert(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the examples that `apply` would turn into `x`, where it loses nothing."""
        names = self.names(x)
        return _replace_columns(x, names, self.inverse_transform(self._select(x, names).astype("float64")))

    def state(self) -> dict[str, Any]:
        """Return the statistics."""
        return {name: statistic.tolist() for name, statistic in self.statistics.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the statistics.

        Raises:
            KeyError: One is missing.
            ValueError: One is no array of numbers.
        """
        self.statistics = {name: np.asarray(state[name], "float64") for name in self.statistic_names}

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the same spec; the columns must exist and hold numbers."""
        if self.columns is not None and spec.columns is not None:
            self._check_numbers(resolve_columns(self.columns, spec.columns), spec.text)
        return spec

    def names(self, x: ArrayOrTable) -> list[str]:
        """Return the columns to treat; none where `x` is an array that is treated as a whole."""
        if not isinstance(x, Columns):
            return [] if self.columns is None else resolve_columns(self.columns, index_names(x))
        if self.columns is None:
            return [name for name in x.names if name not in x.text()]
        names = resolve_columns(self.columns, x.names)
        self._check_numbers(names, x.text())
        return names

    def value_blocks(self, data: Blocks) -> Iterable[np.ndarray]:
        """Return the numbers to treat, block by block, each of shape (rows, ...); can be iterated several times."""
        names = self.names(data.head)
        if isinstance(data, OneBlock):
            return [self._select(data.head, names)]
        return _Reread(lambda: (self._select(block, names) for block in data.blocks()))

    def values_with_missing(self, data: Blocks) -> np.ndarray | None:
        """Return the numbers of examples in memory as float64 where some are missing, else None.

        Raises:
            ValueError: All values of a column are missing.
        """
        if not isinstance(data, OneBlock):
            return None
        names = self.names(data.head)
        values = self._select(data.head, names)
        if values.dtype.kind != "f" or not (missing := np.isnan(values)).any():
            return None
        if len(empty := np.flatnonzero(missing.all(axis=0))):
            shown = repr(names[empty[0]]) if names else str(empty[0])
            raise ValueError(f"{self.name}: all values of column {shown} are missing in the training part")
        return values.astype("float64")

    def _select(self, x: ArrayOrTable, names: Sequence[str]) -> np.ndarray:
        """Return columns side by side; the whole array where no columns are named."""
        if isinstance(x, Columns):
            for name in () if self.keeps_missing else names:
                check_no_missing(name, x.values[name], self.name)
            return np.stack([x.values[name] for name in names], axis=1) if names else np.empty((len(x), 0))
        return x[:, [int(name) for name in names]] if names else x

    def _check_numbers(self, names: Sequence[str], text: Iterable[str]) -> None:
        check_numbers(self.name, names, text)


def check_numbers(step: str, names: Sequence[str], text: Iterable[str]) -> None:
    """Refuse columns of text among those that a step of numbers names.

    Raises:
        ValueError: There is one.
    """
    wrong = next((name for name in names if name in text), None)
    if wrong is not None:
        raise ValueError(f"{step} takes numbers, but column {wrong!r} holds text")


@dataclass(frozen=True)
class _Reread:
    """Blocks that are read again each time they are iterated."""

    read: Callable[[], Iterator[np.ndarray]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.read()


def _replace_columns(x: ArrayOrTable, names: Sequence[str], values: np.ndarray) -> ArrayOrTable:
    if isinstance(x, Columns):
        return Columns({**x.values, **{name: values[:, index] for index, name in enumerate(names)}})
    if not names:
        return values
    whole = x.astype("float64")
    whole[:, [int(name) for name in names]] = values
    return whole


def replace_constants(scale: np.ndarray) -> np.ndarray:
    """Return what numbers are divided by: 1 in place of 0, for numbers that never change."""
    return np.where(scale > 0, scale, 1.0)


def _min_max(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value of every number over all blocks."""
    ranges = ((values.min(axis=0), values.max(axis=0)) for values in blocks)
    return reduce(lambda one, other: (np.minimum(one[0], other[0]), np.maximum(one[1], other[1])), ranges)


def _sum(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the float64 sum over the examples of all blocks.

    NumPy adds rows one after another, so that a sum continued with the next block is the sum of all rows to the last
    bit. A single number an example is summed pairwise, which needs all of them at once.
    """
    total: np.ndarray | None = None
    for block in blocks:
        rows = block if total is None else np.concatenate([total[None], block.astype("float64")])
        total = np.add.reduce(rows, axis=0, dtype="float64")
    assert total is not None, "there is at least one block"  # noqa: S101
    return total


class Standardize(NumericStep):
    """Shift and scale to mean 0 and standard deviation 1, as seen in the training part.

    Each number of an example is treated by itself, over the training examples. The standard deviation is the
    population's (ddof 0), as in scikit-learn's StandardScaler. A number that never changes becomes 0.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    statistic_names = ("mean", "scale")

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute mean and standard deviation of every number; note which are constant."""
        blocks = self.value_blocks(data)
        if int(np.prod(next(iter(blocks)).shape[1:])) == 1:
            blocks = [np.concatenate(list(blocks))]
        least, most = _min_max(blocks)
        constant = most == least
        mean = _sum(blocks) / len(data)
        deviation = np.sqrt(_sum(_squared_distance(values, mean) for values in blocks) / len(data))
        first = next(iter(blocks))[0]
        self.restore({"mean": np.where(constant, first, mean), "scale": np.where(constant, 1.0, deviation)})
        return _constant_note(self.name, constant, self.names(data.head))

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return `(x - mean) / standard deviation`, in the precision of the values."""
        np.subtract(values, self.statistics["mean"].astype(values.dtype), out=values)
        np.divide(values, self.statistics["scale"].astype(values.dtype), out=values)
        return values

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return the original numbers."""
        return np.asarray(values * self.statistics["scale"] + self.statistics["mean"])


def _squared_distance(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    distance = values - mean
    return np.asarray(np.multiply(distance, distance, out=distance))


def _constant_note(step: str, constant: np.ndarray, names: list[str]) -> list[str]:
    """Return a note about numbers that never change."""
    count = int(constant.sum())
    if not count:
        return []
    listed = ", ".join(repr(name) for name, still in zip(names, constant, strict=True) if still) if names else ""
    return [f"{step}: {listed or f'{count} numbers'} never changed in the training part and became 0."]


class MinMax(NumericStep):
    """Shift and scale to the range from `low` to `high`, as seen in the training part.

    Each number of an example is treated by itself. Values of other parts may be outside the range. A number that
    never changes becomes `low`.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
        low: What the smallest value becomes.
        high: What the largest value becomes.
    """

    statistic_names = ("least", "span")

    def __init__(self, columns: list[str | int] | None = None, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__(columns)
        if low >= high:
            raise ValueError(f"MinMax: low expected a number below high ({high:g}), received {low:g}")
        self.low, self.high = low, high

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute the smallest value of every number, and the distance to its largest."""
        least, most = (values.astype("float64") for values in _min_max(self.value_blocks(data)))
        self.restore({"least": least, "span": replace_constants(most - least)})
        return []

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the values moved from the range of the training part to the one of the config."""
        shifted = (values - self.statistics["least"]) / self.statistics["span"]
        return np.asarray(shifted * (self.high - self.low) + self.low)

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return the values moved back to the range of the training part."""
        share = (values - self.low) / (self.high - self.low)
        return np.asarray(share * self.statistics["span"] + self.statistics["least"])


class Robust(NumericStep):
    """Shift by the median and scale by the distance between the quartiles, as seen in the training part.

    A few extreme values change neither of them, unlike mean and standard deviation. A number whose quartiles are equal
    is only shifted.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
    """

    statistic_names = ("median", "scale")
    #: In per cent.
    quantiles: tuple[float, float, float] = (25.0, 50.0, 75.0)

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Compute the median of every number, and the distance between its quartiles."""
        if isinstance(data, OneBlock):
            whole = self.value_blocks(data)
        else:
            table = data.table()
            whole = [self._select(table, [name]) for name in self.names(data.head)] or [np.empty((len(data), 0))]
        quartiles = [np.percentile(_without_booleans(values), self.quantiles, axis=0) for values in whole]
        first, median, third = quartiles[0] if len(quartiles) == 1 else np.concatenate(quartiles, axis=1)
        self.restore({"median": median, "scale": replace_constants(third - first)})
        return []

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return `(x - median) / (third quartile - first quartile)`."""
        return np.asarray((values - self.statistics["median"]) / self.statistics["scale"])

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return the original numbers."""
        return np.asarray(values * self.statistics["scale"] + self.statistics["median"])


def _without_booleans(values: np.ndarray) -> np.ndarray:
    """Return booleans as 0 and 1, since NumPy does not subtract them."""
    return values.astype("uint8") if values.dtype == bool else values


class Clip(NumericStep):
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

    @property
    def is_invertible(self) -> bool:
        """Whether `invert` undoes the step: what was cut off is lost."""
        return False

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Check the columns; nothing is learned."""
        self._select(data.head, self.names(data.head))
        return []

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers between the bounds."""
        return np.asarray(np.clip(values, self.low, self.high))

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return the same values: what was cut off is lost."""
        return values


class Log(NumericStep):
    """Take the natural logarithm of `x + offset`: counts and prices that span powers of ten come closer together.

    Args:
        columns: The columns to treat, by name or index; all columns of numbers where not given.
        offset: Added before; 1 keeps 0 at 0.
    """

    def __init__(self, columns: list[str | int] | None = None, offset: float = 1.0) -> None:
        super().__init__(columns)
        self.offset = offset

    def fit_blocks(self, data: Blocks) -> list[str]:
        """Check that every number has a logarithm; nothing is learned."""
        for values in self.value_blocks(data):
            self._check(values)
        return []

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return `log(x + offset)`."""
        self._check(values)
        return np.asarray(np.log(values + self.offset))

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """Return `exp(x) - offset`."""
        return np.asarray(np.exp(values) - self.offset)

    def _check(self, values: np.ndarray) -> None:
        # As a float: the offset need not fit the integers of an array.
        least = float(values.min(initial=0.0 if self.offset > 0 else 1.0))
        if least + self.offset <= 0:
            raise ValueError(
                f"Log needs numbers above {-self.offset:g}, received {least:g}; write a larger `offset`, or Clip first"
            )
