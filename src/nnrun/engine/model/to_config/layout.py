"""Calls of layers as the `model:` and `define:` of a config: names, stacks that are shared, repeats."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.rules import LAYER_NAME
from nnrun.catalog.shapes.names import snake_case
from nnrun.engine.model.to_config.calls import Calls, Operation, Ref, requires_tensor_names
from nnrun.engine.model.to_config.parts import automatic_name, layer_part, plain, refused_layer
from nnrun.engine.model.to_config.repeats import Block, WrittenLayer, fold
from nnrun.errors import RunError
from nnrun.spec.model import INPUT, MACROS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.engine.model.to_config.calls import Call

#: What the first layer takes unless it says otherwise.
_FIRST_INPUT = Ref(-1)


@dataclass
class Layout:
    """A model as it is written.

    Attributes:
        model: The value of `model:`.
        define: The value of `define:`; empty for none.
        layers: The layers of Keras in the order in which a config's are made.
        outputs: The names of the outputs in the config.
    """

    model: Any
    define: dict[str, Any] = field(default_factory=dict)
    layers: list[Any] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class Writer:
    """Writes one model.

    Args:
        data_format: Where pictures have their channels by default.
        policy: The dtype policy of the model.
    """

    def __init__(self, data_format: str, policy: str) -> None:
        self._data_format, self._policy = data_format, policy
        self._define: dict[str, Any] = {}
        self._stacks: dict[int, str] = {}
        self._layers: list[Any] = []
        self._names: set[str] = set()

    def layout(self, calls: Calls, *, states_input: bool = True) -> Layout:
        """Lay a model out: as a list where it has one input and one output, else as a graph.

        Args:
            calls: The model.
            states_input: Whether a list begins with the shape of its input.

        Raises:
            RunError: A layer has no counterpart in a config; with its name.
        """
        is_chain = len(calls.inputs) == 1 and len(calls.outputs) == 1 and bool(calls.calls)
        is_chain = is_chain and calls.outputs[0] == Ref(len(calls.calls) - 1)
        names = [INPUT] if is_chain else [self._legal(name) for name in calls.input_names]
        self._names |= {INPUT, *names}
        if is_chain:
            layers = self._stack(calls, names, {})
            first = [self._input(calls)] if states_input else []
            return Layout([*first, *layers], self._define, self._layers, ["output"])
        given: dict[int, str] = {}
        outputs = self._output_names(calls, names, given)
        shapes, names_of_tensors = self._shaped(calls, names)
        # The layer after those that make shapes takes the last of these, unless it says `from`.
        before = max((at for at, name in enumerate(names_of_tensors) if name != names[at]), default=0)
        layers = [*shapes, *self._stack(calls, names_of_tensors, given, Ref(-1 - before))]
        inputs: dict[str, Any] = {name: [name] for name in names} if len(names) > 1 else {names[0]: "$input"}
        return Layout({"inputs": inputs, "layers": layers, "outputs": outputs}, self._define, self._layers, [*outputs])

    def _input(self, calls: Calls) -> dict[str, Any]:
        tensor = calls.inputs[0]
        arguments: dict[str, Any] = {"shape": list(tensor.shape[1:])}
        # A stack without an input that was called on an array has the size of that as its batch size, by chance.
        needs_size = any(isinstance(one.layer, Operation) or getattr(one.layer, "stateful", False)
                         for one in calls.calls)  # fmt: skip
        if tensor.shape[0] is not None and needs_size:
            arguments["batch_size"] = tensor.shape[0]
        if tensor.dtype != "float32":
            arguments["dtype"] = tensor.dtype
        return {"Input": arguments}

    def _shaped(self, calls: Calls, names: Sequence[str]) -> tuple[list[Any], list[str]]:
        """Return the layers that make tensors of columns side by side, and the names of what the model takes.

        Several inputs take columns of a table, which are one row of numbers each.

        Raises:
            RunError: The size of such an input is open.
        """
        layers: list[Any] = []
        found: list[str] = []
        for name, tensor in zip(names, calls.inputs, strict=True):
            shape = tensor.shape[1:]
            if len(names) == 1 or len(shape) < 2:
                found.append(name)
                continue
            if None in shape:
                text = f"the input '{name}' of several has the open shape {tuple(shape)}, and columns have fixed sizes"
                raise RunError(text, "save the model with an input of fixed size: keras.Input((32, 8))")
            found.append(self._unique(f"{name}_shaped", self._names))
            self._names.add(found[-1])
            self._layers.append(None)
            layers.append({"Reshape": {"from": name, "target_shape": list(shape), "name": found[-1]}})
        return layers, found

    def _output_names(self, calls: Calls, inputs: Sequence[str], given: dict[int, str]) -> dict[str, Any]:
        """Return the entries of `outputs:`; `given` receives the names that layers must have for it."""
        outputs: dict[str, Any] = {}
        for name, ref in zip(calls.output_names, calls.outputs, strict=True):
            legal = self._unique(self._output_name(calls, name, ref), set(outputs) | set(inputs))
            if ref.call < 0:
                outputs[legal] = {"from": inputs[-1 - ref.call]}
            elif ref.output or ref.call in given:
                first = given.setdefault(ref.call, self._unique(f"{legal}_layer", self._names))
                outputs[legal] = {"from": f"{first}.{ref.output}" if ref.output else first}
            else:
                given[ref.call] = legal
                outputs[legal] = None
            self._names.add(legal)
        return outputs

    def _output_name(self, calls: Calls, name: str, ref: Ref) -> str:
        """Return the name of an output: none that Keras gives to layers without a name."""
        if ref.call >= 0 and automatic_name(name, type(calls.calls[ref.call].layer).__name__):
            return "output"
        return self._legal(name)

    def _stack(
        self, calls: Calls, inputs: Sequence[str], given: Mapping[int, str], before: Ref = _FIRST_INPUT
    ) -> list[Any]:
        """Return the layers of one scope: of the model, or of a stack; `before` is the tensor before the first."""
        taken: set[str] = set(given.values())
        items = [self._item(index, call, given.get(index), taken) for index, call in enumerate(calls.calls)]
        users: dict[int, list[int]] = defaultdict(list)
        for item in items:
            for ref in item.refs():
                users[ref.call].append(item.index)
        for ref in calls.outputs:
            # Nothing takes the output of the last layer: it is the output.
            if ref != Ref(len(items) - 1):
                users[ref.call].append(len(items) + 1)
        # A block takes the tensor before it, which is that of the first call only behind the first input.
        alone = 0 if before == _FIRST_INPUT else 1
        folded = [*items[:alone], *fold(items[alone:], users)]
        return _Lines(items, inputs, self._unique, self._names).lines(folded, before)

    def _item(self, index: int, call: Call, given: str | None, taken: set[str]) -> WrittenLayer:
        unknown = requires_tensor_names(call)
        if unknown:
            raise refused_layer(call.name, type(call.layer).__name__, f"is called with a tensor for {unknown[0]}")
        if call.shared is not None:
            arguments = {"stack": self._shared(call), "share": True}
            return WrittenLayer(index, "use", arguments, call.sources[:1], {}, given)
        if isinstance(call.layer, Operation):
            op: Any = {call.layer.op: dict(call.layer.arguments)} if call.layer.arguments else call.layer.op
            self._layers.append(None)
            return WrittenLayer(index, "Op", {"op": op}, call.sources, {}, given)
        word, arguments = self._part(call)
        self._layers.append(call.layer)
        name = given
        if name is None and not automatic_name(call.name, type(call.layer).__name__) and not call.wrapped:
            name = self._unique(self._legal(call.name), self._names | taken)
            taken.add(name)
        return WrittenLayer(index, word, arguments, call.sources, call.call, name)

    def _part(self, call: Call) -> tuple[str, dict[str, Any]]:
        word, arguments = layer_part(call.layer, self._data_format, self._policy)
        if call.wrapped:
            return "TimeDistributed", {"layer": {word: arguments} if arguments else word}
        return word, arguments

    def _shared(self, call: Call) -> str:
        """Return the name of the stack of a layer, or of a model, that is applied several times."""
        key = int(call.shared or 0)
        if key in self._stacks:
            return self._stacks[key]
        kinds = ("Functional", "Sequential") if isinstance(call.layer, Calls) else (type(call.layer).__name__,)
        is_automatic = any(automatic_name(call.name, kind) for kind in kinds)
        stem = f"shared_{call.name.rstrip('_0123456789')}" if is_automatic else call.name
        name = self._unique(self._legal(stem), set(self._define) | {INPUT})
        if name in MACROS or lookup.entry("layers", name) is not None:
            name = f"my_{name}"
        self._stacks[key] = name
        if isinstance(call.layer, Calls):
            names_before, self._names = self._names, {INPUT}
            stack = self._stack(call.layer, [INPUT], {})
            self._names = names_before
        else:
            stack = [self._single(call)]
        self._define[name] = stack
        return name

    def _single(self, call: Call) -> Any:
        """Return the stack of one layer that is applied several times."""
        others = [ref for ref in call.refs() if ref not in call.sources]
        if len(set(call.sources)) > 1 or others:
            why = "is applied several times and takes several tensors, which no stack of a config does"
            raise refused_layer(call.name, type(call.layer).__name__, why)
        word, arguments = self._part(call)
        self._layers.append(call.layer)
        more: dict[str, Any] = {} if len(call.sources) == 1 else {"from": [INPUT] * len(call.sources)}
        more |= {"call": plain(dict(call.call))} if call.call else {}
        return _part_line(word, {**more, **arguments})

    @staticmethod
    def _legal(name: str) -> str:
        """Return a name as a config can have it."""
        legal = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "layer"
        return legal if re.fullmatch(LAYER_NAME, legal) else f"layer_{legal}"

    @staticmethod
    def _unique(name: str, taken: Iterable[str]) -> str:
        """Return a name that is not taken; Keras numbers names itself, so that others have letters behind them."""
        known = set(taken)
        return next(
            one for one in chain((name,), (f"{name}_{_letters(number)}" for number in count(1))) if one not in known
        )


def _letters(number: int) -> str:
    """Return `a`, `b`, ..., `z`, `aa`, ... for 0, 1, ..."""
    found = ""
    while number >= 0:
        number, letter = divmod(number, 26)
        found, number = chr(ord("a") + letter) + found, number - 1
    return found


class _Lines:
    """Writes the layers of one scope, naming those whose output is taken by others than the next."""

    def __init__(self, items: Sequence[WrittenLayer], inputs: Sequence[str], unique: Any, known: set[str]) -> None:
        self._items, self._unique, self._known = items, unique, known
        self._names: dict[int, str] = {-1 - index: name for index, name in enumerate(inputs)}
        self._taken = {one.name for one in items if one.name} | known

    def lines(self, folded: Sequence[WrittenLayer | Block], before: Ref) -> list[Any]:
        """Return the layers as plain data; `before` is the tensor that the first takes unless it says `from`."""
        self._name_referenced(folded, before)
        return self._written(folded, before.call, {})

    def _written(self, folded: Sequence[WrittenLayer | Block], previous: int, scope: Mapping[int, str]) -> list[Any]:
        lines: list[Any] = []
        for one in folded:
            if isinstance(one, Block):
                first = _first(one)
                # Inside a repeat the output before it is called `input`, which is another one each time.
                inner = self._written(one.items, first - 1, {first - 1: INPUT})
                repeat: dict[str, Any] = {"times": one.times, "layers": inner}
                last = first + one.count - 1
                lines.append({"repeat": {**repeat, **({"name": self._names[last]} if last in self._names else {})}})
                previous = last
            else:
                lines.append(self._line(one, previous, scope))
                previous = one.index
        return lines

    def _line(self, item: WrittenLayer, previous: int, scope: Mapping[int, str]) -> Any:
        keys: dict[str, Any] = {}
        if item.sources != (Ref(previous),):
            names = [self._word(ref, scope) for ref in item.sources]
            keys["from"] = names[0] if len(names) == 1 else names
        arguments = {key: value for key, value in item.arguments.items() if key != "name"}
        if item.index in self._names:
            arguments["name"] = self._names[item.index]
        call = {
            key: [self._word(one, scope) if isinstance(one, Ref) else one for one in value]
            if isinstance(value, list)
            else self._word(value, scope)
            if isinstance(value, Ref)
            else plain(value)
            for key, value in item.call.items()
        }
        return _part_line(item.word, {**keys, **arguments, **({"call": call} if call else {})})

    def _word(self, ref: Ref, scope: Mapping[int, str]) -> str:
        name = scope.get(ref.call) or self._names[ref.call]
        return f"{name}.{ref.output}" if ref.output else name

    def _name_referenced(self, folded: Sequence[WrittenLayer | Block], before: Ref) -> None:
        """Give the layers names that others refer to; those of a block are of its first time."""
        items = {item.index: item for item in self._items}
        for item in self._items:
            if item.name:
                self._names[item.index] = item.name
        places: dict[int, tuple[int, int | None]] = {}
        self._find_places(folded, before.call, None, places)
        for index, (previous, block_input) in places.items():
            for ref in items[index].refs():
                is_next = items[index].sources == (Ref(previous),) and ref == Ref(previous)
                if not is_next and ref.call != block_input and ref.call not in self._names:
                    self._names[ref.call] = self._new_name(items[ref.call])

    def _find_places(
        self,
        folded: Sequence[WrittenLayer | Block],
        previous: int,
        block_input: int | None,
        found: dict[int, tuple[int, int | None]],
    ) -> None:
        """Find, for each call that is written, the call before it and the one that `input` stands for."""
        for one in folded:
            if isinstance(one, Block):
                first = _first(one)
                self._find_places(one.items, first - 1, first - 1, found)
                previous = first + one.count - 1
            else:
                found[one.index] = previous, block_input
                previous = one.index

    def _new_name(self, item: WrittenLayer) -> str:
        stem = str(item.arguments["stack"]) if item.word == "use" else snake_case(item.word)
        if item.word == "Op":
            op = item.arguments["op"]
            stem = op if isinstance(op, str) else next(iter(op))
        # Never a name that Keras gives to a layer without one, such as `dense_1`.
        name = next(one for number in count() if (one := f"{stem}_{_letters(number)}") not in self._taken)
        self._taken.add(name)
        return name


def _first(block: Block) -> int:
    first = block.items[0]
    return _first(first) if isinstance(first, Block) else first.index


def _part_line(word: str, arguments: Mapping[str, Any]) -> Any:
    """Return a layer as people write it: `Flatten`, `Dropout: 0.2`, `Dense: {units: 8, activation: relu}`."""
    if not arguments:
        return word
    entry = lookup.entry("layers", word)
    first = None if entry is None or entry.first_parameter is None else entry.first_parameter.name
    if first is not None and list(arguments) == [first] and not isinstance(arguments[first], (dict, type(None))):
        return {word: arguments[first]}
    return {word: dict(arguments)}
