"""What all sections of a config share: a table of the keys they know, each with its kind, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from nnrun.catalog.kinds import Kind, ListOf, PartOf
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.errors import Path
    from nnrun.spec.parts import Reader

#: One sentence, and what to type next.
Refusal = tuple[str, str | None]
SectionT = TypeVar("SectionT", bound="Section")
_REQUIRED: Any = object()


@dataclass(frozen=True)
class Key:
    """What one key of a section takes.

    Attributes:
        kind: The kind of its value, or the section that stands below it.
        default: Its value where the config is silent.
        refuses: Says what is wrong with a value that is of the kind, or None.
        needed_unless: Another key of the section and its value with which alone this one may be missing.
    """

    kind: Kind | type[Section]
    default: Any = _REQUIRED
    refuses: Callable[[Any], Refusal | None] | None = None
    needed_unless: tuple[str, Any] | None = None

    def missing(self, name: str, said: Mapping[str, Any]) -> bool:
        """Tell whether the section `said` cannot do without a key that it lacks."""
        if self.needed_unless is None:
            return self.required and name not in said
        other, value = self.needed_unless
        return said.get(name) is None and said.get(other) != value

    @property
    def required(self) -> bool:
        """Whether the section cannot do without it."""
        return self.default is _REQUIRED


class Section:
    """One mapping of a config whose keys are all known; unknown ones are refused. Sections are frozen dataclasses."""

    KEYS: ClassVar[Mapping[str, Key]]

    def refusal(self) -> Refusal | None:
        """Say what does not go together in this section, or None."""
        return None


def part_of(category: str) -> PartOf:
    """The kind of a value that is one part of `category`."""
    return PartOf((category,))


def parts_of(category: str) -> ListOf:
    """The kind of a value that is a list of parts of `category`."""
    return ListOf(PartOf((category,)))


def read_section(reader: Reader, section: type[SectionT], value: object, path: Path) -> SectionT | None:
    """Read a mapping as `section`; None where anything is wrong with it, which `reader` then knows in full."""
    before = len(reader.complaints)
    if not isinstance(value, dict):
        reader.complain(path, f"expected a mapping for '{path[-1]}', received {show(value)}")
        return None
    _complain_of_unknown(reader, section, value, path)
    _complain_of_missing(reader, section, value, path)
    read = {
        name: _read_key(reader, name, key, value[name], path) if name in value else key.default
        for name, key in section.KEYS.items()
    }
    if len(reader.complaints) > before:
        return None
    made = section(**read)
    refused = made.refusal()
    if refused is not None:
        reader.complain(path, *refused)
    return made


def _read_key(reader: Reader, name: str, key: Key, value: object, path: Path) -> Any:
    inside, before = (*path, name), len(reader.complaints)
    if value is None and key.default is None:
        return None
    if isinstance(key.kind, type):
        return read_section(reader, key.kind, value, inside)
    if isinstance(key.kind, ListOf) and not isinstance(value, list):
        reader.complain(inside, f"expected a list, received {show(value)}", "start each item on its own line with '- '")
        return ()
    read = reader.value(key.kind, value, inside, name)
    refused = key.refuses(read) if key.refuses is not None and len(reader.complaints) == before else None
    if refused is not None:
        reader.complain(inside, *refused)
    return tuple(read) if isinstance(read, list) else read


def _complain_of_unknown(reader: Reader, section: type[Section], value: dict[str, Any], path: Path) -> None:
    known = [*section.KEYS, *(() if path else ("extends",))]
    for name, said in value.items():
        if name in section.KEYS:
            continue
        # The tables of Keras 1 are loaded only where something is wrong.
        from nnrun.catalog import keras1

        hint = keras1.key_hint(name, said) or did_you_mean(name, known) or f"known here: {', '.join(known)}"
        if (*path, name) == ("extends",):
            hint = "extends: is read from the file itself, before --set is applied"
        reader.complain((*path, name), f"{_where(path)} has no key '{name}'", hint, at_key=True)


def _complain_of_missing(reader: Reader, section: type[Section], value: dict[str, Any], path: Path) -> None:
    unknown = [name for name in value if name not in section.KEYS]
    for name, key in section.KEYS.items():
        if not key.missing(name, value):
            continue
        near = next((word for word in unknown if did_you_mean(word, [name])), None)
        hint = f"is '{near}' a misspelling of it?" if near else f"add a line '{name}: ...'"
        reader.complain(path, f"{_where(path)} needs '{name}', which is missing", hint, at_key=bool(path))


def _where(path: Path) -> str:
    return "'" + ".".join(map(str, path)) + "'" if path else "the config"
