"""The compiled steps on JAX: Keras' own steps, looped by XLA over the values of all variables.

Keras' steps on JAX take the values of all variables and return new ones. A program takes them out of the variables,
loops, and assigns the results, so that between two programs a model is what callbacks and checkpoints expect. Training
loops over batches that it gathers from the whole part by the epoch's order. The other kinds receive a block of batches
at a time, so that one compiled program serves parts of any size.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.cores import usable_cores
from nnrun.engine.executors.compiled_steps import CompiledSteps, Tensors
from nnrun.engine.executors.jax.programs import shared_programs
from nnrun.engine.executors.jax.state import JaxState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from concurrent.futures import Future

    from nnrun.engine.executors.compiled_steps import StepKind
    from nnrun.engine.executors.jax.constants import ProgramConstants
    from nnrun.engine.executors.jax.lanes import Lane
    from nnrun.engine.model.augmentation import Augmentation

    #: Reduces a batch's targets and outputs to one array.
    Reduction = Callable[[Any, Any], Any]

#: XLA's newer way to write fused loops for a CPU takes twice as long to compile small programs and computes the same
#: bits; of five small networks one was faster with it (decision record 0010). Parts of so small a program are not
#: worth a thread each.
_CPU_OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
#: The most bytes and batches of a block.
BLOCK_BYTES, BLOCK_BATCHES = 16 * 2**20, 256


class JaxSteps(CompiledSteps):
    """The compiled steps of one model on JAX.

    Args:
        names: JAX under TensorFlow's names.
        model: A compiled Keras model.
        batch_size: Rows per step.
        identity: Equal for models with equal programs; None: this one shares none.
        lane: Its place in programs that are mapped over several trainings; None: it computes on its own.
        constants: The numbers of the model that are arguments of mapped programs, where it has a lane.

    Attributes:
        jax: The imported JAX.
        names: JAX under TensorFlow's names.
        state: The model's state.
    """

    def __init__(
        self,
        names: Any,
        model: Any,
        batch_size: int,
        identity: str | None = None,
        lane: Lane | None = None,
        constants: ProgramConstants | None = None,
    ) -> None:
        super().__init__(names, model, batch_size)
        self.jax, self.names = names.jax, names
        self._identity, self._lane, self._constants = identity, lane, constants
        self.state = JaxState(names, model)
        self._takes: dict[Any, Callable[..., Any]] = {}
        self._block_sizes: dict[Any, int] = {}
        self._file_orders: dict[int, np.ndarray] = {}
        #: In a lane, blocks in the order of the file: to gather them again takes longer than a test of a small part.
        self._file_blocks: dict[Hashable, tuple[Any, Any]] = {}

    @property
    def is_mapped(self) -> bool:
        """Whether its programs are mapped over several trainings."""
        return self._identity is not None and self._lane is not None

    def build(self, tensors: Tensors) -> None:
        """Create the state of optimizer and metrics, and record what metrics start each epoch with."""
        if self.state.is_built:
            return
        rows = np.zeros(min(self._batch_size, tensors.rows), "int32")
        # Keras asks a batch for nothing but shapes and types; taking one would compile a program of its own.
        batch = self.jax.eval_shape(lambda fields, index: tensors.take(self._tf, fields, index), tensors.fields, rows)
        self._model._symbolic_build(data_batch=batch)  # noqa: SLF001 - see `CompiledSteps.build`
        self.state.record_initial_metrics()

    def augment(self, augmentation: Augmentation, example: Any) -> None:
        """Let batches of training go through random layers first; see `Augmentation.build`."""
        augmentation.build(example)
        self.state.augmentation = augmentation
        self._programs.clear()

    def argument(self, value: Any) -> Any:
        """Return it as it is: a call of a program puts it on the device, in less time than a call of its own takes."""
        return value

    def file_order(self, rows: int) -> Any:
        """Return the order of rows in the file, the same array each time."""
        if rows not in self._file_orders:
            self._file_orders[rows] = np.arange(rows, dtype="int32")
        return self._file_orders[rows]

    def ranges(self, kind: StepKind, rows: int) -> list[tuple[int, int]]:  # noqa: ARG002 - all kinds are cut alike
        """Cut an epoch of `rows` rows into ranges of steps that one program can run, as (start, stop)."""
        steps, full = -(-rows // self._batch_size), rows // self._batch_size
        return [(start, stop) for start, stop in ((0, full), (full, steps)) if start < stop]

    def get(self, kind: StepKind, tensors: Tensors, step: int) -> Callable[..., Any]:
        """Return what runs steps of a kind from `step` on; see `CompiledSteps.get`."""
        if kind != "predict" and not self.state.is_built:
            self.build(tensors)
        full = (step + 1) * self._batch_size <= tensors.rows
        if kind == "train" and full:
            return lambda _, order, start, stop: self._train(tensors, order, int(start), int(stop))
        return lambda _, order, start, stop: self._run_blocks(kind, tensors, np.asarray(order), int(start), int(stop))

    def _train(self, tensors: Tensors, order: Any, start: int, stop: int) -> Any:
        if len(order) < tensors.rows:
            # A piece of a long order; lengths are rounded up, as each one is compiled for.
            order = np.pad(np.asarray(order), (0, (1 << (len(order) - 1).bit_length()) - len(order)))
        values, logs = self._call(
            ("train", tensors.take),
            lambda: self._training_loop(tensors.take),
            (self.state.values(reset_metrics=start == 0), tensors.fields, order),
            (start, stop),
        )
        self.state.assign(values)
        return None, self.jax.device_get(logs)

    def _training_loop(self, take: Any) -> Callable[..., Any]:
        jax, state, size = self.jax, self.state, self._batch_size

        def epoch(values: Any, fields: Any, order: Any, start: Any, stop: Any) -> Any:
            def body(step: Any, values: Any) -> Any:
                rows = jax.lax.dynamic_slice_in_dim(order, step * size, size)
                return state.train_step(values, self.names.divided(take(self._tf, fields, rows)))

            values = jax.lax.fori_loop(start, stop, body, values)
            return values, state.logs(values)

        return epoch

    def reduce_outputs(self, tensors: Tensors, reduction: Reduction) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Take Keras' test step over all rows, in file order.

        Args:
            tensors: The part.
            reduction: Reduces a batch's targets and outputs to one array, whose first dimension is 1.

        Yields:
            The reductions of the next batches, concatenated, and the loss and metrics so far.
        """
        if not self.state.is_built:
            self.build(tensors)
        order = np.arange(tensors.rows, dtype="int32")
        for steps in self.ranges("score", tensors.rows):
            yield from self._blocks("score", tensors, order, steps, reduction)

    def _run_blocks(self, kind: StepKind, tensors: Tensors, order: np.ndarray, start: int, stop: int) -> Any:
        """Run steps block by block; return all outputs and the last loss and metrics."""
        blocks = list(self._blocks(kind, tensors, order, (start, stop)))
        outputs = self.jax.tree.map(lambda *parts: np.concatenate(parts), *(outputs for outputs, _ in blocks))
        return outputs, blocks[-1][1]

    def _blocks(
        self,
        kind: StepKind,
        tensors: Tensors,
        order: np.ndarray,
        steps: tuple[int, int],
        reduction: Reduction | None = None,
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Run steps on blocks of batches; an incomplete last batch is a block of its own."""
        start, stop = steps
        size = min(self._batch_size, len(order) - start * self._batch_size)
        block_size = 1 if size < self._batch_size else self._block_size(tensors)
        for first in range(start, stop, block_size):
            end = min(first + block_size, stop)
            batches = self._block(tensors, order, first, block_size * size)
            key = (kind, size, block_size, reduction)
            values, outputs, logs = self._call(
                key,
                lambda: self.block_loop(kind, size, block_size, reduction),
                (self.state.values(reset_metrics=first == 0), batches),
                (end - first,),
            )
            self.state.assign(values)
            rows = (end - first) * (1 if reduction else size)
            cut = self.jax.tree.map(lambda one, rows=rows: np.asarray(one)[:rows], outputs)
            yield cut, self.jax.device_get(logs)

    def _block(self, tensors: Tensors, order: np.ndarray, first: int, rows: int) -> Any:
        """Return the rows of a block from a step on; the last row fills it up, and no step takes batches beyond it."""
        key = (id(tensors.fields), first, rows)
        known = self._file_blocks.get(key)
        if known is not None and known[0] is tensors.fields:
            return known[1]
        places = np.minimum(np.arange(first * self._batch_size, first * self._batch_size + rows), len(order) - 1)
        if not self.is_mapped:
            return self._take(tensors)(tensors.fields, order[places])
        batches = self.jax.tree.map(lambda one: np.asarray(one)[order[places]], tensors.fields)
        if order is self._file_orders.get(tensors.rows):
            self._file_blocks[key] = tensors.fields, batches
        return batches

    def block_loop(self, kind: StepKind, size: int, block_size: int, reduction: Reduction | None) -> Callable[..., Any]:
        """Return the function that takes `count` steps of `size` rows on a block of `block_size` batches.

        It takes values, batches and `count`, and returns values, outputs (zeros for steps not taken) and logs.
        """
        jax, state = self.jax, self.state

        def take_step(values: Any, batches: Any, step: Any) -> Any:
            batch = jax.tree.map(lambda one: jax.lax.dynamic_slice_in_dim(one, step * size, size), batches)
            values, outputs = state.step(kind, values, self.names.divided(batch))
            outputs = self.names.gathered(outputs)
            return values, reduction(batch[1], outputs) if reduction else outputs

        def loop(values: Any, batches: Any, count: Any) -> Any:
            def body(step: Any, carry: Any) -> Any:
                values, outputs = take_step(carry[0], batches, step)
                return values, jax.tree.map(
                    lambda array, more: jax.lax.dynamic_update_slice_in_dim(array, more, step * len(more), 0),
                    carry[1],
                    outputs,
                )

            shapes = jax.eval_shape(lambda: take_step(values, batches, 0)[1])
            zeros = jax.tree.map(
                lambda one: jax.numpy.zeros((block_size * one.shape[0], *one.shape[1:]), one.dtype), shapes
            )
            values, outputs = jax.lax.fori_loop(0, count, body, (values, zeros))
            return values, outputs, {} if kind == "predict" else state.logs(values)

        return loop

    def _call(
        self,
        key: tuple[object, ...],
        make: Callable[[], Callable[..., Any]],
        own: tuple[Any, ...],
        numbers: tuple[int, ...],
    ) -> Any:
        """Call a program.

        Args:
            key: Which of the model's programs.
            make: Makes its function.
            own: The arguments that each training has its own of.
            numbers: The arguments after these.
        """
        constants = self._constants
        if self._identity is not None and self._lane is not None and constants is not None:
            own = (constants.values, *own)
            return self._lane.call(self._identity, key, lambda: constants.traced(make()), own, numbers)
        if key not in self._programs:
            self._programs[key] = shared_programs.get(self._identity, key, lambda: self.jax.jit(make()))
        return self._programs[key](*own, *numbers)

    def _take(self, tensors: Tensors) -> Callable[..., Any]:
        if tensors.take not in self._takes:
            self._takes[tensors.take] = self.jax.jit(lambda fields, index: tensors.take(self._tf, fields, index))
        return self._takes[tensors.take]

    def _block_size(self, tensors: Tensors) -> int:
        """Return the number of batches of a block."""
        if tensors.take not in self._block_sizes:
            rows = np.zeros(self._batch_size, "int32")
            batch = self.jax.eval_shape(self._take(tensors), tensors.fields, rows)
            batch_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in self.jax.tree.leaves(batch))
            self._block_sizes[tensors.take] = max(1, min(BLOCK_BYTES // max(batch_bytes, 1), BLOCK_BATCHES))
        return self._block_sizes[tensors.take]


class BackgroundCompiler:
    """Compiles programs before their first call, in parallel and while Python runs: XLA needs no Python to compile.

    A small network's programs take longer to compile than to run, so that this is most of what can be saved.

    Args:
        jax: The imported JAX.
    """

    def __init__(self, jax: Any) -> None:
        self._jax = jax
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="nnrun-compiler")
        self._programs: dict[Hashable, Future[Callable[..., Any]]] = {}

    def submit(self, key: Hashable, make: Callable[[], Callable[..., Any]], *arguments: Any) -> None:
        """Start to compile the function that `make` returns for arguments of these shapes, if `key` is new."""
        if key not in self._programs:
            # Traced in this thread, since Keras keeps its scopes by thread; only XLA's part is done elsewhere.
            lowered = self._jax.jit(make()).lower(*arguments)
            self._programs[key] = self._pool.submit(self._compile, lowered)

    def __getitem__(self, key: Hashable) -> Callable[..., Any]:
        """Return a submitted program; wait until it is compiled."""
        return self._programs[key].result()

    def shutdown(self) -> None:
        """Release the threads; programs that were not started are not compiled any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compile(self, lowered: Any) -> Any:
        if self._jax.default_backend() != "cpu":
            return lowered.compile()
        try:
            return lowered.compile(compiler_options=_CPU_OPTIONS)
        except self._jax.errors.JaxRuntimeError:
            # Another XLA may not know these options any more; any other error is raised again without them.
            return lowered.compile()
