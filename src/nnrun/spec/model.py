"""`model:` and `define:` as a tree of layers, repeats, residuals and uses of named stacks, and how it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import Boolean, Integer, Number, String
from nnrun.catalog.rules import LAYER_NAME
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value
from nnrun.spec.part_form import split_layer_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.catalog.kinds import Kind
    from nnrun.errors import Path
    from nnrun.spec.part import Part, PartReader

#: The name of a chain's only input, for `from:`.
INPUT = "input"
#: Constructs that may be in place of a layer.
MACROS = ("repeat", "residual", "use")


@dataclass(frozen=True)
class ModelInput:
    """One input of the model.

    Attributes:
        name: Its name, for `from:`.
        columns: The feature columns that it takes, in order; None takes a field or all there are.
        field: The word of a field (`$image`, `$row`, `$codes`), or None.
        part: The `Input` of the config, with its shape; None takes the shape of the data.
        path: Its place in the config.
    """

    name: str
    columns: tuple[str, ...] | None = None
    field: str | None = None
    part: Part | None = None
    path: Path = ()


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        part: The layer with Keras' arguments, `name` among them.
        sources: The names of the tensors that it takes; None takes the output before it.
        call: The arguments of its call.
        path: Its place in the config.
    """

    part: Part
    sources: tuple[str, ...] | None
    call: Mapping[str, Any]
    path: Path

    @property
    def name(self) -> str | None:
        """The name of its output in the config."""
        return self.part.arguments.get("name")


@dataclass(frozen=True)
class Repeat:
    """The same layers several times in a row, each time with new weights."""

    times: int
    layers: tuple[StackItem, ...]
    sources: tuple[str, ...] | None
    name: str | None
    path: Path


@dataclass(frozen=True)
class Residual:
    """Layers whose output is added to their input, or to the output of `shortcut`."""

    layers: tuple[StackItem, ...]
    shortcut: tuple[StackItem, ...]
    sources: tuple[str, ...] | None
    name: str | None
    path: Path


@dataclass(frozen=True)
class Use:
    """A stack of `define:`; with `share`, all such uses of it share one set of weights."""

    stack: str
    share: bool
    sources: tuple[str, ...] | None
    name: str | None
    path: Path


StackItem = Layer | Repeat | Residual | Use


@dataclass(frozen=True)
class OutputSpec:
    """One entry of `outputs:` as in the config; see `nnrun.spec.graph.ModelOutput`."""

    name: str
    source: str | None
    target: str | None
    loss: Part | None
    weight: float
    metrics: tuple[Part, ...] | None
    path: Path


@dataclass(frozen=True)
class ModelSpec:
    """`model:`, with the stacks of `define:` that it may use.

    Attributes:
        inputs: The inputs.
        layers: The layers, in order.
        outputs: The outputs; empty where the last layer is the only output.
        chain: Whether the config has a list of layers and nothing else.
        stacks: The stacks of `define:`.
    """

    inputs: tuple[ModelInput, ...]
    layers: tuple[StackItem, ...]
    outputs: tuple[OutputSpec, ...]
    chain: bool
    stacks: Mapping[str, tuple[StackItem, ...]]


def used_stacks(items: Sequence[StackItem]) -> set[str]:
    """Return the names of the stacks that these layers use themselves."""
    used: set[str] = set()
    for item in items:
        if isinstance(item, Use):
            used.add(item.stack)
        elif isinstance(item, Repeat):
            used |= used_stacks(item.layers)
        elif isinstance(item, Residual):
            used |= used_stacks(item.layers) | used_stacks(item.shortcut)
    return used


class ModelReader:
    """Reads one config's model; errors are added to `reader`, with paths from the config's root.

    Args:
        reader: Reads parts and collects errors.
        stacks: The stacks of `define:`, not yet read.
    """

    def __init__(self, reader: PartReader, stacks: Mapping[str, Any]) -> None:
        self._reader = reader
        self._add_error = reader.add_error
        self._stacks = stacks

    def model(self, value: object) -> ModelSpec | None:
        """Read `model:`; return None where it is neither a list nor a mapping."""
        stacks = {
            name: self._items(layers, ("define", name))
            for name, layers in self._stacks.items()
            if self._is_stack_name(name)
        }
        self._refuse_circles(stacks)
        if isinstance(value, dict) and not (value and all(self._is_layer(key) for key in value)):
            return self._graph(value, stacks)
        items = list(self._items(value, ("model",)))
        entry = ModelInput(INPUT, path=("model",))
        if items and isinstance(items[0], Layer) and items[0].part.name == "Input":
            entry = ModelInput(INPUT, part=items[0].part, path=items.pop(0).path)
        return ModelSpec((entry,), tuple(items), (), chain=True, stacks=stacks)

    def _refuse(
        self, expected: str, value: object, path: Path, hint: str | None = None, kind: Kind | None = None
    ) -> None:
        """Add the error that a value is not of the type `expected`; with its kind, the hint is what was meant."""
        from nnrun.spec.constructs import EXPECTED
        from nnrun.spec.value_hints import value_hint

        hint = hint if kind is None else value_hint(kind, value, self._reader)

        self._add_error(path, f"expected {EXPECTED[expected]} for '{path[-1]}', received {format_value(value)}", hint)

    def _items(self, value: object, path: Path) -> tuple[StackItem, ...]:
        if not isinstance(value, list):
            self._refuse("stack", value, path, "start each layer on its own line with '- '")
            return ()
        if not value:
            text = "expected at least one layer, received an empty list"
            self._add_error(path, text, "write a layer, such as Dense: 8")
        read = [self._item(item, (*path, index)) for index, item in enumerate(value)]
        return tuple(item for item in read if item is not None)

    def _item(self, value: object, path: Path) -> StackItem | None:
        if isinstance(value, str) and value in self._stacks:
            return Use(value, share=False, sources=None, name=None, path=path)
        if isinstance(value, dict) and len(value) == 1:
            ((word, inner),) = value.items()
            if word in MACROS:
                return getattr(self, f"_{word}")(inner, (*path, word))  # type: ignore[no-any-return]
            if word in self._stacks:
                inner = {} if inner is None else inner
                return self._use({"stack": word, **inner} if isinstance(inner, dict) else inner, (*path, word))
        return self._layer(value, path)

    def _layer(self, value: object, path: Path) -> Layer | None:
        own, layer_keys = split_layer_keys(value)
        sources, call = None, {}
        if isinstance(value, dict) and layer_keys:
            (word,) = value
            sources = self._sources(layer_keys, (*path, word))
            call = self._call(word, layer_keys.get("call", {}), (*path, word, "call"))
        part = self._reader.part(("layers",), own, path, layer_keys)
        if part is None:
            return None
        self._name(part.arguments.get("name"), (*path, part.name, "name"))
        return Layer(part, sources, call, path)

    def _sources(self, values: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
        value = values.get("from")
        if value is None:
            return None
        names = [value] if isinstance(value, str) else value
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
        self._refuse("tensors", value, (*path, "from"), "write from: NAME, or from: [NAME, NAME]")
        return None

    def _call(self, word: str, value: object, path: Path) -> dict[str, Any]:
        entry = lookup.entry("layers", word)
        if not isinstance(value, dict):
            self._refuse("call", value, path, "write call: {training: false}")
            return {}
        for key in value:
            if entry is not None and key not in entry.call:
                hint = did_you_mean(str(key), list(entry.call)) or f"it has: {', '.join(entry.call) or 'none'}"
                self._add_error((*path, key), f"the call of {entry.name} has no argument '{key}'", hint, at_key=True)
        return dict(value)

    def _repeat(self, value: object, path: Path) -> Repeat | None:
        values = self._mapping("repeat", value, path)
        if values is None:
            return None
        times = values["times"]
        if not Integer(1, 1000).accepts(times) or isinstance(times, str):
            self._refuse("times", times, (*path, "times"), kind=Integer(1, 1000))
            return None
        layers = self._items(values["layers"], (*path, "layers"))
        return Repeat(times, layers, self._sources(values, path), self._name_of(values, path), path)

    def _residual(self, value: object, path: Path) -> Residual | None:
        values = self._mapping("residual", value, path)
        if values is None:
            return None
        shortcut = values.get("shortcut")
        short = self._items(shortcut, (*path, "shortcut")) if shortcut is not None else ()
        layers = self._items(values["layers"], (*path, "layers"))
        return Residual(layers, short, self._sources(values, path), self._name_of(values, path), path)

    def _use(self, value: object, path: Path) -> Use | None:
        values = self._mapping("use", {"stack": value} if isinstance(value, str) else value, path)
        if values is None:
            return None
        stack, share = values["stack"], values.get("share", False)
        if not isinstance(stack, str) or stack not in self._stacks:
            hint = did_you_mean(str(stack), map(str, self._stacks))
            hint = hint or "write it under define: at the top of the config"
            self._add_error((*path, "stack"), f"'define' has no stack {format_value(stack)}", hint)
            return None
        if not isinstance(share, bool):
            self._refuse("truth", share, (*path, "share"), kind=Boolean())
            return None
        return Use(stack, share, self._sources(values, path), self._name_of(values, path), path)

    def _mapping(self, construct: str, value: object, path: Path) -> dict[str, Any] | None:
        """Return `value` where it is a mapping with all required keys of a construct; refuse unknown keys."""
        # The table is loaded only where a config has a construct.
        from nnrun.spec.constructs import CONSTRUCTS

        keys, name = CONSTRUCTS[construct].keys, path[-1]
        hint = f"write {name}: {CONSTRUCTS[construct].example_value}"
        if not isinstance(value, dict):
            self._add_error(path, f"expected a mapping for '{name}', received {format_value(value)}", hint)
            return None
        meant = set[str | None]()
        for key in value:
            if key not in keys:
                from nnrun.spec.key_hints import key_hint

                near = key_hint(str(key), value[key], path, keys, self._reader)
                self._add_error((*path, key), f"'{name}' has no key '{key}'", near.text, at_key=True)
                meant.add(near.meant)
        missing = [key for key, one in keys.items() if one.required and key not in value]
        if missing and missing[0] not in meant:
            self._add_error(path, f"'{name}' needs '{missing[0]}', which is missing", hint, at_key=True)
        return None if missing else value

    def _name_of(self, values: Mapping[str, Any], path: Path) -> str | None:
        name = values.get("name")
        self._name(name, (*path, "name"))
        return name if isinstance(name, str) else None

    def _name(self, name: object, path: Path, *, at_key: bool = False) -> bool:
        """Refuse what cannot be the name of a layer, an input or a stack."""
        if (
            name is None
            or any(one.path == path for one in self._reader.errors)
            or (isinstance(name, str) and re.fullmatch(LAYER_NAME, name))
        ):
            return True
        text = f"expected a name of letters, digits, '_' and '-', received {format_value(name)}"
        legal = re.sub(r"[^A-Za-z0-9_-]+", "_", str(name)).strip("_-")
        legal = legal if re.match("[A-Za-z_]", legal) else f"layer_{legal}".strip("_")
        self._add_error(path, text, f"write {legal}", at_key=at_key)
        return False

    def _is_layer(self, word: object) -> bool:
        return isinstance(word, str) and (word in self._stacks or lookup.entry("layers", word) is not None)

    def _is_stack_name(self, name: str) -> bool:
        path = ("define", name)
        if not self._name(name, path, at_key=True):
            return False
        if name in MACROS or lookup.entry("layers", name) is not None:
            hint = f"choose another, such as my_{name.lower()}"
            self._add_error(path, f"'{name}' is the name of a layer or construct", hint, at_key=True)
            return False
        return True

    def _refuse_circles(self, stacks: Mapping[str, tuple[StackItem, ...]]) -> None:
        for name in stacks:
            circle = _circle(stacks, (name,), set())
            if circle is not None:
                text = f"the stack '{name}' uses itself: {' -> '.join(circle)}"
                hint = "a stack can only use stacks that do not use it"
                self._add_error(("define", name), text, hint, at_key=True)

    def _graph(self, value: dict[str, Any], stacks: dict[str, tuple[StackItem, ...]]) -> ModelSpec | None:
        values = self._mapping("model", value, ("model",))
        if values is None:
            return None
        inputs = self._inputs(values.get("inputs"))
        layers = self._items(values["layers"], ("model", "layers"))
        return ModelSpec(inputs, layers, self._outputs(values.get("outputs")), chain=False, stacks=stacks)

    def _inputs(self, value: object) -> tuple[ModelInput, ...]:
        path: Path = ("model", "inputs")
        if isinstance(value, dict) and value:
            return tuple(self._input(str(name), one, (*path, name)) for name, one in value.items())
        if value is not None:
            self._refuse("inputs", value, path, "write inputs: {picture: $image} or inputs: {facts: [age, bmi]}")
        return (ModelInput(INPUT, path=("model",)),)

    def _input(self, name: str, value: object, path: Path) -> ModelInput:
        self._name(name, path)
        if isinstance(value, str):
            if value.startswith("$"):
                return ModelInput(name, field=value, path=path)
            return ModelInput(name, (value,), path=path)
        if isinstance(value, list) and value and all(isinstance(column, str) for column in value):
            return ModelInput(name, tuple(value), path=path)
        if value is not None:
            text = f"expected a field such as $image, a column or a list of columns, received {format_value(value)}"
            self._add_error(path, text, f"write {name}: ['{value}']" if isinstance(value, int) else None)
        return ModelInput(name, path=path)

    def _outputs(self, value: object) -> tuple[OutputSpec, ...]:
        path: Path = ("model", "outputs")
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            value = dict.fromkeys(value)
        if not isinstance(value, dict) or not value:
            self._refuse("outputs", value, path, "write outputs: {price: {loss: mean_squared_error}}")
            return ()
        return tuple(self._output(str(name), one, (*path, name)) for name, one in value.items())

    def _output(self, name: str, value: object, path: Path) -> OutputSpec:
        values = {} if value is None else self._mapping("output", value, path) or {}
        loss = self._reader.part(("losses",), values["loss"], (*path, "loss")) if "loss" in values else None
        weight = values.get("weight", 1.0)
        if not Number(0).accepts(weight):
            self._refuse("weight", weight, (*path, "weight"), kind=Number(0))
            weight = 1.0
        words: dict[str, str | None] = {}
        for key, expected in (("from", "tensor"), ("target", "field")):
            word = values.get(key)
            if word is not None and not isinstance(word, str):
                self._refuse(expected, word, (*path, key), kind=String())
            words[key] = word if isinstance(word, str) else None
        metrics = self._metrics(values.get("metrics"), (*path, "metrics"))
        return OutputSpec(name, words["from"], words["target"], loss, float(weight), metrics, path)

    def _metrics(self, value: object, path: Path) -> tuple[Part, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            self._refuse("metrics_of_output", value, path, "write metrics: [accuracy]")
            return None
        read = [self._reader.part(("metrics",), metric, (*path, index)) for index, metric in enumerate(value)]
        return tuple(metric for metric in read if metric is not None)


def _circle(
    stacks: Mapping[str, tuple[StackItem, ...]], chain: tuple[str, ...], seen: set[str]
) -> tuple[str, ...] | None:
    """Return the chain of uses from a stack back to itself, or None."""
    for name in used_stacks(stacks.get(chain[-1], ())):
        if name == chain[0]:
            return (*chain, name)
        if name not in seen:
            seen.add(name)
            found = _circle(stacks, (*chain, name), seen)
            if found is not None:
                return found
    return None
