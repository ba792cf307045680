"""The steps of `prepare:`: fitted on the training part alone, kept as JSON, applied to every part and to new data.

A step may be asked for its shape without numpy being imported; only `fit` and `apply` touch arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nnrun.data.columns import Columns, resolve
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np

    Block = np.ndarray | Columns


@dataclass(frozen=True)
class View:
    """What is known of the examples between two steps, before anything is loaded.

    Attributes:
        shape: The shape of one example; None for a size that is not known yet.
        columns: The names of a table's columns; None where there are none, or where they are not known yet.
        values: The distinct values of columns, as far as they are known.
        text: The columns that hold text.
    """

    shape: tuple[int | None, ...]
    columns: tuple[str, ...] | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: frozenset[str] = frozenset()


class Step(Protocol):
    """One step of the preparation."""

    def fit(self, x: Block) -> list[str]:
        """Learn from the training part; return what the user should be told."""

    def apply(self, x: Block) -> Block:
        """Prepare examples with what was learned."""

    def state(self) -> dict[str, Any]:
        """What was learned, as JSON."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what an earlier `fit` learned."""

    def shape(self, view: View) -> View:
        """What the step makes of examples of this shape; a ValueError says why it cannot."""


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
            return Columns({name: column if column.dtype == object else column / self.divide_by + self.offset
                            for name, column in x.values.items()})
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
            return [] if self.columns is None else resolve(self.columns, _indexes(x))
        if self.columns is None:
            return [name for name in x.names if name not in x.text()]
        names = resolve(self.columns, x.names)
        _refuse_text([name for name in names if name in x.text()])
        return names


class Reshape:
    """Give every example another shape with the same number of values, in the same order.

    Args:
        shape: The new shape of one example; one size may be -1, which is then worked out.
    """

    def __init__(self, shape: list[int]) -> None:
        if [size for size in shape if size < 1 and size != -1] or shape.count(-1) > 1:
            raise ValueError(f"Reshape expected positive sizes, at most one of them -1, received {shape}")
        self.target = tuple(shape)

    def fit(self, x: Block) -> list[str]:  # noqa: ARG002
        """Learn nothing: the shape stands in the config."""
        return []

    def apply(self, x: Block) -> Block:
        """The examples in their new shape; a table becomes an array."""
        array = x.matrix() if isinstance(x, Columns) else x
        return array.reshape(len(array), *self._whole(array.shape[1:]))

    def state(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing was learned."""

    def shape(self, view: View) -> View:
        """The new shape; the number of values must not change."""
        if view.text:
            raise ValueError(f"Reshape takes numbers, but column {min(view.text)!r} holds text")
        sizes = [size for size in view.shape if size is not None]
        whole = self._whole(tuple(sizes)) if len(sizes) == len(view.shape) else self._open()
        return View(shape=whole)

    def _open(self) -> tuple[int | None, ...]:
        return tuple(None if size == -1 else size for size in self.target)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        values, stated = prod(shape), prod(size for size in self.target if size != -1)
        if values % stated or (-1 not in self.target and values != stated):
            raise ValueError(f"Reshape to {list(self.target)} needs {'a multiple of ' if -1 in self.target else ''}{stated} values, "
                             f"but an example has {values} (shape {list(shape)})")
        return tuple(values // stated if size == -1 else size for size in self.target)


class OneHot:
    """Replace a column of categories by one column of 0 and 1 for each category of the training part.

    Categories are sorted. The new columns stand where the old one stood and are named `colour=red`.

    Args:
        columns: The columns to treat, by name or index, or the word `target`: class targets become one-hot rows
            whatever the loss.
        unseen: What a category does that the training part does not have: `error` refuses the data and names it,
            `zeros` gives it a row of zeros.
    """

    def __init__(self, columns: list[str | int] | Literal["target"], unseen: Literal["error", "zeros"] = "error") -> None:
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
            self.categories = {name: np.unique(table.values[name]).tolist() for name in resolve(self.columns, table.names)}
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
        names = tuple(new for name in view.columns
                      for new in ([f"{name}={value}" for value in view.values[name]] if name in asked else [name]))
        return View((len(names),), names, view.values, text)

    def _spread(self, name: str, column: np.ndarray) -> dict[str, np.ndarray]:
        import numpy as np

        categories = self.categories[name]
        if self.unseen == "error":
            self._refuse_unseen(name, column)
        return {f"{name}={_plain(category)}": np.asarray(column == category, dtype="float64") for category in categories}

    def _refuse_unseen(self, name: str, column: np.ndarray) -> None:
        strange = sorted(set(column.tolist()) - set(self.categories[name]))
        if strange:
            known = ", ".join(str(_plain(value)) for value in self.categories[name][:8])
            raise DataError(f"expected one of the categories of the training part ({known}), received {_plain(strange[0])!r}",
                            column=name, hint="say `unseen: zeros` in the OneHot step to give such rows zeros")


STEPS: dict[str, type] = {"Rescale": Rescale, "Standardize": Standardize, "Reshape": Reshape, "OneHot": OneHot}


def fitted_json(name: str, arguments: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """A fitted step as it is kept in `prepare.json`."""
    return {"step": name, "arguments": dict(arguments), "learned": step.state()}


def restore(fitted: Iterable[Mapping[str, Any]]) -> list[Step]:
    """The fitted steps that `fitted_json` kept, in order.

    Raises:
        DataError: A step is not known to this version of nnrun.
    """
    steps: list[Step] = []
    for entry in fitted:
        if "step" not in entry:
            continue
        if entry["step"] not in STEPS:
            raise DataError(f"the run's preparation has a step {entry['step']!r}, which this version of nnrun does not know",
                            hint="use the version of nnrun that is named in the run's record.json")
        step: Step = STEPS[entry["step"]](**entry["arguments"])
        step.restore(entry["learned"])
        steps.append(step)
    return steps


def _plain(value: object) -> object:
    """A whole number without its `.0`, as the user wrote it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _indexes(x: np.ndarray) -> list[str]:
    if x.ndim != 2:
        raise ValueError(f"columns can be named in a table only, but an example has the shape {list(x.shape[1:])}")
    return [str(index) for index in range(x.shape[1])]


def _table(x: Block) -> Columns:
    if isinstance(x, Columns):
        return x
    return Columns({name: x[:, index] for index, name in enumerate(_indexes(x))})


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
    which = ", ".join(repr(name) for name, still in zip(names, constant, strict=True) if still) if names else f"{count} numbers"
    return [f"Standardize: {which} never changed in the training part and became 0."]
