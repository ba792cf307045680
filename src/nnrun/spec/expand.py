"""Spells a model's tree out into a graph of plain layers: names become tensors, stacks and repetitions layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.spec.graph import Exit, Graph, Node, Ref
from nnrun.spec.part import Part
from nnrun.spec.stack import Layer, Repeat, Residual, Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.errors import Path
    from nnrun.spec.parts import Reader
    from nnrun.spec.stack import Item, Model, Output

#: Layers that take their tensors as one list.
LISTED = frozenset(
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
    }
)
#: Layers that take their tensors as separate arguments, in order, and how many at most: query, value, key.
SEPARATE = {"MultiHeadAttention": 3, "GroupQueryAttention": 3}
#: Arguments of calls whose values are tensors, said by name.
TENSORS = frozenset({"initial_state", "mask", "attention_mask", "query_mask", "value_mask", "key_mask"})
#: More layers than this are a mistake in `times:` or stacks that use stacks that use stacks.
_MOST_NODES = 5000

Names = dict[str, Ref]


class TooLargeError(Exception):
    """Stacks within stacks have become more layers than anybody means."""


class Expander:
    """Spells one model out.

    Args:
        model: The tree.
        reader: Keeps complaints.
    """

    def __init__(self, model: Model, reader: Reader) -> None:
        self._model = model
        self._reader = reader
        self._nodes: list[Node] = []
        self._taken: dict[str, int] = {}
        self._layers: set[str] = set()

    def graph(self) -> Graph:
        """Give the graph; names that nothing has are complained of."""
        names: Names = {entrance.name: Ref(entrance.name) for entrance in self._model.inputs}
        before = Ref(self._model.inputs[0].name)
        try:
            last = self._items(self._model.layers, before, names, "")
        except TooLargeError as error:
            self._reader.complain(("model",), str(error), "look for a large times:, or stacks that use stacks")
            last = before
        exits = tuple(self._exit(output, names, last) for output in self._model.outputs)
        return Graph(
            self._model.inputs, tuple(self._nodes), exits or (Exit("output", last, path=("model",)),), self._model.chain
        )

    def _items(self, items: Sequence[Item], before: Ref, names: Names, shared: str) -> Ref:
        for index, item in enumerate(items):
            before = self._item(item, before, names, f"{shared}/{index}" if shared else "")
            if getattr(item, "name", None):
                names[str(item.name)] = before
        return before

    def _item(self, item: Item, before: Ref, names: Names, shared: str) -> Ref:
        if isinstance(item, Layer):
            return self._layer(item, before, names, shared)
        start = self._one(item, before, names)
        if isinstance(item, Repeat):
            for time in range(item.times):
                start = self._items(item.layers, start, {**names, "input": start}, f"{shared}#{time}" if shared else "")
            return start
        if isinstance(item, Residual):
            return self._residual(item, start, names, shared)
        return self._use(item, start, shared)

    def _residual(self, item: Residual, start: Ref, names: Names, shared: str) -> Ref:
        inner = {**names, "input": start}
        long = self._items(item.layers, start, dict(inner), f"{shared}|layers" if shared else "")
        short = self._items(item.shortcut, start, dict(inner), f"{shared}|shortcut" if shared else "")
        add = Part("layers", "Add", {"name": item.name} if item.name else {}, item.path)
        return self._add(add, (long, short), {}, shared)

    def _use(self, item: Use, start: Ref, shared: str) -> Ref:
        # A stack sees its own input and its own names alone, so that it means the same wherever it is used.
        inner = {"input": start}
        same = item.stack if item.share else shared and f"{shared}@{item.stack}"
        return self._items(self._model.stacks.get(item.stack, ()), start, inner, same)

    def _layer(self, item: Layer, before: Ref, names: Names, shared: str) -> Ref:
        path = (*item.path, item.part.name, "from")
        sources = (before,) if item.takes is None else tuple(self._ref(name, names, path) for name in item.takes)
        self._fits(item, len(sources))
        call = {
            key: self._call_value(key, value, names, (*item.path, item.part.name, "call", key))
            for key, value in item.call.items()
        }
        return self._add(item.part, sources, call, shared)

    def _add(self, part: Part, sources: tuple[Ref, ...], call: Mapping[str, Any], shared: str) -> Ref:
        if len(self._nodes) >= _MOST_NODES:
            text = f"the model has more than {_MOST_NODES} layers"
            raise TooLargeError(text)
        node = str(len(self._nodes))
        layer = shared or node
        named = self._named(part, layer)
        self._layers.add(layer)
        self._nodes.append(Node(node, named, sources, part.name in LISTED, call, layer))
        return Ref(node)

    def _named(self, part: Part, layer: str) -> Part:
        """Give a layer that stands in several places a name of its own in each: Keras wants names to differ."""
        name = part.arguments.get("name")
        if not name or layer in self._layers:
            return part
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        return replace(part, arguments={**part.arguments, "name": f"{name}_{count}"}) if count else part

    def _fits(self, item: Layer, count: int) -> None:
        name, path = item.part.name, (*item.path, item.part.name)
        if name in LISTED and count < 2:
            self._reader.complain(
                path,
                f"{name} takes several tensors, received one",
                f"name them: {name}: {{from: [one, other]}}",
                at_key=True,
            )
        most = SEPARATE.get(name, 1)
        if name in SEPARATE and count < 2:
            self._reader.complain(
                path,
                f"{name} takes a query and a value, received one tensor",
                f"for self-attention name it twice: {name}: {{from: [x, x], ...}}",
                at_key=True,
            )
        if name not in LISTED and count > most:
            self._reader.complain(
                (*path, "from"),
                f"{name} takes {'one tensor' if most == 1 else f'{most} tensors at most'}, received {count}",
                "join them first: Concatenate: {from: [...]}" if most == 1 else None,
            )

    def _one(self, item: Repeat | Residual | Use, before: Ref, names: Names) -> Ref:
        if item.takes is None:
            return before
        if len(item.takes) > 1:
            self._reader.complain(
                (*item.path, "from"),
                f"expected one name, received {len(item.takes)}",
                "join them first: Concatenate: {from: [...]}",
            )
        return self._ref(item.takes[0], names, (*item.path, "from"))

    def _ref(self, word: str, names: Names, path: Path) -> Ref:
        name, dot, output = word.partition(".")
        if name not in names:
            self._reader.complain(
                path,
                f"no layer or input before this one is called '{name}'",
                did_you_mean(name, names) or f"there is {', '.join(names)}",
            )
            return Ref(self._model.inputs[0].name)
        if dot and not output.isdigit():
            self._reader.complain(
                path,
                f"expected the number of an output after the dot, received '{word}'",
                f"write {name}.1 for the second",
            )
            return names[name]
        return replace(names[name], output=int(output)) if dot else names[name]

    def _call_value(self, key: str, value: Any, names: Names, path: Path) -> Any:
        if key in TENSORS and isinstance(value, str):
            return self._ref(value, names, path)
        if key in TENSORS and isinstance(value, list):
            return [self._ref(word, names, (*path, index)) for index, word in enumerate(value) if isinstance(word, str)]
        return value

    def _exit(self, output: Output, names: Names, last: Ref) -> Exit:
        said = output.takes or output.name
        if output.takes is None and output.name not in names and len(self._model.outputs) == 1:
            source = last  # the name of a single output is free
        else:
            source = self._ref(said, names, output.path if output.takes is None else (*output.path, "from"))
        target = output.target or (output.name if len(self._model.outputs) > 1 else None)
        return Exit(output.name, source, target, output.loss, output.weight, output.metrics, output.path)


def expand(model: Model, reader: Reader) -> Graph:
    """Spell `model` out; complaints go to `reader`."""
    return Expander(model, reader).graph()
