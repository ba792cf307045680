"""What training has made of a model at one moment, to go back there: to begin a fold anew, or to save a past epoch."""

from __future__ import annotations

from typing import Any


class ModelSnapshot:
    """A copy of everything that training changes: weights, the states of random numbers, the optimizer's state.

    Args:
        model: A compiled model whose optimizer is built.
    """

    def __init__(self, model: Any) -> None:
        self._kept = [(variable, variable.numpy()) for variable in _changing(model)]

    def restore(self) -> None:
        """Give every variable its value of then."""
        for variable, value in self._kept:
            variable.assign(value)


def _changing(model: Any) -> list[Any]:
    # `variables`, unlike `weights`, has the seeds of Dropout and other noise too.
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    return list({id(one): one for one in (*model.variables, *optimizer)}.values())
