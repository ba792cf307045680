"""Sections of a config: frozen dataclasses whose fields state what each key accepts, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nnrun.catalog.kinds import FACTS, Choice, Kind, ListOf, PartOf
from nnrun.config.dump import dump_inline
from nnrun.config.render import format_value
from nnrun.spec.reader import KnownKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.errors import Path
    from nnrun.spec.reader import Reader


class Refusal(NamedTuple):
    """What is wrong with a section or a value.

    Attributes:
        text: What is wrong, in one sentence.
        hint: What to type next.
        key: The key of the section to blame; None: the section or the value as a whole.
    """

    text: str
    hint: str | None = None
    key: str | None = None


SectionT = TypeVar("SectionT", bound="Section")
_REQUIRED: Any = object()


@dataclass(frozen=True)
class Key:
    """What one key of a section accepts.

    Attributes:
        kind: The kind of its value, or the section below it.
        default: Its value where the config does not have the key.
        refuses: A check of a value that is of the kind; returns what is wrong with it, or None.
        needed_unless: Another key of the section and its value with which alone this one may be missing.
    """

    kind: Kind | type[Section]
    default: Any = _REQUIRED
    refuses: Callable[[Any], Refusal | None] | None = None
    needed_unless: tuple[str, Any] | None = None

    def is_missing(self, name: str, values: Mapping[str, Any]) -> bool:
        """Return whether a section with these values lacks the key and needs it."""
        if self.needed_unless is None:
            return self.required and name not in values
        other, value = self.needed_unless
        return values.get(name) is None and values.get(other) != value

    @property
    def required(self) -> bool:
        """Whether the section cannot do without it."""
        return self.default is _REQUIRED


def key(
    kind: Kind | type[Section],
    default: Any = _REQUIRED,
    *,
    refuses: Callable[[Any], Refusal | None] | None = None,
    needed_unless: tuple[str, Any] | None = None,
) -> Any:
    """Define the dataclass field of one key of a section; for the arguments see `Key`."""
    metadata = {"key": Key(kind, default, refuses, needed_unless)}
    return field(metadata=metadata) if default is _REQUIRED else field(default=default, metadata=metadata)


class Section:
    """A mapping of a config whose keys are all known; others are refused. Subclasses are frozen dataclasses."""

    @classmethod
    @cache
    def known_keys(cls) -> Mapping[str, Key]:
        """Return the section's keys by name."""
        known = (one for one in fields(cls) if "key" in one.metadata)  # type: ignore[arg-type]
        return MappingProxyType({one.name: one.metadata["key"] for one in known})

    def refusal(self) -> Refusal | None:
        """Return which of its values contradict each other, or None."""
        return None


def part_of(category: str) -> PartOf:
    """Return the kind of a value that is one part of `category`."""
    return PartOf((category,))


def parts_of(category: str) -> ListOf:
    """Return the kind of a value that is a list of parts of `category`."""
    return ListOf(part_of(category))


def read_section(reader: Reader, section: type[SectionT], value: object, path: Path) -> SectionT | None:
    """Read a mapping as `section`; return None where anything is wrong with it, with all errors added to `reader`."""
    before = len(reader.errors)
    if not isinstance(value, dict):
        hint = _section_hint(section, value, path)
        reader.add_error(path, f"expected a mapping for '{path[-1]}', received {format_value(value)}", hint)
        return None
    meant = _refuse_unknown(reader, section, value, path)
    _refuse_missing(reader, section, {**dict.fromkeys(meant, True), **value}, path)
    read = {
        name: _read_key(reader, name, key, value[name], path) if name in value else key.default
        for name, key in section.known_keys().items()
    }
    if len(reader.errors) > before:
        return None
    made = section(**read)
    refused = made.refusal()
    if refused is not None:
        place = path if refused.key is None else (*path, refused.key)
        reader.add_error(place, refused.text, refused.hint, at_key=refused.key is not None)
    return made


def _read_key(reader: Reader, name: str, key: Key, value: object, path: Path) -> Any:
    inside, before = (*path, name), len(reader.errors)
    if value is None and key.default is None:
        return None
    if isinstance(key.kind, type):
        # Read already, where the config has it in another form.
        return value if isinstance(value, key.kind) else read_section(reader, key.kind, value, inside)
    if isinstance(key.kind, ListOf) and not isinstance(value, list):
        from nnrun.spec.value_hints import list_hint

        reader.add_error(inside, f"expected a list, received {format_value(value)}", list_hint(key.kind, value, name))
        return ()
    if isinstance(value, str) and value in FACTS and not key.kind.accepts("$"):
        text = f"expected {key.kind.expects} for '{name}', received {value}, which stands for a fact of the data"
        reader.add_error(inside, text, "write a number: such words stand in layers and other parts of Keras")
        return None
    read = reader.value(key.kind, value, inside, name)
    refused = key.refuses(read) if key.refuses is not None and len(reader.errors) == before else None
    if refused is not None:
        reader.add_error(inside, refused.text, refused.hint)
    return tuple(read) if isinstance(read, list) else read


def _refuse_unknown(reader: Reader, section: type[Section], values: dict[str, Any], path: Path) -> set[str]:
    """Refuse keys that a section does not have; return the keys that are probably meant."""
    known, meant = [*section.known_keys(), *(() if path else ("extends",))], set[str]()
    for name, value in values.items():
        if name in section.known_keys():
            continue
        if not reader.has_hints:
            reader.add_error((*path, name), f"{_place(path)} has no key '{name}'", at_key=True)
            continue
        # Hints are made only where something is wrong.
        from nnrun.spec.key_hints import key_hint

        hint = key_hint(name, value, path, known, reader)
        text = "extends: is read from the file itself, before --set is applied" if name == "extends" else hint.text
        reader.add_error((*path, name), f"{_place(path)} has no key '{name}'", text, at_key=True)
        meant |= {hint.meant} if hint.meant else set()
    return meant


def _refuse_missing(reader: Reader, section: type[Section], values: dict[str, Any], path: Path) -> None:
    for name, key in section.known_keys().items():
        if key.is_missing(name, values):
            text = f"{_place(path)} needs '{name}', which is missing"
            reader.add_error(path, text, f"add a line '{name}: ...'", at_key=bool(path))


def _section_hint(section: type[Section], value: object, path: Path) -> str | None:
    """Return the section that a lone value stands for: `split: 0.2` is `split: {test: 0.2}`."""
    lone = lone_key(section)
    if lone is None or value is None or not lone[1].accepts(value) or _names_no_part(lone[1], value):
        return None
    return f"write {path[-1]}: {dump_inline({lone[0]: value})}"


def lone_key(section: type[Section]) -> tuple[str, Kind] | None:
    """Return the key of a section that a lone value in its place stands for, its first, and the kind of its values."""
    name, key = next(iter(section.known_keys().items()))
    return None if isinstance(key.kind, type | Choice) else (name, key.kind)


def _names_no_part(kind: Kind, value: object) -> bool:
    from nnrun.catalog.other_names import known_names

    categories = kind.categories if isinstance(kind, PartOf) else ()
    return bool(categories) and not any(known_names(category, str(value)) for category in categories)


def known_keys(section: type[Section], path: Path = ()) -> Iterator[KnownKey]:
    """Yield every key of a section and of the sections below it."""
    for name, key in section.known_keys().items():
        if isinstance(key.kind, type):
            yield KnownKey((*path, name), None, lone_key(key.kind))
            yield from known_keys(key.kind, (*path, name))
        else:
            yield KnownKey((*path, name), key.kind)


def _place(path: Path) -> str:
    return "'" + ".".join(map(str, path)) + "'" if path else "the config"
