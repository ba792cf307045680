"""A config as plain data, with the place of every key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.config.files import SourceText, read_text
from nnrun.config.parser import YamlNode, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Mark, Path


@dataclass(frozen=True)
class Document:
    """A config as it was read.

    Attributes:
        data: Plain data: dicts with text keys, lists, text, numbers, truth values and None.
        text: The text it was read from, without a byte order mark.
        file: The file as the user wrote it.
        value_marks: The place of every value.
        key_marks: The place of every key of a mapping.
        provenance: For values that were set more than once: all their places, oldest first.
        sources: The files that it extends, bases before the files that extend them.
    """

    data: dict[str, Any]
    text: str
    file: FilePath
    value_marks: Mapping[Path, Mark]
    key_marks: Mapping[Path, Mark]
    provenance: Mapping[Path, tuple[Mark, ...]] = field(default_factory=dict)
    sources: tuple[FilePath, ...] = ()

    def mark(self, path: Path) -> Mark:
        """Return the place of the value at `path`, or of the deepest existing value above it."""
        return self.value_marks[self._existing(path)]

    def key_mark(self, path: Path) -> Mark:
        """Return the place of the last key of `path`; for an item of a list, that of its value.

        For a path that does not exist: the key of the mapping that lacks it, or the word in place of a mapping
        (`Adam` for `("training", "optimizer", "Adam", "learning_rate")`).
        """
        existing = self._existing(path)
        if existing == path or isinstance(self.value_at(existing), (dict, list)):
            return self.key_marks.get(existing) or self.value_marks[existing]
        return self.value_marks[existing]

    def value_at(self, path: Path) -> Any:
        """Return the value at a path that exists."""
        value: Any = self.data
        for key in path:
            value = value[key]
        return value

    def history(self, path: Path) -> tuple[Mark, ...]:
        """Return all places of the value at `path`, oldest first; the last one counts."""
        return self.provenance.get(path) or (self.mark(path),)

    def _existing(self, path: Path) -> Path:
        while path not in self.value_marks:
            path = path[:-1]
        return path


def read(file: FilePath) -> Document:
    """Read a config, without what it extends.

    Raises:
        ConfigError: The file cannot be read or is not a config; with every problem that could be found.
    """
    return parse(read_text(file), file)


def parse(text: str, file: FilePath | str) -> Document:
    """Read a config from its text; marks name `file`.

    Raises:
        ConfigError: With every problem that could be found.
    """
    source = SourceText(text.removeprefix("\ufeff"), str(file))
    root = compose(source)
    value_marks: dict[Path, Mark] = {}
    key_marks: dict[Path, Mark] = {}
    data = to_data(root, source, (), value_marks, key_marks)
    value_marks[()] = source.mark(0, 1)
    return Document(data, source.text, FilePath(file), value_marks, key_marks)


def to_data(
    node: YamlNode, source: SourceText, path: Path, value_marks: dict[Path, Mark], key_marks: dict[Path, Mark]
) -> Any:
    """Return the plain data of a node; its marks and those of all nodes inside it are added to the two tables."""
    value_marks[path] = source.mark(node.start, node.end)
    if isinstance(node.value, list):
        return [to_data(item, source, (*path, index), value_marks, key_marks) for index, item in enumerate(node.value)]
    if not isinstance(node.value, dict):
        return node.value
    data = {}
    for key, (key_node, value) in node.value.items():
        key_marks[*path, key] = source.mark(key_node.start, key_node.end)
        data[key] = to_data(value, source, (*path, key), value_marks, key_marks)
    return data
