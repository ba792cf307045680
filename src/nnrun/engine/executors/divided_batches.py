"""Several devices on TensorFlow: each computes the model on its share of a batch, from one set of weights.

The outputs are put together again before the loss, so that loss, metrics, gradients and the optimizer's step are those
of the whole batch, however the rows are shared. A variable stands on the first device only: what is saved and restored
is the same as with one device. `tf.distribute.MirroredStrategy` has a copy of each variable on each device instead, and
the sums of metrics in parts, which do not come back to the same bits (decision record 0051).
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: The module of Keras that has the masks of tensors.
_BACKEND = "keras.src.backend"
#: Layers that compute with more than a row of the batch, or change a state once for each call, while they are trained.
_WHEN_TRAINED = frozenset(("BatchNormalization", "SpectralNormalization"))
#: Layers that add a mean over the batch to the loss.
_ADD_LOSSES = frozenset(("ActivityRegularization", "Sampling"))


def layer_of_whole_batches(model: Any) -> Any:
    """Return a layer that needs the whole batch at once, which no device has; None where there is none.

    `check` has found those that a config names; this one may be inside of a saved model or of the user's own code.
    """
    for layer in model._flatten_layers(include_self=False):  # noqa: SLF001 - the only way to those inside of others
        kinds = {one.__name__ for one in type(layer).__mro__}
        if (layer.trainable and kinds & _WHEN_TRAINED) or kinds & _ADD_LOSSES or getattr(layer, "stateful", False):
            return layer
        if getattr(layer, "activity_regularizer", None) is not None:
            return layer
    return None


@contextmanager
def divide_batches(tf: Any, model: Any, devices: Sequence[str]) -> Iterator[None]:
    """Let a model compute each batch in shares, one on each device, inside the `with` block."""
    if not devices:
        yield
        return
    call_whole, keras_backend = model.call, sys.modules[_BACKEND]

    def call(inputs: Any, *arguments: Any, **options: Any) -> Any:
        rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
        ends = [rows * number // len(devices) for number in range(len(devices) + 1)]
        shares = []
        for device, start, stop in zip(devices, ends, ends[1:], strict=False):
            share = tf.nest.map_structure(lambda one, start=start, stop=stop: one[start:stop], inputs)
            shares.append(_compute_on(tf, device, lambda one: call_whole(one, *arguments, **options), share))
        whole = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *(outputs for outputs, _ in shares))
        for output, *masks in zip(tf.nest.flatten(whole), *(masks for _, masks in shares), strict=True):
            if all(mask is not None for mask in masks):
                keras_backend.set_keras_mask(output, tf.concat(masks, axis=0))
        return whole

    model.call = call
    try:
        yield
    finally:
        del model.call


def _compute_on(tf: Any, device: str, function: Callable[[Any], Any], inputs: Any) -> tuple[Any, list[Any]]:
    """Return a function's outputs and their masks, computed on a device, where their gradient is computed as well.

    TensorFlow's tape would compute all gradients on the first device, which are two thirds of the work.
    """
    computed: list[Any] = []

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def compute(*flat: Any) -> Any:
        with tf.device(device), tf.GradientTape() as tape:
            tape.watch([one for one in flat if one.dtype.is_floating])
            outputs = function(tf.nest.pack_sequence_as(inputs, flat))
        computed.append(outputs)

        def gradient(*upstream: Any, variables: Sequence[Any] = ()) -> Any:
            with tf.device(device):
                sources = [*flat, *variables]
                found = tape.gradient(tf.nest.flatten(outputs), sources, output_gradients=list(upstream))
            return found[: len(flat)], found[len(flat) :]

        return tf.nest.flatten(outputs), gradient

    flat = compute(*tf.nest.flatten(inputs))
    masks = [sys.modules[_BACKEND].get_keras_mask(one) for one in tf.nest.flatten(computed[0])]
    return tf.nest.pack_sequence_as(computed[0], flat), masks
