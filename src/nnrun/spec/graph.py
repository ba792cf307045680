"""A model as a graph of plain layers: its inputs, its layers in the order in which they are applied, its outputs.

A chain is a graph whose every layer takes the output of the one before. `repeat:`, `residual:`, `use:` and `define:`
are expanded here into plain layers, so that later steps need not know of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.recurrent import RECURRENT
from nnrun.config.hints import did_you_mean
from nnrun.spec.model import Layer, ModelInput, OutputSpec, Repeat, Residual, Use
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.errors import Path
    from nnrun.spec.model import ModelSpec, StackItem
    from nnrun.spec.part import PartReader

#: Layers that take their inputs as one list.
LIST_LAYERS = frozenset(
    {
        "Add",
        "Subtract",
        "Multiply",
        "Average",
        "Maximum",
        "Minimum",
        "Concatenate",
        "Dot",
        "Attention",
        "AdditiveAttention",
        "Sampling",
    }
)
#: Layers that take one tensor, or several as one list: what they do says how many.
ONE_OR_MORE = frozenset({"Op"})
#: Layers that take their inputs as separate arguments (query, value, key), and how many at most.
ATTENTION_LAYERS = {"MultiHeadAttention": 3, "GroupQueryAttention": 3}
#: Arguments of calls whose values are tensors, given by name.
TENSOR_ARGUMENTS = frozenset({"initial_state", "mask", "attention_mask", "query_mask", "value_mask", "key_mask"})
#: A saved model as a layer.
SAVED_MODEL = "Model"
#: More layers than this are a mistake in `times:`, or in stacks that use stacks that use stacks.
_MOST_NODES = 5000
_JOIN = "join them first: Concatenate: {from: [...]}"


@dataclass(frozen=True)
class TensorRef:
    """One tensor: an input's, or one output of a layer.

    Attributes:
        name: The name of a `ModelInput` or a `Node`.
        output: Which of the layer's outputs, from 0 (`from: name.1` is the second).
    """

    name: str
    output: int = 0


@dataclass(frozen=True)
class Node:
    """One application of a layer.

    Attributes:
        name: The name of its output for `from:`: the index of the node, which no config can use as a name.
        part: The layer, without `from` and `call`.
        sources: The tensors that it takes.
        listed: Whether it takes them as one list (`Add`) and not as separate arguments (`MultiHeadAttention`).
        call: Further arguments of its call; tensors among them are `TensorRef`s.
        layer: The layer's identity: nodes with the same one share one layer and its weights.
        inner: Names of layers inside a model that is used as a layer, whose outputs are its further outputs, from 1.
        cut: Whether nothing takes its own output (0), so that the layers after those of `inner` are left out.
    """

    name: str
    part: Part
    sources: tuple[TensorRef, ...]
    listed: bool
    call: Mapping[str, Any]
    layer: str
    inner: tuple[str, ...] = ()
    cut: bool = False

    @property
    def path(self) -> Path:
        """The layer's place in the config."""
        return (*self.part.path, self.part.name)

    def tensors(self) -> list[TensorRef]:
        """Return all tensors that it takes, those among the arguments of its call included."""
        found = list(self.sources)
        for value in self.call.values():
            found += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, TensorRef)]
        return found


@dataclass(frozen=True)
class ModelOutput:
    """One output of the model.

    Attributes:
        name: Its name, with which the names of its loss and metrics begin.
        source: The tensor.
        target: The target column or the field (`$image`) that it is compared with; None: the only target there is.
        loss: Its own loss; None takes `training.loss`.
        weight: The weight of its loss in the sum.
        metrics: Its own metrics; None takes `training.metrics`.
        path: Its place in the config.
    """

    name: str
    source: TensorRef
    target: str | None = None
    loss: Part | None = None
    weight: float = 1.0
    metrics: tuple[Part, ...] | None = None
    path: Path = ()


@dataclass(frozen=True)
class Graph:
    """A model.

    Attributes:
        inputs: The inputs.
        nodes: The layers in the order in which they are applied.
        outputs: The outputs.
        chain: Whether the config has a list of layers, so that nnrun names inputs and outputs.
    """

    inputs: tuple[ModelInput, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[ModelOutput, ...]
    chain: bool

    def used_names(self) -> frozenset[str]:
        """Return the names of all nodes and inputs that an output depends on."""
        nodes = {node.name: node for node in self.nodes}
        waiting, seen = [one.source.name for one in self.outputs], set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += [ref.name for ref in nodes[name].tensors()] if name in nodes else []
        return frozenset(seen)

    def target_of(self, node: Node) -> str | None:
        """Return the target that a layer's output is compared with; None where it is no output of the model."""
        return next((one.target for one in self.outputs if one.source.name == node.name), None)


def decoder_input(graph: Graph, target: str) -> str | None:
    """Return the input that takes a target of this name, shifted by one, and nothing else; None where none does."""
    return next((one.name for one in graph.inputs if one.columns == (target,)), None)


def holds_layers(name: str) -> bool:
    """Return whether a layer is a whole model, whose inner layers `from: name.LAYER` takes."""
    entry = lookup.entry("layers", name)
    return name == SAVED_MODEL or (entry is not None and (entry.application is not None or entry.hub is not None))


def expand(model: ModelSpec, reader: PartReader) -> Graph:
    """Expand a model into a graph; errors, such as unknown names, are added to `reader`."""
    return _Expander(model, reader).graph()


def _states_hint(item: Layer) -> str | None:
    """Return how a recurrent layer gets its initial state, which is no tensor of `from`."""
    if item.part.name not in RECURRENT or not item.sources:
        return None
    first, *states = item.sources
    return f"to begin with these states write: from: {first}, call: {{initial_state: [{', '.join(states)}]}}"


class _TooLargeError(Exception):
    """Stacks within stacks have become more layers than a model can have."""


class _Expander:
    """Expands one model; names in the scope of a stack map to tensors."""

    def __init__(self, model: ModelSpec, reader: PartReader) -> None:
        self._model = model
        self._add_error = reader.add_error
        self._nodes: list[Node] = []
        self._name_counts: dict[str, int] = {}
        self._layers: set[str] = set()
        # The inner layers that are taken, by the identity of the model that is used as a layer.
        self._inner: dict[str, list[str]] = {}

    def graph(self) -> Graph:
        names = {one.name: TensorRef(one.name) for one in self._model.inputs}
        previous = TensorRef(self._model.inputs[0].name)
        try:
            last = self._items(self._model.layers, previous, names, "")
        except _TooLargeError:
            text = f"the model has more than {_MOST_NODES} layers"
            self._add_error(("model",), text, "look for a large times:, or stacks that use stacks")
            last = previous
        outputs = tuple(self._output(output, names, last) for output in self._model.outputs)
        outputs = outputs or (ModelOutput("output", last, path=("model",)),)
        return Graph(self._model.inputs, self._with_inner(outputs), outputs, self._model.chain)

    def _with_inner(self, outputs: Sequence[ModelOutput]) -> tuple[Node, ...]:
        """Return the nodes, with the inner layers that any node or output takes of their models."""
        if not self._inner:
            return tuple(self._nodes)
        taken = [*(ref for node in self._nodes for ref in node.tensors()), *(one.source for one in outputs)]
        layers = {node.name: node.layer for node in self._nodes}
        whole = {layers[ref.name] for ref in taken if not ref.output and ref.name in layers}
        inner = {layer: tuple(names) for layer, names in self._inner.items()}
        return tuple(
            replace(node, inner=inner[node.layer], cut=node.layer not in whole) if node.layer in inner else node
            for node in self._nodes
        )

    def _items(
        self, items: Sequence[StackItem], previous: TensorRef, names: dict[str, TensorRef], shared: str
    ) -> TensorRef:
        """Add the nodes of a stack; `shared` identifies its layers where they share weights, else it is empty."""
        for index, item in enumerate(items):
            previous = self._item(item, previous, names, f"{shared}/{index}" if shared else "")
            if item.name:
                names[item.name] = previous
        return previous

    def _item(self, item: StackItem, previous: TensorRef, names: dict[str, TensorRef], shared: str) -> TensorRef:
        if isinstance(item, Layer):
            return self._layer(item, previous, names, shared)
        start = self._source(item, previous, names)
        if isinstance(item, Repeat):
            for time in range(item.times):
                start = self._items(item.layers, start, {**names, "input": start}, f"{shared}#{time}" if shared else "")
            return start
        if isinstance(item, Residual):
            inner = {**names, "input": start}
            long = self._items(item.layers, start, dict(inner), f"{shared}|layers" if shared else "")
            short = self._items(item.shortcut, start, dict(inner), f"{shared}|shortcut" if shared else "")
            add = Part("layers", "Add", {"name": item.name} if item.name else {}, item.path)
            return self._add(add, (long, short), {}, shared)
        # A stack sees its own input and its own names alone, so that it means the same wherever it is used.
        same = item.stack if item.share else shared and f"{shared}@{item.stack}"
        return self._items(self._model.stacks.get(item.stack, ()), start, {"input": start}, same)

    def _layer(self, item: Layer, previous: TensorRef, names: dict[str, TensorRef], shared: str) -> TensorRef:
        place = (*item.path, item.part.name)
        named = (self._tensor(name, names, (*place, "from")) for name in item.sources or ())
        sources = (previous,) if item.sources is None else tuple(named)
        if all(word.partition(".")[0] in names for word in item.sources or ()):
            self._require_source_count(item, len(sources))
        call = {key: self._call_value(key, value, names, (*place, "call", key)) for key, value in item.call.items()}
        return self._add(item.part, sources, call, shared)

    def _add(self, part: Part, sources: tuple[TensorRef, ...], call: Mapping[str, Any], shared: str) -> TensorRef:
        if len(self._nodes) >= _MOST_NODES:
            raise _TooLargeError
        node = str(len(self._nodes))
        layer = shared or node
        part = self._with_unique_name(part, layer)
        self._layers.add(layer)
        listed = part.name in LIST_LAYERS or (part.name in ONE_OR_MORE and len(sources) > 1)
        self._nodes.append(Node(node, part, sources, listed, call, layer))
        return TensorRef(node)

    def _with_unique_name(self, part: Part, layer: str) -> Part:
        """Number the names of a layer that is in several places, as Keras requires unique names."""
        name = part.arguments.get("name")
        if not name or layer in self._layers:
            return part
        count = self._name_counts.get(name, 0)
        self._name_counts[name] = count + 1
        return replace(part, arguments={**part.arguments, "name": f"{name}_{count}"}) if count else part

    def _require_source_count(self, item: Layer, count: int) -> None:
        name, path = item.part.name, (*item.path, item.part.name)
        if name in ONE_OR_MORE:
            return
        most = ATTENTION_LAYERS.get(name, 1)
        if name in LIST_LAYERS and count < 2:
            hint = f"name them: {name}: {{from: [one, other]}}"
            self._add_error(path, f"{name} takes several tensors, received one", hint, at_key=True)
        elif name in ATTENTION_LAYERS and count < 2:
            hint = f"for self-attention name it twice: {name}: {{from: [x, x], ...}}"
            self._add_error(path, f"{name} takes a query and a value, received one tensor", hint, at_key=True)
        elif name not in LIST_LAYERS and count > most:
            expected = "one tensor" if most == 1 else f"{most} tensors at most"
            text = f"{name} takes {expected}, received {count}"
            self._add_error((*path, "from"), text, _states_hint(item) or (_JOIN if most == 1 else None))

    def _source(self, item: Repeat | Residual | Use, previous: TensorRef, names: Mapping[str, TensorRef]) -> TensorRef:
        if item.sources is None:
            return previous
        path = (*item.path, "from")
        if len(item.sources) > 1:
            self._add_error(path, f"expected one name, received {len(item.sources)}", _JOIN)
        return self._tensor(item.sources[0], names, path)

    def _tensor(self, word: str, names: Mapping[str, TensorRef], path: Path) -> TensorRef:
        name, dot, output = word.partition(".")
        if name not in names:
            words = name.split()
            several = f"write [{', '.join(words)}]" if len(words) > 1 and all(one in names for one in words) else None
            hint = several or did_you_mean(name, names) or f"the names are: {', '.join(names)}"
            self._add_error(path, f"no layer or input before this one has the name '{name}'", hint)
            return TensorRef(self._model.inputs[0].name)
        if dot and not output.isdigit():
            node = next((one for one in self._nodes if one.name == names[name].name), None)
            if node is not None and holds_layers(node.part.name):
                return replace(names[name], output=self._inner_output(node.layer, output))
            text = f"expected the number of an output after the dot, received '{word}'"
            self._add_error(path, text, f"write {name}.1 for the second")
            return names[name]
        return replace(names[name], output=int(output)) if dot else names[name]

    def _inner_output(self, layer: str, name: str) -> int:
        """Return the number of an inner layer's output among the outputs of its model, of which 0 is its own."""
        inner = self._inner.setdefault(layer, [])
        if name not in inner:
            inner.append(name)
        return inner.index(name) + 1

    def _call_value(self, key: str, value: Any, names: Mapping[str, TensorRef], path: Path) -> Any:
        if key in TENSOR_ARGUMENTS and isinstance(value, str):
            return self._tensor(value, names, path)
        if key in TENSOR_ARGUMENTS and isinstance(value, list):
            return [self._tensor(one, names, (*path, index)) for index, one in enumerate(value) if isinstance(one, str)]
        return value

    def _output(self, output: OutputSpec, names: Mapping[str, TensorRef], last: TensorRef) -> ModelOutput:
        several = len(self._model.outputs) > 1
        if output.source is not None:
            source = self._tensor(output.source, names, (*output.path, "from"))
        elif output.name not in names and not several:
            source = last  # the name of a single output is free
        else:
            source = self._tensor(output.name, names, output.path)
        target = output.target or (output.name if several else None)
        return ModelOutput(output.name, source, target, output.loss, output.weight, output.metrics, output.path)
