"""Causal attention one step at a time: keys and values of the steps before are kept."""

from __future__ import annotations

from functools import partial
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


#: Layers that treat every step by itself when the model is not training.
_STEPWISE = (
    "Dense", "Activation", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "Identity", "ReLU", "LeakyReLU", "ELU", "Embedding",
)  # fmt: skip
#: Layers that do so where they look along the last axis only.
_ALONG_LAST = ("LayerNormalization", "BatchNormalization", "RMSNormalization", "UnitNormalization", "Softmax")
#: Layers that do so where all that they join are steps, or none is, and rows are not joined.
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


class Carrier:
    """Takes a model's steps one by one.

    What a step gives is a function of that step's input and of what the layers remember of the steps before: taking
    step after step gives what reading all of them at once gives.

    Args:
        keras: The woken Keras.
        model: A model of which `can_step` says that it can.
        window: How many steps attention and positions know.

    Attributes:
        bounded: Whether it knows a window's steps only, as attention to what was kept and positions do.
        gives_last: Whether the model gives what follows the last step only.
    """

    def __init__(self, keras: ModuleType, model: Any, window: int) -> None:
        self._keras, self._window = keras, window
        self._graph = getattr(model, "_functional", None) or model
        layers = [call.operation for call in _calls(self._graph)]
        self._remembering = [layer for layer in layers if _is_recurrent(keras, layer) or _attends(keras, layer)]
        self.bounded = any(_attends(keras, layer) or _is_positions(layer) for layer in layers)
        self.gives_last = len(model.outputs[0].shape) == 2

    @staticmethod
    def can_step(keras: ModuleType, model: Any) -> bool:
        """Tell whether every layer of a model treats a step by itself, or with what it remembers of those before."""
        graph = getattr(model, "_functional", None) or model
        if not hasattr(graph, "_nodes_by_depth") or len(graph.inputs) != 1 or len(graph.outputs) != 1:
            return False
        calls = _calls(graph)
        remembers = any(_is_recurrent(keras, call.operation) or _attends(keras, call.operation) for call in calls)
        return remembers and all(_steps_alone(keras, call.operation, call.arguments) for call in calls)

    def nothing_yet(self, rows: int) -> list[Any]:
        """Give what the layers remember before the first step."""
        return [
            layer.cell.get_initial_state(batch_size=rows)
            if _is_recurrent(self._keras, layer)
            else nothing_seen(self._keras, layer, rows, self._window)
            for layer in self._remembering
        ]

    def advance(self, x: Any, memory: list[Any], index: Any) -> tuple[Any, list[Any]]:
        """Take one step.

        Args:
            x: One step as the model takes it, shape (rows, 1, ...).
            memory: What the layers remember.
            index: Which step it is, counted from 0; asked of bounded models only.

        Returns:
            The outputs, shape (rows, features), and what the layers then remember.
        """
        left, kept = list(memory), []

        def remembering(step: Any, *args: Any, **kwargs: Any) -> Any:
            out, after = step(left.pop(0), *args, **kwargs)
            kept.append(after)
            return out

        def taking(layer: Any) -> Any:
            if _is_recurrent(self._keras, layer):
                return partial(remembering, partial(_recur, layer))
            if _attends(self._keras, layer):
                return partial(remembering, partial(self._attend, layer, index))
            if _is_positions(layer):
                return lambda inputs: inputs + layer.positions[index]
            return partial(_as_written, layer) if _knows_training(layer) else layer

        out = self._graph._run_through_graph(x, operation_fn=taking)  # noqa: SLF001 - Keras' own walk of the graph
        return out if self.gives_last else out[:, 0], kept

    def _attend(self, layer: Any, index: Any, kept: Any, *args: Any, use_causal_mask: bool, **kwargs: Any) -> Any:
        del use_causal_mask  # `can_step` asked for it, and a step sees nothing after itself.
        tensors = {word: kwargs[word] for word in ("query", "value", "key") if kwargs.get(word) is not None}
        return attend(self._keras, layer, kept, index, *args, **tensors)


def _calls(graph: Any) -> list[Any]:
    """Every call of a layer in a functional model, in the order in which Keras makes them."""
    depths = graph._nodes_by_depth  # noqa: SLF001 - Keras tells it nowhere else
    return [node for depth in sorted(depths, reverse=True) for node in depths[depth] if not node.is_input]


def _as_written(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **{**kwargs, "training": False})


def _recur(layer: Any, state: Any, x: Any, **kwargs: Any) -> tuple[Any, Any]:
    del kwargs  # `training` alone: a mask would be a tensor, which `can_step` asks for.
    training = {"training": False} if _knows_training(layer.cell) else {}
    out, after = layer.cell(x[:, 0], state, **training)
    return (out[:, None] if layer.return_sequences else out), after


def _steps_alone(keras: ModuleType, layer: Any, call: Any) -> bool:
    name = _keras_name(layer)
    if _is_recurrent(keras, layer):
        hidden = layer.go_backwards or layer.stateful or layer.return_state
        return not hidden and len(call.keras_tensors) == 1
    if _attends(keras, layer):
        return can_attend(keras, layer, call)
    if name == "Embedding":
        return not layer.mask_zero
    if name == "TimeDistributed":
        return _keras_name(layer.layer) in _STEPWISE
    if name in _ALONG_LAST or name in _MERGES:
        return _looks_along_last(layer, call.keras_tensors)
    return name in _STEPWISE or _is_positions(layer)


def _looks_along_last(layer: Any, tensors: list[Any]) -> bool:
    ranks = {len(tensor.shape) for tensor in tensors}
    axis = getattr(layer, "axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return len(ranks) == 1 and all(one in (-1, min(ranks) - 1) for one in axes)


def _is_recurrent(keras: ModuleType, layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN)


def _attends(keras: ModuleType, layer: Any) -> bool:
    return isinstance(layer, keras.layers.MultiHeadAttention)


def _is_positions(layer: Any) -> bool:
    from nnrun.engine.model.layers import PositionEmbedding

    return isinstance(layer, PositionEmbedding)


def _keras_name(layer: Any) -> str:
    """The name of a layer of Keras' own; a user's layer may do anything under the same name."""
    return type(layer).__name__ if type(layer).__module__.startswith("keras.") else ""


def _knows_training(layer: Any) -> bool:
    return bool(getattr(layer, "_call_has_training_arg", False))
