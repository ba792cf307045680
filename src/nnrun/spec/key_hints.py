"""Hints for keys that a section or a part does not have: which one has them, and the line to write there.

One rule over all keys of sections and all arguments of the catalog's parts, in this order: what the same mapping calls
otherwise, a key of another section, an argument of a part that the config has, a part, an argument of any part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from nnrun.catalog import keras1, lookup, other_names
from nnrun.catalog.kinds import singular
from nnrun.config.dotted import join_path
from nnrun.config.dump import dump_inline
from nnrun.config.hints import nearest
from nnrun.config.intended_values import readings
from nnrun.spec.part_form import LAYER_KEYS, part_categories, split_layer_keys
from nnrun.spec.part_hints import part_as_plain, place_of, value_at, with_article
from nnrun.spec.reader import KnownKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nnrun.catalog.kinds import Kind
    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Path
    from nnrun.spec.reader import Reader

#: A key with its value behind it, but without colon and space: `units:4`, `units 4`, `units=4`.
_GLUED = re.compile(r"([A-Za-z]\w*)\s*(?::|=|\s)\s*(\S.*)")
#: A longer line is not shown; its place is.
_MAX_LINE = 100
#: An entry with at most so many arguments has them in the hint.
_FEW_ARGUMENTS = 12
#: Where a config has parts; `*` is any item of a list.
_PARTS: tuple[tuple[Path, str], ...] = (
    (("training", "optimizer"), "optimizers"),
    (("training", "callbacks", "*"), "callbacks"),
    (("model", "*"), "layers"),
    (("model", "layers", "*"), "layers"),
    (("data", "source"), "sources"),
    (("data", "prepare", "*"), "preparation"),
    (("training", "loss"), "losses"),
    (("training", "metrics", "*"), "metrics"),
)
#: Categories whose parts may be written as keys by mistake, the likeliest first.
_AS_KEYS = ("layers", "optimizers", "callbacks", "losses", "metrics", "sources", "preparation", "schedules")


#: Categories whose parts say by themselves which key they are the value of.
_AS_VALUES = ("optimizers", "schedules", "losses", "callbacks")


@dataclass(frozen=True)
class KeyHint:
    """What to do about an unknown key.

    Attributes:
        text: The hint.
        meant: The key of the same mapping that is probably meant, or None.
    """

    text: str
    meant: str | None = None


def key_hint(word: str, value: object, path: Path, known: Iterable[str], reader: Reader) -> KeyHint:
    """Return the hint for a key that a section or construct does not have.

    Args:
        word: The key.
        value: Its value.
        path: The place of the mapping.
        known: The keys that the mapping may have.
        reader: The reader of the config.
    """
    keys, unknown = [str(key) for key in known], _UnknownKey(word, value, path, reader)
    hints = chain(
        unknown.glued(keys),
        unknown.needless_here(),
        unknown.items_of_list(),
        unknown.by_other_names_here(keys),
        unknown.in_sections(word),
        unknown.by_other_names(keys),
        unknown.of_keras1(keys),
        unknown.needless(),
        unknown.near(keys),
        unknown.in_parts(),
        unknown.by_value(),
    )
    listed = f"known here: {', '.join(keys)}" if keys else "leave it out"
    return next(hints, KeyHint(listed))


def argument_hint(entry: Entry, word: str, value: object, path: Path, reader: Reader) -> KeyHint:
    """Return the hint for an argument that a part does not have; for the arguments see `key_hint`."""
    of_layer = LAYER_KEYS if entry.category == "layers" else ()
    keys, unknown = [*entry.parameters, *of_layer], _UnknownKey(word, value, path, reader)
    hints = chain(
        unknown.glued(keys),
        unknown.items_of_list(),
        unknown.of_inner_part(entry),
        unknown.renamed(entry),
        unknown.of_call(entry),
        unknown.nested(entry),
        unknown.near(keys),
        unknown.in_sections(word, fitting_only=True),
        unknown.part_itself(),
        unknown.by_other_names([]),
    )
    some = f"it has: {', '.join(entry.parameters)}" if keys else f"write {entry.name} alone"
    return next(hints, KeyHint(some if len(keys) <= _FEW_ARGUMENTS else f"nnrun explain {entry.name}"))


def section_hint(word: str, value: object, path: Path, reader: Reader) -> str | None:
    """Return the hint for a key of a section in place of a part, or None."""
    found = next(_UnknownKey(word, value, path, reader).in_sections(word), None)
    return None if found is None else found.text


class _UnknownKey:
    """One unknown key; each method yields the hints that its rule has, the likeliest first."""

    def __init__(self, word: str, value: object, path: Path, reader: Reader) -> None:
        self._word, self._value, self._path = word, value, path
        self._reader, self._config = reader, reader.config
        self._is_option = reader.is_option((*path, word))

    def glued(self, keys: list[str]) -> Iterator[KeyHint]:
        """A key of the mapping with its value glued to it: `units:4`."""
        found = _GLUED.fullmatch(self._word) if self._value is None else None
        key = next((one for one in keys if found and other_names.squeeze(one) == other_names.squeeze(found[1])), None)
        if found is not None and key is not None:
            meant = next(readings(found[2]), found[2])
            yield KeyHint(f"write {key}: {dump_inline(meant)}, with a space after the colon", key)

    def near(self, keys: list[str]) -> Iterator[KeyHint]:
        """A misspelled key."""
        yield from (KeyHint(f"Did you mean '{key}'?", key) for key in nearest(self._word, keys))

    def renamed(self, entry: Entry) -> Iterator[KeyHint]:
        """An argument that the part has under another name, or needs not."""
        name = other_names.argument_name(entry, self._word)
        if name is not None:
            yield self._called(name, entry.parameters[name].kind)
        elif entry.category == "layers" and (key := other_names.layer_key(self._word)) is not None:
            yield self._called(key, None)
        elif other_names.is_left_out(entry, self._word):
            yield KeyHint(f"leave it out, {entry.name} needs no '{self._word}' here")

    def of_call(self, entry: Entry) -> Iterator[KeyHint]:
        """An argument of the layer's call, or a part of its name."""
        if len(self._word) >= 4:
            names = [name for name in entry.call if self._word in name]
            yield from (KeyHint(f"write call: {dump_inline({name: self._value})}") for name in names)

    def items_of_list(self) -> Iterator[KeyHint]:
        """A word after a comma that was meant as the next item of a list: `{from: a, b}`."""
        held = value_at(self._config, self._path)
        before = list(held) if isinstance(held, dict) and self._value is None else []
        at = before.index(self._word) if self._word in before else 0
        if at and not isinstance(held[before[at - 1]], dict | list) and held[before[at - 1]] is not None:
            items = [held[before[at - 1]], next(readings(self._word), self._word)]
            yield KeyHint(f"write {before[at - 1]}: {dump_inline(items)}")

    def of_inner_part(self, entry: Entry) -> Iterator[KeyHint]:
        """An argument of the part that is a value beside it: `Op: {op: mean, axis: 1}`."""
        held = value_at(self._config, self._path)
        for name, parameter in entry.parameters.items():
            word = held.get(name) if isinstance(held, dict) and parameter.required else None
            for category in part_categories(parameter.kind) if isinstance(word, str) else ():
                inner = lookup.entry(category, str(word))
                if inner is not None and self._word in inner.parameters and self._word not in entry.parameters:
                    arguments = {key: held[key] for key in held if key in inner.parameters and key != name}
                    yield KeyHint(f"write {name}: {dump_inline({inner.name: arguments})}", name)

    def nested(self, entry: Entry) -> Iterator[KeyHint]:
        """A part that is the value of an argument: `Bidirectional: {LSTM: 4}`."""
        for name, parameter in entry.parameters.items():
            for category in part_categories(parameter.kind):
                if lookup.entry(category, self._word) is not None and parameter.required:
                    part = {self._word: self._value} if self._value is not None else self._word
                    yield KeyHint(f"write {entry.name}: {dump_inline({name: part})}", name)

    def by_value(self) -> Iterator[KeyHint]:
        """A key whose value is a part: `scheduler: CosineDecay`."""
        value: Any = self._value
        single = isinstance(value, dict) and len(value) == 1
        word, given = next(iter(value.items())) if single else (value, None)
        for category in _AS_VALUES if isinstance(word, str) else ():
            if lookup.entry(category, word) is not None:
                part = part_as_plain(category, word, given, self._reader, complete=True) or word
                yield KeyHint(f"{word} is {with_article(singular(category))}: {place_of(category, part)}")

    def by_other_names(self, keys: list[str]) -> Iterator[KeyHint]:
        """A word of another library: the key or argument with this meaning."""
        names = other_names.key_names(self._word)
        for name in sorted(names, key=lambda one: one not in keys):
            if name in keys and not self._is_argument_of_optimizer(name, self._path):
                here = (one.kind for one in self._reader.known_keys() if one.path == (*self._path, name))
                yield self._called(name, next(here, None))
            yield from self.in_sections(name)
            yield from self._arguments_of_config(name)
            yield from self._arguments_of_catalog(name)

    def by_other_names_here(self, keys: list[str]) -> Iterator[KeyHint]:
        """A word of another library for a key here or below: `test_size` of a split, which `forward` has too."""
        names = other_names.key_names(self._word) if self._path else ()
        below = {key.path[-1] for key in self._reader.known_keys() if key.path[: len(self._path)] == self._path}
        yield from self.by_other_names(keys) if any(name in below for name in names) else ()

    def of_keras1(self, keys: list[str]) -> Iterator[KeyHint]:
        """A key of Keras 1, unless only its end is missing."""
        hint = keras1.key_hint(self._word, self._value)
        if hint is not None and not any(key.startswith(self._word) for key in keys):
            yield KeyHint(hint)

    def needless(self) -> Iterator[KeyHint]:
        """A key of other tools that has no place here."""
        advice = other_names.advice(self._word)
        if advice is not None:
            yield KeyHint(advice)

    def needless_here(self) -> Iterator[KeyHint]:
        """A key that this section does not need."""
        advice = other_names.advice_in(".".join(map(str, self._path)), self._word)
        if advice is not None:
            yield KeyHint(advice)

    def in_sections(self, name: str, *, fitting_only: bool = False) -> Iterator[KeyHint]:
        """A key that another section has; sections below this one first."""
        keys = [key for key in self._reader.known_keys() if key.path[-1] == name and key.path[:-1] != self._path]
        for key in sorted(keys, key=lambda one: (one.path[: len(self._path)] != self._path, len(one.path))):
            value = _fitting(key, self._value)
            fits = not fitting_only or key.kind is None or key.kind.accepts(value)
            if self._has_place(name, key.path[:-1]) and fits:
                yield KeyHint(self._belongs(key.path, value))

    def _has_place(self, name: str, section: Path) -> bool:
        is_chain = section == ("model",) and not isinstance(self._config.get("model"), dict)
        return not is_chain and not self._is_argument_of_optimizer(name, section)

    def in_parts(self) -> Iterator[KeyHint]:
        """An argument of a part, or a part where a key is expected."""
        yield from self._arguments_of_config(self._word)
        if self._path == ("data",):
            yield from self._parts_called(other_names.known_names, ("preparation", "sources"))
        yield from self._parts_called(other_names.same_names)
        yield from self._arguments_of_catalog(self._word)
        yield from self.part_itself()

    def part_itself(self) -> Iterator[KeyHint]:
        """A part in place of a key: `dropout: 0.2` is a layer, `Adam: {...}` an optimizer."""
        yield from self._parts_called(other_names.known_names)
        yield from self._parts_called(_misspelled)

    def _called(self, name: str, kind: Kind | None) -> KeyHint:
        held = value_at(self._config, self._path)
        if isinstance(held, dict) and name in held:
            return KeyHint(f"'{self._word}' is '{name}' here, which is there already: leave one of the two out", name)
        value = self._value if kind is None else _fitting(KnownKey((name,), kind), self._value)
        line = dump_inline({name: value})[1:-1]
        new = f"write {line}" if len(line) <= _MAX_LINE else f"rename it to {name}"
        if self._is_option:
            new = f"write --set {join_path((*self._path, name))}={dump_inline(value)}"
        if kind is not None and not kind.accepts(value):
            new = f"it takes {kind.expects}"
        return KeyHint(f"'{self._word}' is '{name}' here: {new}", name)

    def _is_argument_of_optimizer(self, name: str, section: Path) -> bool:
        """Return whether a key is the optimizer's: `learning_rate` of training is for the perceptron rule alone."""
        has_rule = value_at(self._config, ("training", "rule")) is not None
        return name == "learning_rate" and section == ("training",) and not has_rule

    def _belongs(self, place: Path, value: object) -> str:
        *section, name = map(str, place)
        owner = ".".join(section) or "the top of the config"
        text = f"'{self._word}' belongs to {owner}{self._as_name(name)}"
        if self._is_option:
            return f"{text}: write --set {join_path(place)}={dump_inline(value)}"
        held = value_at(self._config, section)
        if isinstance(held, dict) and name in held:
            return f"{text}: it has {_shown({name: held[name]})} already; leave one of the two out"
        depth = len(section)
        while depth and not isinstance(value_at(self._config, section[:depth]), dict):
            depth -= 1
        for key in reversed(section[depth:]):
            value, name = {name: value}, key
        return f"{text}: write {self._where(section, depth)} {_shown({name: value})}"

    def _where(self, section: list[str], depth: int) -> str:
        """Return where to write what belongs to a section whose first `depth` keys the config has."""
        above = tuple(section[:depth])
        if above == self._path:
            return "here"
        if not above:
            return "at the top"
        return "there" if depth == len(section) else f"under {'.'.join(above)}"

    def _as_name(self, name: str) -> str:
        return "" if name == self._word else f", as '{name}'"

    def _arguments_of_config(self, name: str) -> Iterator[KeyHint]:
        """An argument that a part of the config has."""
        for place, category, plain in _parts_of(self._config):
            own, layer_keys = split_layer_keys(plain)
            word, given = next(iter(own.items())) if isinstance(own, dict) else (own, None)
            entry = lookup.entry(category, str(word))
            if entry is None or name not in entry.parameters or place == self._path[: len(place)]:
                continue
            if given is not None and not isinstance(given, dict):
                given = {entry.first_parameter.name: given} if entry.first_parameter is not None else {}
            part = part_as_plain(category, entry.name, {**(given or {}), name: self._value}, self._reader)
            if isinstance(part, dict):
                owner = f"the {singular(category)} {entry.name}{self._as_name(name)}"
                option = f"--set {join_path((*place, entry.name, name))}={dump_inline(self._value)}"
                arguments = part[entry.name]
                line = {entry.name: {**arguments, **layer_keys} if isinstance(arguments, dict) else arguments}
                in_list = isinstance(place[-1], int)
                new = f"write there {dump_inline(line)[1:-1]}" if in_list else place_of(category, line)
                yield KeyHint(f"'{self._word}' belongs to {owner}: {f'write {option}' if self._is_option else new}")

    def _arguments_of_catalog(self, name: str) -> Iterator[KeyHint]:
        """An argument that parts of the catalog have, the most usual part first."""
        found = {
            one: category
            for category in reversed(lookup.CATEGORIES)
            for one in lookup.names(category)
            if (entry := lookup.entry(category, one)) is not None and name in entry.parameters
        }
        for part_name in other_names.usual(found):
            category = found[part_name]
            part = part_as_plain(category, part_name, {name: self._value}, self._reader, complete=True)
            if part is not None:
                several = "losses" if category == "losses" else f"{singular(category)}s"
                owner = f"{several} such as {part_name}{self._as_name(name)}"
                yield KeyHint(f"'{self._word}' belongs to {owner}: {place_of(category, part)}")

    def _parts_called(
        self, names: Callable[[str, str], Iterable[str]], categories: tuple[str, ...] = _AS_KEYS
    ) -> Iterator[KeyHint]:
        """Parts whose name the key is, by one way of finding names."""
        for category in categories:
            for name in names(category, self._word):
                given = part_as_plain(category, name, self._value, self._reader, complete=isinstance(self._value, dict))
                part = given or part_as_plain(category, name, None, self._reader, complete=True) or name
                yield KeyHint(f"{name} is {with_article(singular(category))}: {place_of(category, part)}")


def _misspelled(category: str, word: str) -> Iterable[str]:
    """Return the names of a category that differ in one letter from a word of some length."""
    if len(word) < 5:
        return ()
    return (name for name in nearest(word, lookup.names(category)) if abs(len(name) - len(word)) <= 1)


def _shown(entry: dict[str, Any]) -> str:
    line = dump_inline(entry)[1:-1]
    return line if len(line) <= _MAX_LINE else f"{next(iter(entry))}: ..."


def _fitting(key: KnownKey, value: object) -> object:
    """Return the value for a key: as it is, or what was probably meant; of a section, the key that accepts it."""
    if key.lone is not None and not isinstance(value, dict):
        name, kind = key.lone
        return {name: value} if kind.accepts(value) else value
    if key.kind is None or key.kind.accepts(value):
        return value
    return next((one for one in (*readings(value), [value]) if key.kind.accepts(one)), value)


def _parts_of(config: Mapping[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """Yield the place, the category and the plain value of the parts of a config."""
    for pattern, category in _PARTS:
        in_list = pattern[-1] == "*"
        held = value_at(config, pattern[:-1] if in_list else pattern)
        if in_list:
            items = (
                [((*pattern[:-1], index), item) for index, item in enumerate(held)] if isinstance(held, list) else []
            )
        else:
            items = [(pattern, held)]
        for place, item in items:
            if isinstance(item, str) or (isinstance(item, dict) and len(item) == 1):
                yield place, category, item
