"""The resident executor: data live as tensors, and an epoch is one compiled program looping Keras' own steps.

Keras' overhead of about 1 ms a step is nearly the whole cost of a small model (keras#19953, #18648). Here the loop over
batches runs inside TensorFlow: it gathers each batch by the epoch's order and calls the model's own `train_step`, with
Keras' own losses, metrics, regularizers and optimizers. Without XLA the figures are bit-identical to a step at a time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from nnrun.engine.executors.compiled_steps import Programs, Span, Tensors
from nnrun.engine.executors.shuffle import LONGEST, LongOrder, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from nnrun.engine.model.augmentation import Augmentation
    from nnrun.errors import Mark, Path


#: How long a chunk of steps should take, so that progress moves and Ctrl-C is heard, in seconds.
CHUNK_SECONDS = 0.5


#: What TensorFlow raises where XLA has no kernel for an operation, or needs to know a size that only data tell.
_REFUSALS = ("InvalidArgumentError", "UnimplementedError", "InternalError")


class XlaRefusal(Exception):  # noqa: N818 - it is no failure of a run that goes on without
    """XLA cannot compile the training steps; says why, in XLA's own words."""


#: One array, or several by the names of the model's inputs or outputs.
Fields = Union["NDArray[Any]", "dict[str, NDArray[Any]]"]


class ResidentExecutor:
    """Trains and evaluates one compiled model on data that fit in memory.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model.
        batch_size: Rows per step; the last step of an epoch takes what is left.
        xla: Whether training is compiled by XLA.
        programs: What steps are compiled by, where it is not TensorFlow.
        halves: Recurrent layers that take their batch in two halves.

    Attributes:
        on_refusal: Hears why XLA cannot compile the steps, and training goes on without; None: `XlaRefusal` is raised.
    """

    on_refusal: Callable[[str], None] | None = None

    def __init__(
        self,
        tf: Any,
        model: Any,
        batch_size: int,
        *,
        xla: bool = False,
        programs: Programs | None = None,
        halves: Sequence[Any] = (),
    ) -> None:
        self._tf = tf
        self._model = model
        self._batch = batch_size
        self._programs = programs or Programs(tf, model, batch_size, xla=xla, halves=halves)
        self._proved = not xla
        self._pace = Pace()

    def put(self, x: Fields, y: Fields, sample_weight: NDArray[Any] | None = None) -> Tensors:
        """Turn a part of the data into tensors: each of `x` and `y` is an array, or several by the model's names."""
        fields = (x, y) if sample_weight is None else (x, y, sample_weight)
        first = next(iter(x.values())) if isinstance(x, dict) else x
        return Tensors(self._tf.nest.map_structure(self._tf.constant, fields), len(first))

    def weigh(self, tensors: Tensors, sample_weight: NDArray[Any] | None) -> Tensors:
        """Give the same examples with other weights, without a second copy of them."""
        return tensors.weighed(self._tf, sample_weight)

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, which cannot be created inside a compiled loop."""
        self._programs.build(tensors)

    def augment(self, augmentation: Augmentation, example: Any, mark_of: Callable[[Path], Mark]) -> None:
        """Let the model take its training steps on batches that went through random layers; see `Augmentation`."""
        self._programs.augment(augmentation, example, mark_of)

    def train(
        self, tensors: Tensors, order: Order, tell: Callable[[int], None], hears_steps: Any = None
    ) -> dict[str, float]:
        """Train one epoch over the rows in `order`, shape (rows,), and give the epoch's mean loss and metrics.

        Args:
            tensors: The training part.
            order: Row indexes, one epoch's worth.
            tell: Called with the number of steps done, now and then.
            hears_steps: Keras' `CallbackList` where a callback needs batches; the loop then runs a step at a time.
        """
        rows = order if isinstance(order, LongOrder) else self._tf.constant(order)
        return self._loop("train", tensors, rows, tell, hears_steps)[1]

    def evaluate(self, tensors: Tensors) -> dict[str, float]:
        """Give the mean loss and metrics over all rows, in file order."""
        return self._loop("test", tensors, self._everything(tensors))[1]

    def predict(self, tensors: Tensors) -> Any:
        """Give the model's outputs for all rows, in file order: an array (rows, ...), or a dict of them by output."""
        return self._joined(self._loop("predict", tensors, self._everything(tensors))[0])

    def score(self, tensors: Tensors) -> tuple[dict[str, float], Any]:
        """Give what `evaluate` and `predict` give, of one pass over the rows."""
        chunks, figures = self._loop("score", tensors, self._everything(tensors))
        return figures, self._joined(chunks)

    def _everything(self, tensors: Tensors) -> Any:
        if tensors.rows > LONGEST:
            return LongOrder(0, 0, tensors.rows, shuffle=False)
        return self._tf.range(tensors.rows, dtype=self._tf.int32)

    def _joined(self, chunks: list[Any]) -> Any:
        return self._tf.nest.map_structure(lambda *parts: np.concatenate([np.asarray(part) for part in parts]), *chunks)

    def _loop(
        self,
        kind: str,
        tensors: Tensors,
        order: Any,
        tell: Callable[[int], None] = lambda _: None,
        hears_steps: Any = None,
    ) -> tuple[list[Any], dict[str, float]]:
        given, figures = [], {}
        for held, rows, start, stop in self._chunks(kind, tensors, order, hears_steps):
            if hears_steps is not None:
                hears_steps.on_train_batch_begin(start)
            outputs, read = self._run(kind, held, rows, start, stop)
            given.append(outputs)
            figures = {name: plain(value) for name, value in read.items()}
            if hears_steps is not None:
                hears_steps.on_train_batch_end(start, figures)
                if self._model.stop_training:
                    break
            tell(stop)
        return given, figures

    def _part(self, order: Any, start: int, stop: int) -> tuple[Any, Any, Any]:
        """Give the order, and the steps in it, that a program needs for the steps from `start` to `stop`.

        Of a long order only these steps' rows; before them one step of none, as step 0 begins the figures anew.
        """
        constant = self._tf.constant
        if not isinstance(order, LongOrder):
            return order, constant(start), constant(stop)
        piece, before = order[start * self._batch : stop * self._batch], min(start, 1)
        padded = np.concatenate([np.zeros(before * self._batch, np.int32), piece])
        return constant(padded), constant(before), constant(before + stop - start)

    def _run(self, kind: str, tensors: Tensors, order: Any, start: int, stop: int) -> Any:
        """Call a program; where XLA refuses to make the first one, before any step was taken, make it without."""
        tf = self._tf
        given = (tensors.fields, *self._part(order, start, stop))
        if kind != "train" or self._proved:
            return self._programs.get(kind, tensors, start)(*given)
        try:
            made = self._programs.get(kind, tensors, start)(*given)
        except tuple(getattr(tf.errors, name) for name in _REFUSALS) as error:
            reason = _reason(error)
            if self.on_refusal is None:
                raise XlaRefusal(reason) from error
            self.on_refusal(reason)
            self._programs = Programs(tf, self._model, self._batch)
            made = self._programs.get(kind, tensors, start)(*given)
        self._proved = True
        return made

    def _chunks(self, kind: str, tensors: Tensors, order: Any, hears_steps: Any) -> Iterator[Span]:
        """Cut an epoch into calls of a program, each about `CHUNK_SECONDS` long, or one step where that is heard."""
        spans = self._programs.spans(kind, tensors.rows)
        for held, rows, first, end in tensors.held(self._tf, order, self._batch, spans):
            for start, stop in self._pace.spans(kind, end - first, single=hears_steps is not None):
                yield Span(held, rows, first + start, first + stop)


class Pace(dict[str, int]):
    """Cuts steps into calls of about `CHUNK_SECONDS`: by kind, how many the calls before say that takes."""

    def spans(self, kind: str, steps: int, *, single: bool = False) -> Iterator[tuple[int, int]]:
        """Give ranges of steps, as (first, end); what is asked for must be done before the next is.

        Args:
            kind: Steps of one kind take about the same time.
            steps: How many there are.
            single: Whether each is a call of its own.
        """
        start = 0
        while start < steps:
            chunk = 1 if single else self.get(kind, 1)
            stop = min(start + chunk, steps)
            began = time.perf_counter()
            yield start, stop
            if stop - start == chunk:
                self[kind] = _next_chunk(chunk, time.perf_counter() - began)
            start = stop


def plain(value: Any) -> float:
    """Give a 32-bit figure its own shortest digits: 0.001 and not 0.0010000000474974513; no bit is lost."""
    return float(str(value.numpy() if hasattr(value, "numpy") else value))


def _reason(error: Exception) -> str:
    """Give the line in which XLA says what it has no kernel for, or its first one."""
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines() if line.strip()]
    telling = [line for line in lines if "unsupported" in line.lower() or "compile-time constant" in line]
    found = (telling or lines or [type(error).__name__])[0]
    return found if len(found) <= 300 else f"{found[:300]} ..."


def _next_chunk(chunk: int, seconds: float) -> int:
    """Aim at `CHUNK_SECONDS` a chunk, growing at most eightfold at a time (the first chunk also pays for tracing)."""
    wanted = int(chunk * CHUNK_SECONDS / max(seconds, 1e-4))
    return max(1, min(wanted, chunk * 8))
