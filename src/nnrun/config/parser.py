"""A YAML text as a tree of nodes with positions; whatever is dangerous or ambiguous is refused with its place.

The tree is built from PyYAML's events with a list as the stack, so that no text can exhaust Python's own stack.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from nnrun.config.hints import did_you_mean
from nnrun.config.syntax import DEEPEST, syntax_problems
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from nnrun.config.files import SourceText


#: libyaml reads 1 MB in under a second, PyYAML's own scanner in over ten.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_ALIASED_VALUES = 10_000
MAX_PROBLEMS = 100

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+[ \t]+(?=[^\s#])")


@dataclass(slots=True)
class YamlNode:
    """A value in the text.

    Attributes:
        value: A scalar, a list of nodes, or a mapping from key to (key's node, value's node).
        start: The position of its first character.
        end: The position after its last character (for a block, after its first word).
        size: How many nodes it holds, itself and the nodes behind aliases included.
        height: How many levels of lists and mappings it holds.
        closed: False while its own contents are still being read.
    """

    value: Any
    start: int
    end: int
    size: int = 1
    height: int = 0
    closed: bool = True


class _Stop(Exception):  # noqa: N818 (a signal, never an error that anyone sees)
    """What follows cannot be read; the problems found so far are the answer."""


class _Composer:
    """Builds one document's tree from events and collects problems on the way."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: YamlNode | None = None
        self._anchors: dict[str, YamlNode] = {}
        self._open: list[YamlNode] = []
        self._keys: list[tuple[str | None, YamlNode] | None] = []
        self._documents = 0
        self._aliased = 0

    def run(self) -> None:
        try:
            for event in self._events():
                self._feed(event)
        except _Stop:
            pass

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.source.text, Loader=_Loader)
        except yaml.YAMLError as error:
            self.problems += syntax_problems(error, self.source)

    def _feed(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._place(self._properties(event, self._scalar(event)))
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._alias(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._finish(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _refuse(self, start: int, end: int, text: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.source.mark(start, end), text, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(
                event.start_mark.index,
                event.end_mark.index,
                "expected one document, received a second one after '---'",
                "put each experiment into a file of its own",
            )
            raise _Stop

    def _properties(self, event: Any, node: YamlNode) -> YamlNode:
        """Take the anchor and refuse the tag that stand before a value."""
        if event.tag is not None:
            word = self.source.text[event.start_mark.index :].split(None, 1)[0]
            self._refuse(
                event.start_mark.index,
                event.start_mark.index + len(word),
                f"expected a plain value, received the tag '{word[:60]}'",
                "delete the tag; write text in quotes and numbers without",
            )
        if event.anchor is not None:
            found = _ANCHOR.match(self.source.text, node.start)
            node.start = found.end() if found else node.start
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> YamlNode:
        start, end = event.start_mark.index, event.end_mark.index
        value = event.value
        if event.implicit[0]:
            try:
                value = resolve(value)
            except ValueError as error:
                self._refuse(start, end, str(error), "write it in quotes if it is a text")
        return YamlNode(value, start, end)

    def _alias(self, event: Any) -> YamlNode:
        start, end = event.start_mark.index, event.end_mark.index
        target, name = self._anchors.get(event.anchor), event.anchor[:60]
        if target is None:
            hint = did_you_mean(name, list(self._anchors)[-1_000:]) or f"mark a value with '&{name}' first"
            self._refuse(start, end, f"the alias '*{name}' has no anchor above it", hint)
        elif not target.closed:
            self._refuse(start, end, f"the alias '*{name}' contains itself", "write the value out")
        elif len(self._open) + target.height > DEEPEST:
            self._refuse(
                start,
                end,
                f"expected at most {DEEPEST} levels of lists and mappings, received more through the alias '*{name}'",
            )
        elif self._aliased <= MAX_ALIASED_VALUES:
            self._aliased += target.size
            if self._aliased <= MAX_ALIASED_VALUES:
                return YamlNode(target.value, start, end, target.size, target.height)
            self._refuse(
                start,
                end,
                f"expected aliases to repeat at most {MAX_ALIASED_VALUES:,} values, received more with '*{name}'",
                "write the values out, or repeat less",
            )
        return YamlNode(f"*{name}", start, end)

    def _begin(self, event: Any) -> None:
        start = event.start_mark.index
        if len(self._open) >= DEEPEST:
            self._refuse(start, start + 1, f"expected at most {DEEPEST} levels of lists and mappings, received more")
            raise _Stop
        node = YamlNode({} if isinstance(event, yaml.MappingStartEvent) else [], start, start + 1, closed=False)
        self._open.append(self._properties(event, node))
        self._keys.append(None)

    def _finish(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        node.closed = True
        node.height += 1
        if self.source.text.startswith(("{", "["), node.start):
            node.end = event.end_mark.index
        elif isinstance(node.value, dict) and node.value:
            first = next(iter(node.value.values()))[0]
            node.start, node.end = first.start, first.end
        self._place(node)

    def _place(self, node: YamlNode) -> None:
        """Put a finished node where it belongs: the root, the next item, the next key or its value."""
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height)
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is None:
            self._keys[-1] = (self._key(node, parent), node)
        else:
            self._keys[-1] = None
            if key[0] is not None:
                parent.value[key[0]] = (key[1], node)

    def _key(self, node: YamlNode, parent: YamlNode) -> str | None:
        """The key's text, or None where it is refused."""
        shown = self.source.text[node.start : node.end]
        if not isinstance(node.value, str):
            self._refuse(
                node.start,
                node.end,
                f"expected a text as the key, received {_kind(node.value, shown)}",
                f'write it in quotes: "{shown[:60]}":' if isinstance(node.value, (int, float)) else None,
            )
        elif shown == "<<":
            self._refuse(
                node.start,
                node.end,
                "merge keys ('<<') are not part of the language",
                "write the keys out, or share them with extends:",
            )
        elif node.value in parent.value:
            line = self.source.line_of(parent.value[node.value][0].start)
            self._refuse(
                node.start,
                node.end,
                f"the key '{node.value[:60]}' stands twice in this mapping",
                f"delete one of the two; the first is on line {line}",
            )
        else:
            return node.value
        return None


def _kind(value: Any, shown: str) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return shown[:60] or "nothing"


def compose(source: SourceText) -> YamlNode:
    """The tree of the one mapping that a config is.

    Raises:
        ConfigError: With every problem that could be found.
    """
    root = compose_value(source)
    if root is None or not isinstance(root.value, dict):
        raise ConfigError([_no_mapping(source, root)])
    return root


def compose_value(source: SourceText) -> YamlNode | None:
    """The tree of one value of any kind; None where the text holds none.

    Raises:
        ConfigError: With every problem that could be found.
    """
    source.refuse_unprintable()
    composer = _Composer(source)
    composer.run()
    if composer.problems:
        raise ConfigError(composer.problems)
    root = composer.root
    return None if root is None or (root.value is None and root.start == root.end) else root


def load_package_data(file: FilePath) -> Any:
    """Load a YAML file that belongs to nnrun itself: quickly, without places and checks."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader)


def _no_mapping(source: SourceText, root: YamlNode | None) -> Problem:
    hint = "write lines of the form key: value, beginning with name:"
    if root is None:
        return Problem(source.mark(0, 1), "expected a config, received a file without any values", hint)
    shown = _kind(root.value, source.text[root.start : root.end].split("\n", 1)[0])
    text = f"expected a mapping at the top of the file, received {shown}"
    return Problem(source.mark(root.start, root.end), text, hint)


Scalar = str | int | float | bool | None

#: Beyond about 4,300 digits Python itself refuses to turn a text into an integer.
MAX_NUMBER_LENGTH = 4_000

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": math.nan,
    ".NaN": math.nan,
    ".NAN": math.nan,
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(word: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    Raises:
        ValueError: The number is too long or too large to be held; the text says what was expected and received.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "+-.0123456789":
        return word
    if _WHOLE.fullmatch(word):
        return int(_within_length(word))
    if _BASED.fullmatch(word):
        return int(_within_length(word), 0)
    if _FLOAT.fullmatch(word):
        return _finite(_within_length(word))
    return word


def is_text(word: str) -> bool:
    """Whether a plain scalar is read as text rather than as a number, a truth value or null."""
    try:
        return isinstance(resolve(word), str)
    except ValueError:
        return False


def _within_length(word: str) -> str:
    if len(word) > MAX_NUMBER_LENGTH:
        raise ValueError(
            f"expected a number of at most {MAX_NUMBER_LENGTH:,} digits, received {len(word):,} characters"
        )
    return word


def _finite(word: str) -> float:
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"expected a number below 1.8e308, received {word[:40]}")
    return number
