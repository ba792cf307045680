"""Parts: layers, losses, data sources and all else that the catalog has by name, and how they are read from a config.

A part is a word (`Flatten`), a mapping with one key (`Dense: {units: 8}`), or a mapping with the value of its first
argument (`Dropout: 0.2`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import NUMBER_FACTS, SHAPE_FACTS, AnyOf, Kind, ListOf, MappingOf, PartOf, singular
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Path

#: Required arguments that nnrun sets where the config does not: paths inside the run folder.
FILLED_IN = frozenset(
    {
        ("ModelCheckpoint", "filepath"),
        ("CSVLogger", "filename"),
        ("BackupAndRestore", "backup_dir"),
        ("TensorBoard", "log_dir"),
    }
)
#: Keys among a layer's arguments in a config that are not arguments of Keras' layer.
LAYER_KEYS = ("from", "call")
#: Words that are booleans in YAML 1.1 and text in YAML 1.2.
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class Part:
    """A thing of the catalog with the arguments that the config gives it.

    Attributes:
        category: The catalog's category (`layers`, `optimizers`, `sources`, ...).
        name: The catalog's own name (`Adam`, even where the config has `adam`).
        arguments: Only the arguments in the config; nested parts are `Part`s, facts are words with a dollar.
        path: The part's place in the config, by which a failure inside Keras is located. It is not compared: two
            parts with the same arguments are equal wherever they stand.
    """

    category: str
    name: str
    arguments: Mapping[str, Any]
    path: Path = field(default=(), compare=False)


class PartReader:
    """Reads parts and collects errors, so that one pass finds every mistake.

    Attributes:
        errors: All errors so far, with paths from the config's root.
    """

    def __init__(self) -> None:
        self.errors: list[Finding] = []

    def add_error(self, path: Path, text: str, hint: str | None = None, *, at_key: bool = False) -> None:
        """Add one error."""
        self.errors.append(Finding(path, text, hint, at_key=at_key))

    def part(
        self,
        categories: tuple[str, ...],
        value: object,
        path: Path,
        layer_keys: Mapping[str, Any] | None = None,
    ) -> Part | None:
        """Read `value` as a part of one of `categories`; return None where it is not one.

        Args:
            categories: The categories allowed.
            value: The config's value.
            path: Its place.
            layer_keys: The `from` and `call` that the config has among a layer's arguments.
        """
        before, inside, word, arguments = len(self.errors), path, value, None
        if isinstance(value, dict) and len(value) == 1:
            ((word, arguments),) = value.items()
            inside = (*path, word)
        elif not isinstance(value, str):
            self._add_no_part(categories, value, path)
            return None
        entry = self._entry(categories, str(word), inside, at_key=inside != path)
        part = None if entry is None else self._part_of(entry, arguments, path, inside)
        if word == "l1l2" and inside == path and entry is not None:
            self.add_error(path, f"{word} alone has no effect: both its weights are 0 by default")
        if len(self.errors) > before:
            if layer_keys and isinstance(arguments, dict):
                arguments = {**arguments, **layer_keys}
            hint = _keras1_hint(categories, str(word), arguments, path)
            if hint is not None:
                self.errors[before:] = [replace(self.errors[before], hint=hint)]
        return part

    def value(self, kind: Kind, value: object, path: Path, name: str) -> Any:
        """Read the value of parameter `name`: plain values are returned as they are, parts as `Part`s."""
        if isinstance(kind, ListOf) and isinstance(value, list) and _has_length(kind, value):
            return [self.value(kind.item, item, (*path, index), name) for index, item in enumerate(value)]
        if isinstance(kind, MappingOf) and isinstance(value, dict):
            return {key: self.value(kind.item, item, (*path, key), name) for key, item in value.items()}
        categories = part_categories(kind)
        if categories and isinstance(value, (str, dict)) and not _is_plain_value(kind, value):
            return self.part(categories, value, path)
        if isinstance(kind, AnyOf) and isinstance(value, list):
            lists = [one for one in kind.kinds if isinstance(one, ListOf) and _has_length(one, value)]
            if lists and part_categories(lists[0].item):
                return self.value(lists[0], value, path, name)
        if not kind.accepts(value):
            text = f"expected {kind.expects} for '{name}', received {format_value(value)}"
            self.add_error(path, text, _value_hint(kind, value))
        return value

    def _add_no_part(self, categories: tuple[str, ...], value: object, path: Path) -> None:
        expected = PartOf(categories).expects
        if isinstance(value, dict) and value:
            first, *others = value
            text = f"expected {expected} as a mapping with one key, its name; "
            text += f"received {len(value)} keys: {', '.join(map(str, value))}"
            is_part = any(lookup.entry(category, first) for category in categories)
            hint = f"did you mean {first}: {{{', '.join(others)}}}, with these keys inside it?" if is_part else None
        else:
            text = f"expected {expected}, received {format_value(value)}"
            example = next((name for category in categories for name in lookup.names(category)[:1]), "Dense")
            hint = f"write a name, such as {example}"
        self.add_error(path, text, hint)

    def _entry(self, categories: tuple[str, ...], word: str, path: Path, *, at_key: bool) -> Entry | None:
        found = next((entry for category in categories if (entry := lookup.entry(category, word))), None)
        if found is not None and found.refused is None:
            return found
        if found is not None:
            self.add_error(path, f"{found.name} cannot be used in a config: {found.refused}", at_key=at_key)
            return None
        hint = did_you_mean(word, [name for category in categories for name in lookup.names_and_aliases(category)])
        others = [singular(entry.category) for entry in lookup.find(word) if entry.name == word]
        if others and hint is None:
            hint = f"{word} is of the category '{others[0]}', which cannot be used here"
        expected = PartOf(categories).expects
        self.add_error(
            path, f"expected {expected}, received {format_value(word)}, which is not one", hint, at_key=at_key
        )
        return None

    def _part_of(self, entry: Entry, arguments: object, path: Path, inside: Path) -> Part | None:
        """Read a part from its arguments: a mapping, None, or the value of its first argument."""
        if goes_by_name(entry) and arguments not in (None, {}):
            self._add_function_with_arguments(entry, inside)
            return Part(entry.category, entry.name, {}, path) if isinstance(arguments, dict) else None
        if isinstance(arguments, dict) or arguments is None:
            return self._with_arguments(entry, arguments or {}, path, inside)
        if entry.first_parameter is None:
            text = f"{entry.name} takes no arguments, received {format_value(arguments)}"
            self.add_error(inside, text, f"write {entry.name} alone")
            return None
        name = entry.first_parameter.name
        value = self.value(entry.first_parameter.kind, arguments, inside, name)
        self._require(entry, {name}, inside, at_key=True)
        return Part(entry.category, entry.name, {name: value}, path)

    def _with_arguments(self, entry: Entry, given: Mapping[str, Any], path: Path, inside: Path) -> Part:
        arguments, renamed = {}, set[str]()
        for key, value in given.items():
            place, text = (*inside, key), f"{entry.name} has no argument '{key}'"
            if key in entry.parameters:
                arguments[key] = self.value(entry.parameters[key].kind, value, place, key)
                continue
            # The tables of Keras 1 are loaded only where something is wrong.
            from nnrun.catalog import keras1

            today = keras1.renamed_argument(entry, key)
            if today is None:
                hint = did_you_mean(key, list(entry.parameters)) or f"nnrun explain {entry.name}"
                self.add_error(place, text, hint, at_key=True)
            else:
                renamed.add(today)
                self.add_error(place, text, f"Keras 1 syntax; today: {today}", at_key=True)
                self.value(entry.parameters[today].kind, value, place, today)
        self._require(entry, {*given, *renamed}, inside, at_key=inside != path)
        return Part(entry.category, entry.name, arguments, path)

    def _add_function_with_arguments(self, entry: Entry, path: Path) -> None:
        hint: str | None = "write a class for it"
        text = f"{entry.name} is a function"
        if entry.origin != "user":
            text, squeezed = f"{text} of Keras'", entry.name.replace("_", "")
            is_activation = entry.category == "activations"
            classes = lookup.names("layers" if is_activation else entry.category)
            same = next((name for name in classes if name.lower() == squeezed and name != entry.name), None)
            hint = f"write {same}: {{...}}{' as a layer of its own' if is_activation else ''}" if same else None
        self.add_error(path, f"{text}, which takes no arguments in a config", hint, at_key=True)

    def _require(self, entry: Entry, given: set[str], path: Path, *, at_key: bool) -> None:
        missing = [entry.parameters[name] for name in required_arguments(entry) if name not in given]
        if missing:
            names = " and ".join(f"'{parameter.name}'" for parameter in missing)
            arguments = ", ".join(f"{parameter.name}: ..." for parameter in missing)
            text = f"{entry.name} needs {names} ({missing[0].kind.expects}), which is missing"
            self.add_error(path, text, f"write {entry.name}: {{{arguments}}}", at_key=at_key)


def read_part(category: str, value: object) -> tuple[Part | None, tuple[Finding, ...]]:
    """Read one part; paths of the part and of errors are relative to it."""
    reader = PartReader()
    part = reader.part((category,), value, ())
    return part, tuple(reader.errors)


def split_layer_keys(value: object) -> tuple[object, dict[str, Any]]:
    """Split a layer of a config into Keras' own layer and its `from` and `call`."""
    if not isinstance(value, dict) or len(value) != 1:
        return value, {}
    ((word, inner),) = value.items()
    if not isinstance(inner, dict):
        return value, {}
    own = {key: item for key, item in inner.items() if key not in LAYER_KEYS}
    return {word: own}, {key: inner[key] for key in LAYER_KEYS if key in inner}


def goes_by_name(entry: Entry) -> bool:
    """Return whether Keras takes an entry by its name alone: a function could not be saved with its arguments."""
    return entry.category == "activations" or (entry.is_function and entry.category in ("losses", "metrics"))


def required_arguments(entry: Entry) -> list[str]:
    """Return the arguments that a config must give an entry."""
    parameters = entry.parameters.values()
    return [one.name for one in parameters if one.required and (entry.name, one.name) not in FILLED_IN]


def part_categories(kind: Kind) -> tuple[str, ...]:
    """Return the categories of the parts that a kind accepts; empty where it accepts none."""
    if isinstance(kind, AnyOf):
        return tuple(category for one in kind.kinds for category in part_categories(one))
    return kind.categories if isinstance(kind, PartOf) else ()


def _keras1_hint(categories: tuple[str, ...], word: str, arguments: object, path: Path) -> str | None:
    """Return a part of Keras 1 in today's words; None where it is not Keras 1's, or has another mistake too."""
    from nnrun.catalog import keras1

    found = next((one for category in categories if (one := keras1.translate(category, word, arguments))), None)
    reader, behind_key = PartReader(), bool(path) and isinstance(path[-1], str)
    for part in found.parts if found else ():
        reader.part(categories, split_layer_keys(part)[0], ())
    if found is None or reader.errors or (behind_key and len(found.parts) > 1):
        return None
    return found.hint(as_value=behind_key and arguments is None)


def _has_length(kind: ListOf, value: list[object]) -> bool:
    return len(value) >= kind.min_length if kind.length is None else len(value) == kind.length


def _is_plain_value(kind: Kind, value: object) -> bool:
    if isinstance(kind, AnyOf):
        return any(_is_plain_value(one, value) for one in kind.kinds)
    return not isinstance(kind, PartOf) and kind.accepts(value)


def _value_hint(kind: Kind, value: object) -> str | None:
    if not isinstance(value, str):
        return None
    if value.startswith("$"):
        return did_you_mean(value, [fact for fact in (*NUMBER_FACTS, *SHAPE_FACTS) if fact != value])
    if value.lower() in _BOOLEAN_WORDS and kind.accepts(True):
        return f"write {_BOOLEAN_WORDS[value.lower()]}"
    for number in (int, float):
        with suppress(ValueError):
            if kind.accepts(number(value)):
                return f"write {value} without quotes"
    options = getattr(kind, "options", ())
    return did_you_mean(value, [str(option) for option in options]) if options else None
