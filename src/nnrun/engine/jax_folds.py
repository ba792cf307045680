"""Folds trained together on JAX: one program, mapped over what each fold has of its own.

A small model's step costs less than calling it. Mapped, the step of all folds is one step of larger arrays: each fold
has its own rows, order, weights and random state, and what is computed for it is what it would be alone.

Folds differ by a row. They share the batches that all of them have whole; what is left is of one size or another, and
each size is a step that every fold takes and only those keep that have it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.fit import require_number
from nnrun.engine.order import order
from nnrun.engine.resident import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nnrun.engine.fit import Epoch
    from nnrun.engine.jax_programs import JaxPrograms
    from nnrun.engine.jax_state import Values
    from nnrun.engine.programs import Tensors
    from nnrun.spec.training import TrainingSpec


@dataclass(frozen=True)
class OneFold:
    """What a fold has of its own.

    Attributes:
        seed: Where the order of its rows starts.
        train: Its training part.
        validation: Its validation part, or None.
        start: The values that its training starts from.
    """

    seed: int
    train: Tensors
    validation: Tensors | None
    start: Values


@dataclass(frozen=True)
class _Stacked:
    """One part of all folds.

    Attributes:
        fields: Every fold's fields, the folds in the first dimension; shorter parts end in rows that nothing takes.
        rows: How many rows each has.
        whole: How many batches all of them have whole.
        left: How many rows each has beyond these.
    """

    fields: Any
    rows: tuple[int, ...]
    whole: int
    left: tuple[int, ...]

    @property
    def longest(self) -> int:
        return max(self.rows)

    @property
    def sizes(self) -> list[int]:
        """The sizes of incomplete batches there are."""
        return sorted(set(self.left) - {0})


class FoldsTogether:
    """The training of several folds of one model.

    Args:
        programs: The model's programs; nothing of the model's own state is used or changed.
        folds: The folds; parts of one kind must suit each other, see `fit_together`.
        training: How they are trained.
        monitor: The figure that decides which epoch is the best.
        larger: Whether a larger one is better.
    """

    def __init__(
        self,
        programs: JaxPrograms,
        folds: Sequence[OneFold],
        training: TrainingSpec,
        *,
        monitor: str,
        larger: bool,
    ) -> None:
        self._jax, self._names, self._state = programs.jax, programs.names, programs.state
        self._folds, self._training, self._monitor = folds, training, monitor
        self._better = np.greater if larger else np.less
        self._best_figure = np.full(len(folds), -np.inf if larger else np.inf)
        self._train = self._stacked([fold.train for fold in folds])
        parts = [fold.validation for fold in folds if fold.validation is not None]
        self._validation = self._stacked(parts) if parts else None
        self.last: Values = self._jax.tree.map(lambda *one: self._jax.numpy.stack(one), *(fold.start for fold in folds))
        self.best: Values = self.last

    def run(self, keep: Callable[[int, Epoch], None]) -> None:
        """Train for all epochs; afterwards `last` and `best` have every fold's values.

        Args:
            keep: Takes the place of a fold among the folds, and each of its epochs' figures.

        Raises:
            RunError: Where the loss of a fold stops being a number; the figures of all folds are kept first.
        """
        jax = self._jax
        program = jax.jit(self._mapped())
        choose = jax.jit(jax.vmap(self._chosen))
        fields = (self._train.fields, None if self._validation is None else self._validation.fields)
        left = (np.array(self._train.left), np.array(self._validation.left if self._validation else self._train.left))
        for epoch in range(self._training.epochs):
            began = time.perf_counter()
            self.last, told = program(self.last, fields, self._orders(epoch), left)
            rate, figures = jax.device_get(told)
            better = self._better(figures[self._monitor], self._best_figure)
            if better.any():
                self.best = choose(better, self.last, self.best)
                self._best_figure = np.where(better, figures[self._monitor], self._best_figure)
            seconds = round((time.perf_counter() - began) / len(self._folds), 6)
            places = range(len(self._folds))
            each = [{name: plain(values[place]) for name, values in figures.items()} for place in places]
            for place, line in enumerate(each):
                also = {"learning_rate": plain(rate[place]), "seconds": seconds}
                keep(place, {"epoch": epoch + 1, "fold": None, **line, **also})
            for line in each:
                require_number(line, epoch)

    def give(self, place: int, values: Values) -> None:
        """Put a fold's values into the model."""
        self._state.put(self._jax.tree.map(lambda one: one[place], values))

    def _chosen(self, better: Any, new: Any, old: Any) -> Any:
        return self._jax.tree.map(lambda ours, theirs: self._jax.numpy.where(better, ours, theirs), new, old)

    def _orders(self, epoch: int) -> np.ndarray:
        shuffle = self._training.shuffle
        rows = np.zeros((len(self._folds), self._train.longest), "int32")
        for place, fold in enumerate(self._folds):
            rows[place, : fold.train.rows] = order(fold.seed, epoch, fold.train.rows, shuffle=shuffle)
        return rows

    def _mapped(self) -> Callable[..., Any]:
        """Make the program of an epoch of all folds."""
        train, validation, jax, state = self._train, self._validation, self._jax, self._state

        def epoch(values: Any, fields: Any, order: Any, left: Any) -> Any:
            rate = state.learning_rate(values)
            values = self._pass("train", train, state.afresh(values), (fields[0], order, left[0]))
            figures = state.figures(values)
            if validation is not None:
                in_file = jax.numpy.arange(validation.longest, dtype="int32")
                values = self._pass("test", validation, state.afresh(values), (fields[1], in_file, left[1]))
                figures |= {f"val_{name}": value for name, value in state.figures(values).items()}
            return values, (rate, figures)

        mapped: Callable[..., Any] = jax.vmap(epoch)
        return mapped

    def _pass(self, kind: str, part: _Stacked, values: Any, own: tuple[Any, Any, Any]) -> Any:
        """Take all steps of one fold over a part; `own` are its fields, order and the rows it has left."""
        jax, state, size = self._jax, self._state, self._training.batch_size
        fields, order, left = own
        take = self._folds[0].train.take

        def step(number: Any, values: Any) -> Any:
            rows = jax.lax.dynamic_slice_in_dim(order, number * size, size)
            return state.step(kind, values, take(self._names, fields, rows))[0]

        values = jax.lax.fori_loop(0, part.whole, step, values)
        for rest in part.sizes:
            rows = order[part.whole * size : part.whole * size + rest]
            taken = state.step(kind, values, take(self._names, fields, rows))[0]
            values = self._chosen(left == rest, taken, values)
        return values

    def _stacked(self, parts: Sequence[Tensors]) -> _Stacked:
        rows = tuple(part.rows for part in parts)
        whole = min(rows) // self._training.batch_size
        longest = max(rows)

        def put(*fields: Any) -> Any:
            arrays = [np.asarray(one) for one in fields]
            padded = [np.pad(one, [(0, longest - len(one)), *[(0, 0)] * (one.ndim - 1)]) for one in arrays]
            return self._jax.numpy.asarray(np.stack(padded))

        fields = self._jax.tree.map(put, *(part.fields for part in parts))
        return _Stacked(fields, rows, whole, tuple(count - whole * self._training.batch_size for count in rows))


def fit_together(rows: Sequence[int], batch_size: int) -> bool:
    """Tell whether parts of these lengths have so nearly the same number of batches that none has two left over."""
    return max(rows) - min(rows) // batch_size * batch_size <= batch_size
