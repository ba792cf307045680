"""The output shape and the parameters of every layer of a graph, from its inputs to its outputs, without Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.infer import infer
from nnrun.catalog.shapes.layer_call import ShapeError, Undecided, format_shape, outputs
from nnrun.catalog.shapes.names import automatic_names, class_name
from nnrun.catalog.shapes.recurrent import explain_missing_sequence
from nnrun.spec.facts import substitute_facts
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.shapes.layer_call import LayerShape, Output, Shape
    from nnrun.errors import Path
    from nnrun.spec.facts import Facts
    from nnrun.spec.graph import Graph, Node, TensorRef


@dataclass(frozen=True)
class NodeShape:
    """The shapes and parameters of one application of a layer.

    Attributes:
        index: The node's index in the graph.
        node: The node's name in the graph.
        part: The layer, with the facts that are known in place of their words.
        path: The layer's place in the config.
        name: The layer's name in Keras: the config's `name`, or `conv2d`, `conv2d_1`, ...
        class_name: Its class in Keras.
        sources: Keras' names of the tensors that it takes, `name.1` for a layer's second output.
        inputs: The shapes of these tensors; empty where one of them is not known.
        first: Whether it is the layer's first application, of those that are used; the others share its weights.
        used: Whether an output of the model depends on it; Keras leaves out what none depends on.
        output_shape: Its output without the batch, or a tuple of outputs; None where undecided or refused.
        parameters: The size of its weights; None where undecided or refused.
        trainable: The size of its trainable weights; None where undecided or refused.
        error: Why the layer cannot take its input, or None.
        undecided: Why no rule computes its shape, or None.
    """

    index: int
    node: str
    part: Part
    path: Path
    name: str
    class_name: str
    sources: tuple[str, ...]
    inputs: tuple[Shape, ...]
    first: bool
    used: bool
    output_shape: Output | None = None
    parameters: int | None = None
    trainable: int | None = None
    error: ShapeError | None = None
    undecided: str | None = None


def infer_shapes(
    graph: Graph,
    facts: Facts | None,
    shapes_of_inputs: Mapping[str, Shape | None],
    *,
    data_format: str = "channels_last",
) -> tuple[NodeShape, ...]:
    """Compute the shapes and parameters of every layer, in the order of the graph's nodes.

    There is no entry for what follows a layer that cannot take its input; other branches are computed all the same.

    Args:
        graph: The model.
        facts: What is known of the data; None where nothing is.
        shapes_of_inputs: The shape of one example for each input, without the batch; None where it is not known. The
            shape of an `Input` in the config has priority.
        data_format: Where channels are if a layer itself does not have it.
    """
    return _ShapeInference(graph, facts, shapes_of_inputs, data_format).rows()


def input_names(graph: Graph) -> dict[str, str]:
    """Return Keras' names of the graph's inputs, by their names in the graph."""
    return dict(zip((one.name for one in graph.inputs), automatic_names(_input_parts(graph)), strict=True))


def input_shapes(graph: Graph, facts: Facts | None, given: Mapping[str, Shape | None]) -> dict[str, Shape | None]:
    """Return the shape of one example at each input: that of the config's `Input`, else that of the data."""
    found = {}
    for one in graph.inputs:
        stated = substitute_facts(one.part, facts).arguments if one.part is not None else {}
        shape = stated.get("shape") or (stated.get("batch_shape") or [None])[1:]
        whole = isinstance(shape, list) and shape and all(size is None or isinstance(size, int) for size in shape)
        found[one.name] = tuple(shape) if whole else None if shape else given.get(one.name)
    return found


def tensor_shape(ref: TensorRef, rows: tuple[NodeShape, ...], at_inputs: Mapping[str, Shape | None]) -> Shape | None:
    """Return the shape of one tensor of a graph; None where it is not known."""
    if ref.name in at_inputs:
        return at_inputs[ref.name]
    row = next((one for one in rows if one.node == ref.name), None)
    shapes = outputs(row.output_shape) if row is not None and row.output_shape is not None else ()
    return shapes[ref.output] if ref.output < len(shapes) else None


def _input_parts(graph: Graph) -> list[Part]:
    return [one.part or Part("layers", "Input", {} if graph.chain else {"name": one.name}) for one in graph.inputs]


class _ShapeInference:
    """Infers shapes node by node; `_shapes` holds the outputs of inputs and nodes so far, None where unknown."""

    def __init__(self, graph: Graph, facts: Facts | None, given: Mapping[str, Shape | None], data_format: str) -> None:
        self._graph, self._data_format = graph, data_format
        # Two applications of one shared layer name the same layer: it is made once, where it is first.
        self._parts = {node.name: substitute_facts(node.part, facts, graph.target_of(node)) for node in graph.nodes}
        self._nodes = {node.name: node for node in graph.nodes}
        self._names = self._keras_names()
        self._shapes: dict[str, tuple[Shape, ...] | None] = {
            name: None if shape is None else (shape,) for name, shape in input_shapes(graph, facts, given).items()
        }
        self._built: dict[str, tuple[LayerShape, list[Shape]]] = {}
        self._batch_size = next((size for one in graph.inputs if (size := _stated_batch(one.part))), None)

    def _keras_names(self) -> dict[str, str]:
        """Return Keras' names of inputs and nodes."""
        layers: dict[str, Part] = {}
        for node in self._graph.nodes:
            layers.setdefault(node.layer, self._parts[node.name])
        inputs = _input_parts(self._graph)
        names = automatic_names([*inputs, *layers.values()])
        of_layers = dict(zip(layers, names[len(inputs) :], strict=True))
        return {**input_names(self._graph), **{node.name: of_layers[node.layer] for node in self._graph.nodes}}

    def rows(self) -> tuple[NodeShape, ...]:
        used = self._graph.used_names()
        found: list[NodeShape] = []
        # A layer may be first in a branch that Keras leaves out: its weights count where the model keeps it.
        kept = sorted(self._graph.nodes, key=lambda node: node.name not in used)
        firsts = {node.layer: node.name for node in reversed(kept)}
        for index, node in enumerate(self._graph.nodes):
            if any(ref.name not in self._shapes for ref in node.tensors()):
                continue
            inputs = tuple(shape for ref in node.sources if (shape := self._shape(ref)) is not None)
            row = NodeShape(
                index,
                node.name,
                self._parts[node.name],
                node.path,
                self._names[node.name],
                class_name(node.part.name),
                sources=tuple(map(self._keras_name, node.sources)),
                inputs=inputs if len(inputs) == len(node.sources) else (),
                first=firsts[node.layer] == node.name,
                used=node.name in used,
            )
            row = self._with_output(row, node)
            found.append(row)
            if row.error is None:
                self._shapes[node.name] = None if row.output_shape is None else outputs(row.output_shape)
        return tuple(found)

    def _with_output(self, row: NodeShape, node: Node) -> NodeShape:
        try:
            for ref in node.tensors():
                self._require_output(ref)
            found = self._infer(node, row.class_name)
        except ShapeError as error:
            return replace(row, error=self._with_sequence_hint(error, node, row.class_name))
        except Undecided as reason:
            return replace(row, undecided=str(reason))
        return replace(row, output_shape=found.output, parameters=found.parameters, trainable=found.trainable)

    def _infer(self, node: Node, kind: str) -> LayerShape:
        part = self._parts[node.name]
        shapes: list[Shape] = []
        if kind == "InputLayer":
            raise ShapeError(
                f"{part.name} expects to be the first of the layers, received a place after other layers.",
                "Write it at the beginning of the model, or under `inputs:`.",
            )
        for ref in node.sources:
            shape = self._shape(ref)
            if shape is None:
                raise Undecided(f"the shape of {self._keras_name(ref)} is not known")
            shapes.append(shape)
        arguments = {**part.arguments, "call": dict(node.call)} if node.call else part.arguments
        if node.inner:
            arguments = {**arguments, "inner": node.inner, "cut": node.cut}
        found = infer(part.name, arguments, shapes, data_format=self._data_format, batch_size=self._batch_size)
        built, built_for = self._built.setdefault(node.layer, (found, shapes))
        if built.parameters != found.parameters:
            first, other = (" and ".join(map(format_shape, each)) for each in (built_for, shapes))
            raise ShapeError(
                f"{part.name} shares its weights, which were made for {first}, received {other}.",
                "Bring both inputs to one shape, or leave `share: true` out.",
            )
        return found

    def _require_output(self, ref: TensorRef) -> None:
        shapes = self._shapes[ref.name]
        if shapes is not None and ref.output >= len(shapes):
            count = len(shapes)
            raise ShapeError(
                f"`from` expects one of {count} output{'s' * (count > 1)}, counted from 0, received '.{ref.output}'.",
                f"{self._names[ref.name]} has one output: leave the number out." if count == 1 else None,
            )

    def _shape(self, ref: TensorRef) -> Shape | None:
        shapes = self._shapes[ref.name]
        return None if shapes is None or ref.output >= len(shapes) else shapes[ref.output]

    def _keras_name(self, ref: TensorRef) -> str:
        if not ref.output:
            return self._names[ref.name]
        inner = self._nodes[ref.name].inner if ref.name in self._nodes else ()
        return f"{self._names[ref.name]}.{inner[ref.output - 1] if inner else ref.output}"

    def _with_sequence_hint(self, error: ShapeError, node: Node, kind: str) -> ShapeError:
        """Return the error, with the recurrent layer just before that returns only its last step, if there is one."""
        before: list[Any] = []
        ref = node.sources[0]
        shape = self._shapes.get(ref.name)
        while ref.name in self._nodes:
            source = self._nodes[ref.name]
            before.insert(0, self._parts[source.name])
            ref = source.sources[0]
        return explain_missing_sequence(error, before, kind, shape or ())


def _stated_batch(part: Part | None) -> int | None:
    if part is None:
        return None
    whole = part.arguments.get("batch_shape")
    size = whole[0] if isinstance(whole, list) and whole else part.arguments.get("batch_size")
    return size if isinstance(size, int) else None
