"""All variables that training changes, as named arrays: weights, seed generators, the optimizer's, those of metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: `model` has the seed generators of Dropout and other noise too, which no checkpoint of Keras' has; `optimizer` the
#: loss scale of `mixed_float16`, moving averages of weights and accumulated gradients.
Group = Literal["model", "optimizer", "metrics", "augmentation"]


class TrainingVariables:
    """The variables of one training.

    Args:
        model: A compiled model whose optimizer and metrics are built.
        augmentation: The variables of the random layers in front of the model.
    """

    def __init__(self, model: Any, augmentation: Iterable[Any] = ()) -> None:
        self._model, self._augmentation = model, tuple(augmentation)

    def groups(self) -> dict[Group, list[Any]]:
        """Return the variables by group, each of them once and always in the same order."""
        model, seen = self._model, set()
        optimizer = [] if model.optimizer is None else model.optimizer.variables
        of_groups: dict[Group, Iterable[Any]] = {
            "metrics": model.metrics_variables,
            "model": model.variables,
            "optimizer": optimizer,
            "augmentation": self._augmentation,
        }
        groups: dict[Group, list[Any]] = {}
        for group, variables in of_groups.items():
            groups[group] = [one for one in variables if id(one) not in seen]
            seen |= {id(one) for one in groups[group]}
        return groups

    def nbytes(self) -> int:
        """Return how many bytes all values take."""
        return sum(math.prod(one.shape) * np.dtype(one.dtype).itemsize for one in self._named().values())

    def collect(self) -> dict[str, np.ndarray]:
        """Return the values of all variables, by group, position and path."""
        return {name: variable.numpy() for name, variable in self._named().items()}

    def collect_untrained(self) -> dict[str, np.ndarray]:
        """Return the values that also a step without training may change, by name.

        These are the model's variables that are never trained: states of recurrent layers, seeds, moving averages;
        not weights that are frozen.
        """
        layers = self._model._flatten_layers()  # noqa: SLF001 - `trainable_variables` leaves out what is frozen
        trained = {id(one) for layer in layers for one in layer._trainable_variables}  # noqa: SLF001
        named = {name: variable for name, variable in self._named().items() if name.startswith("model/")}
        return {name: variable.numpy() for name, variable in named.items() if id(variable) not in trained}

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign some variables the values that were collected of them; other names are left alone."""
        for name, variable in self._named().items():
            if name in arrays:
                variable.assign(arrays[name])

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign all variables the values of a state.

        Raises:
            RunError: The state is of other variables; nothing is assigned.
        """
        named = self._named()
        stored = {name: array for name, array in arrays.items() if name.partition("/")[0] in self.groups()}
        for name in (*named, *stored):
            here = _form(named[name]) if name in named else "no such variable"
            there = _form(stored[name]) if name in stored else "no such variable"
            if here != there:
                text = f"the saved state is of another training: {name} is {there} in it, and {here} in this model"
                raise RunError(text, "begin another run with these weights: init_from: RUN")
        for name, variable in named.items():
            variable.assign(stored[name])

    def _named(self) -> dict[str, Any]:
        return {
            f"{group}/{number}/{variable.path}": variable
            for group, variables in self.groups().items()
            for number, variable in enumerate(variables)
        }


def _form(array: Any) -> str:
    dtype = array.dtype if isinstance(array.dtype, str) else str(array.dtype)
    return f"{dtype} of shape {tuple(array.shape)}"
