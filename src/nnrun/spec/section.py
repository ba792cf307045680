"""Sections of a config: frozen dataclasses whose fields state what each key accepts, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from nnrun.catalog.kinds import Kind, ListOf, PartOf
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.errors import Path
    from nnrun.spec.part import PartReader

#: What is wrong, in one sentence, and what to type next.
Refusal = tuple[str, str | None]
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
        return MappingProxyType({one.name: one.metadata["key"] for one in fields(cls)})  # type: ignore[arg-type]

    def refusal(self) -> Refusal | None:
        """Return which of its values contradict each other, or None."""
        return None


def part_of(category: str) -> PartOf:
    """Return the kind of a value that is one part of `category`."""
    return PartOf((category,))


def parts_of(category: str) -> ListOf:
    """Return the kind of a value that is a list of parts of `category`."""
    return ListOf(part_of(category))


def read_section(reader: PartReader, section: type[SectionT], value: object, path: Path) -> SectionT | None:
    """Read a mapping as `section`; return None where anything is wrong with it, with all errors added to `reader`."""
    before = len(reader.errors)
    if not isinstance(value, dict):
        reader.add_error(path, f"expected a mapping for '{path[-1]}', received {format_value(value)}")
        return None
    _refuse_unknown(reader, section, value, path)
    _refuse_missing(reader, section, value, path)
    read = {
        name: _read_key(reader, name, key, value[name], path) if name in value else key.default
        for name, key in section.known_keys().items()
    }
    if len(reader.errors) > before:
        return None
    made = section(**read)
    refused = made.refusal()
    if refused is not None:
        reader.add_error(path, *refused)
    return made


def _read_key(reader: PartReader, name: str, key: Key, value: object, path: Path) -> Any:
    inside, before = (*path, name), len(reader.errors)
    if value is None and key.default is None:
        return None
    if isinstance(key.kind, type):
        return read_section(reader, key.kind, value, inside)
    if isinstance(key.kind, ListOf) and not isinstance(value, list):
        hint = "start each item on its own line with '- '"
        reader.add_error(inside, f"expected a list, received {format_value(value)}", hint)
        return ()
    read = reader.value(key.kind, value, inside, name)
    refused = key.refuses(read) if key.refuses is not None and len(reader.errors) == before else None
    if refused is not None:
        reader.add_error(inside, *refused)
    return tuple(read) if isinstance(read, list) else read


def _refuse_unknown(reader: PartReader, section: type[Section], values: dict[str, Any], path: Path) -> None:
    known = [*section.known_keys(), *(() if path else ("extends",))]
    for name, value in values.items():
        if name in section.known_keys():
            continue
        # The tables of Keras 1 are loaded only where something is wrong.
        from nnrun.catalog import keras1

        hint = keras1.key_hint(name, value) or did_you_mean(name, known) or f"known here: {', '.join(known)}"
        if (*path, name) == ("extends",):
            hint = "extends: is read from the file itself, before --set is applied"
        reader.add_error((*path, name), f"{_place(path)} has no key '{name}'", hint, at_key=True)


def _refuse_missing(reader: PartReader, section: type[Section], values: dict[str, Any], path: Path) -> None:
    unknown = [name for name in values if name not in section.known_keys()]
    for name, key in section.known_keys().items():
        if key.is_missing(name, values):
            near = next((word for word in unknown if did_you_mean(word, [name])), None)
            hint = f"is '{near}' a misspelling of it?" if near else f"add a line '{name}: ...'"
            reader.add_error(path, f"{_place(path)} needs '{name}', which is missing", hint, at_key=bool(path))


def _place(path: Path) -> str:
    return "'" + ".".join(map(str, path)) + "'" if path else "the config"
