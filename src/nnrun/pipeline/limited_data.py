"""A limit of the examples of each part, for a training that only tries whether everything works."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.data.dataset import Dataset

#: The most examples of each part; None for all.
_most_examples: ContextVar[int | None] = ContextVar("most_examples", default=None)


@contextmanager
def limited_to(examples: int) -> Iterator[None]:
    """Let `limited` return at most so many examples of each part in the `with` block."""
    token = _most_examples.set(examples)
    try:
        yield
    finally:
        _most_examples.reset(token)


def limited(dataset: Dataset) -> Dataset:
    """Return a data set with as many examples of each part as `limited_to` allows: all, outside of it."""
    most = _most_examples.get()
    return dataset if most is None else dataset.first(most)
