"""A graph walked from its inputs to its outputs: every layer's output shape and parameters, without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import ShapeError, Undecided, show
from nnrun.catalog.shapes.defaults import class_name
from nnrun.catalog.shapes.infer import infer
from nnrun.catalog.shapes.stack import Row, automatic_names, swallowed_sequence
from nnrun.catalog.shapes.wrappers import outputs
from nnrun.spec.graph import Ref
from nnrun.spec.known import put_in, target_of
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.shapes.call import LayerShape, Shape
    from nnrun.errors import Path
    from nnrun.spec.facts import Facts
    from nnrun.spec.graph import Graph, Node


@dataclass(frozen=True)
class NodeRow:
    """One application of a layer.

    Attributes:
        node: The node's name in the graph.
        part: The layer, with the facts that are known put in.
        row: Its name in Keras, output shape and parameters; `row.index` is the node's place in the graph.
        takes: Keras' names of what it takes, `name.1` for a layer's second output.
        inputs: The shapes of what it takes; empty where one of them is not known.
        first: Whether it is the layer's first application, of those that are used; the others share its weights.
        used: Whether an output of the model depends on it; Keras drops what none depends on.
    """

    node: str
    part: Part
    row: Row
    takes: tuple[str, ...]
    inputs: tuple[Shape, ...]
    first: bool
    used: bool

    @property
    def path(self) -> Path:
        """The layer's place in the config."""
        return (*self.part.path, self.part.name)


def walk(
    graph: Graph,
    facts: Facts | None,
    shapes_of_inputs: Mapping[str, Shape | None],
    *,
    data_format: str = "channels_last",
) -> tuple[NodeRow, ...]:
    """Tell the shapes and parameters of every layer, in the order of the graph's nodes.

    What follows a layer that cannot take its input has no row; other branches go on.

    Args:
        graph: The model.
        facts: What the data teach; None where nothing is known.
        shapes_of_inputs: The shape of one example for each input, without the batch; None where it is not known. An
            `Input` of the config that states a shape comes before it.
        data_format: Where channels stand if a layer itself does not say.
    """
    return _Walk(graph, facts, shapes_of_inputs, data_format).rows()


def input_names(graph: Graph) -> dict[str, str]:
    """Keras' names of the graph's inputs, by their names in the graph."""
    parts = [_input_part(graph, index) for index in range(len(graph.inputs))]
    return {one.name: name for one, name in zip(graph.inputs, automatic_names(parts), strict=True)}


def input_shapes(graph: Graph, facts: Facts | None, given: Mapping[str, Shape | None]) -> dict[str, Shape | None]:
    """The shape of one example at each input: what the config's `Input` states, else what the data give."""
    found = {}
    for one in graph.inputs:
        stated = put_in(one.part, facts).arguments if one.part is not None else {}
        shape = stated.get("shape") or (stated.get("batch_shape") or [None])[1:]
        whole = isinstance(shape, list) and shape and all(size is None or isinstance(size, int) for size in shape)
        found[one.name] = tuple(shape) if whole else None if shape else given.get(one.name)
    return found


def shape_of(ref: Ref, rows: tuple[NodeRow, ...], entered: Mapping[str, Shape | None]) -> Shape | None:
    """The shape of one tensor of a walked graph; None where it is not known."""
    if ref.name in entered:
        return entered[ref.name]
    row = next((one.row for one in rows if one.node == ref.name), None)
    shapes = outputs(row.output_shape) if row is not None and row.output_shape is not None else ()
    return shapes[ref.output] if ref.output < len(shapes) else None


def reached(graph: Graph) -> frozenset[str]:
    """The names of all nodes and inputs that an output depends on."""
    nodes = {node.name: node for node in graph.nodes}
    waiting, seen = [one.source.name for one in graph.outputs], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [ref.name for ref in taken(nodes[name])] if name in nodes else []
    return frozenset(seen)


def taken(node: Node) -> list[Ref]:
    """All tensors that a node takes, those among its call's arguments included."""
    found = list(node.sources)
    for value in node.call.values():
        found += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Ref)]
    return found


def _input_part(graph: Graph, index: int) -> Part:
    one = graph.inputs[index]
    if one.part is not None:
        return one.part
    return Part("layers", "Input", {} if graph.chain else {"name": one.name})


class _Walk:
    def __init__(self, graph: Graph, facts: Facts | None, given: Mapping[str, Shape | None], data_format: str) -> None:
        self._graph, self._data_format = graph, data_format
        # Two applications of one shared layer name the same layer: it is made once, where it first stands.
        self._parts = {node.name: put_in(node.part, facts, target_of(graph, node)) for node in graph.nodes}
        self._names = self._layer_names()
        self._nodes = {node.name: node for node in graph.nodes}
        self._shapes: dict[str, tuple[Shape, ...] | None] = {
            name: None if shape is None else (shape,) for name, shape in input_shapes(graph, facts, given).items()
        }
        self._built: dict[str, tuple[LayerShape, tuple[Shape, ...]]] = {}
        self._batch_size = next((size for one in graph.inputs if (size := _stated_batch(one.part))), None)
        self._entered = input_names(graph)

    def _layer_names(self) -> dict[str, str]:
        layers: dict[str, Part] = {}
        for node in self._graph.nodes:
            layers.setdefault(node.layer, self._parts[node.name])
        inputs = [_input_part(self._graph, index) for index in range(len(self._graph.inputs))]
        names = automatic_names([*inputs, *layers.values()])
        return dict(zip(layers, names[len(inputs) :], strict=True))

    def rows(self) -> tuple[NodeRow, ...]:
        used, found = reached(self._graph), []
        # A layer may stand first in a branch that Keras drops: its weights count where the model keeps it.
        kept = sorted(self._graph.nodes, key=lambda node: node.name not in used)
        firsts = {node.layer: node.name for node in reversed(kept)}
        for index, node in enumerate(self._graph.nodes):
            refs = taken(node)
            if any(ref.name not in self._shapes for ref in refs):
                continue
            row = self._row(index, node, refs)
            takes = tuple(self._said(ref) for ref in node.sources)
            inputs = tuple(shape for ref in node.sources if (shape := self._shape(ref)) is not None)
            inputs = inputs if len(inputs) == len(node.sources) else ()
            first = firsts[node.layer] == node.name
            found.append(NodeRow(node.name, self._parts[node.name], row, takes, inputs, first, node.name in used))
            if row.error is None:
                self._shapes[node.name] = None if row.output_shape is None else outputs(row.output_shape)
        return tuple(found)

    def _row(self, index: int, node: Node, refs: list[Ref]) -> Row:
        part, name = self._parts[node.name], self._names[node.layer]
        kind = class_name(part.name)
        try:
            for ref in refs:
                self._require_output(ref)
            found = self._infer(node, part, kind)
        except ShapeError as error:
            return Row(index, name, kind, error=self._with_sequence_hint(error, node, kind))
        except Undecided as why:
            return Row(index, name, kind, undecided=str(why))
        return Row(index, name, kind, found.output, found.parameters, found.trainable)

    def _infer(self, node: Node, part: Part, kind: str) -> LayerShape:
        if kind == "InputLayer":
            raise ShapeError(
                f"{part.name} expects to be the first of the layers, received a place after other layers.",
                "Say what enters the model at its beginning, or under `inputs:`.",
            )
        shapes = [self._known(ref) for ref in node.sources]
        arguments = {**part.arguments, "call": dict(node.call)} if node.call else part.arguments
        found = infer(part.name, arguments, shapes, data_format=self._data_format, batch_size=self._batch_size)
        if node.layer in self._built:
            _require_same_weights(part.name, self._built[node.layer], (found, tuple(shapes)))
        return self._built.setdefault(node.layer, (found, tuple(shapes))) and found

    def _require_output(self, ref: Ref) -> None:
        shapes = self._shapes[ref.name]
        if shapes is not None and ref.output >= len(shapes):
            count = len(shapes)
            raise ShapeError(
                f"`from` expects one of {count} output{'s' * (count > 1)}, counted from 0, received '.{ref.output}'.",
                f"{self._said(Ref(ref.name))} has one output: leave the number out." if count == 1 else None,
            )

    def _known(self, ref: Ref) -> Shape:
        shape = self._shape(ref)
        if shape is None:
            raise Undecided(f"the shape of {self._said(ref)} is not known")
        return shape

    def _shape(self, ref: Ref) -> Shape | None:
        shapes = self._shapes[ref.name]
        return None if shapes is None or ref.output >= len(shapes) else shapes[ref.output]

    def _said(self, ref: Ref) -> str:
        name = self._entered[ref.name] if ref.name in self._entered else self._names[self._nodes[ref.name].layer]
        return f"{name}.{ref.output}" if ref.output else name

    def _with_sequence_hint(self, error: ShapeError, node: Node, kind: str) -> ShapeError:
        """The error, naming the recurrent layer that swallowed the sequence if there is one just before."""
        before: list[Any] = []
        ref = node.sources[0]
        shape = self._shapes.get(ref.name)
        while ref.name in self._nodes:
            source = self._nodes[ref.name]
            before.insert(0, self._parts[source.name])
            ref = source.sources[0]
        return swallowed_sequence(error, before, kind, shape or ())


def _stated_batch(part: Part | None) -> int | None:
    if part is None:
        return None
    whole = part.arguments.get("batch_shape")
    size = whole[0] if isinstance(whole, list) and whole else part.arguments.get("batch_size")
    return size if isinstance(size, int) else None


def _require_same_weights(
    name: str, built: tuple[LayerShape, tuple[Shape, ...]], now: tuple[LayerShape, tuple[Shape, ...]]
) -> None:
    """Refuse to apply weights that were made for one input to another that needs weights of another size."""
    if built[0].parameters != now[0].parameters:
        first, other = (" and ".join(map(show, shapes)) for shapes in (built[1], now[1]))
        raise ShapeError(
            f"{name} shares its weights, which were made for {first}, received {other}.",
            "Bring both inputs to one shape, or leave `share: true` out.",
        )
