"""Completion of dotted paths such as `--set training.opt`, with the keys and values of one config.

The keys of sections come from their classes, those of parts from the catalog, indexes and the rest from the config.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog import docstrings, lookup
from nnrun.catalog.kinds import AnyOf, AnyValue, Boolean, Choice, Kind, ListOf, MappingOf, Null, PartOf
from nnrun.catalog.lookup import Entry
from nnrun.config import dotted
from nnrun.config.dump import dump_inline
from nnrun.spec.experiment import Experiment
from nnrun.spec.findings.explanations import silenceable
from nnrun.spec.part_form import part_categories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.section import Section

_LAYER = PartOf(("layers",))


@dataclass(frozen=True)
class _Place:
    """One place in a config.

    Attributes:
        kind: What it accepts: a kind, a section, or the arguments of an entry of the catalog.
        value: Its value; None where it has none.
        meaning: What it is for.
    """

    kind: Kind | type[Section] | Entry
    value: Any
    meaning: str = ""


def complete_setting(data: dict[str, Any], typed: str) -> list[tuple[str, str]]:
    """Return the completions of `PATH=VALUE`: whole words that begin with `typed`, each with its meaning.

    A path with keys below it ends with a dot, one that accepts a value with `=`, a list that can be extended with `+=`.
    """
    path, equals, start = typed.partition("=")
    if not equals:
        return [(word + end, place.meaning) for word, place in _words(data, typed) for end in _ends(place)]
    place = _at(data, dotted.split_path(path.removesuffix("+")))
    if place is not None and path.endswith("+"):
        place = _Place(_item(place.kind), None)
    values = dict.fromkeys(_values(place)) if place is not None else {}
    if path == "silence+":
        values = dict.fromkeys(silenceable())
    return [(f"{path}={value}", "") for value in values if value.startswith(start)]


def complete_path(data: dict[str, Any], typed: str) -> list[tuple[str, str]]:
    """Return the paths that begin with `typed`, each with its meaning; one with keys below it once more with a dot."""
    return [
        (word + end, place.meaning)
        for word, place in _words(data, typed)
        for end in (("", ".") if _inside(place) else ("",))
    ]


def _words(data: dict[str, Any], typed: str) -> Iterator[tuple[str, _Place]]:
    head, dot, _ = typed.rpartition(".")
    above = _at(data, dotted.split_path(head) if dot else [])
    for name, place in _inside(above).items() if above is not None else ():
        word = f"{head}{dot}{name}"
        if word.startswith(typed):
            yield word, place


def _at(data: dict[str, Any], words: list[str]) -> _Place | None:
    place: _Place | None = _Place(Experiment, data)
    for word in words:
        place = _inside(place).get(word) if place is not None else None
    return place


def _inside(place: _Place) -> dict[str, _Place]:
    kind, value = place.kind, place.value
    known = value if isinstance(value, dict) else {}
    if isinstance(kind, type):
        meanings = docstrings.arguments(kind.__doc__, "Attributes")
        keys = kind.known_keys().items()
        return {name: _Place(key.kind, known.get(name), meanings.get(name, "")) for name, key in keys}
    if isinstance(kind, Entry):
        if value is not None and not isinstance(value, dict):
            return {}
        return {name: _Place(one.kind, known.get(name), one.summary) for name, one in kind.parameters.items()}
    if isinstance(value, list):
        return {str(index): _Place(_item(kind), item) for index, item in enumerate(value)}
    return _part(kind, value) or {key: _Place(_item(kind), item) for key, item in known.items()}


def _part(kind: Kind, value: Any) -> dict[str, _Place]:
    """Return the one word of a part: after `training.optimizer` comes `Adam` where it is Adam."""
    word, inner = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else (value, None)
    found = (lookup.entry(category, word) for category in part_categories(kind) if isinstance(word, str))
    entry = next((one for one in found if one is not None), None)
    return {} if entry is None else {word: _Place(entry, inner, entry.summary)}


def _item(kind: Kind | type[Section] | Entry) -> Kind:
    """Return the kind of the items of a list or a mapping; items of unknown kind are taken for layers."""
    if isinstance(kind, ListOf | MappingOf):
        return kind.item
    if isinstance(kind, AnyOf):
        return next((_item(one) for one in kind.kinds if isinstance(one, ListOf | MappingOf)), AnyValue())
    return _LAYER


def _ends(place: _Place) -> list[str]:
    deeper = ["."] if _inside(place) else []
    whole = isinstance(place.kind, type) or (isinstance(place.kind, Entry) and not isinstance(place.value, int | float))
    grows = ["+="] if isinstance(place.kind, ListOf) or isinstance(place.value, list) else []
    return [*deeper, *([] if whole and deeper else ["="]), *grows]


def _values(place: _Place) -> Iterator[str]:
    """Yield the value that is there, and all other values of a kind that has few."""
    if place.value is not None and not isinstance(place.value, dict | list):
        yield dump_inline(place.value)
    kind = place.kind
    if isinstance(kind, Entry):
        yield from _listed(kind.first_parameter.kind) if kind.first_parameter is not None else ()
    elif not isinstance(kind, type):
        yield from _listed(kind)


def _listed(kind: Kind) -> Iterator[str]:
    if isinstance(kind, AnyOf):
        for one in kind.kinds:
            yield from _listed(one)
    elif isinstance(kind, PartOf):
        for category in kind.categories:
            yield from lookup.names_and_aliases(category)
    elif isinstance(kind, Choice):
        yield from (dump_inline(option) for option in kind.options)
    elif isinstance(kind, Boolean):
        yield from ("true", "false")
    elif isinstance(kind, Null):
        yield "null"
