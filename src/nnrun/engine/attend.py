"""Causal attention one step at a time: keys and values of the steps before are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

#: Settings of the layer under which a step sees all steps before it, itself included, by nothing but its projections.
_PLAIN = {"use_gate": (False, None), "sliding_window": (None,), "attention_axes": (None, [1], (1,))}


def can_attend(keras: ModuleType, layer: Any, call: Any) -> bool:
    """Tell whether a call of a layer is causal self-attention of steps, with nothing else that masks.

    Args:
        keras: The woken Keras.
        layer: A layer.
        call: Its call in the model's graph, with `args` and `kwargs`.
    """
    if type(layer) is not keras.layers.MultiHeadAttention:
        return False
    settings = layer.get_config()
    plain = all(settings.get(word) in usual for word, usual in _PLAIN.items())
    given = {word for word, value in call.kwargs.items() if value is not None and value is not False}
    causal = call.kwargs.get("use_causal_mask") is True and given <= {"use_causal_mask", "value", "key", "query"}
    return plain and causal and all(len(tensor.shape) == 3 for tensor in call.keras_tensors)


def nothing_seen(keras: ModuleType, layer: Any, rows: int, window: int) -> tuple[Any, Any]:
    """Give room for keys and values of a window, each of shape (rows, window, heads, size of a head)."""
    shapes = ((rows, window, layer.num_heads, size) for size in (layer.key_dim, layer.value_dim))
    keys, values = (keras.ops.zeros(shape, dtype=layer.compute_dtype) for shape in shapes)
    return keys, values


def attend(
    keras: ModuleType, layer: Any, kept: tuple[Any, Any], index: Any, query: Any, value: Any, key: Any = None
) -> tuple[Any, tuple[Any, Any]]:
    """Let a step look at itself and at the steps before it.

    softmax(q k / sqrt(size of a head)) v, as in A. Vaswani et al. (2017), section 3.2.

    Args:
        keras: The woken Keras.
        layer: The layer.
        kept: Keys and values of the steps before.
        index: Which step this is, counted from 0; less than the window.
        query: The step, shape (rows, 1, features).
        value: What values are made of, as `query`.
        key: What keys are made of; None: what values are.

    Returns:
        What the layer gives for this step, shape (rows, 1, features), and keys and values with those of this step.
    """
    ops = keras.ops
    here = (layer.key_dense(value if key is None else key), layer.value_dense(value))
    steps = ops.arange(kept[0].shape[1])
    keys, values = (
        ops.where((steps == index)[None, :, None, None], new, old) for new, old in zip(here, kept, strict=True)
    )
    seen = (steps <= index)[None, None, None, :]
    scale = 1.0 / float(layer.key_dim) ** 0.5
    out = ops.dot_product_attention(layer.query_dense(query), keys, values, mask=seen, scale=scale)
    return layer.output_dense(out), (keys, values)
