"""A loaded model in the form in which it is exported: float32 throughout, and loops that every runtime knows.

Keras' recurrent layers keep their outputs in TensorFlow's lists of tensors, which LiteRT has only with a second library
and OpenVINO not at all. The loop here keeps them in one tensor; it computes the same numbers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def use_float32(model: Any) -> str | None:
    """Let a model compute in float32, its variables' type, whatever the precision of its training.

    Returns:
        The name of the mixed precision that it had, or None.
    """
    found = None
    for layer in model._flatten_layers():  # noqa: SLF001 - `layers` does not list those inside of others
        policy = layer.dtype_policy
        if policy.compute_dtype != policy.variable_dtype and policy.compute_dtype in ("float16", "bfloat16"):
            found = str(policy.name)
            layer.dtype_policy = "float32"
    return found


def use_plain_loops(keras: ModuleType, tf: Any, model: Any) -> None:
    """Replace the loops of a model's recurrent layers by `_loop`.

    Raises:
        ValueError: The number of steps is not fixed.
    """
    for layer in model._flatten_layers():  # noqa: SLF001 - as above
        if isinstance(layer, keras.layers.RNN) and not layer.unroll:
            layer.use_cudnn = False
            layer.inner_loop = partial(_loop, tf, layer)


def _loop(tf: Any, layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
    """Run the cell of a recurrent layer over time; the arguments but two are those of `keras.layers.RNN.inner_loop`.

    Returns:
        The last output, the outputs of all steps (of the last alone, where the layer returns no others), and the last
        states.
    """
    steps = sequences.shape[1]
    if steps is None:
        raise ValueError(f"the layer {layer.name} takes any number of steps, and this format needs a fixed one")
    by_time = _time_first(tf, sequences, backwards=layer.go_backwards)
    masks = None if mask is None else _time_first(tf, tf.cast(mask, sequences.dtype), backwards=layer.go_backwards)
    options = {"training": training} if layer.cell._call_has_training_arg else {}  # noqa: SLF001 - as Keras asks
    first, _ = layer.cell(by_time[0], list(initial_state), **options)
    empty = tf.zeros_like(first)
    outputs = tf.repeat(empty[None], steps, axis=0) if layer.return_sequences else empty[None]

    def step(at: Any, last: Any, outputs: Any, *states: Any) -> tuple[Any, ...]:
        output, new = layer.cell(tf.gather(by_time, at), list(states), **options)
        if masks is not None:
            there = tf.reshape(tf.gather(masks, at), [-1, *([1] * (len(output.shape) - 1))])
            output = there * output + (1 - there) * (empty if layer.zero_output_for_mask else last)
            new = [there * one + (1 - there) * old for one, old in zip(new, states, strict=True)]
        outputs = tf.concat([outputs[1:], output[None]], axis=0)
        return (at + 1, output, outputs, *new)

    start = (tf.constant(0), empty, outputs, *initial_state)
    _, last, outputs, *states = tf.while_loop(lambda at, *_: at < steps, step, start)
    return last, _time_first(tf, outputs, backwards=False), states


def _time_first(tf: Any, values: Any, *, backwards: bool) -> Any:
    """Exchange the first two dimensions, batch and time; time runs backwards where the layer does."""
    turned = tf.transpose(values, [1, 0, *range(2, len(values.shape))])
    return tf.reverse(turned, [0]) if backwards else turned
