"""What the catalog knows of a name: `entry("layers", "Conv2D")`. Reads `catalog.json` once, when first asked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog.rules import REQUIRED, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nnrun.catalog.kinds import Kind

CATEGORIES = (
    "layers",
    "optimizers",
    "schedules",
    "losses",
    "metrics",
    "callbacks",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "sources",
    "preparation",
)

#: How a loss takes targets.
Targets = Literal["integer", "one_hot", "binary", "number"]


@dataclass(frozen=True)
class Parameter:
    """One argument of a part.

    Attributes:
        name: Keras' own name for it.
        required: Whether the part cannot be made without it.
        default: Its value where the config is silent, as JSON (a tuple is a list); None where it is required.
        summary: What it means, in one sentence; empty where Keras does not say.
        kind: What values it takes.
    """

    name: str
    required: bool
    default: object
    summary: str
    kind: Kind


@dataclass(frozen=True)
class Entry:
    """One thing that a config can name.

    Attributes:
        category: The category of the catalog.
        name: Its canonical name.
        summary: What it is, in one sentence.
        origin: Whether it is Keras', nnrun's own, or from a user's `--code`.
        parameters: Its arguments, in the order of its signature; those that every layer takes come last.
        call: For a layer, the arguments of its call other than its inputs, and what they mean.
        aliases: Other words for the same thing.
        is_function: Whether Keras has it as a function, not as a class.
        lone: The name of the parameter that takes a lone value (`Dropout: 0.2`), or None.
        refused: Why no config can use it, or None for all but a few.
        base: The entry of Keras' that a user's class descends from, or None.
        targets: How a user's loss takes targets (`integer`, `one_hot`, `binary`, `number`), or None.
    """

    category: str
    name: str
    summary: str
    origin: Literal["keras", "nnrun", "user"]
    parameters: Mapping[str, Parameter]
    call: Mapping[str, str]
    aliases: tuple[str, ...]
    is_function: bool
    lone: str | None = None
    refused: str | None = None
    base: str | None = None
    targets: Targets | None = None

    @property
    def first(self) -> Parameter | None:
        """The parameter that takes a lone value: the first of the signature."""
        return None if self.lone is None else self.parameters[self.lone]


#: The user's own entries by category and name, for as long as a command knows them.
_OWN: ContextVar[Mapping[tuple[str, str], Entry]] = ContextVar("_OWN", default=MappingProxyType({}))


@contextmanager
def with_entries(entries: Iterable[Entry]) -> Iterator[None]:
    """Know these entries, and no other ones of the user's, inside the `with` block; names of Keras' stay Keras'."""
    token = _OWN.set(MappingProxyType({(each.category, each.name): each for each in entries}))
    try:
        yield
    finally:
        _OWN.reset(token)


def entry(category: str, word: str) -> Entry | None:
    """The entry that `word` means in `category`, or None.

    Args:
        category: One of `CATEGORIES`.
        word: A canonical name or an alias (`adam`, `mse`, `Convolution2D`).
    """
    name = _index(category).get(word)
    return _OWN.get().get((category, word)) if name is None else _entry(category, name)


def names(category: str) -> tuple[str, ...]:
    """The canonical names of `category` that a config can use, sorted."""
    usable = tuple(name for name, raw in _entries(category).items() if "refused" not in raw)
    return tuple(sorted((*usable, *_own_names(category)))) if _OWN.get() else usable


def words(category: str) -> tuple[str, ...]:
    """The names of `category` and their aliases that a config can use, sorted."""
    usable = frozenset(names(category))
    return tuple(sorted((*(word for word, name in _index(category).items() if name in usable), *_own_names(category))))


def find(word: str) -> tuple[Entry, ...]:
    """Every entry that `word` means in any category, in any case where none is spelt exactly so."""
    exact = tuple(found for category in CATEGORIES if (found := entry(category, word)))
    return exact or tuple(
        found for category in CATEGORIES for name in _spelt_like(category, word) if (found := entry(category, name))
    )


def _spelt_like(category: str, word: str) -> tuple[str, ...]:
    known = {**_index(category), **{name: name for name in _own_names(category)}}
    return tuple(sorted({name for spelt, name in known.items() if spelt.lower() == word.lower()}))


def _own_names(category: str) -> tuple[str, ...]:
    return tuple(name for of, name in _OWN.get() if of == category)


@cache
def catalog() -> Mapping[str, Any]:
    """The committed file as plain data."""
    text = Path(__file__).with_name("catalog.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


def _entries(category: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = catalog()["entries"][category]
    return found


@cache
def _index(category: str) -> Mapping[str, str]:
    """Every word of a category with the canonical name that it means."""
    aliases = {alias: name for name, raw in _entries(category).items() for alias in raw["aliases"]}
    return MappingProxyType({**aliases, **{name: name for name in _entries(category)}})


@cache
def _entry(category: str, name: str) -> Entry:
    raw = _entries(category)[name]
    own = raw["parameters"]
    taken = {**own, **_further(raw)} if raw.get("takes_layer_parameters") else own
    return Entry(
        category=category,
        name=name,
        summary=raw["summary"],
        origin=raw["origin"],
        parameters=MappingProxyType({key: _parameter(category, name, key, item) for key, item in taken.items()}),
        call=MappingProxyType(raw.get("call", {})),
        aliases=tuple(raw["aliases"]),
        is_function=raw["function"],
        lone=next(iter(own), None),
        refused=raw.get("refused"),
    )


def _further(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a layer takes because every layer does, beside its own arguments."""
    known = {*raw["parameters"], *raw.get("layer_parameters_not_taken", ())}
    return {key: item for key, item in catalog()["layer_parameters"].items() if key not in known}


def _parameter(category: str, name: str, key: str, raw: Mapping[str, Any]) -> Parameter:
    default = raw.get("default")
    return Parameter(
        key,
        "default" not in raw,
        default,
        raw["summary"],
        kind_of(category, name, key, raw.get("default", REQUIRED), raw.get("annotation")),
    )
