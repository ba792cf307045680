"""Steps that change the shape of examples: `Reshape` and `PadSequences`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from nnrun.data.columns import Columns, resolve_columns
from nnrun.data.prepare.cells import check_cells, number_column
from nnrun.data.prepare.step import ExampleSpec, Step, as_table, check_table, text_left_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.prepare.step import ArrayOrTable

_TABLE = "PadSequences takes sequences, but the data are a table; name the `columns` whose cells hold sequences"
_NUMBER = "PadSequences takes sequences, but an example is one number"


class Reshape(Step):
    """Give every example another shape with the same number of values, in the same order.

    Args:
        shape: The new shape of one example; one size may be -1, which is then computed.
    """

    def __init__(self, shape: list[int]) -> None:
        if [size for size in shape if size < 1 and size != -1] or shape.count(-1) > 1:
            raise ValueError(f"Reshape expected positive sizes, at most one of them -1, received {shape}")
        self.target = tuple(shape)

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the examples in their new shape; a table becomes an array."""
        array = x.matrix() if isinstance(x, Columns) else x
        return array.reshape(len(array), *self._output_shape(array.shape[1:]))

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return the new shape; the number of values must not change."""
        if spec.text:
            raise ValueError(f"Reshape takes numbers, but column {min(spec.text)!r} holds text")
        known = tuple(size for size in spec.shape if size is not None)
        if len(known) < len(spec.shape):
            return ExampleSpec(tuple(None if size == -1 else size for size in self.target))
        return ExampleSpec(self._output_shape(known))

    def _output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        values, fixed = prod(shape), prod(size for size in self.target if size != -1)
        if values % fixed or (-1 not in self.target and values != fixed):
            raise ValueError(
                f"Reshape to {list(self.target)} needs {'a multiple of ' if -1 in self.target else ''}{fixed} values, "
                f"but an example has {values} (shape {list(shape)})"
            )
        return tuple(values // fixed if size == -1 else size for size in self.target)


class PadSequences(Step):
    """Bring sequences to one length: shorter ones are filled up, longer ones are cut.

    As Keras' `pad_sequences` does, at the beginning of a sequence unless the config says otherwise. The sequences are
    examples of different lengths, or the numbers in the cells of columns of a table: `signal` becomes the columns
    `signal[0]`, `signal[1]`, ..., and an input of the model takes all of them by the name `signal`. An empty cell is an
    empty sequence.

    Args:
        maxlen: The length of every sequence.
        padding: Where shorter ones are filled up, `pre` (the beginning) or `post` (the end).
        truncating: Where longer ones are cut, `pre` or `post`.
        value: The value that fills up.
        columns: The columns of a table whose cells hold sequences of numbers, by name or index.
        separator: What stands between the numbers of a cell, a blank for any white space; None: each cell is a list
            literal, such as `[0.1, 0.2]`.
    """

    streams = False

    def __init__(
        self,
        maxlen: int,
        padding: Literal["pre", "post"] = "pre",
        truncating: Literal["pre", "post"] = "pre",
        value: float = 0,
        columns: list[str | int] | None = None,
        separator: str | None = None,
    ) -> None:
        if maxlen < 1:
            raise ValueError(f"PadSequences: maxlen expected a positive integer, received {maxlen}")
        if separator is not None and (columns is None or not separator):
            raise ValueError("PadSequences: `separator` is a text for the cells of `columns`, such as `separator: ' '`")
        self.columns, self.separator = columns, separator
        self.maxlen, self.padding, self.truncating, self.value = maxlen, padding, truncating, value

    def fit(self, x: ArrayOrTable, y: np.ndarray | None = None) -> list[str]:  # noqa: ARG002 - as every step
        """Note how many sequences are cut; nothing is learned."""
        if self.columns is None:
            longer, count = sum(len(sequence) > self.maxlen for sequence in _sequences(x)), len(x)
        else:
            cells = [cell for column in self._cells(x).values() for cell in column]
            longer, count = sum(len(cell) > self.maxlen for cell in cells), len(cells)
        return [f"PadSequences: {longer:,} of {count:,} training sequences are longer than {self.maxlen} and cut."]

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """Return the sequences as one array of shape (rows, maxlen, ...), or as columns of the table."""
        if self.columns is None:
            return self._padded(_sequences(x))
        cells, wide = self._cells(x), {}
        for name, column in as_table(x).values.items():
            if name not in cells:
                wide[name] = column
                continue
            padded = self._padded([np.array(cell, dtype="float32") for cell in cells[name]])
            wide.update({f"{name}[{at}]": padded[:, at] for at in range(self.maxlen)})
        return Columns(wide)

    def _cells(self, x: ArrayOrTable) -> dict[str, list[list[float]]]:
        """Return the numbers in the cells of each column that is treated."""
        table = as_table(x)
        found = {}
        for name in resolve_columns(self.columns or (), table.names):
            if table.values[name].dtype != object:
                raise ValueError(f"PadSequences takes lists, but column {name!r} holds numbers")
            found[name] = number_column(table.values[name], self.separator, name)
        return found

    def _padded(self, sequences: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        first = np.asarray(sequences[0]) if len(sequences) else np.empty(0)
        whole = first.dtype.kind in "iu" and float(self.value).is_integer()
        padded = np.full((len(sequences), self.maxlen, *first.shape[1:]), self.value, "int32" if whole else "float32")
        for row, sequence in zip(padded, sequences, strict=True):
            kept = sequence[-self.maxlen :] if self.truncating == "pre" else sequence[: self.maxlen]
            if len(kept):
                row[slice(-len(kept), None) if self.padding == "pre" else slice(len(kept))] = kept
        return padded

    def compute_output_spec(self, spec: ExampleSpec) -> ExampleSpec:
        """Return sequences of the new length."""
        if self.columns is not None:
            return self._table_spec(spec, self.columns)
        if spec.columns is not None or not spec.shape:
            raise ValueError(_TABLE if spec.columns is not None else _NUMBER)
        return replace(spec, shape=(self.maxlen, *spec.shape[1:]), ragged=False)

    def _table_spec(self, spec: ExampleSpec, columns: Sequence[str | int]) -> ExampleSpec:
        """Return the spec of a table with a column for each position of each sequence."""
        check_table(spec, self)
        if spec.columns is None:
            return text_left_of(spec, columns)
        treated = resolve_columns(columns, spec.columns)
        for name in treated:
            if name not in spec.text:
                raise ValueError(f"PadSequences takes lists, but column {name!r} holds numbers")
            check_cells(name, spec.values.get(name, ()), self.separator, numbers=True)
        names = tuple(
            new
            for name in spec.columns
            for new in ([f"{name}[{at}]" for at in range(self.maxlen)] if name in treated else [name])
        )
        return replace(spec, shape=(len(names),), columns=names, text=spec.text - set(treated))


def _sequences(x: ArrayOrTable) -> np.ndarray:
    """Return the sequences, one an entry.

    Raises:
        ValueError: The examples are rows of a table, or single numbers.
    """
    if isinstance(x, Columns):
        raise ValueError(_TABLE)  # noqa: TRY004 - the config is wrong
    if x.ndim < 2 and x.dtype != object:
        raise ValueError(_NUMBER)
    return x
