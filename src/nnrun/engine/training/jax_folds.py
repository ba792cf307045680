"""Training of several folds as one on JAX: their rows are stacked, with the folds in the first dimension.

Folds differ by a row. They share the batches that all of them have in full. The rest of a fold is an incomplete batch
of one size or another; each size is a step that every fold takes, and whose result only those folds keep that have it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.jax.compiled_steps import BLOCK_BATCHES, BLOCK_BYTES, BackgroundCompiler
from nnrun.engine.executors.logs import split_figures, to_float
from nnrun.engine.executors.resident import StepCalls
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.state.saver import Position
from nnrun.engine.training.divergence import LossNotFiniteError, diverged, require_finite
from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.engine.executors.compiled_steps import Tensors
    from nnrun.engine.executors.jax.compiled_steps import JaxSteps
    from nnrun.engine.executors.jax.state import Values
    from nnrun.engine.executors.logs import Labels
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.spec.training import TrainingSpec


def can_stack(rows: Sequence[int], batch_size: int) -> bool:
    """Whether parts of these lengths have so nearly the same number of batches that none has two more than another."""
    return max(rows) - min(rows) // batch_size * batch_size <= batch_size


@dataclass(frozen=True)
class StackedPart:
    """One part of all folds, on the host.

    Attributes:
        fields: Every fold's fields, shape (folds, longest, ...); shorter parts end in padding that no step takes.
        rows: The number of rows of each fold.
        batch_size: Rows per step.
        tree: JAX's `tree`.
    """

    fields: Any
    rows: tuple[int, ...]
    batch_size: int
    tree: Any

    @classmethod
    def of(cls, tree: Any, parts: Sequence[Tensors], batch_size: int) -> StackedPart:
        """Stack parts of which `can_stack` is true; no row changes."""
        longest = max(part.rows for part in parts)

        def stack(*fields: Any) -> np.ndarray:
            return np.stack([_padded(np.asarray(one), longest, axis=0) for one in fields])

        fields = tree.map(stack, *(part.fields for part in parts))
        return cls(fields, tuple(part.rows for part in parts), batch_size, tree)

    @property
    def longest(self) -> int:
        """The number of rows of the longest part."""
        return max(self.rows)

    @property
    def full_batches(self) -> int:
        """The number of batches that all folds have in full."""
        return min(self.rows) // self.batch_size

    @property
    def steps(self) -> int:
        """The number of steps of a fold, at most."""
        return -(-self.longest // self.batch_size)

    @property
    def rest_sizes(self) -> list[int]:
        """The different sizes of incomplete batches."""
        return sorted(set(self._rests) - {0})

    def has_rest(self, size: int) -> np.ndarray:
        """Return which folds have an incomplete batch of `size` rows, shape (folds,)."""
        return np.array([rest == size for rest in self._rests])

    def batches(self, start: int, stop: int, padded_to: int) -> Any:
        """Return the full batches from `start` to `stop`, with padding up to `padded_to` batches."""
        return self._rows(start * self.batch_size, stop * self.batch_size, padded_to * self.batch_size)

    def rest(self, size: int) -> Any:
        """Return the rows of the incomplete batch of `size` rows of all folds, padding included."""
        start = self.full_batches * self.batch_size
        return self._rows(start, start + size, size)

    @property
    def _rests(self) -> tuple[int, ...]:
        return tuple(count - self.full_batches * self.batch_size for count in self.rows)

    def _rows(self, start: int, stop: int, padded_to: int) -> Any:
        return self.tree.map(lambda one: _padded(one[:, start:stop], padded_to, axis=1), self.fields)


def _padded(array: np.ndarray, length: int, axis: int) -> np.ndarray:
    padding = [(0, 0)] * array.ndim
    padding[axis] = (0, length - array.shape[axis])
    return np.pad(array, padding) if padding[axis][1] else array


@dataclass(frozen=True)
class FoldTensors:
    """The data of one fold, and where its training starts.

    Attributes:
        seed: The seed of its shuffling.
        train: The training part.
        validation: The validation part, or None.
        initial_values: The values that its training starts from.
        scored: The parts that are scored in the end, by name.
    """

    seed: int
    train: Tensors
    validation: Tensors | None
    initial_values: Values
    scored: Mapping[str, Tensors]


@dataclass(frozen=True)
class Listeners:
    """The functions that are called during training.

    Attributes:
        on_epoch_logs: Receives each epoch's logs, in the order of the folds.
        on_progress: Receives the share of an epoch that has been done since the last call.
    """

    on_epoch_logs: Callable[[list[EpochLogs]], None]
    on_progress: Callable[[float], None]


class FoldsTrainer:
    """Trains several folds of one model, and scores them.

    Args:
        jax_steps: The model's compiled steps; the model's own state is neither used nor changed.
        folds: The folds, whose parts of one kind can be stacked (`can_stack`).
        training: How they are trained.
        monitor: The metric that decides which epoch is the best.
        maximize: Whether a larger one is better.
        labels: What tells the figures of a metric apart that returns several, by the metric's name.

    Attributes:
        last: Every fold's values as they are now, the folds in the first dimension.
        best: Those of each fold's best epoch so far, on the host.
    """

    def __init__(
        self,
        jax_steps: JaxSteps,
        folds: Sequence[FoldTensors],
        training: TrainingSpec,
        *,
        monitor: str,
        maximize: bool,
        labels: Labels,
    ) -> None:
        self._jax_steps, self._jax = jax_steps, jax_steps.jax
        self._names, self._state = jax_steps.names, jax_steps.state
        self._folds, self._training, self._monitor = folds, training, monitor
        self._labels = labels
        self._is_better = np.greater if maximize else np.less
        self._best_metric = np.full(len(folds), -np.inf if maximize else np.inf)
        self._learning_rates = np.zeros(len(folds), "float32")
        self._step_calls, self._programs = StepCalls(), BackgroundCompiler(self._jax)
        self._train = self._stacked([fold.train for fold in folds])
        self._train_fields = self._jax.device_put(self._train.fields)
        parts = [fold.validation for fold in folds if fold.validation is not None]
        self._validation = self._stacked(parts) if parts else None
        self._scored = {name: self._stacked([fold.scored[name] for fold in folds]) for name in folds[0].scored}
        self._block_size = self._blocks_of([self._validation, *self._scored.values()])
        self.last: Values
        self.set_values([fold.initial_values for fold in folds])
        self.best: Values = self._jax.tree.map(np.array, self.last)
        self._initial_metrics = self._jax.device_put(
            [np.stack([np.asarray(one)] * len(folds)) for one in self._state.initial_metrics]
        )
        self._compile()

    def restore_from(self, saver: StateSaver) -> Position:
        """Take the values of the state that training goes on from, if there is one; return where it goes on.

        Raises:
            RunError: The state is of other folds, or incomplete.
        """
        saver.attach(self, [], [])
        position = saver.position()
        saver.restore()
        return position

    def run(self, position: Position, listeners: Listeners, saver: StateSaver) -> None:
        """Train for all epochs; afterwards, and if it is interrupted, `last` and `best` have every fold's values.

        Args:
            position: Where training goes on.
            listeners: The functions that are called during training.
            saver: Saves the state of all folds.

        Raises:
            RunError: The loss of a fold is not finite; the logs of all folds are passed on first.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        for epoch in range(position.epoch, self._training.epochs):
            started = time.perf_counter() - position.seconds
            logs = self._train_epoch(position, listeners, saver)
            if self._validation is not None:
                logs |= {f"val_{name}": value for name, value in self._evaluate(self._validation)[0].items()}
            self._keep_best(logs)
            seconds = round((time.perf_counter() - started) / len(self._folds), 6)
            lines: list[EpochLogs] = []
            for index in range(len(self._folds)):
                of_fold = {name: to_float(values[index]) for name, values in logs.items()}
                rate = to_float(self._learning_rates[index])
                lines.append({"epoch": epoch + 1, "fold": None, **of_fold, "learning_rate": rate, "seconds": seconds})
            listeners.on_epoch_logs(lines)
            for index in range(len(self._folds)):
                try:
                    require_finite({name: float(values[index]) for name, values in logs.items()}, epoch)
                except LossNotFiniteError as found:
                    raise diverged(found) from None
            position = Position(epoch + 1)
            saver.after_epoch(position, last=position.epoch == self._training.epochs)

    def collect(self) -> dict[str, np.ndarray]:
        """Return every value that training changes, by name, for a state."""
        last, best = (self._jax.tree.leaves(values) for values in (self.values_on_host(), self.best))
        named = {f"last/{number}": np.asarray(one) for number, one in enumerate(last)}
        named |= {f"best/{number}": np.asarray(one) for number, one in enumerate(best)}
        return {**named, "best_metric": self._best_metric, "learning_rates": self._learning_rates}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take the values of a state.

        Raises:
            RunError: The state is of other folds, or of another model.
        """
        for name, array in self.collect().items():
            if name not in arrays or arrays[name].shape != array.shape:
                there = "missing" if name not in arrays else f"of shape {arrays[name].shape}"
                text = f"the saved state is of another training: {name} is {there}, expected shape {array.shape}"
                raise RunError(text, "train again from the config")
        structure = self._jax.tree.structure(self.best)
        last, best = (
            self._jax.tree.unflatten(structure, [arrays[f"{kind}/{one}"] for one in range(structure.num_leaves)])
            for kind in ("last", "best")
        )
        self.last, self.best = self._jax.device_put(last), self._jax.tree.map(np.array, best)
        self._best_metric, self._learning_rates = arrays["best_metric"], arrays["learning_rates"]

    def score(self) -> dict[str, list[tuple[dict[str, float], Any]]]:
        """Return each part's loss and metrics, and outputs, with the values of `last`, fold by fold."""
        scores = {}
        for name, part in self._scored.items():
            logs, outputs = self._evaluate(part)
            scores[name] = [
                ({key: to_float(values[index]) for key, values in logs.items()}, self._of_fold(outputs, index, rows))
                for index, rows in enumerate(part.rows)
            ]
        return scores

    def load_into_model(self, index: int, values: Values) -> None:
        """Assign one fold's values to the model's variables; `values` are those of all folds, on the host."""
        self._state.assign(self._jax.device_put(self._jax.tree.map(lambda one: one[index], values)))

    def set_values(self, values: Sequence[Values]) -> None:
        """Set the values of every fold."""
        self.last = self._jax.device_put(self._jax.tree.map(lambda *one: np.stack(one), *values))

    def values_on_host(self) -> Values:
        """Return every fold's values as NumPy arrays."""
        values: Values = self._jax.device_get(self.last)
        return values

    def close(self) -> None:
        """Release the threads of the compiler."""
        self._programs.shutdown()

    def _train_epoch(self, position: Position, listeners: Listeners, saver: StateSaver) -> dict[str, Any]:
        """Train what is left of an epoch, a bounded time in each call; return its logs.

        States are saved between calls, but not after the last one: the logs of the epoch are its result.
        """
        part, size, epoch = self._train, self._training.batch_size, position.epoch
        orders, started = self._orders(epoch), time.perf_counter() - position.seconds
        values = self.last if position.step else self._with_initial_metrics(self.last)
        is_first, done = not position.step, epoch * part.steps
        result: Any = None
        boundary = partial(saver.next_boundary, done)
        for start, stop in self._step_calls.split("train", position.step, part.full_batches, next_boundary=boundary):
            steps = np.array([start, stop], "int32")
            values, result = self._programs["train", size](values, self._train_fields, orders, steps)
            self._take(values, result, is_first=is_first)
            is_first = False
            listeners.on_progress((stop - start) / part.steps)
            if stop < part.steps:
                seconds = time.perf_counter() - started
                saver.after_steps(done, partial(Position, epoch, stop, seconds=seconds), stop)
        for rest in part.rest_sizes:
            rows = orders[:, part.full_batches * size : part.full_batches * size + rest]
            program = self._programs["train rest", rest]
            values, result = program(values, self._train_fields, rows, part.has_rest(rest))
            self._take(values, result, is_first=is_first)
            is_first = False
        return split_figures(self._jax.device_get(result[1]), self._labels, folds=True)

    def _take(self, values: Values, result: Any, *, is_first: bool) -> None:
        """Take the values after a call; the first one of an epoch returns the learning rates at its start."""
        self.last, rates = values, self._jax.device_get(result[0])
        if is_first:
            self._learning_rates = np.asarray(rates)

    def _evaluate(self, part: StackedPart) -> tuple[dict[str, Any], Any]:
        """Take Keras' test step over all rows of a part; return logs and outputs, the folds in the first dimension.

        Outputs have a place for each row of the longest part.
        """
        values, logs = self._with_initial_metrics(self.last), {}
        pieces: list[Any] = []
        for begin in range(0, part.full_batches, self._block_size):
            for start, stop in self._step_calls.split("score", 0, min(self._block_size, part.full_batches - begin)):
                block = part.batches(begin + start, begin + stop, self._block_size)
                values, *result = self._programs["score", part.batch_size](values, block, np.int32(stop - start))
                outputs, logs = self._jax.device_get(result)
                rows = (stop - start) * part.batch_size
                pieces.append(self._jax.tree.map(lambda one, rows=rows: one[:, :rows], outputs))
        rests = None
        for size in part.rest_sizes:
            values, *result = self._programs["score rest", size](values, part.rest(size), part.has_rest(size))
            outputs, logs = self._jax.device_get(result)
            rests = outputs if rests is None else self._merged_rests(part.has_rest(size), outputs, rests)
        pieces += [] if rests is None else [rests]
        figures = split_figures(logs, self._labels, folds=True)
        return figures, self._jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *pieces)

    def _merged_rests(self, has_rest: np.ndarray, outputs: Any, shorter: Any) -> Any:
        """Take the outputs of an incomplete batch for the folds that have it, those of a shorter one for the others."""

        def merge(new: np.ndarray, old: np.ndarray) -> np.ndarray:
            merged = np.array(new)
            merged[~has_rest, : old.shape[1]] = old[~has_rest]
            return merged

        merged: Any = self._jax.tree.map(merge, outputs, shorter)
        return merged

    def _keep_best(self, logs: Mapping[str, Any]) -> None:
        better = self._is_better(logs[self._monitor], self._best_metric)
        if not better.any():
            return
        self._best_metric = np.where(better, logs[self._monitor], self._best_metric)
        for new, kept in zip(self._jax.tree.leaves(self.last), self._jax.tree.leaves(self.best), strict=True):
            kept[better] = np.asarray(new)[better]

    def _with_initial_metrics(self, values: Values) -> Values:
        return values[0], values[1], values[2], self._initial_metrics, values[4]

    def _of_fold(self, outputs: Any, index: int, rows: int) -> Any:
        return self._jax.tree.map(lambda one: one[index, :rows], outputs)

    def _orders(self, epoch: int) -> np.ndarray:
        """Return the order of every fold's rows, shape (folds, longest)."""
        orders = np.zeros((len(self._folds), self._train.longest), "int32")
        computed: dict[tuple[int, int], Any] = {}
        for index, fold in enumerate(self._folds):
            key = (fold.seed, fold.train.rows)
            if key not in computed:
                computed[key] = epoch_order(fold.seed, epoch, fold.train.rows, shuffle=self._training.shuffle)
            orders[index, : fold.train.rows] = computed[key]
        return orders

    def _compile(self) -> None:
        """Submit all programs to the compiler, in the order in which they are needed."""
        size, train, values = self._training.batch_size, self._train, self.last
        orders, steps = np.zeros((len(self._folds), train.longest), "int32"), np.zeros(2, "int32")
        submit = self._programs.submit
        if train.full_batches:
            submit(("train", size), self._training_loop, values, self._train_fields, orders, steps)
        for rest in train.rest_sizes:
            arguments = (values, self._train_fields, orders[:, :rest], train.has_rest(rest))
            submit(("train rest", rest), self._training_rest, *arguments)
        for part in [*([] if self._validation is None else [self._validation]), *self._scored.values()]:
            if part.full_batches:
                block = part.batches(0, min(self._block_size, part.full_batches), self._block_size)
                submit(("score", part.batch_size), self._scoring_loop, values, block, np.int32(0))
            for rest in part.rest_sizes:
                submit(("score rest", rest), self._scoring_rest, values, part.rest(rest), part.has_rest(rest))

    def _training_loop(self) -> Callable[..., Any]:
        """Return the function that trains on full batches."""
        jax, state, size, take = self._jax, self._state, self._training.batch_size, self._folds[0].train.take

        def train(values: Any, fields: Any, order: Any, steps: Any) -> Any:
            def step(number: Any, values: Any) -> Any:
                rows = jax.lax.dynamic_slice_in_dim(order, number * size, size)
                return state.train_step(values, take(self._names, fields, rows))

            rate = state.learning_rate(values)
            values = jax.lax.fori_loop(steps[0], steps[1], step, values)
            return values, (rate, state.logs(values))

        return jax.vmap(train, in_axes=(0, 0, 0, None))  # type: ignore[no-any-return]

    def _training_rest(self) -> Callable[..., Any]:
        """Return the function that trains on an incomplete batch, for the folds that have it."""
        jax, state, take = self._jax, self._state, self._folds[0].train.take

        def train(values: Any, fields: Any, rows: Any, has_rest: Any) -> Any:
            rate = state.learning_rate(values)
            trained = state.train_step(values, take(self._names, fields, rows))
            values = self._where(has_rest, trained, values)
            return values, (rate, state.logs(values))

        return jax.vmap(train)  # type: ignore[no-any-return]

    def _scoring_loop(self) -> Callable[..., Any]:
        """Return the function that scores full batches."""
        loop = self._jax_steps.block_loop("score", self._training.batch_size, self._block_size, None)
        return self._jax.vmap(loop, in_axes=(0, 0, None))  # type: ignore[no-any-return]

    def _scoring_rest(self) -> Callable[..., Any]:
        """Return the function that scores an incomplete batch, for the folds that have it."""

        def score(values: Any, batch: Any, has_rest: Any) -> Any:
            scored, outputs = self._state.step("score", values, batch)
            values = self._where(has_rest, scored, values)
            return values, outputs, self._state.logs(values)

        return self._jax.vmap(score)  # type: ignore[no-any-return]

    def _where(self, condition: Any, new: Any, old: Any) -> Any:
        return self._jax.tree.map(lambda one, other: self._jax.numpy.where(condition, one, other), new, old)

    def _stacked(self, parts: Sequence[Tensors]) -> StackedPart:
        return StackedPart.of(self._jax.tree, parts, self._training.batch_size)

    def _blocks_of(self, parts: Sequence[StackedPart | None]) -> int:
        """Return the number of batches of all folds that a scoring program takes: all, or as many as memory allows."""
        present = [part for part in parts if part is not None]
        batch_bytes = max(
            (sum(one.nbytes for one in self._jax.tree.leaves(part.batches(0, 1, 1))) for part in present), default=1
        )
        most = max((part.full_batches for part in present), default=1)
        return max(1, min(BLOCK_BYTES // batch_bytes, BLOCK_BATCHES, most))
