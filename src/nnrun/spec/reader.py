"""What sections and hints need of the reader of a config, and the keys that a config may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nnrun.catalog.kinds import Kind
    from nnrun.config.document import Document
    from nnrun.errors import Path
    from nnrun.spec.finding import Finding


@dataclass(frozen=True)
class KnownKey:
    """One key that a config may have.

    Attributes:
        path: Its place.
        kind: The kind of its value; None where it is a section, or of a type of its own.
        lone: For a section, the key that a lone value sets, and its kind (`split: 0.2` is `split: {test: 0.2}`).
    """

    path: Path
    kind: Kind | None = None
    lone: tuple[str, Kind] | None = None


class Reader(Protocol):
    """Reads values of a config and collects errors.

    Attributes:
        errors: All errors so far, with paths from the config's root.
        document: The whole config, of which hints take parts, values and the file's name; None where there is none.
        known_keys: Returns the keys that a config may have; hints look for unknown words among them.
    """

    errors: list[Finding]
    document: Document | None
    known_keys: Callable[[], Iterable[KnownKey]]

    @property
    def has_hints(self) -> bool:
        """Whether the next error has a hint."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The whole config as plain data; empty where there is none."""

    def is_option(self, path: Path) -> bool:
        """Return whether the value at a path was set on the command line."""

    def add_error(self, path: Path, text: str, hint: str | None = None, *, at_key: bool = False) -> None:
        """Add one error."""

    def value(self, kind: Kind, value: object, path: Path, name: str) -> Any:
        """Read the value of parameter `name`."""

    def accepts_part(self, category: str, value: object) -> bool:
        """Return whether a value is a part of a category without any mistake."""
