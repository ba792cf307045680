"""Reads `model:` and `define:` into a tree, and says all that is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import Integer, Number
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show
from nnrun.spec.graph import INPUT, Entrance
from nnrun.spec.parts import BESIDE
from nnrun.spec.stack import Item, Layer, Model, Output, Repeat, Residual, Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.errors import Path
    from nnrun.spec.part import Part
    from nnrun.spec.parts import Reader

_MACROS = ("repeat", "residual", "use")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MODEL_KEYS = ("inputs", "layers", "outputs")
_OUTPUT_KEYS = ("from", "target", "loss", "weight", "metrics")


class ModelReader:
    """Reads one config's model; complaints go to `reader`, with paths from the config's root.

    Args:
        reader: Reads parts and keeps complaints.
        stacks: The names that `define:` gives.
    """

    def __init__(self, reader: Reader, stacks: Mapping[str, Any]) -> None:
        self._reader = reader
        self._known = stacks

    def model(self, value: object) -> Model | None:
        """Read `model:`; None where it is neither a list nor a mapping."""
        stacks = {
            name: self.items(said, ("define", name)) for name, said in self._known.items() if self._definable(name)
        }
        self._refuse_circles(stacks)
        if isinstance(value, dict) and not (value and all(self._is_layer(key) for key in value)):
            return self._graph(value, stacks)
        items = list(self.items(value, ("model",)))
        entrance = Entrance(INPUT, path=("model",))
        if items and isinstance(items[0], Layer) and items[0].part.name == "Input":
            entrance = Entrance(INPUT, part=items[0].part, path=items.pop(0).path)
        return Model((entrance,), tuple(items), (), chain=True, stacks=stacks)

    def items(self, value: object, path: Path) -> tuple[Item, ...]:
        """Read a list of layers."""
        if not isinstance(value, list):
            self._reader.complain(
                path, f"expected a list of layers, received {show(value)}", "start each layer on its own line with '- '"
            )
            return ()
        if not value:
            self._reader.complain(
                path, "expected at least one layer, received an empty list", "write a layer, such as Dense: 8"
            )
        read = [self._item(item, (*path, index)) for index, item in enumerate(value)]
        return tuple(item for item in read if item is not None)

    def _item(self, value: object, path: Path) -> Item | None:
        if isinstance(value, str) and value in self._known:
            return Use(value, share=False, takes=None, name=None, path=path)
        if isinstance(value, dict) and len(value) == 1:
            ((word, inner),) = value.items()
            if word in _MACROS:
                return getattr(self, f"_{word}")(inner, (*path, word))  # type: ignore[no-any-return]
            if word in self._known:
                return self._use({"stack": word, **inner} if isinstance(inner, dict) else inner, (*path, word))
        return self._layer(value, path)

    def _layer(self, value: object, path: Path) -> Layer | None:
        takes, call, plain, beside = None, {}, value, {}
        if isinstance(value, dict) and len(value) == 1:
            ((word, inner),) = value.items()
            if isinstance(inner, dict):
                plain = {word: {key: item for key, item in inner.items() if key not in BESIDE}}
                beside = {key: item for key, item in inner.items() if key in BESIDE}
                takes = self._takes(inner, (*path, word))
                call = self._call(word, inner.get("call", {}), (*path, word, "call"))
        part = self._reader.part(("layers",), plain, path, beside)
        if part is None:
            return None
        self._name(part.arguments.get("name"), (*path, part.name, "name"))
        return Layer(part, takes, call, path)

    def _takes(self, said: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
        value = said.get("from")
        if value is None:
            return None
        names = [value] if isinstance(value, str) else value
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
        self._reader.complain(
            (*path, "from"),
            f"expected the name of a layer or input, or a list of names, received {show(value)}",
            "write from: NAME, or from: [NAME, NAME]",
        )
        return None

    def _call(self, word: str, value: object, path: Path) -> dict[str, Any]:
        entry = lookup.entry("layers", word)
        if not isinstance(value, dict):
            self._reader.complain(
                path,
                f"expected a mapping of arguments of the layer's call, received {show(value)}",
                "write call: {training: false}",
            )
            return {}
        for key in value:
            if entry is not None and key not in entry.call:
                known = ", ".join(entry.call) or "none"
                self._reader.complain(
                    (*path, key),
                    f"the call of {entry.name} has no argument '{key}'",
                    did_you_mean(str(key), list(entry.call)) or f"it has: {known}",
                    at_key=True,
                )
        return dict(value)

    def _repeat(self, value: object, path: Path) -> Repeat | None:
        said = self._mapping(value, path, ("times", "layers"), ("name", "from"), "{times: 3, layers: [...]}")
        if said is None:
            return None
        if not Integer(1, 1000).accepts(said["times"]) or isinstance(said["times"], str):
            self._reader.complain(
                (*path, "times"), f"expected an integer from 1 to 1000 for 'times', received {show(said['times'])}"
            )
            return None
        return Repeat(
            said["times"],
            self.items(said["layers"], (*path, "layers")),
            self._takes(said, path),
            self._name_of(said, path),
            path,
        )

    def _residual(self, value: object, path: Path) -> Residual | None:
        said = self._mapping(value, path, ("layers",), ("shortcut", "name", "from"), "{layers: [...], shortcut: [...]}")
        if said is None:
            return None
        shortcut = self.items(said["shortcut"], (*path, "shortcut")) if said.get("shortcut") is not None else ()
        return Residual(
            self.items(said["layers"], (*path, "layers")),
            shortcut,
            self._takes(said, path),
            self._name_of(said, path),
            path,
        )

    def _use(self, value: object, path: Path) -> Use | None:
        value = (
            {"stack": value}
            if isinstance(value, str)
            else {"stack": path[-1]}
            if value is None and path[-1] != "use"
            else value
        )
        said = self._mapping(value, path, ("stack",), ("share", "name", "from"), "{stack: NAME, share: true}")
        if said is None:
            return None
        if said["stack"] not in self._known:
            known = [str(name) for name in self._known]
            self._reader.complain(
                (*path, "stack"),
                f"'define' has no stack {show(said['stack'])}",
                did_you_mean(str(said["stack"]), known) or "write it under define: at the top of the config",
            )
            return None
        share = said.get("share", False)
        if not isinstance(share, bool):
            self._reader.complain((*path, "share"), f"expected true or false for 'share', received {show(share)}")
            return None
        return Use(said["stack"], share, self._takes(said, path), self._name_of(said, path), path)

    def _mapping(
        self, value: object, path: Path, needed: tuple[str, ...], more: tuple[str, ...], example: str
    ) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self._reader.complain(
                path, f"expected a mapping for '{path[-1]}', received {show(value)}", f"write {path[-1]}: {example}"
            )
            return None
        known = (*needed, *more)
        for key in value:
            if key not in known:
                self._reader.complain(
                    (*path, key),
                    f"'{path[-1]}' has no key '{key}'",
                    did_you_mean(str(key), known) or f"known here: {', '.join(known)}",
                    at_key=True,
                )
        missing = [key for key in needed if key not in value]
        if missing:
            self._reader.complain(
                path,
                f"'{path[-1]}' needs '{missing[0]}', which is missing",
                f"write {path[-1]}: {example}",
                at_key=True,
            )
            return None
        return value

    def _name_of(self, said: Mapping[str, Any], path: Path) -> str | None:
        name = said.get("name")
        self._name(name, (*path, "name"))
        return name if isinstance(name, str) else None

    def _name(self, name: object, path: Path) -> None:
        if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
            self._reader.complain(
                path,
                f"expected a name of letters, digits, '_' and '-', received {show(name)}",
                "names are said by from:, where a dot chooses an output",
            )

    def _is_layer(self, word: object) -> bool:
        return isinstance(word, str) and (word in self._known or lookup.entry("layers", word) is not None)

    def _definable(self, name: object) -> bool:
        path: Path = ("define", str(name))
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self._reader.complain(
                path, f"expected a name of letters, digits, '_' and '-', received {show(name)}", at_key=True
            )
            return False
        if name in _MACROS or lookup.entry("layers", name) is not None:
            self._reader.complain(
                path,
                f"'{name}' is a name that there is already",
                f"choose another, such as my_{name.lower()}",
                at_key=True,
            )
            return False
        return True

    def _refuse_circles(self, stacks: Mapping[str, tuple[Item, ...]]) -> None:
        for name in stacks:
            circle = _circle(stacks, (name,))
            if circle is not None:
                self._reader.complain(
                    ("define", name),
                    f"the stack '{name}' uses itself: {' -> '.join(circle)}",
                    "a stack can only use stacks that do not use it",
                    at_key=True,
                )

    def _graph(self, value: dict[str, Any], stacks: dict[str, tuple[Item, ...]]) -> Model | None:
        if (
            self._mapping(
                value, ("model",), ("layers",), ("inputs", "outputs"), "{inputs: {...}, layers: [...], outputs: {...}}"
            )
            is None
        ):
            return None
        inputs = self._inputs(value.get("inputs"))
        layers = self.items(value["layers"], ("model", "layers"))
        return Model(inputs, layers, self._outputs(value.get("outputs")), chain=False, stacks=stacks)

    def _inputs(self, value: object) -> tuple[Entrance, ...]:
        path: Path = ("model", "inputs")
        if value is None:
            return (Entrance(INPUT, path=("model",)),)
        if not isinstance(value, dict) or not value:
            self._reader.complain(
                path,
                f"expected a mapping of names to fields or columns, received {show(value)}",
                "write inputs: {picture: $image} or inputs: {facts: [age, bmi]}",
            )
            return (Entrance(INPUT, path=("model",)),)
        return tuple(self._entrance(str(name), said, (*path, name)) for name, said in value.items())

    def _entrance(self, name: str, said: object, path: Path) -> Entrance:
        self._name(name, path)
        if said is None:
            return Entrance(name, path=path)
        if isinstance(said, str):
            return Entrance(name, field=said, path=path) if said.startswith("$") else Entrance(name, (said,), path=path)
        if isinstance(said, list) and said and all(isinstance(column, str) for column in said):
            return Entrance(name, tuple(said), path=path)
        self._reader.complain(
            path, f"expected a field such as $image, a column or a list of columns, received {show(said)}"
        )
        return Entrance(name, path=path)

    def _outputs(self, value: object) -> tuple[Output, ...]:
        path: Path = ("model", "outputs")
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            value = dict.fromkeys(value)
        if not isinstance(value, dict) or not value:
            self._reader.complain(
                path,
                f"expected a mapping of names to losses, received {show(value)}",
                "write outputs: {price: {loss: mean_squared_error}}",
            )
            return ()
        return tuple(self._output(str(name), said, (*path, name)) for name, said in value.items())

    def _output(self, name: str, value: object, path: Path) -> Output:
        said = (
            {}
            if value is None
            else self._mapping(value, path, (), _OUTPUT_KEYS, "{loss: ..., weight: 1.0, metrics: [...]}") or {}
        )
        loss = self._reader.part(("losses",), said["loss"], (*path, "loss")) if "loss" in said else None
        weight = said.get("weight", 1.0)
        if not Number(0).accepts(weight):
            self._reader.complain(
                (*path, "weight"), f"expected {Number(0).expects} for 'weight', received {show(weight)}"
            )
            weight = 1.0
        for key in ("from", "target"):
            if said.get(key) is not None and not isinstance(said[key], str):
                self._reader.complain((*path, key), f"expected a name for '{key}', received {show(said[key])}")
        return Output(
            name,
            _text(said.get("from")),
            _text(said.get("target")),
            loss,
            float(weight),
            self._metrics(said, path),
            path,
        )

    def _metrics(self, said: Mapping[str, Any], path: Path) -> tuple[Part, ...] | None:
        if said.get("metrics") is None:
            return None
        if not isinstance(said["metrics"], list):
            self._reader.complain(
                (*path, "metrics"),
                f"expected a list of metrics, received {show(said['metrics'])}",
                "write metrics: [accuracy]",
            )
            return None
        read = [
            self._reader.part(("metrics",), metric, (*path, "metrics", index))
            for index, metric in enumerate(said["metrics"])
        ]
        return tuple(metric for metric in read if metric is not None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _circle(
    stacks: Mapping[str, tuple[Item, ...]], chain: tuple[str, ...], seen: set[str] | None = None
) -> tuple[str, ...] | None:
    """Give the way from a stack back to itself, or None."""
    seen = set() if seen is None else seen
    for name in _used(stacks.get(chain[-1], ())):
        if name == chain[0]:
            return (*chain, name)
        if name not in seen:
            seen.add(name)
            found = _circle(stacks, (*chain, name), seen)
            if found is not None:
                return found
    return None


def _used(items: Sequence[Item]) -> set[str]:
    used: set[str] = set()
    for item in items:
        if isinstance(item, Use):
            used.add(item.stack)
        elif isinstance(item, Repeat):
            used |= _used(item.layers)
        elif isinstance(item, Residual):
            used |= _used(item.layers) | _used(item.shortcut)
    return used
