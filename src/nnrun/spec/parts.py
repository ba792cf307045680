"""Reads parts: a word, a one-key mapping or a lone value becomes a `Part`, or says all that is wrong with it.

Every complaint carries the path of keys that leads to it, which is the path in the file, so that the caller can put
a caret under the offending word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import NUMBER_FACTS, SHAPE_FACTS, AnyOf, Kind, ListOf, MappingOf, PartOf, singular
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Path

#: Required arguments that nnrun fills in where the config is silent: paths inside the run folder.
FILLED_IN = frozenset(
    {
        ("ModelCheckpoint", "filepath"),
        ("CSVLogger", "filename"),
        ("BackupAndRestore", "backup_dir"),
        ("TensorBoard", "log_dir"),
    }
)

#: What stands among a layer's arguments in a config without being one of them.
BESIDE = ("from", "call")


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with a part.

    Attributes:
        path: The keys that lead to it.
        text: What was expected and what was received.
        hint: What to type next.
        at_key: Whether the key is to blame rather than its value.
    """

    path: Path
    text: str
    hint: str | None = None
    at_key: bool = False


class Reader:
    """Reads parts and collects complaints, so that one pass finds every mistake."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []

    def complain(self, path: Path, text: str, hint: str | None = None, *, at_key: bool = False) -> None:
        """Note one thing wrong."""
        self.complaints.append(Complaint(path, text, hint, at_key))

    def part(
        self, categories: tuple[str, ...], value: object, path: Path, beside: Mapping[str, Any] | None = None
    ) -> Part | None:
        """Read `value` as a part of one of `categories`; None where it cannot be one.

        Args:
            categories: What it may be.
            value: What the config says.
            path: Where.
            beside: What the config says among its arguments that is not the part's own (`from`, `call`).
        """
        before = len(self.complaints)
        if isinstance(value, str):
            read = self._word(categories, value, path)
            return self._or_keras1(read, categories, (value, None), path, before)
        if isinstance(value, dict) and len(value) == 1:
            read = self._mapping(categories, value, path)
            ((word, inner),) = value.items()
            said = {**(inner or {}), **beside} if beside and isinstance(inner, dict) else inner
            return self._or_keras1(read, categories, (word, said), path, before)
        wanted = PartOf(categories).expects
        if isinstance(value, dict) and value:
            self._too_many_keys(categories, value, path)
        else:
            self.complain(
                path, f"expected {wanted}, received {show(value)}", f"write a name, such as {_example(categories)}"
            )
        return None

    def value(self, kind: Kind, value: object, path: Path, name: str) -> Any:
        """Read the value of parameter `name`: plain values as they are, parts as `Part`s."""
        if isinstance(kind, ListOf) and isinstance(value, list) and _is_long_enough(kind, value):
            return [self.value(kind.item, item, (*path, index), name) for index, item in enumerate(value)]
        if isinstance(kind, MappingOf) and isinstance(value, dict):
            return {key: self.value(kind.item, item, (*path, key), name) for key, item in value.items()}
        categories = _categories(kind)
        if categories and not _accepted_plainly(kind, value) and (isinstance(value, (str, dict))):
            return self.part(categories, value, path)
        if isinstance(kind, AnyOf) and isinstance(value, list):
            return self._list_alternative(kind, value, path, name)
        if not kind.accepts(value):
            self.complain(
                path, f"expected {kind.expects} for '{name}', received {show(value)}", _value_hint(kind, value)
            )
        return value

    def _list_alternative(self, kind: AnyOf, value: list[object], path: Path, name: str) -> Any:
        lists = [one for one in kind.kinds if isinstance(one, ListOf) and _is_long_enough(one, value)]
        if lists and _categories(lists[0].item):
            return self.value(lists[0], value, path, name)
        if not kind.accepts(value):
            self.complain(path, f"expected {kind.expects} for '{name}', received {show(value)}")
        return value

    def _or_keras1(
        self, part: Part | None, categories: tuple[str, ...], said: tuple[str, Any], path: Path, before: int
    ) -> Part | None:
        """Where a part is Keras 1's, one complaint with the whole part in today's words stands for all about it."""
        hint = _keras1_hint(categories, *said, path) if len(self.complaints) > before else None
        if hint is not None:
            self.complaints[before:] = [replace(self.complaints[before], hint=hint)]
        return part

    def _word(self, categories: tuple[str, ...], word: str, path: Path) -> Part | None:
        entry = self._entry(categories, word, path, at_key=False)
        if word == "l1l2" and entry is not None:
            self.complain(path, f"{word} alone penalises nothing: both its weights are 0 by default")
        return None if entry is None else self._arguments(entry, {}, path, path, at_key=False)

    def _mapping(self, categories: tuple[str, ...], value: dict[str, Any], path: Path) -> Part | None:
        ((word, inner),) = value.items()
        inside = (*path, word)
        entry = self._entry(categories, word, inside, at_key=True)
        if entry is None:
            return None
        if isinstance(inner, dict):
            return self._arguments(entry, inner, path, inside, at_key=True)
        if inner is None:
            return self._arguments(entry, {}, path, inside, at_key=True)
        return self._lone(entry, inner, path, inside)

    def _lone(self, entry: Entry, value: object, path: Path, inside: Path) -> Part | None:
        if goes_by_name(entry):
            self._function_with_arguments(entry, inside)
            return None
        if entry.first_parameter is None:
            self.complain(
                inside, f"{entry.name} takes no arguments, received {show(value)}", f"write {entry.name} alone"
            )
            return None
        read = self.value(entry.first_parameter.kind, value, inside, entry.first_parameter.name)
        self._require(entry, {entry.first_parameter.name: value}, inside, at_key=True)
        return Part(entry.category, entry.name, {entry.first_parameter.name: read}, path)

    def _entry(self, categories: tuple[str, ...], word: str, path: Path, *, at_key: bool) -> Entry | None:
        for category in categories:
            found = lookup.entry(category, word)
            if found is not None and found.refused is not None:
                self.complain(path, f"{found.name} cannot be used in a config: {found.refused}", at_key=at_key)
                return None
            if found is not None:
                return found
        known = [name for category in categories for name in lookup.words(category)]
        elsewhere = [singular(entry.category) for entry in lookup.find(word) if entry.name == word]
        hint = did_you_mean(word, known)
        if elsewhere and hint is None:
            hint = f"{word} is of the category '{elsewhere[0]}', which has no place here"
        self.complain(
            path, f"expected {PartOf(categories).expects}, received {show(word)}, which is not one", hint, at_key=at_key
        )
        return None

    def _arguments(self, entry: Entry, given: Mapping[str, Any], path: Path, inside: Path, *, at_key: bool) -> Part:
        if goes_by_name(entry) and given:
            self._function_with_arguments(entry, inside)
            return Part(entry.category, entry.name, {}, path)
        arguments = {}
        renamed: set[str] = set()
        for key, value in given.items():
            parameter = entry.parameters.get(key)
            today = keras1_argument(entry, key) if parameter is None else None
            if today is not None:
                renamed.add(today)
                self.complain(
                    (*inside, key),
                    f"{entry.name} has no argument '{key}'",
                    f"Keras 1 wrote it so; today: {today}",
                    at_key=True,
                )
                self.value(entry.parameters[today].kind, value, (*inside, key), today)
                continue
            if parameter is None:
                hint = did_you_mean(key, list(entry.parameters)) or f"nnrun explain {entry.name}"
                self.complain((*inside, key), f"{entry.name} has no argument '{key}'", hint, at_key=True)
                continue
            arguments[key] = self.value(parameter.kind, value, (*inside, key), key)
        self._require(entry, {**given, **dict.fromkeys(renamed)}, inside, at_key=at_key)
        return Part(entry.category, entry.name, arguments, path)

    def _function_with_arguments(self, entry: Entry, path: Path) -> None:
        squeezed = entry.name.replace("_", "")
        category = "layers" if entry.category == "activations" else entry.category
        classes = lookup.names(category)
        same = next((name for name in classes if name.lower() == squeezed and name != entry.name), None)
        hint = (
            f"write {same}: {{...}}" + (" as a layer of its own" if entry.category == "activations" else "")
            if same
            else None
        )
        whose = "" if entry.origin == "user" else " of Keras'"
        hint = "write a class for it" if entry.origin == "user" else hint
        self.complain(
            path, f"{entry.name} is a function{whose}, which takes no arguments in a config", hint, at_key=True
        )

    def _require(self, entry: Entry, given: Mapping[str, Any], path: Path, *, at_key: bool) -> None:
        missing = [
            parameter
            for parameter in entry.parameters.values()
            if parameter.required and parameter.name not in given and (entry.name, parameter.name) not in FILLED_IN
        ]
        if missing:
            names = " and ".join(f"'{parameter.name}'" for parameter in missing)
            wanted = ", ".join(f"{parameter.name}: ..." for parameter in missing)
            self.complain(
                path,
                f"{entry.name} needs {names} ({missing[0].kind.expects}), which is missing",
                f"write {entry.name}: {{{wanted}}}",
                at_key=at_key,
            )

    def _too_many_keys(self, categories: tuple[str, ...], value: dict[str, Any], path: Path) -> None:
        first, *others = value
        hint = (
            f"did you mean {first}: {{{', '.join(others)}}}, with these keys inside it?"
            if any(lookup.entry(category, first) for category in categories)
            else None
        )
        self.complain(
            path,
            f"expected {PartOf(categories).expects} as a mapping with one key, its name; "
            f"received {len(value)} keys: {', '.join(map(str, value))}",
            hint,
        )


def read_part(category: str, value: object) -> tuple[Part | None, tuple[Complaint, ...]]:
    """Read one part; complaints' and the part's paths are relative to it."""
    reader = Reader()
    part = reader.part((category,), value, ())
    return part, tuple(reader.complaints)


def keras1_argument(entry: Entry, key: str) -> str | None:
    """Give today's name of an argument of Keras 1; its tables are loaded only where something is wrong."""
    from nnrun.catalog import keras1

    return keras1.renamed_argument(entry, key)


def _keras1_hint(categories: tuple[str, ...], word: str, arguments: object, path: Path) -> str | None:
    """What Keras 1 wrote as a line to paste; None where it is not Keras 1's, or has another mistake in it too."""
    from nnrun.catalog import keras1

    found = next((said for category in categories if (said := keras1.translate(category, word, arguments))), None)
    reader, behind_key = Reader(), bool(path) and isinstance(path[-1], str)
    for part in found.parts if found else ():
        reader.part(categories, _without(part, BESIDE), ())
    if found is None or reader.complaints or (behind_key and len(found.parts) > 1):
        return None
    return found.hint(as_value=behind_key and arguments is None)


def _without(part: object, keys: tuple[str, ...]) -> object:
    if not isinstance(part, dict):
        return part
    return {
        word: {key: value for key, value in inner.items() if key not in keys} if isinstance(inner, dict) else inner
        for word, inner in part.items()
    }


def placed(value: Any, prefix: Path) -> Any:
    """Give a part, and the parts in its arguments, paths that start at the file's root."""
    if isinstance(value, Part):
        inner = {key: placed(item, prefix) for key, item in value.arguments.items()}
        return replace(value, arguments=inner, path=(*prefix, *value.path))
    if isinstance(value, list):
        return [placed(item, prefix) for item in value]
    if isinstance(value, dict):
        return {key: placed(item, prefix) for key, item in value.items()}
    return value


def goes_by_name(entry: Entry) -> bool:
    """Tell whether Keras takes this by its name alone: a bare function could not be saved with its arguments."""
    return entry.category == "activations" or (entry.is_function and entry.category in ("losses", "metrics"))


def _is_long_enough(kind: ListOf, value: list[object]) -> bool:
    return len(value) >= kind.min_length if kind.length is None else len(value) == kind.length


def _categories(kind: Kind) -> tuple[str, ...]:
    if isinstance(kind, PartOf):
        return kind.categories
    if isinstance(kind, AnyOf):
        return tuple(category for one in kind.kinds for category in _categories(one))
    return ()


def _accepted_plainly(kind: Kind, value: object) -> bool:
    if isinstance(kind, AnyOf):
        return any(_accepted_plainly(one, value) for one in kind.kinds)
    return not isinstance(kind, PartOf) and kind.accepts(value)


#: What YAML 1.1 took for a truth value and YAML 1.2 takes for text.
_TRUTH_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _value_hint(kind: Kind, value: object) -> str | None:
    if isinstance(value, str) and value.startswith("$"):
        return did_you_mean(value, [fact for fact in (*NUMBER_FACTS, *SHAPE_FACTS) if fact != value])
    if isinstance(value, str) and value.lower() in _TRUTH_WORDS and kind.accepts(True):
        return f"write {_TRUTH_WORDS[value.lower()]}"
    if isinstance(value, str) and _number(value) is not None and kind.accepts(_number(value)):
        return f"write {value} without quotes"
    options = getattr(kind, "options", ())
    return did_you_mean(value, [str(option) for option in options]) if isinstance(value, str) and options else None


def _number(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def _example(categories: tuple[str, ...]) -> str:
    return next((name for category in categories for name in lookup.names(category)[:1]), "Dense")
