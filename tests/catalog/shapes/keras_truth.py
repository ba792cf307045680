"""Shapes and weights of a layer or a chain of layers, by Keras and by our rules."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.catalog.shapes.layer_call import outputs
from nnrun.spec.graph import Graph, ModelOutput, Node, TensorRef
from nnrun.spec.model import INPUT, ModelInput
from nnrun.spec.part import Part
from nnrun.spec.shapes import NodeShape, infer_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

Shape = tuple[int | None, ...]


def make(item: Any) -> Any:
    """Return Keras' layer for a part, with the layers inside it."""
    import keras

    if isinstance(item, Part):
        return getattr(keras.layers, item.name)(**{key: make(value) for key, value in item.arguments.items()})
    return [make(each) for each in item] if isinstance(item, list) else item


def chain_rows(parts: Sequence[Part], shape: Shape, data_format: str = "channels_last") -> tuple[NodeShape, ...]:
    """Our rows of a chain of layers, each of which takes all outputs of the one before."""
    first, layers = (parts[0], parts[1:]) if parts[0].name == "Input" else (None, parts)
    nodes: list[Node] = []
    sources, rows = (TensorRef(INPUT),), tuple[NodeShape, ...]()
    for index, each in enumerate(layers):
        nodes.append(Node(str(index), each, sources, listed=False, call={}, layer=str(index)))
        output = ModelOutput("output", TensorRef(str(index)))
        graph = Graph((ModelInput(INPUT, part=first),), tuple(nodes), (output,), chain=True)
        rows = infer_shapes(graph, None, {INPUT: shape}, data_format=data_format)
        made = rows[-1].output_shape
        count = 1 if made is None else len(outputs(made))
        sources = tuple(TensorRef(str(index), number) for number in range(count))
    return rows


def keras_rows(parts: Sequence[Part], shape: Shape) -> tuple[list[tuple[Any, ...]], list[Any], int | None]:
    """Keras' own rows (name, output, parameters, trainable), the layers, and the index of the first refusal."""
    import keras

    # Names start afresh; collecting garbage each time as well would take five times as long as everything else.
    keras.backend.clear_session(free_memory=False)
    layers: list[Any] = []
    for each in parts:
        try:
            layers.append(make(each))
        except Exception:  # noqa: BLE001 - whatever Keras raises is its refusal
            break
    value: Any = keras.Input(shape)
    rows = []
    for layer in layers:
        try:
            value = layer(value)
            rows.append(keras_row(layer, value))
        except Exception:  # noqa: BLE001 - whatever Keras raises is its refusal
            break
    return rows, layers, len(rows) if len(rows) < len(parts) else None


def keras_row(layer: Any, value: Any) -> tuple[Any, ...]:
    """Return the row of Keras' summary for a layer with the output `value`."""
    import keras

    shapes = tuple(tuple(tensor.shape)[1:] for tensor in keras.tree.flatten(value))
    trained = sum(prod(weight.shape) for weight in layer.trainable_weights)
    return layer.name, shapes, sum(prod(weight.shape) for weight in layer.weights), trained


def keras_alone(item: Part, shapes: Sequence[Shape], *, separately: bool = False) -> tuple[Any, ...] | None:
    """Keras' outputs, parameters and trainable ones of one layer on its inputs; None where it refuses."""
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    try:
        layer = make(item)
        value = layer(*inputs) if separately or len(inputs) == 1 else layer(inputs)
        return keras_row(layer, value)[1:]
    except Exception:  # noqa: BLE001 - whatever Keras raises is its refusal
        return None


def ours_alone(item: Part, shapes: Sequence[Shape]) -> tuple[Any, ...] | None:
    """Our output shapes, parameters and trainable ones of one layer; None where our rules refuse."""
    try:
        found = infer(item.name, item.arguments, shapes)
    except ShapeError:
        return None
    return outputs(found.output), found.parameters, found.trainable


def differences(cases: Sequence[tuple[Part, Sequence[Shape]]], *, separately: bool = False) -> list[str]:
    """Return a sentence for each layer on which our rules differ; they may refuse what Keras builds but cannot run."""
    found = []
    for item, shapes in cases:
        ours, theirs = ours_alone(item, shapes), keras_alone(item, shapes, separately=separately)
        only_symbolic = ours is None and theirs is not None and len(shapes) == 1 and not runs([make(item)], shapes[0])
        if ours != theirs and not only_symbolic:
            found.append(f"{item.name} {dict(item.arguments)} on {shapes}: ours {ours}, Keras' {theirs}")
    return found


def runs(layers: Sequence[Any], shape: Shape) -> bool:
    """Return whether Keras can run the layers on a batch of two, with an output of the shape that it computed."""
    import keras
    import numpy as np

    value: Any = np.zeros((2, *(6 if size is None else size for size in shape)), "float32")
    computed: Any = keras.Input(shape)
    try:
        for layer in layers:
            computed = layer(computed)
            value = layer(value, training=True) if layer._call_has_training_arg else layer(value)
    except Exception:  # noqa: BLE001 - whatever Keras raises is its refusal
        return False
    return all(
        len(actual.shape) == len(expected.shape)
        and actual.shape[0] == 2
        and expected.shape[0] is None
        and all(size in (None, side) for size, side in zip(expected.shape[1:], actual.shape[1:], strict=True))
        for actual, expected in zip(keras.tree.flatten(value), keras.tree.flatten(computed), strict=True)
    )
