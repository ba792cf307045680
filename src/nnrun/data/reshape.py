"""The step `Reshape`."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from nnrun.data.columns import Columns
from nnrun.data.step import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.step import Block


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
            raise ValueError(
                f"Reshape to {list(self.target)} needs {'a multiple of ' if -1 in self.target else ''}{stated} values, "
                f"but an example has {values} (shape {list(shape)})"
            )
        return tuple(values // stated if size == -1 else size for size in self.target)
