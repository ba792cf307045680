"""Parts: layers, losses, data sources and all else that the catalog has by name, and how they are read from a config.

A part is a word (`Flatten`), a mapping with one key (`Dense: {units: 8}`), or a mapping with the value of its first
argument (`Dropout: 0.2`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import FACTS, AnyOf, Kind, ListOf, MappingOf, Null, PartOf
from nnrun.config.dump import dump_inline
from nnrun.config.render import format_value
from nnrun.spec.finding import Finding
from nnrun.spec.part_form import goes_by_name, part_categories, required_arguments, split_layer_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nnrun.catalog.lookup import Entry
    from nnrun.config.document import Document
    from nnrun.errors import Path
    from nnrun.spec.reader import KnownKey


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

    def inner(self, category: str) -> Iterator[Part]:
        """Yield the parts of a category among the arguments, and among theirs."""
        for value in self.arguments.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Part) and one.category == category:
                    yield one
                    yield from one.inner(category)


#: How many errors of a config have hints.
_MOST_HINTS = 100


class PartReader:
    """Reads parts and collects errors, so that one pass finds every mistake.

    The modules of hints are imported only where something is wrong.

    Attributes:
        errors: All errors so far, with paths from the config's root.
        document: The whole config, of which hints take parts, values and the file's name; None where there is none.
        known_keys: Returns the keys that a config may have; hints look for unknown words among them.
        has_hints: Whether errors have hints.
    """

    def __init__(
        self,
        document: Document | None = None,
        known_keys: Callable[[], Iterable[KnownKey]] = tuple,
        *,
        has_hints: bool = True,
    ) -> None:
        self.errors: list[Finding] = []
        self.document = document
        self.known_keys = known_keys
        self._has_hints = has_hints

    @property
    def has_hints(self) -> bool:
        """Whether the next error has a hint; finding one takes up to 20 ms, so that a config made of errors has few."""
        return self._has_hints and len(self.errors) < _MOST_HINTS

    @property
    def config(self) -> Mapping[str, Any]:
        """The whole config as plain data; empty where there is none."""
        return {} if self.document is None else self.document.data

    def is_option(self, path: Path) -> bool:
        """Return whether the value at a path was set on the command line."""
        return self.document is not None and self.document.key_mark(path).file == "--set"

    def add_error(self, path: Path, text: str, hint: str | None = None, *, at_key: bool = False) -> None:
        """Add one error."""
        self.errors.append(Finding(path, text, hint, at_key=at_key))

    def accepts_part(self, category: str, value: object) -> bool:
        """Return whether a value is a part of a category without any mistake."""
        reader = PartReader(has_hints=False)
        reader.part((category,), split_layer_keys(value)[0], ())
        return not reader.errors

    def part(
        self,
        categories: tuple[str, ...],
        value: object,
        path: Path,
        layer_keys: Mapping[str, Any] | None = None,
        expected: str | None = None,
    ) -> Part | None:
        """Read `value` as a part of one of `categories`; return None where it is not one.

        Args:
            categories: The categories allowed.
            value: The config's value.
            path: Its place.
            layer_keys: The `from` and `call` that the config has among a layer's arguments.
            expected: What is expected in place of a name that is unknown; None: the name of such a part.
        """
        before, inside, word, arguments = len(self.errors), path, value, None
        if isinstance(value, dict) and len(value) == 1:
            ((word, arguments),) = value.items()
            inside = (*path, word)
        elif not isinstance(value, str):
            self._add_no_part(categories, value, path)
            return None
        entry = self._entry(categories, str(word), arguments, path, inside, expected)
        part = None if entry is None else self._part_of(entry, arguments, path, inside)
        if word == "l1l2" and inside == path and entry is not None:
            self.add_error(path, f"{word} alone has no effect: both its weights are 0 by default")
        if len(self.errors) > before and self.has_hints:
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
        categories, refused = part_categories(kind), False
        if categories and isinstance(value, (str, dict)) and not _is_plain_value(kind, value):
            refused = isinstance(value, str) and _has_plain_kind(kind) and _is_meant_plainly(kind, value)
            if not refused:
                expected = f"{kind.expects} for '{name}'" if _has_plain_kind(kind) else None
                return self.part(categories, value, path, expected=expected)
        if isinstance(kind, AnyOf) and isinstance(value, list):
            lists = [one for one in kind.kinds if isinstance(one, ListOf) and _has_length(one, value)]
            if lists and part_categories(lists[0].item):
                return self.value(lists[0], value, path, name)
        inner = None if refused or kind.accepts(value) else _container_of(kind, value)
        if inner is not None:
            return self.value(inner, value, path, name)
        if refused or not kind.accepts(value):
            self._add_wrong_value(kind, value, path, name)
        return value

    def _argument(self, entry: Entry, name: str, value: object, path: Path) -> Any:
        """Read the value of an argument; sources and steps take no facts, as the data are not known before them."""
        kind = entry.parameters[name].kind
        if entry.category in ("sources", "preparation") and (word := _fact_word(kind, value)) is not None:
            text = f"'{name}' of {entry.name} cannot be {word}: the facts of the data are known only after it"
            self.add_error(path, text, "write a number: such words stand in layers and other parts of Keras")
            return value
        return self.value(kind, value, path, name)

    def _add_wrong_value(self, kind: Kind, value: object, path: Path, name: str) -> None:
        from nnrun.spec.value_hints import value_hint

        text = f"expected {kind.expects} for '{name}', received {format_value(value)}"
        self.add_error(path, text, value_hint(kind, value, self) if self.has_hints else None)

    def _add_no_part(self, categories: tuple[str, ...], value: object, path: Path) -> None:
        from nnrun.spec.part_hints import keys_hint, list_hint

        expected = PartOf(categories).expects
        if isinstance(value, dict) and value:
            text = f"expected {expected} as a mapping with one key, its name; "
            text += f"received {len(value)} keys: {', '.join(map(str, value))}"
            added = next(((*path, key) for key in value if self.is_option((*path, key))), path)
            hint = keys_hint(categories, value, path, self) if self.has_hints else None
            self.add_error(added, text, hint, at_key=added != path)
        else:
            hint = list_hint(categories, value, self) if self.has_hints else None
            self.add_error(path, f"expected {expected}, received {format_value(value)}", hint)

    def _entry(
        self, categories: tuple[str, ...], word: str, arguments: object, path: Path, inside: Path, expected: str | None
    ) -> Entry | None:
        at_key = inside != path
        found = next((entry for category in categories if (entry := lookup.entry(category, word))), None)
        if found is not None and found.refused is None:
            return found
        if found is not None:
            self.add_error(inside, f"{found.name} cannot be used in a config: {found.refused}", at_key=at_key)
            return None
        text = f"expected {expected or f'the name of {PartOf(categories).expects}'}, received {format_value(word)}"
        hint = self._unknown_name_hint(categories, word, arguments, path, at_key=at_key) if self.has_hints else None
        self.add_error(inside, text if expected else text.removesuffix(" (text)"), hint, at_key=at_key)
        return None

    def _unknown_name_hint(
        self, categories: tuple[str, ...], word: str, arguments: object, path: Path, *, at_key: bool
    ) -> str:
        from nnrun.spec.key_hints import section_hint
        from nnrun.spec.part_hints import keys_hint, names_a_part, output_hint, own_code_hint, unknown_name_hint

        if at_key and names_a_part(categories, {word: arguments}):
            return keys_hint(categories, {word: arguments}, path, self)
        return (
            output_hint(categories, word, arguments, self.config)
            or unknown_name_hint(categories, word, arguments, path, self)
            or section_hint(word, arguments, path, self)
            or own_code_hint(categories, word, self)
        )

    def _part_of(self, entry: Entry, arguments: object, path: Path, inside: Path) -> Part | None:
        """Read a part from its arguments: a mapping, None, or the value of its first argument."""
        if goes_by_name(entry) and arguments not in (None, {}):
            self._add_function_with_arguments(entry, arguments, inside)
            return Part(entry.category, entry.name, {}, path) if isinstance(arguments, dict) else None
        if isinstance(arguments, dict) or arguments is None:
            return self._with_arguments(entry, arguments or {}, path, inside)
        if entry.first_parameter is None:
            text = f"{entry.name} takes no arguments, received {format_value(arguments)}"
            self.add_error(inside, text, f"write {entry.name} alone")
            return None
        name = entry.first_parameter.name
        before = len(self.errors)
        value = self._argument(entry, name, arguments, inside)
        if len(self.errors) == before:
            self._require(entry, {name}, inside, at_key=True)
        elif self.has_hints and (isinstance(arguments, list) or (isinstance(arguments, str) and "," in arguments)):
            from nnrun.spec.part_hints import positional_hint

            hint = positional_hint(entry, arguments, self) or self.errors[before].hint
            self.errors[before:] = [replace(self.errors[before], hint=hint)]
        return Part(entry.category, entry.name, {name: value}, path)

    def _with_arguments(self, entry: Entry, given: Mapping[str, Any], path: Path, inside: Path) -> Part:
        arguments, meant = {}, set[str]()
        for key, value in given.items():
            if key in entry.parameters:
                arguments[key] = self._argument(entry, key, value, (*inside, key))
            else:
                meant |= self._add_unknown_argument(entry, str(key), value, inside)
        self._require(entry, {*given, *meant}, inside, at_key=inside != path)
        return Part(entry.category, entry.name, arguments, path)

    def _add_unknown_argument(self, entry: Entry, key: str, value: object, inside: Path) -> set[str]:
        """Add the error of an unknown argument; return the argument that is probably meant, if there is one."""
        from nnrun.catalog import keras1
        from nnrun.spec.key_hints import argument_hint

        place, text = (*inside, key), f"{entry.name} has no argument '{key}'"
        today = keras1.renamed_argument(entry, key)
        if today is not None:
            self.add_error(place, text, f"Keras 1 syntax; today: {today}", at_key=True)
            self.value(entry.parameters[today].kind, value, place, today)
            return {today}
        if not self.has_hints:
            self.add_error(place, text, at_key=True)
            return set()
        hint = argument_hint(entry, key, value, inside, self)
        self.add_error(place, text, hint.text, at_key=True)
        return {hint.meant} if hint.meant else set()

    def _add_function_with_arguments(self, entry: Entry, arguments: object, path: Path) -> None:
        hint: str | None = "write a class for it"
        text = f"{entry.name} is a function"
        if entry.origin != "user":
            text, squeezed = f"{text} of Keras'", entry.name.replace("_", "")
            is_activation = entry.category == "activations"
            classes = lookup.names("layers" if is_activation else entry.category)
            same = next((name for name in classes if name.lower() == squeezed and name != entry.name), None)
            given = dump_inline(arguments) if isinstance(arguments, dict) else "{...}"
            hint = f"write {same}: {given}{' as a layer of its own' if is_activation else ''}" if same else None
        self.add_error(path, f"{text}, which takes no arguments in a config", hint, at_key=True)

    def _require(self, entry: Entry, given: set[str], path: Path, *, at_key: bool) -> None:
        missing = [entry.parameters[name] for name in required_arguments(entry) if name not in given]
        if missing:
            from nnrun.spec.part_hints import missing_arguments_hint

            names = " and ".join(f"'{parameter.name}'" for parameter in missing)
            missed = "which is missing" if len(missing) == 1 else "which are missing"
            text = f"{entry.name} needs {names} ({missing[0].kind.expects}), {missed}"
            hint = missing_arguments_hint(entry, given, path, self.config) if self.has_hints else None
            self.add_error(path, text, hint, at_key=at_key)


def read_part(category: str, value: object) -> tuple[Part | None, tuple[Finding, ...]]:
    """Read one part; paths of the part and of errors are relative to it."""
    reader = PartReader()
    part = reader.part((category,), value, ())
    return part, tuple(reader.errors)


def _keras1_hint(categories: tuple[str, ...], word: str, arguments: object, path: Path) -> str | None:
    """Return a part of Keras 1 in today's words; None where it is not Keras 1's, or has another mistake too."""
    from nnrun.catalog import keras1

    found = next((one for category in categories if (one := keras1.translate(category, word, arguments))), None)
    reader, behind_key = PartReader(has_hints=False), bool(path) and isinstance(path[-1], str)
    for part in found.parts if found else ():
        reader.part(categories, split_layer_keys(part)[0], ())
    if found is None or reader.errors or (behind_key and len(found.parts) > 1):
        return None
    return found.hint(as_value=behind_key and arguments is None)


def _fact_word(kind: Kind, value: object) -> str | None:
    """Return the word for a fact of the data in a value, or in a list, that its kind accepts as one."""
    if isinstance(value, list):
        # A list of texts may hold any word.
        return None if kind.accepts(["$"]) else next(filter(None, (_fact_word(kind, item) for item in value)), None)
    return value if isinstance(value, str) and value in FACTS and not kind.accepts("$") else None


def _has_length(kind: ListOf, value: list[object]) -> bool:
    return len(value) >= kind.min_length if kind.length is None else len(value) == kind.length


def _is_plain_value(kind: Kind, value: object) -> bool:
    if isinstance(kind, AnyOf):
        return any(_is_plain_value(one, value) for one in kind.kinds)
    return not isinstance(kind, PartOf) and kind.accepts(value)


def _container_of(kind: Kind, value: object) -> Kind | None:
    """Return the only kind of lists or mappings among several whose items a value has, so that a wrong one is found."""
    if not isinstance(kind, AnyOf) or part_categories(kind):
        return None
    lists = [one for one in kind.kinds if isinstance(one, ListOf)]
    mappings = [one for one in kind.kinds if isinstance(one, MappingOf)]
    if isinstance(value, list) and value and len(lists) == 1 and _has_length(lists[0], value):
        return lists[0]
    return mappings[0] if isinstance(value, dict) and value and len(mappings) == 1 else None


def _has_plain_kind(kind: Kind) -> bool:
    """Return whether a kind accepts anything but parts, lists of parts and null."""
    kinds = kind.kinds if isinstance(kind, AnyOf) else (kind,)
    return any(not isinstance(one, PartOf | Null) and not part_categories(getattr(one, "item", one)) for one in kinds)


def _is_meant_plainly(kind: Kind, value: object) -> bool:
    """Return whether text in place of a part is a number in quotes or the like."""
    from nnrun.spec.value_hints import has_intended_value

    return has_intended_value(kind, value)
