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
        provenance: For values that were said more than once: every place the value had, oldest first.
        sources: The files that it extends, those that are extended first in front.
    """

    data: dict[str, Any]
    text: str
    file: FilePath
    value_marks: Mapping[Path, Mark]
    key_marks: Mapping[Path, Mark]
    provenance: Mapping[Path, tuple[Mark, ...]] = field(default_factory=dict)
    sources: tuple[FilePath, ...] = ()

    def mark(self, path: Path) -> Mark:
        """The place of the value at `path`, else of the deepest value on the way there."""
        while path not in self.value_marks:
            path = path[:-1]
        return self.value_marks[path]

    def key_mark(self, path: Path) -> Mark:
        """The place of the key that `path` ends in; of the value for a list's item.

        For a path that is not there: the key of the mapping that lacks it, or the bare word in place of a mapping
        (`Adam` for `("training", "optimizer", "Adam", "learning_rate")`).
        """
        known = path
        while known not in self.value_marks:
            known = known[:-1]
        if known == path or isinstance(self._value(known), (dict, list)):
            return self.key_marks.get(known) or self.value_marks[known]
        return self.value_marks[known]

    def _value(self, path: Path) -> Any:
        value: Any = self.data
        for key in path:
            value = value[key]
        return value

    def history(self, path: Path) -> tuple[Mark, ...]:
        """Every place the value at `path` had, oldest first; the last one counts."""
        return self.provenance.get(path) or (self.mark(path),)


def read(file: FilePath) -> Document:
    """Read a config.

    Raises:
        ConfigError: The file cannot be read or is no config; with every problem that could be found.
    """
    return parse(read_text(file), file)


def parse(text: str, file: FilePath | str) -> Document:
    """Read a config from its text; `file` is the name that marks carry.

    Raises:
        ConfigError: With every problem that could be found.
    """
    source = SourceText(text.removeprefix("\ufeff"), str(file))
    root = compose(source)
    value_marks: dict[Path, Mark] = {}
    key_marks: dict[Path, Mark] = {}
    data = plain(root, source, (), value_marks, key_marks)
    value_marks[()] = source.mark(0, 1)
    return Document(data, source.text, FilePath(file), value_marks, key_marks)


def plain(
    node: YamlNode, source: SourceText, path: Path, value_marks: dict[Path, Mark], key_marks: dict[Path, Mark]
) -> Any:
    """A node's plain data; the marks of it and all below are added to the two tables."""
    value_marks[path] = source.mark(node.start, node.end)
    if isinstance(node.value, list):
        return [plain(item, source, (*path, index), value_marks, key_marks) for index, item in enumerate(node.value)]
    if not isinstance(node.value, dict):
        return node.value
    data = {}
    for key, (key_node, value) in node.value.items():
        key_marks[*path, key] = source.mark(key_node.start, key_node.end)
        data[key] = plain(value, source, (*path, key), value_marks, key_marks)
    return data
