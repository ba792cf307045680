"""Large recurrent layers take their batch in two halves, side by side.

The steps of a recurrent layer come one after the other, and each is a product too small for several cores: of
(128, 256) by (256, 1024), TensorFlow's took 0.28 ms of one core, and 0.42 ms of processor time shared by two. With one
thread inside an operation, and the halves of a batch as two operations that know nothing of each other, both cores are
busy all the time. A training step of a window of 100 took, on two quiet cores: LSTM(256), batch 128, 71 ms instead of
113; batch 64, 43 instead of 78; GRU(256), batch 128, 65 instead of 83.

Every row's output is computed as it was. Gradients of weights are sums over the rows of a half, then of the halves:
they differ by rounding from sums over all rows.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.spec.experiment import Experiment


#: How many gates a cell has, each with as many columns of weights as the layer has units.
_GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
#: Operations of a time step's products, forward and backward, from which on halves pay.
_ENOUGH = 5e7
#: With 32 rows, LSTM(256) gained nothing and GRU(256) lost a tenth: products of 16 rows mostly fetch weights.
_FEWEST_ROWS = 64


def wants_halves(experiment: Experiment) -> bool:
    """Tell whether a large recurrent layer will take its batch in halves, which is known before anything is built."""
    training = experiment.training
    if experiment.backend != "tensorflow" or not training.execution.halves or training.execution.xla is True:
        return False
    return any(_gains(node.part.name, node.part.arguments, training.batch_size) for node in experiment.graph.nodes)


def halvable(model: Any, batch_size: int) -> list[Any]:
    """Give the recurrent layers of a model that gain by halves of a batch; a user's own may do anything."""
    own = [layer for layer in model.layers if type(layer).__module__.startswith("keras.")]
    return [layer for layer in own if _gains(type(layer).__name__, layer.get_config(), batch_size)]


def _gains(name: str, settings: Mapping[str, Any], batch_size: int) -> bool:
    if name not in _GATES or batch_size < _FEWEST_ROWS:
        return False
    # A half would draw other numbers than the whole does; a stateful layer knows its rows.
    if any(settings.get(word) for word in ("dropout", "recurrent_dropout", "stateful")):
        return False
    units = settings.get("units")
    # Forward once and backward twice, a multiplication and an addition for each weight between units and row.
    return isinstance(units, int) and 6 * batch_size * _GATES[name] * units**2 >= _ENOUGH


@contextmanager
def in_halves(tf: Any, layers: Sequence[Any]) -> Iterator[None]:
    """Let layers take their rows in two halves while the block runs."""
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_halved(tf, layer))
        yield


@contextmanager
def _halved(tf: Any, layer: Any) -> Iterator[None]:
    whole: Callable[..., Any] = layer.call

    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if initial_state is not None or mask is not None:
            return whole(sequences, initial_state=initial_state, mask=mask, training=training)
        middle = tf.shape(sequences)[0] // 2
        halves = [whole(half, training=training) for half in (sequences[:middle], sequences[middle:])]
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *halves)

    layer.call = call
    try:
        yield
    finally:
        del layer.call
