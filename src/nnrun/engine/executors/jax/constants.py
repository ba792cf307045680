"""Numbers of a model that Keras compiles into its steps, as arguments of mapped programs instead.

Keras' layers and optimizers keep a dropout rate, weight decay or momentum as a Python number, and decide by it what to
compute (`if self.rate > 0`). While a program is traced, a number takes its place that compares as the number itself,
and computes as an argument of the program.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nnrun.spec.mapped_trials import is_traced_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_RATE, _OF_OPTIMIZERS = "rate", ("weight_decay", "momentum")


class ProgramConstants:
    """The numbers of a compiled model that are arguments of its mapped programs.

    Args:
        model: The model.

    Attributes:
        numbers: The numbers, as the model has them.
        values: The same as arguments, float32.
    """

    def __init__(self, model: Any) -> None:
        # With loss scaling, another optimizer is around the config's own.
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        places = [("layers", one, _RATE) for one in model._flatten_layers()]  # noqa: SLF001 - also those within layers
        places += [("optimizers", optimizer, name) for name in _OF_OPTIMIZERS]
        self._places = [
            (owner, name)
            for category, owner, name in places
            if is_traced_constant(category, type(owner).__name__, name, getattr(owner, name, None))
        ]
        self.numbers = tuple(float(getattr(owner, name)) for owner, name in self._places)
        # One array each, which keeps its identity: arguments of all lanes are stacked again only where one is new.
        self.values = tuple(np.asarray(one, "float32") for one in self.numbers)

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that takes these values before its other arguments, and computes with them."""

        def with_values(values: Sequence[Any], *arguments: Any) -> Any:
            with self._replaced(values):
                return function(*arguments)

        return with_values

    @contextmanager
    def _replaced(self, values: Sequence[Any]) -> Iterator[None]:
        try:
            for (owner, name), number, value in zip(self._places, self.numbers, values, strict=True):
                setattr(owner, name, _TracedNumber(number, value))
            yield
        finally:
            for (owner, name), number in zip(self._places, self.numbers, strict=True):
                setattr(owner, name, number)


class _TracedNumber(float):
    """A number that compares as it is, and computes as an argument of a program."""

    _traced: Any

    def __new__(cls, number: float, traced: Any) -> Self:
        """Return the number."""
        one = super().__new__(cls, number)
        one._traced = traced
        return one

    def __jax_array__(self) -> Any:
        """Return the argument, where JAX makes an array of the number."""
        return self._traced

    def __rsub__(self, other: Any) -> Any:
        """Return the rest, as dropout takes it of 1."""
        return other - self._traced
