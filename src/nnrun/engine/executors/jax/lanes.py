"""Programs that are mapped over several trainings of a process (`jax.vmap`), each of which has a lane of them.

How XLA fuses and vectorizes a program depends on the number of lanes, and with it the last bits of what it computes.
What is in the other lanes does not matter, nor which one a training has (decision record 0038). So a lane without a
training repeats what another one computes, and nobody uses that: the number of lanes is always the same.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.jax.programs import shared_programs
from nnrun.engine.executors.turns import ask_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from nnrun.engine.executors.turns import Ask


@dataclass(frozen=True)
class Lane:
    """The place of one training in mapped programs.

    Attributes:
        lanes: All places.
        number: The place, counted from 0.
    """

    lanes: Lanes
    number: int

    def call(
        self,
        identity: str,
        key: Hashable,
        make: Callable[[], Callable[..., Any]],
        mapped: tuple[Any, ...],
        same: tuple[int, ...],
    ) -> Any:
        """Call a program, together with the trainings that wait to call it too.

        Args:
            identity: Which models have equal programs.
            key: The program of such a model.
            make: Makes the function of one training.
            mapped: Its arguments that each training has its own of; the first ones.
            same: Its other arguments.

        Returns:
            What the function returns for this training, as NumPy arrays.
        """
        leaves, structure = self.lanes.flatten(mapped)
        request = _Request(self.number, (identity, key), make, leaves, structure, len(mapped), same)
        shapes = tuple((one.shape, one.dtype) for one in leaves)
        return self.lanes.ask((identity, key, structure, shapes, same), request, self.lanes.call)


@dataclass(frozen=True)
class _Request:
    """The call of a program for one lane."""

    lane: int
    program: tuple[str, Hashable]
    make: Callable[[], Callable[..., Any]]
    leaves: list[Any]
    structure: Any
    mapped: int
    same: tuple[int, ...]


class Lanes:
    """The lanes of mapped programs.

    Args:
        size: Their number.
        ask: Waits for the trainings in other lanes; by default there are none in this process.
    """

    def __init__(self, size: int, ask: Ask = ask_alone) -> None:
        self.size, self.ask = size, ask
        #: The arguments of each program as they were stacked last, by their place.
        self._stacked: dict[Hashable, tuple[list[Any], Any]] = {}
        #: The results that each lane's last ones are slices of, by the identity of the slice.
        self._wholes: dict[int, dict[int, tuple[Any, Any]]] = {}

    def flatten(self, arguments: Any) -> tuple[list[Any], Any]:
        """Return the arrays among arguments, and the structure that these are in."""
        found: tuple[list[Any], Any] = sys.modules["jax"].tree.flatten(arguments)
        return found

    def call(self, requests: Sequence[_Request]) -> list[Any]:
        """Call a program for the lanes of some requests; return what it returns for each of them."""
        jax, first = sys.modules["jax"], requests[0]
        columns = zip(*(one.leaves for one in requests), strict=True)
        stacked = [self._stack((first.program, place), list(one), requests) for place, one in enumerate(columns)]
        mapped = jax.tree.unflatten(first.structure, stacked)
        results, structure = jax.tree.flatten(self._program(first)(*mapped, *(np.int32(one) for one in first.same)))
        on_host, answers = [np.asarray(one) for one in results], []
        for one in requests:
            own = [array[one.lane, ...] for array in on_host]
            self._wholes[one.lane] = {id(part): (part, whole) for part, whole in zip(own, results, strict=True)}
            answers.append(jax.tree.unflatten(structure, own))
        return answers

    def _program(self, request: _Request) -> Callable[..., Any]:
        axes = (*(0,) * request.mapped, *(None,) * len(request.same))
        (identity, key), jax = request.program, sys.modules["jax"]
        program: Callable[..., Any] = shared_programs.get(
            identity, ("mapped", key), lambda: jax.jit(jax.vmap(request.make(), in_axes=axes))
        )
        return program

    def _stack(self, place: Hashable, column: list[Any], requests: Sequence[_Request]) -> Any:
        """Return an argument of all lanes; what came out of a program as one array goes in as it is."""
        found = [self._wholes.get(one.lane, {}).get(id(value)) for one, value in zip(requests, column, strict=True)]
        if found[0] is not None and all(
            one is not None and one[0] is value and one[1] is found[0][1]
            for one, value in zip(found, column, strict=True)
        ):
            return found[0][1]
        lanes = [column[0]] * self.size
        for one, value in zip(requests, column, strict=True):
            lanes[one.lane] = value
        before = self._stacked.get(place)
        if before is not None and all(one is other for one, other in zip(before[0], lanes, strict=True)):
            return before[1]
        stacked = sys.modules["jax"].device_put(np.stack([np.asarray(one) for one in lanes]))
        self._stacked[place] = lanes, stacked
        return stacked
