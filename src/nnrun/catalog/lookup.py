"""Entries of the catalog by name: `entry("layers", "Conv2D")`. Its files are read once, at first use.

`catalog.json` holds what Keras and nnrun offer; `sklearn/MAJOR.MINOR.json` the transformers of a release of
scikit-learn, which are preparation steps; `hub.json` the backbones of Keras Hub, which are layers.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog.constraints import TARGET_WORD, kind_from_constraints
from nnrun.catalog.rules import KINDS_OF_FILES, REQUIRED, kind_of

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
    "ops",
    "sources",
    "preparation",
)

#: Forms of targets that a loss expects.
Targets = Literal["integer", "one_hot", "binary", "number"]


@dataclass(frozen=True)
class Parameter:
    """One argument of a part.

    Attributes:
        name: Keras' own name for it.
        required: Whether it has no default.
        default: Its default as JSON (a tuple is a list); None where it is required.
        summary: Its description in one sentence; empty where Keras has none.
        kind: The kind of its values.
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
        summary: Its description in one sentence.
        origin: `keras`, `keras_hub`, `nnrun`, `sklearn`, or `user` for code given with `--code`.
        parameters: Its parameters in the order of its signature; those of every layer come last.
        call: For a layer, the arguments of its call other than its inputs, with their descriptions.
        aliases: Other names for the same thing.
        is_function: Whether it is a function rather than a class.
        positional: The name of the parameter that a single value sets (`Dropout: 0.2`), or None.
        refused: Why a config cannot use it, or None.
        base: The name of the Keras class that a user's class descends from, or None.
        targets: The form of targets that a user's loss expects (`integer`, `one_hot`, ...), or None.
        application: For a model of `keras.applications`, the module of its `preprocess_input`; None for others.
        hub: For a backbone of Keras Hub: the argument that is the shape of its pictures (`shape_argument`; None for
            one of text), the arguments that it needs without a preset (`required`), those of a small one (`example`),
            and whether its inner layers cannot be saved one by one (`whole`). None for others.
        unsaved: The attributes in which a user's callback remembers what no saved state has.
        traits: What is known of a transformer of scikit-learn without importing it: what it takes (`input`), how its
            columns are named (`names`), whether it needs the target, allows or fills in missing values, can be fitted
            in parts (`streams`), inverted, or is random.
        module: The public module of a transformer of scikit-learn.
        tensors: For an operation, its arguments that are tensors and have no default.
        optional_tensors: For an operation, its arguments that are tensors and have one.
        listed: Whether an operation takes its tensors as one list.
    """

    category: str
    name: str
    summary: str
    origin: Literal["keras", "keras_hub", "nnrun", "sklearn", "user"]
    parameters: Mapping[str, Parameter]
    call: Mapping[str, str]
    aliases: tuple[str, ...]
    is_function: bool
    positional: str | None = None
    refused: str | None = None
    base: str | None = None
    targets: Targets | None = None
    application: str | None = None
    hub: Mapping[str, Any] | None = None
    unsaved: tuple[str, ...] = ()
    traits: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""
    tensors: tuple[str, ...] = ()
    optional_tensors: tuple[str, ...] = ()
    listed: bool = False

    @property
    def first_parameter(self) -> Parameter | None:
        """The parameter that a single value sets: the first of the signature."""
        return None if self.positional is None else self.parameters[self.positional]


#: Entries from the user's code by category and name.
_USER_ENTRIES: ContextVar[Mapping[tuple[str, str], Entry]] = ContextVar("_USER_ENTRIES", default=MappingProxyType({}))


@contextmanager
def with_user_entries(entries: Iterable[Entry]) -> Iterator[None]:
    """Add entries from the user's code inside the `with` block; they replace those of an outer block."""
    token = _USER_ENTRIES.set(MappingProxyType({(each.category, each.name): each for each in entries}))
    try:
        yield
    finally:
        _USER_ENTRIES.reset(token)


def has_user_entries() -> bool:
    """Return whether there is code of the user's."""
    return bool(_USER_ENTRIES.get())


def entry(category: str, name: str) -> Entry | None:
    """Return the entry of a name, or None.

    Args:
        category: One of `CATEGORIES`.
        name: A canonical name or an alias (`adam`, `mse`, `Convolution2D`).
    """
    canonical = _canonical_names(category).get(name)
    return _USER_ENTRIES.get().get((category, name)) if canonical is None else _entry(category, canonical)


def names(category: str) -> tuple[str, ...]:
    """Return the canonical names of `category` that a config can use, sorted."""
    usable = tuple(name for name, raw in _entries(category).items() if "refused" not in raw)
    return tuple(sorted((*usable, *_user_names(category)))) if _USER_ENTRIES.get() else usable


def names_and_aliases(category: str) -> tuple[str, ...]:
    """Return the names of `category` and their aliases that a config can use, sorted."""
    usable = frozenset(names(category))
    known = _canonical_names(category).items()
    return tuple(sorted((*(alias for alias, name in known if name in usable), *_user_names(category))))


def find(name: str) -> tuple[Entry, ...]:
    """Return the entries of a name in all categories; without an exact match, those that differ in case only."""
    exact = tuple(found for category in CATEGORIES if (found := entry(category, name)))
    return exact or tuple(
        found
        for category in CATEGORIES
        for other in _ignoring_case(category, name)
        if (found := entry(category, other))
    )


def _ignoring_case(category: str, name: str) -> tuple[str, ...]:
    known = {**_canonical_names(category), **{each: each for each in _user_names(category)}}
    return tuple(sorted({canonical for each, canonical in known.items() if each.lower() == name.lower()}))


def _user_names(category: str) -> tuple[str, ...]:
    return tuple(name for of, name in _USER_ENTRIES.get() if of == category)


@cache
def catalog() -> Mapping[str, Any]:
    """Return `catalog.json` as plain data."""
    text = Path(__file__).with_name("catalog.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


@cache
def hub_catalog() -> Mapping[str, Any]:
    """Return `hub.json` as plain data: the backbones of Keras Hub, whether or not its package is installed."""
    text = Path(__file__).with_name("hub.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


@cache
def sklearn_catalog() -> Mapping[str, Any]:
    """Return the transformers of the installed release of scikit-learn; of the nearest one if it has no file."""
    files = {_release(file.stem): file for file in Path(__file__).with_name("sklearn").glob("*.json")}
    try:
        installed = _release(version("scikit-learn"))
    except PackageNotFoundError:
        installed = max(files)
    older = [release for release in files if release <= installed]
    return MappingProxyType(json.loads(files[max(older, default=min(files))].read_text(encoding="utf-8")))


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


@cache
def _entries(category: str) -> Mapping[str, Any]:
    own: Mapping[str, Any] = catalog()["entries"][category]
    others = {"preparation": sklearn_catalog, "layers": hub_catalog}
    if category not in others:
        return own
    return MappingProxyType(dict(sorted({**others[category]()["entries"], **own}.items())))


@cache
def _canonical_names(category: str) -> Mapping[str, str]:
    """Return the canonical name of every name and alias of a category."""
    aliases = {alias: name for name, raw in _entries(category).items() for alias in raw["aliases"]}
    return MappingProxyType({**aliases, **{name: name for name in _entries(category)}})


@cache
def _entry(category: str, name: str) -> Entry:
    raw = _entries(category)[name]
    own = raw["parameters"]
    parameters = {**own, **_layer_parameters(raw)} if raw.get("takes_layer_parameters") else own
    return Entry(
        category=category,
        name=name,
        summary=raw["summary"],
        origin=raw["origin"],
        parameters=MappingProxyType({key: _parameter(category, name, key, item) for key, item in parameters.items()}),
        call=MappingProxyType(raw.get("call", {})),
        aliases=tuple(raw["aliases"]),
        is_function=raw["function"],
        positional=next(iter(own), None),
        refused=raw.get("refused"),
        traits=MappingProxyType(raw.get("traits", {})),
        module=raw.get("module", ""),
        tensors=tuple(raw.get("tensors", ())),
        optional_tensors=tuple(raw.get("optional_tensors", ())),
        listed=raw.get("listed", False),
        application=raw.get("application"),
        hub=raw.get("hub"),
    )


def _layer_parameters(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a layer inherits from the base class of all layers."""
    known = {*raw["parameters"], *raw.get("layer_parameters_not_taken", ())}
    return {key: item for key, item in catalog()["layer_parameters"].items() if key not in known}


def _parameter(category: str, name: str, key: str, raw: Mapping[str, Any]) -> Parameter:
    if (name, key) == ("OneHotEncoder", "columns"):
        kind: Kind = TARGET_WORD
    elif "kind" in raw:
        kind = KINDS_OF_FILES[raw["kind"]]
    elif "constraints" in raw:
        kind = kind_from_constraints(raw["constraints"])
    else:
        kind = kind_of(category, name, key, raw.get("default", REQUIRED), raw.get("annotation"))
    return Parameter(key, "default" not in raw, raw.get("default"), raw["summary"], kind)
