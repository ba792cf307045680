"""From YAML text to a tree of nodes with positions; everything dangerous or ambiguous is refused with its place.

The tree is built from PyYAML's events with a list as the stack, so that no text can exhaust Python's own stack.
Plain scalars are read as in the core schema of YAML 1.2: `yes` is text, `1e-3` a number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from nnrun.config.files import YamlLoader
from nnrun.config.hints import did_you_mean
from nnrun.config.syntax import MAX_DEPTH, syntax_problems
from nnrun.config.syntax_repairs import misread_number, misread_word
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.config.files import SourceText

MAX_ALIASED_VALUES = 10_000
MAX_PROBLEMS = 100
#: Beyond about 4,300 digits Python refuses to convert a text into an integer.
MAX_NUMBER_LENGTH = 4_000

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+[ \t]+(?=[^\s#])")

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(word: str) -> Scalar:
    """Return the value of a plain (unquoted) scalar.

    Raises:
        ValueError: The number is too long or too large; with what was expected and received.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word[0] not in "+-.0123456789":
        return word
    base = 10 if _INTEGER.fullmatch(word) else 0 if _OCTAL_OR_HEX.fullmatch(word) else None
    if base is None and not _FLOAT.fullmatch(word):
        return word
    if len(word) > MAX_NUMBER_LENGTH:
        raise ValueError(
            f"expected a number of at most {MAX_NUMBER_LENGTH:,} digits, received {len(word):,} characters"
        )
    if base is not None:
        return int(word, base)
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"expected a number below 1.8e308, received {word[:40]}")
    return number


def is_text(word: str) -> bool:
    """Return whether a plain scalar is read as text, not as a number, a truth value or null."""
    try:
        return isinstance(resolve(word), str)
    except ValueError:
        return False


@dataclass(slots=True)
class YamlNode:
    """A value in the text.

    Attributes:
        value: A scalar, a list of nodes, or a mapping from key to (node of the key, node of the value).
        start: The position of its first character.
        end: The position after its last character (for a block, after its first word).
        size: The number of nodes in it, itself and the nodes behind aliases included.
        height: The number of levels of lists and mappings in it.
        closed: False while its contents are still being read.
    """

    value: Any
    start: int
    end: int
    size: int = 1
    height: int = 0
    closed: bool = True


class _Stop(Exception):  # noqa: N818 (a signal, not an error)
    """The rest of the text cannot be read."""


class _Composer:
    """Builds the tree of one document from events and collects problems."""

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
                self._handle(event)
        except _Stop:
            pass

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.source.text, Loader=YamlLoader)
        except yaml.YAMLError as error:
            # What stops the parser on the line of another problem only follows from it.
            lines = {problem.mark.line for problem in self.problems if problem.mark}
            found = syntax_problems(error, self.source)
            self.problems += [problem for problem in found if problem.mark is None or problem.mark.line not in lines]

    def _handle(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._with_properties(event, self._scalar(event)))
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin_document(event)

    def _refuse(self, start: int, end: int, text: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.source.mark(start, end), text, hint))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def _begin_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            start, end = event.start_mark.index, event.end_mark.index
            text = "expected one document, received a second one after '---'"
            self._refuse(start, end, text, "put each experiment into a file of its own")
            raise _Stop

    def _with_properties(self, event: Any, node: YamlNode) -> YamlNode:
        """Handle the anchor and the tag in front of a value: anchors are kept, tags refused."""
        if event.tag is not None:
            start = event.start_mark.index
            tag = self.source.text[start:].split(None, 1)[0]
            text = f"expected a plain value, received the tag '{tag[:60]}'"
            self._refuse(start, start + len(tag), text, "delete the tag; write text in quotes and numbers without")
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
                self._refuse(start, end, str(error), "write it in quotes if it is text")
        return YamlNode(value, start, end)

    def _alias(self, event: Any) -> YamlNode:
        start, end = event.start_mark.index, event.end_mark.index
        target, name = self._anchors.get(event.anchor), event.anchor[:60]
        if target is None:
            hint = did_you_mean(name, list(self._anchors)[-1_000:]) or f"mark a value with '&{name}' first"
            self._refuse(start, end, f"the alias '*{name}' has no anchor above it", hint)
        elif not target.closed:
            self._refuse(start, end, f"the alias '*{name}' contains itself", "write the value out")
        elif len(self._open) + target.height > MAX_DEPTH:
            text = (
                f"expected at most {MAX_DEPTH} levels of lists and mappings, received more through the alias '*{name}'"
            )
            self._refuse(start, end, text)
        elif self._aliased <= MAX_ALIASED_VALUES:
            self._aliased += target.size
            if self._aliased <= MAX_ALIASED_VALUES:
                return YamlNode(target.value, start, end, target.size, target.height)
            text = f"expected aliases to repeat at most {MAX_ALIASED_VALUES:,} values, received more with '*{name}'"
            self._refuse(start, end, text, "write the values out, or repeat less")
        return YamlNode(f"*{name}", start, end)

    def _begin(self, event: Any) -> None:
        start = event.start_mark.index
        if len(self._open) >= MAX_DEPTH:
            self._refuse(start, start + 1, f"expected at most {MAX_DEPTH} levels of lists and mappings, received more")
            raise _Stop
        node = YamlNode({} if isinstance(event, yaml.MappingStartEvent) else [], start, start + 1, closed=False)
        self._open.append(self._with_properties(event, node))
        self._keys.append(None)

    def _end(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        node.closed = True
        node.height += 1
        if self.source.text.startswith(("{", "["), node.start):
            node.end = event.end_mark.index
        elif isinstance(node.value, dict) and node.value:
            first = next(iter(node.value.values()))[0]
            node.start, node.end = first.start, first.end
        self._add(node)

    def _add(self, node: YamlNode) -> None:
        """Add a finished node to the tree: as the root, the next item, the next key or its value."""
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height)
        if isinstance(parent.value, list):
            if not self._is_misread(node, parent):
                parent.value.append(node)
        elif key is None:
            self._keys[-1] = (self._key(node, parent), node)
        else:
            self._keys[-1] = None
            if key[0] is not None:
                parent.value[key[0]] = (key[1], node)

    def _is_misread(self, node: YamlNode, parent: YamlNode) -> bool:
        """Refuse a key or item that is legal YAML, but the rest of a tuple, a decimal comma or a key without colon."""
        text = self.source.text
        if isinstance(node.value, (int, float)) and isinstance(parent.value, dict):
            found = misread_number(self.source, node.start, node.end, parent.start)
        elif isinstance(node.value, str) and text[node.start : node.start + 1] not in ("'", '"', "*"):
            found = misread_word(self.source, node.start, node.end, parent.start)
        else:
            found = None
        if found is not None:
            self._refuse(*found)
        return found is not None

    def _key(self, node: YamlNode, parent: YamlNode) -> str | None:
        """Return the text of a key, or None where it is refused."""
        written = self.source.text[node.start : node.end]
        if self._is_misread(node, parent):
            return None
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            node.value = str(node.value)  # a class may have a number as its name
        if not isinstance(node.value, str):
            text = f"expected text as the key, received {_kind(node.value, written)}"
            hint = f'write it in quotes: "{written[:60]}":' if isinstance(node.value, (int, float)) else None
        elif written == "<<":
            text = "merge keys ('<<') are not supported"
            hint = "write the keys out, or share them with extends:"
        elif node.value in parent.value:
            line = self.source.line_of(parent.value[node.value][0].start)
            text = f"the key '{node.value[:60]}' is defined twice in this mapping"
            hint = f"delete one of the two; the first is on line {line}"
        else:
            return node.value
        self._refuse(node.start, node.end, text, hint)
        return None


def _kind(value: Any, written: str) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return written[:60] or "nothing"


def compose(source: SourceText) -> YamlNode:
    """Return the tree of a config, which is one mapping.

    Raises:
        ConfigError: With every problem that could be found.
    """
    root = compose_value(source)
    if root is not None and isinstance(root.value, dict):
        return root
    hint = "write lines of the form key: value, beginning with name:"
    if root is None:
        raise ConfigError([Problem(source.mark(0, 1), "expected a config, received a file without any values", hint)])
    received = _kind(root.value, source.text[root.start : root.end].split("\n", 1)[0])
    text = f"expected a mapping at the top of the file, received {received}"
    raise ConfigError([Problem(source.mark(root.start, root.end), text, hint)])


def compose_value(source: SourceText) -> YamlNode | None:
    """Return the tree of one value of any kind; None for a text without a value.

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
