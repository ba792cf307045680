"""Large recurrent layers process the two halves of a batch in parallel.

The steps of a recurrent layer come one after the other, and each is a product too small for several cores: of
(128, 256) by (256, 1024), TensorFlow's took 0.28 ms of one core, and 0.42 ms of processor time shared by two. With one
thread inside an operation, and the halves of a batch as two independent operations, both cores are busy all the time.
A training step of a window of 100 took, on two quiet cores: LSTM(256), batch 128, 71 ms instead of 113; batch 64, 43
instead of 78; GRU(256), batch 128, 65 instead of 83.

Every row's output stays the same. Gradients of weights are sums over the rows of a half, then of the halves: they
differ by rounding from sums over all rows.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.spec.experiment import Experiment


#: The number of gates of a cell, each with as many columns of weights as the layer has units.
_GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
#: Operations of a time step's products, forward and backward, from which on splitting pays.
_MIN_OPERATIONS = 5e7
#: With 32 rows, LSTM(256) gained nothing and GRU(256) lost a tenth: products of 16 rows mostly fetch weights.
_MIN_ROWS = 64


def splits_rnn_batch(experiment: Experiment) -> bool:
    """Whether a large recurrent layer will split its batch, which is known before the model is built."""
    training = experiment.training
    if experiment.backend != "tensorflow" or not training.execution.halves or training.execution.xla is True:
        return False
    return any(_pays(node.part.name, node.part.arguments, training.batch_size) for node in experiment.graph.nodes)


def splittable_layers(model: Any, batch_size: int) -> list[Any]:
    """Return the recurrent layers of a model for which splitting pays; only Keras' own, as a user's may do anything."""
    keras_layers = [layer for layer in model.layers if type(layer).__module__.startswith("keras.")]
    return [layer for layer in keras_layers if _pays(type(layer).__name__, layer.get_config(), batch_size)]


def _pays(name: str, settings: Mapping[str, Any], batch_size: int) -> bool:
    if name not in _GATES or batch_size < _MIN_ROWS:
        return False
    # Dropout would draw other numbers for a half; a stateful layer has a state for each row of the whole batch.
    if any(settings.get(argument) for argument in ("dropout", "recurrent_dropout", "stateful")):
        return False
    units = settings.get("units")
    # Forward once and backward twice, a multiplication and an addition for each weight between units and row.
    return isinstance(units, int) and 6 * batch_size * _GATES[name] * units**2 >= _MIN_OPERATIONS


@contextmanager
def split_batches(tf: Any, layers: Sequence[Any]) -> Iterator[None]:
    """Let layers split their batch inside the `with` block."""
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_split(tf, layer))
        yield


@contextmanager
def _split(tf: Any, layer: Any) -> Iterator[None]:
    call_whole: Callable[..., Any] = layer.call

    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if initial_state is not None or mask is not None:
            return call_whole(sequences, initial_state=initial_state, mask=mask, training=training)
        middle = tf.shape(sequences)[0] // 2
        halves = [call_whole(half, training=training) for half in (sequences[:middle], sequences[middle:])]
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *halves)

    layer.call = call
    try:
        yield
    finally:
        del layer.call
