"""Incremental evaluation: a model's time steps one by one, with the state of its recurrent and attention layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.outputs import only_output

if TYPE_CHECKING:
    from types import ModuleType


#: The settings of an attention layer of which `attend` computes the outputs.
_SUPPORTED_SETTINGS = {"use_gate": (False, None), "sliding_window": (None,), "attention_axes": (None, [1], (1,))}


def can_attend(keras: ModuleType, layer: Any, call: Any) -> bool:
    """Whether a call of a layer is causal self-attention over time steps, with no other mask.

    Args:
        keras: The started Keras.
        layer: A layer.
        call: Its call in the model's graph, with `args` and `kwargs`.
    """
    if type(layer) is not keras.layers.MultiHeadAttention:
        return False
    settings = layer.get_config()
    supported = all(settings.get(name) in values for name, values in _SUPPORTED_SETTINGS.items())
    given = {name for name, value in call.kwargs.items() if value is not None and value is not False}
    causal = call.kwargs.get("use_causal_mask") is True and given <= {"use_causal_mask", "value", "key", "query"}
    return supported and causal and all(len(tensor.shape) == 3 for tensor in call.keras_tensors)


def empty_cache(keras: ModuleType, layer: Any, rows: int, window: int) -> tuple[Any, Any]:
    """Return zeros for keys and values of a window, each of shape (rows, window, heads, size of a head)."""
    shapes = ((rows, window, layer.num_heads, size) for size in (layer.key_dim, layer.value_dim))
    keys, values = (keras.ops.zeros(shape, dtype=layer.compute_dtype) for shape in shapes)
    return keys, values


def attend(
    keras: ModuleType, layer: Any, cache: tuple[Any, Any], index: Any, query: Any, value: Any, key: Any = None
) -> tuple[Any, tuple[Any, Any]]:
    """Compute the attention of a time step to itself and the steps before it.

    softmax(q k / sqrt(size of a head)) v, as in A. Vaswani et al. (2017), section 3.2.

    Args:
        keras: The started Keras.
        layer: The layer.
        cache: Keys and values of the steps before.
        index: The index of the step, counted from 0; less than the window.
        query: The step, shape (rows, 1, features).
        value: The input of the values, as `query`.
        key: The input of the keys; None: that of the values.

    Returns:
        The layer's output for this step, shape (rows, 1, features), and the cache with this step.
    """
    ops = keras.ops
    of_step = (layer.key_dense(value if key is None else key), layer.value_dense(value))
    steps = ops.arange(cache[0].shape[1])
    keys, values = (
        ops.where((steps == index)[None, :, None, None], new, old) for new, old in zip(of_step, cache, strict=True)
    )
    mask = (steps <= index)[None, None, None, :]
    scale = 1.0 / float(layer.key_dim) ** 0.5
    out = ops.dot_product_attention(layer.query_dense(query), keys, values, mask=mask, scale=scale)
    return layer.output_dense(out), (keys, values)


#: Layers that process every time step by itself when the model is not training.
_STEPWISE = (
    "Dense", "Activation", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "Identity", "ReLU", "LeakyReLU", "ELU", "Embedding",
)  # fmt: skip
#: Layers that do so if they work along the last axis only.
_ALONG_LAST = ("LayerNormalization", "BatchNormalization", "RMSNormalization", "UnitNormalization", "Softmax")
#: Layers that do so if all their inputs have time steps, or none has, and rows are not merged.
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


class IncrementalModel:
    """A model that processes time steps one by one.

    The outputs of a step are a function of its input and of the layers' state after the steps before: step after step,
    they are the outputs of all steps at once.

    Args:
        keras: The started Keras.
        model: A model that is supported, see `supports`.
        window: The number of time steps of caches and position embeddings.

    Attributes:
        bounded: Whether it can process no more steps than a window, as caches and position embeddings cannot.
        last_only: Whether the model has outputs for the last step only.
    """

    def __init__(self, keras: ModuleType, model: Any, window: int) -> None:
        self._keras, self._window = keras, window
        self._graph = getattr(model, "_functional", None) or model
        layers = [call.operation for call in _calls(self._graph)]
        self._stateful_layers = [
            layer for layer in layers if _is_recurrent(keras, layer) or _is_attention(keras, layer)
        ]
        self.bounded = any(_is_attention(keras, layer) or _is_position_embedding(layer) for layer in layers)
        self.last_only = len(model.outputs[0].shape) == 2

    @staticmethod
    def supports(keras: ModuleType, model: Any) -> bool:
        """Whether every layer of a model processes a time step by itself, or with a state after those before."""
        graph = getattr(model, "_functional", None) or model
        if not hasattr(graph, "_nodes_by_depth") or len(graph.inputs) != 1 or len(graph.outputs) != 1:
            return False
        calls = _calls(graph)
        has_state = any(_is_recurrent(keras, call.operation) or _is_attention(keras, call.operation) for call in calls)
        return has_state and all(_is_incremental(keras, call.operation, call.arguments) for call in calls)

    def initial_state(self, rows: int) -> list[Any]:
        """Return the layers' state before the first step."""
        return [
            layer.cell.get_initial_state(batch_size=rows)
            if _is_recurrent(self._keras, layer)
            else empty_cache(self._keras, layer, rows, self._window)
            for layer in self._stateful_layers
        ]

    def step(self, x: Any, state: list[Any], index: Any) -> tuple[Any, list[Any]]:
        """Process one time step.

        Args:
            x: The model's input for one step, shape (rows, 1, ...).
            state: The layers' state.
            index: The index of the step, counted from 0; used by bounded models only.

        Returns:
            The outputs, shape (rows, features), and the layers' new state.
        """
        remaining, new_state = list(state), []

        def with_state(function: Any, *args: Any, **kwargs: Any) -> Any:
            outputs, after = function(remaining.pop(0), *args, **kwargs)
            new_state.append(after)
            return outputs

        def operation(layer: Any) -> Any:
            if _is_recurrent(self._keras, layer):
                return partial(with_state, partial(_recurrent_step, layer))
            if _is_attention(self._keras, layer):
                return partial(with_state, partial(self._attend, layer, index))
            if _is_position_embedding(layer):
                return lambda inputs: inputs + layer.positions[index]
            return partial(_call_for_inference, layer) if _has_training_argument(layer) else layer

        # Keras' own walk of the graph.
        outputs = only_output(self._graph._run_through_graph(x, operation_fn=operation))  # noqa: SLF001
        return outputs if self.last_only else outputs[:, 0], new_state

    def _attend(self, layer: Any, index: Any, cache: Any, *args: Any, use_causal_mask: bool, **kwargs: Any) -> Any:
        del use_causal_mask  # Required by `supports`; a step has no steps after it.
        tensors = {name: kwargs[name] for name in ("query", "value", "key") if kwargs.get(name) is not None}
        return attend(self._keras, layer, cache, index, *args, **tensors)


def _calls(graph: Any) -> list[Any]:
    """Return every call of a layer in a functional model, in the order of execution."""
    depths = graph._nodes_by_depth  # noqa: SLF001 - there is no public way
    return [node for depth in sorted(depths, reverse=True) for node in depths[depth] if not node.is_input]


def _call_for_inference(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **{**kwargs, "training": False})


def _recurrent_step(layer: Any, state: Any, x: Any, **kwargs: Any) -> tuple[Any, Any]:
    del kwargs  # `training` alone: a mask would be a tensor, which `supports` excludes.
    training = {"training": False} if _has_training_argument(layer.cell) else {}
    outputs, after = layer.cell(x[:, 0], state, **training)
    return (outputs[:, None] if layer.return_sequences else outputs), after


def _is_incremental(keras: ModuleType, layer: Any, call: Any) -> bool:
    name = _keras_name(layer)
    if _is_recurrent(keras, layer):
        unsupported = layer.go_backwards or layer.stateful or layer.return_state
        return not unsupported and len(call.keras_tensors) == 1
    if _is_attention(keras, layer):
        return can_attend(keras, layer, call)
    if name == "Embedding":
        return not layer.mask_zero
    if name == "TimeDistributed":
        return _keras_name(layer.layer) in _STEPWISE
    if name in _ALONG_LAST or name in _MERGES:
        return _works_along_last_axis(layer, call.keras_tensors)
    return name in _STEPWISE or _is_position_embedding(layer)


def _works_along_last_axis(layer: Any, tensors: list[Any]) -> bool:
    ranks = {len(tensor.shape) for tensor in tensors}
    axis = getattr(layer, "axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return len(ranks) == 1 and all(one in (-1, min(ranks) - 1) for one in axes)


def _is_recurrent(keras: ModuleType, layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN)


def _is_attention(keras: ModuleType, layer: Any) -> bool:
    return isinstance(layer, keras.layers.MultiHeadAttention)


def _is_position_embedding(layer: Any) -> bool:
    from nnrun.engine.model.layers import PositionEmbedding

    return isinstance(layer, PositionEmbedding)


def _keras_name(layer: Any) -> str:
    """Return the class name of a layer of Keras' own, else ""; a user's layer may do anything under the same name."""
    return type(layer).__name__ if type(layer).__module__.startswith("keras.") else ""


def _has_training_argument(layer: Any) -> bool:
    return bool(getattr(layer, "_call_has_training_arg", False))
