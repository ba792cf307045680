"""The step `Reshape`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import ExampleSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable


class Reshape:
    """Give every example another shape with the same number of values, in the same order.

    Args:
        shape: The new shape of one example; one size may be -1, which is then worked out.
    """

    def __init__(self, shape: list[int]) -> None:
        if [size for size in shape if size < 1 and size != -1] or shape.count(-1) > 1:
            raise ValueError(f"Reshape expected positive sizes, at most one of them -1, received {shape}")
        self.target = tuple(shape)

    def fit(self, x: ArrayOrTable) -> list[str]:  # noqa: ARG002
        """Learn nothing: the shape stands in the config."""
        return []

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The examples in their new shape; a table becomes an array."""
        array = x.matrix() if isinstance(x, Columns) else x
        return array.reshape(len(array), *self._whole(array.shape[1:]))

    def state(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing was learned."""

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The new shape; the number of values must not change."""
        if view.text:
            raise ValueError(f"Reshape takes numbers, but column {min(view.text)!r} holds text")
        sizes = [size for size in view.shape if size is not None]
        whole = self._whole(tuple(sizes)) if len(sizes) == len(view.shape) else self._open()
        return ExampleSpec(shape=whole)

    def _open(self) -> tuple[int | None, ...]:
        return tuple(None if size == -1 else size for size in self.target)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        values, stated = prod(shape), prod(size for size in self.target if size != -1)
        if values % stated or (-1 not in self.target and values != stated):
            raise ValueError(
                f"Reshape to {list(self.target)} needs {'a multiple of ' if -1 in self.target else ''}{stated} values, "
                f"but an example has {values} (shape {list(shape)})"
            )
        return tuple(values // stated if size == -1 else size for size in self.target)


class PadSequences:
    """Bring sequences to one length: shorter ones are filled up, longer ones are cut.

    As Keras' `pad_sequences` does, at the beginning of a sequence unless said otherwise.

    Args:
        maxlen: The length of every sequence.
        padding: Where shorter ones are filled up, `pre` (the beginning) or `post` (the end).
        truncating: Where longer ones are cut, `pre` or `post`.
        value: What fills up.
    """

    def __init__(
        self,
        maxlen: int,
        padding: Literal["pre", "post"] = "pre",
        truncating: Literal["pre", "post"] = "pre",
        value: float = 0,
    ) -> None:
        if maxlen < 1:
            raise ValueError(f"PadSequences: maxlen expected a positive integer, received {maxlen}")
        self.maxlen, self.padding, self.truncating, self.value = maxlen, padding, truncating, value

    def fit(self, x: ArrayOrTable) -> list[str]:
        """Learn nothing; tell how many sequences are cut."""
        longer = sum(len(sequence) > self.maxlen for sequence in _sequences(x))
        return [f"PadSequences: {longer:,} of {len(x):,} training sequences are longer than {self.maxlen} and cut."]

    def apply(self, x: ArrayOrTable) -> ArrayOrTable:
        """The sequences as one array of shape (rows, maxlen, ...)."""
        import numpy as np

        sequences = _sequences(x)
        first = np.asarray(sequences[0]) if len(sequences) else np.empty(0)
        whole = first.dtype.kind in "iu" and float(self.value).is_integer()
        done = np.full((len(sequences), self.maxlen, *first.shape[1:]), self.value, "int32" if whole else "float32")
        for row, sequence in zip(done, sequences, strict=True):
            kept = sequence[-self.maxlen :] if self.truncating == "pre" else sequence[: self.maxlen]
            if len(kept):
                where = slice(-len(kept), None) if self.padding == "pre" else slice(len(kept))
                row[where] = kept
        return done

    def state(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing was learned."""

    def shape(self, view: ExampleSpec) -> ExampleSpec:
        """The sequences' new length."""
        if view.columns is not None:
            raise ValueError("PadSequences takes sequences, but the data are a table")
        if not view.shape:
            raise ValueError("PadSequences takes sequences, but an example is one number")
        return replace(view, shape=(self.maxlen, *view.shape[1:]), ragged=False)


def _sequences(x: ArrayOrTable) -> np.ndarray:
    """The sequences, one an entry.

    Raises:
        ValueError: The examples are no sequences.
    """
    if isinstance(x, Columns):
        raise ValueError("it takes sequences, but the data are a table")  # noqa: TRY004 - the config is wrong
    if x.ndim < 2 and x.dtype != object:
        raise ValueError("it takes sequences, but an example is one number")
    return x
