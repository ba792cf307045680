"""What streams is trained on as if it were in memory: the same programs, the same batches, the same bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nnrun.data.streaming.streams import Stream
from nnrun.engine.executors.resident import ResidentExecutor
from nnrun.engine.executors.shuffle import LongOrder, epoch_order
from nnrun.engine.streaming.streamed import stream_tensors

from ..executors.test_resident import STACKS, make, variables  # noqa: TID252


@dataclass(frozen=True, eq=False)
class Shelf:
    """A store that stands for a disk."""

    x: np.ndarray

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Give the rows."""
        return self.x[rows]

    def digest(self, rows: np.ndarray) -> str:
        """Tell the rows."""
        return str(rows.tolist())


def on_disk(x: np.ndarray, memory: float) -> Stream:
    """Make a finished stream of all rows."""
    return Stream(Shelf(x), np.arange(len(x)), memory).finalized()


class StepRecorder:
    """Record every step, as callbacks that act on batches do."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, float]] = []

    def on_train_batch_begin(self, step: int) -> None:
        """Hear nothing."""

    def on_train_batch_end(self, step: int, figures: dict[str, float]) -> None:
        """Keep step and loss."""
        self.steps.append((step, figures["loss"]))


@pytest.mark.keras
@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("rows_a_chunk", [20, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_streamed_epoch_is_bit_identical_to_a_resident_one(
    keras, part, name: str, rows_a_chunk: int, weighted: bool
) -> None:
    """Losses, metrics, weights, optimizer, evaluation and outputs, whatever the chunks; the last ones incomplete."""
    import tensorflow as tf

    data = part(53, STACKS[name][0], weights=weighted)
    numbers = int(np.prod(data.x.shape[1:]))
    found = []
    for streamed in (False, True):
        model = make(keras, name)
        executor = ResidentExecutor(tf, model, 10)
        tensors = (
            stream_tensors(tf, on_disk(data.x, 32 * 4 * numbers * rows_a_chunk), data.y, data.sample_weight, 10)
            if streamed
            else executor.to_tensors(data.x, data.y, data.sample_weight)
        )
        executor.build(tensors)
        figures = [executor.train(tensors, epoch_order(3, epoch, 53), lambda *_: None) for epoch in range(2)]
        found.append((figures, executor.evaluate(tensors), executor.predict(tensors), executor.score(tensors)))
        found[-1] += (variables(model),)
    (trained, tested, predicted, scored, state), (trained2, tested2, predicted2, scored2, state2) = found
    assert (trained, tested) == (trained2, tested2)
    assert (predicted == predicted2).all()
    assert scored[0] == scored2[0]
    assert (scored[1] == scored2[1]).all()
    assert all((one == other).all() for one, other in zip(state, state2, strict=True))


@pytest.mark.keras
def test_xla_gives_a_stream_the_same_bits_too(keras, part) -> None:
    """The chunks have one size, so that XLA compiles one program, the resident one."""
    import tensorflow as tf

    data = part(53, STACKS["dense"][0])
    figures = []
    for streamed in (False, True):
        executor = ResidentExecutor(tf, make(keras, "dense"), 10, xla=True)
        put = stream_tensors(tf, on_disk(data.x, 32 * 4 * 6 * 20), data.y, None, 10)
        tensors = put if streamed else executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        figures.append([executor.train(tensors, epoch_order(3, epoch, 53), lambda *_: None) for epoch in range(3)])
    assert figures[0] == figures[1]


@pytest.mark.keras
def test_a_step_at_a_time_sees_what_chunks_see(keras, part) -> None:
    """A callback that needs batches is called at each step of a stream, in order, across chunks."""
    import tensorflow as tf

    data, recorders = part(53, STACKS["dense"][0]), {}
    for streamed in (False, True):
        model = make(keras, "dense")
        executor = ResidentExecutor(tf, model, 10)
        put = stream_tensors(tf, on_disk(data.x, 32 * 4 * 6 * 20), data.y, None, 10)
        tensors = put if streamed else executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        model.stop_training = False
        recorders[streamed] = StepRecorder()
        executor.train(tensors, epoch_order(3, 0, 53), lambda *_: None, recorders[streamed])
    assert recorders[True].steps == recorders[False].steps
    assert len(recorders[True].steps) == 6


@pytest.mark.keras
def test_epochs_and_chunks_share_one_program(keras, part) -> None:
    """Nothing is traced again for another epoch, chunk or part of the same form."""
    import tensorflow as tf

    data = part(53, STACKS["dense"][0])
    model = make(keras, "dense")
    executor, traced = ResidentExecutor(tf, model, 10), []
    own = model.train_step
    model.train_step = lambda batch: (traced.append(1), own(batch))[1]
    tensors = stream_tensors(tf, on_disk(data.x, 32 * 4 * 6 * 20), data.y, None, 10)
    executor.build(tensors)
    traced.clear()
    for epoch in range(3):
        executor.train(tensors, epoch_order(3, epoch, 53), lambda *_: None)
    assert len(traced) <= 2  # TensorFlow traces a loop's body once or twice, for the first epoch alone


@pytest.mark.keras
def test_inputs_take_their_columns_and_a_target_may_be_the_input(keras) -> None:
    """Several streams of the same examples are read once; arrays are cut to the chunk."""
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=(23, 3)).astype("float32")
    whole = on_disk(x, 32 * 4 * 3 * 8)
    y = {"same": whole, "other": np.arange(23.0, dtype="float32")}
    put: Any = stream_tensors(tf, {"a": whole.select_columns([2, 0]), "b": whole}, y, None, 4)
    assert put.chunk_size == 8
    turned = epoch_order(1, 0, 23)
    given = [
        span.tensors.take(tf, span.tensors.fields, span.order[step * 4 : (step + 1) * 4])
        for span in put.step_ranges(tf, turned, 4, [(0, 6)])
        for step in range(span.start, span.stop)
    ]
    assert (np.concatenate([one[0]["a"] for one in given]) == x[turned][:, [2, 0]]).all()
    assert (np.concatenate([one[0]["b"] for one in given]) == x[turned]).all()
    assert (np.concatenate([one[1]["same"] for one in given]) == x[turned]).all()
    assert (np.concatenate([one[1]["other"] for one in given]) == turned).all()


@pytest.mark.keras
def test_weights_can_be_given_afterwards(keras) -> None:
    """Class weights are added to the examples without reading these."""
    import tensorflow as tf

    put = stream_tensors(tf, on_disk(np.zeros((5, 2), "float32"), 1e6), np.zeros(5, "float32"), None, 2)
    weighed = put.with_sample_weight(tf, np.arange(5, dtype="float32"))
    (span,) = weighed.step_ranges(tf, np.array([4, 3, 2, 1, 0]), 2, [(0, 3)])
    assert span.tensors.fields[1][2].numpy().tolist() == [4, 3, 2, 1, 0]
    assert weighed.fields[2].numpy().tolist() == [0, 1]
    assert len(weighed.in_memory) == 3
    assert weighed.targets is weighed.sources[1]


@pytest.mark.keras
def test_a_long_order_streams_too(keras, part, monkeypatch) -> None:
    """Orders that are never one array are read piece by piece, with the results of data in memory."""
    import tensorflow as tf

    for module in ("executors.shuffle", "executors.resident", "streaming.streamed"):
        monkeypatch.setattr(f"nnrun.engine.{module}.MAX_ARRAY_ROWS", 20)
    data, found = part(53, STACKS["dense"][0]), []
    for streamed in (False, True):
        executor = ResidentExecutor(tf, make(keras, "dense"), 10)
        put = stream_tensors(tf, on_disk(data.x, 32 * 4 * 6 * 20), data.y, None, 10)
        tensors = put if streamed else executor.to_tensors(data.x, data.y)
        executor.build(tensors)
        turned = epoch_order(3, 0, 53)
        assert isinstance(turned, LongOrder)
        figures = executor.train(tensors, turned, lambda *_: None)
        found.append((figures, executor.evaluate(tensors), executor.predict(tensors).tolist()))
    assert found[0] == found[1]
