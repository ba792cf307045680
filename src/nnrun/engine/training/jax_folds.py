"""One part of several folds as one: their rows stacked, the folds in the first dimension.

Folds differ by a row. They share the batches that all of them have whole; what is left is of one size or another, and
each size is a step that every fold takes and only those keep that have it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.jax.background_compiler import BackgroundCompiler
from nnrun.engine.executors.resident import Pace, plain
from nnrun.engine.executors.shuffle import order
from nnrun.engine.training.loop import require_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.jax.compiled_steps import JaxPrograms
    from nnrun.engine.executors.jax.state import Values
    from nnrun.engine.training.loop import Epoch
    from nnrun.spec.training import TrainingSpec


@dataclass(frozen=True)
class Stacked:
    """One part of all folds, on the host.

    Attributes:
        fields: Every fold's fields, shape (folds, longest, ...); shorter parts end in rows that nothing takes.
        rows: How many rows each has.
        batch: Rows per step.
        nest: JAX's `tree`.
    """

    fields: Any
    rows: tuple[int, ...]
    batch: int
    nest: Any

    @classmethod
    def of(cls, nest: Any, parts: Sequence[Tensors], batch: int) -> Stacked:
        """Stack parts that fit together, see `fit_together`; no row changes."""
        longest = max(part.rows for part in parts)

        def put(*fields: Any) -> np.ndarray:
            arrays = [np.asarray(one) for one in fields]
            return np.stack([_padded(one, longest, axis=0) for one in arrays])

        fields = nest.map(put, *(part.fields for part in parts))
        return cls(fields, tuple(part.rows for part in parts), batch, nest)

    @property
    def longest(self) -> int:
        """How many rows the longest part has."""
        return max(self.rows)

    @property
    def whole(self) -> int:
        """How many batches all of them have whole."""
        return min(self.rows) // self.batch

    @property
    def steps(self) -> int:
        """How many steps a fold takes at most."""
        return -(-self.longest // self.batch)

    @property
    def sizes(self) -> list[int]:
        """The sizes of incomplete batches there are."""
        return sorted(set(self._left) - {0})

    def has(self, size: int) -> np.ndarray:
        """Tell which folds have an incomplete batch of `size` rows, shape (folds,)."""
        return np.array([left == size for left in self._left])

    def batches(self, first: int, end: int, room: int) -> Any:
        """Give the whole batches from `first` to `end`, and rows that nothing takes up to `room` batches."""
        return self._piece(first * self.batch, end * self.batch, room * self.batch)

    def rest(self, size: int) -> Any:
        """Give the rows of the incomplete batch of `size` rows, of all folds, whether they have it or not."""
        return self._piece(self.whole * self.batch, self.whole * self.batch + size, size)

    @property
    def _left(self) -> tuple[int, ...]:
        return tuple(count - self.whole * self.batch for count in self.rows)

    def _piece(self, start: int, stop: int, room: int) -> Any:
        return self.nest.map(lambda one: _padded(one[:, start:stop], room, axis=1), self.fields)


def _padded(array: np.ndarray, length: int, axis: int) -> np.ndarray:
    more = [(0, 0)] * array.ndim
    more[axis] = (0, length - array.shape[axis])
    return np.pad(array, more) if more[axis][1] else array


def fit_together(rows: Sequence[int], batch_size: int) -> bool:
    """Tell whether parts of these lengths have so nearly the same number of batches that none has two left over."""
    return max(rows) - min(rows) // batch_size * batch_size <= batch_size


#: What the batches of all folds that are handed to a scoring program at a time may take, in bytes, and their number.
_BYTES, _MOST = 16 * 2**20, 256


@dataclass(frozen=True)
class OneFold:
    """What a fold has of its own.

    Attributes:
        seed: Where the order of its rows starts.
        train: Its training part.
        validation: Its validation part, or None.
        start: The values that its training starts from.
        scored: The parts that are scored in the end, by name.
    """

    seed: int
    train: Tensors
    validation: Tensors | None
    start: Values
    scored: Mapping[str, Tensors]


@dataclass(frozen=True)
class Told:
    """Who hears of the training.

    Attributes:
        keep: Takes each epoch's figures, in the order of the folds.
        moved: Takes the share of an epoch that has been done since it was last called.
    """

    keep: Callable[[list[Epoch]], None]
    moved: Callable[[float], None]


class FoldsTogether:
    """The training of several folds of one model, and their scores.

    Args:
        programs: The model's programs; nothing of the model's own state is used or changed.
        folds: The folds; parts of one kind must suit each other, see `fit_together`.
        training: How they are trained.
        monitor: The figure that decides which epoch is the best.
        larger: Whether a larger one is better.

    Attributes:
        last: Every fold's values as they are now, the folds in the first dimension.
        best: The same of the best epoch so far, on the host.
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
        self._programs, self._jax = programs, programs.jax
        self._names, self._state = programs.names, programs.state
        self._folds, self._training, self._monitor = folds, training, monitor
        self._better = np.greater if larger else np.less
        self._best_figure = np.full(len(folds), -np.inf if larger else np.inf)
        self._pace, self._ahead = Pace(), BackgroundCompiler(self._jax)
        self._train = self._stacked([fold.train for fold in folds])
        self._fields = self._jax.device_put(self._train.fields)
        parts = [fold.validation for fold in folds if fold.validation is not None]
        self._validation = self._stacked(parts) if parts else None
        self._scored = {name: self._stacked([fold.scored[name] for fold in folds]) for name in folds[0].scored}
        self._most = self._most_batches([self._validation, *self._scored.values()])
        self.last: Values
        self.take([fold.start for fold in folds])
        self.best: Values = self._jax.tree.map(np.array, self.last)
        self._fresh = self._jax.device_put([np.stack([np.asarray(one)] * len(folds)) for one in self._state.fresh])
        self._begin()

    def run(self, told: Told) -> None:
        """Train for all epochs; afterwards, and where it is interrupted, `last` and `best` have every fold's values.

        Args:
            told: Who hears of it.

        Raises:
            RunError: Where the loss of a fold stops being a number; the figures of all folds are kept first.
        """
        for epoch in range(self._training.epochs):
            began = time.perf_counter()
            rate, figures = self._train_epoch(self._orders(epoch), told)
            if self._validation is not None:
                figures |= {f"val_{name}": value for name, value in self._passed(self._validation)[0].items()}
            self._keep_best(figures)
            seconds = round((time.perf_counter() - began) / len(self._folds), 6)
            lines: list[Epoch] = []
            for place in range(len(self._folds)):
                own = {name: plain(values[place]) for name, values in figures.items()}
                also = {"learning_rate": plain(rate[place]), "seconds": seconds}
                lines.append({"epoch": epoch + 1, "fold": None, **own, **also})
            told.keep(lines)
            for place in range(len(self._folds)):
                require_number({name: float(values[place]) for name, values in figures.items()}, epoch)

    def score(self) -> dict[str, list[tuple[dict[str, float], Any]]]:
        """Give each part's loss, metrics and outputs as `last` has them, fold by fold."""
        scores = {}
        for name, part in self._scored.items():
            figures, outputs = self._passed(part)
            scores[name] = [
                ({key: plain(values[place]) for key, values in figures.items()}, self._own(outputs, place, rows))
                for place, rows in enumerate(part.rows)
            ]
        return scores

    def give(self, place: int, values: Values) -> None:
        """Put a fold's values into the model; `values` are those of all folds, on the host."""
        self._state.put(self._jax.device_put(self._jax.tree.map(lambda one: one[place], values)))

    def take(self, values: Sequence[Values]) -> None:
        """Let every fold's values be these from now on."""
        self.last = self._jax.device_put(self._jax.tree.map(lambda *one: np.stack(one), *values))

    def on_host(self) -> Values:
        """Give every fold's values as arrays of the host."""
        values: Values = self._jax.device_get(self.last)
        return values

    def end(self) -> None:
        """Let go of what is not needed any more."""
        self._ahead.end()

    def _train_epoch(self, orders: np.ndarray, told: Told) -> tuple[Any, dict[str, Any]]:
        """Train one epoch, a bounded time in each call; gives the learning rate it began with, and its figures."""
        rates, part, size = [], self._train, self._training.batch_size
        values = self._afresh(self.last)
        for first, end in self._pace.spans("train", part.whole):
            span = np.array([first, end], "int32")
            values, given = self._ahead["train", size](values, self._fields, orders, span)
            self.last, (rate, figures) = values, self._jax.device_get(given)
            rates.append(rate)
            told.moved((end - first) / part.steps)
        for rest in part.sizes:
            rows = orders[:, part.whole * size : part.whole * size + rest]
            values, given = self._ahead["train rest", rest](values, self._fields, rows, part.has(rest))
            self.last, (rate, figures) = values, self._jax.device_get(given)
            rates.append(rate)
        return rates[0], dict(figures)

    def _passed(self, part: Stacked) -> tuple[dict[str, Any], Any]:
        """Take Keras' test step over all rows of a part; gives figures and outputs, the folds in the first dimension.

        Outputs have a place for each row of the longest part.
        """
        values, figures = self._afresh(self.last), {}
        pieces: list[Any] = []
        for start in range(0, part.whole, self._most):
            for first, end in self._pace.spans("score", min(self._most, part.whole - start)):
                block = part.batches(start + first, start + end, self._most)
                values, *made = self._ahead["score", part.batch](values, block, np.int32(end - first))
                outputs, figures = self._jax.device_get(made)
                pieces.append(self._jax.tree.map(lambda one, rows=(end - first) * part.batch: one[:, :rows], outputs))
        longest = None
        for size in part.sizes:
            values, *made = self._ahead["score rest", size](values, part.rest(size), part.has(size))
            outputs, figures = self._jax.device_get(made)
            longest = outputs if longest is None else self._longer(part.has(size), outputs, longest)
        pieces += [] if longest is None else [longest]
        return dict(figures), self._jax.tree.map(lambda *all_of: np.concatenate(all_of, axis=1), *pieces)

    def _longer(self, has: np.ndarray, outputs: Any, shorter: Any) -> Any:
        """Give the outputs of an incomplete batch to the folds that have it, and others those of a shorter one."""

        def put(new: np.ndarray, old: np.ndarray) -> np.ndarray:
            put = np.array(new)
            put[~has, : old.shape[1]] = old[~has]
            return put

        put_all: Any = self._jax.tree.map(put, outputs, shorter)
        return put_all

    def _keep_best(self, figures: Mapping[str, Any]) -> None:
        better = self._better(figures[self._monitor], self._best_figure)
        if not better.any():
            return
        self._best_figure = np.where(better, figures[self._monitor], self._best_figure)
        for new, kept in zip(self._jax.tree.leaves(self.last), self._jax.tree.leaves(self.best), strict=True):
            kept[better] = np.asarray(new)[better]

    def _afresh(self, values: Values) -> Values:
        """Give the same values, but for metrics, which begin anew."""
        return values[0], values[1], values[2], self._fresh, values[4]

    def _own(self, outputs: Any, place: int, rows: int) -> Any:
        return self._jax.tree.map(lambda one: one[place, :rows], outputs)

    def _orders(self, epoch: int) -> np.ndarray:
        shuffle = self._training.shuffle
        rows = np.zeros((len(self._folds), self._train.longest), "int32")
        made: dict[tuple[int, int], Any] = {}
        for place, fold in enumerate(self._folds):
            key = (fold.seed, fold.train.rows)
            if key not in made:
                made[key] = order(fold.seed, epoch, fold.train.rows, shuffle=shuffle)
            rows[place, : fold.train.rows] = made[key]
        return rows

    def _begin(self) -> None:
        """Let all programs be compiled, in the order in which they are needed."""
        size, train = self._training.batch_size, self._train
        orders, span = np.zeros((len(self._folds), train.longest), "int32"), np.zeros(2, "int32")
        begin, values = self._ahead.begin, self.last
        if train.whole:
            begin(("train", size), self._steps, values, self._fields, orders, span)
        for rest in train.sizes:
            begin(("train rest", rest), self._rest, values, self._fields, orders[:, :rest], train.has(rest))
        for part in [] if self._validation is None else [self._validation]:
            self._begin_scoring(part)
        for part in self._scored.values():
            self._begin_scoring(part)

    def _begin_scoring(self, part: Stacked) -> None:
        if part.whole:
            block = part.batches(0, min(self._most, part.whole), self._most)
            self._ahead.begin(("score", part.batch), self._scoring, self.last, block, np.int32(0))
        for size in part.sizes:
            self._ahead.begin(("score rest", size), self._scoring_rest, self.last, part.rest(size), part.has(size))

    def _steps(self) -> Callable[..., Any]:
        """Make the program that trains on whole batches."""
        jax, state, size, take = self._jax, self._state, self._training.batch_size, self._folds[0].train.take

        def steps(values: Any, fields: Any, order: Any, span: Any) -> Any:
            def step(number: Any, values: Any) -> Any:
                rows = jax.lax.dynamic_slice_in_dim(order, number * size, size)
                return state.step("train", values, take(self._names, fields, rows))[0]

            rate = state.learning_rate(values)
            values = jax.lax.fori_loop(span[0], span[1], step, values)
            return values, (rate, state.figures(values))

        return jax.vmap(steps, in_axes=(0, 0, 0, None))  # type: ignore[no-any-return]

    def _rest(self) -> Callable[..., Any]:
        """Make the program that trains on an incomplete batch, and keeps that where a fold has it."""
        jax, state, take = self._jax, self._state, self._folds[0].train.take

        def rest(values: Any, fields: Any, rows: Any, has: Any) -> Any:
            rate = state.learning_rate(values)
            taken = state.step("train", values, take(self._names, fields, rows))[0]
            values = self._chosen(has, taken, values)
            return values, (rate, state.figures(values))

        return jax.vmap(rest)  # type: ignore[no-any-return]

    def _scoring(self) -> Callable[..., Any]:
        """Make the program that scores whole batches."""
        steps = self._programs.steps("score", self._training.batch_size, self._most, None)
        return self._jax.vmap(steps, in_axes=(0, 0, None))  # type: ignore[no-any-return]

    def _scoring_rest(self) -> Callable[..., Any]:
        """Make the program that scores an incomplete batch, and keeps that where a fold has it."""

        def rest(values: Any, batch: Any, has: Any) -> Any:
            taken, outputs = self._state.step("score", values, batch)
            values = self._chosen(has, taken, values)
            return values, outputs, self._state.figures(values)

        return self._jax.vmap(rest)  # type: ignore[no-any-return]

    def _chosen(self, better: Any, new: Any, old: Any) -> Any:
        return self._jax.tree.map(lambda ours, theirs: self._jax.numpy.where(better, ours, theirs), new, old)

    def _stacked(self, parts: Sequence[Tensors]) -> Stacked:
        return Stacked.of(self._jax.tree, parts, self._training.batch_size)

    def _most_batches(self, parts: Sequence[Stacked | None]) -> int:
        """Say how many batches a scoring program takes at a time: all there are, or as many as there is room for."""
        there = [part for part in parts if part is not None]
        batch = max(
            (sum(one.nbytes for one in self._jax.tree.leaves(part.batches(0, 1, 1))) for part in there), default=1
        )
        return max(1, min(_BYTES // batch, _MOST, max((part.whole for part in there), default=1)))
