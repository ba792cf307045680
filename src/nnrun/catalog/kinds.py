"""What a value of a config may be: a kind says in English what it expects, and whether a value is that.

Values are plain YAML data (`bool`, `int`, `float`, `str`, `None`, `list`, `dict`). A word with a dollar, such as
`$classes`, stands for a fact that the data teach; a kind accepts the facts that can be its values. Parts (`{L2: 0.01}`)
are recognised here by category only; what stands inside them is the reader's business (`nnrun.spec.parts`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

NUMBER_FACTS = ("$classes", "$features", "$targets", "$vocabulary", "$window")
SHAPE_FACTS = ("$input_shape",)


class Kind(Protocol):
    """One kind of value."""

    @property
    def expects(self) -> str:
        """What is expected, as the end of "expected ...": `a positive integer`."""

    def accepts(self, value: object) -> bool:
        """Whether `value` is of this kind (parts: whether it has a part's form)."""

    def schema(self) -> dict[str, Any]:
        """The kind as JSON Schema (draft 2020-12)."""


def is_integer(value: object) -> bool:
    """Return whether `value` is a whole number (`true` is not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return (isinstance(value, float) and isfinite(value)) or is_integer(value)


@dataclass(frozen=True)
class Integer:
    """A whole number from `least` to `most`, both included."""

    least: int | None = None
    most: int | None = None

    @property
    def expects(self) -> str:
        """`a positive integer`, `an integer of at least 0`, ..."""
        if self.most is not None:
            below = f"an integer of at most {self.most}"
            return below if self.least is None else f"an integer from {self.least} to {self.most}"
        if self.least is None:
            return "an integer"
        return "a positive integer" if self.least == 1 else f"an integer of at least {self.least}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is a whole number in range, or a fact that is a number."""
        if value in NUMBER_FACTS:
            return True
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def schema(self) -> dict[str, Any]:
        """An integer with its range, or a fact."""
        bounds = {"minimum": self.least, "maximum": self.most}
        number = {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}}
        return {"anyOf": [number, {"enum": list(NUMBER_FACTS)}]}


@dataclass(frozen=True)
class Number:
    """A finite number between `least` and `most`; an exclusive bound is not itself allowed."""

    least: float | None = None
    most: float | None = None
    least_excluded: bool = False
    most_excluded: bool = False

    @property
    def expects(self) -> str:
        """`a number`, `a positive number`, `a number in [0, 1)`, ..."""
        if self.least is None and self.most is None:
            return "a number"
        if self.most is None:
            if self.least == 0:
                return "a positive number" if self.least_excluded else "a number of at least 0"
            return f"a number {'above' if self.least_excluded else 'of at least'} {self.least:g}"
        if self.least is None:
            return f"a number {'below' if self.most_excluded else 'of at most'} {self.most:g}"
        opening, closing = "(" if self.least_excluded else "[", ")" if self.most_excluded else "]"
        return f"a number in {opening}{self.least:g}, {self.most:g}{closing}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is a finite number in range."""
        if not _is_number(value):
            return False
        number = float(value)  # type: ignore[arg-type]
        above = self.least is None or (number > self.least if self.least_excluded else number >= self.least)
        below = self.most is None or (number < self.most if self.most_excluded else number <= self.most)
        return above and below

    def schema(self) -> dict[str, Any]:
        """A number with its range."""
        bounds = {
            "exclusiveMinimum" if self.least_excluded else "minimum": self.least,
            "exclusiveMaximum" if self.most_excluded else "maximum": self.most,
        }
        return {"type": "number", **{key: bound for key, bound in bounds.items() if bound is not None}}


@dataclass(frozen=True)
class Boolean:
    """`true` or `false`."""

    expects: str = "true or false"

    def accepts(self, value: object) -> bool:
        """Whether `value` is a truth value."""
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text:
    """Any text, or text of which the whole has the form of a regular expression."""

    expects: str = "text"
    pattern: str | None = None

    def accepts(self, value: object) -> bool:
        """Whether `value` is such a text."""
        return isinstance(value, str) and (self.pattern is None or re.fullmatch(self.pattern, value) is not None)

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string", **({} if self.pattern is None else {"pattern": f"^(?:{self.pattern})$"})}


@dataclass(frozen=True)
class Nothing:
    """`null`."""

    expects: str = "null"

    def accepts(self, value: object) -> bool:
        """Whether `value` is null."""
        return value is None

    def schema(self) -> dict[str, Any]:
        """Null."""
        return {"type": "null"}


@dataclass(frozen=True)
class Choice:
    """One of a few words (or numbers); where `any_case`, upper and lower case are not told apart."""

    options: tuple[str | int, ...]
    any_case: bool = False

    @property
    def expects(self) -> str:
        """`one of 'valid', 'same'`."""
        shown = ", ".join(repr(option) for option in self.options)
        return shown if len(self.options) == 1 else f"one of {shown}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one of the options (`true` is not 1)."""
        if self.any_case and isinstance(value, str):
            return value.lower() in self.options
        return not isinstance(value, bool) and value in self.options

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        if not self.any_case:
            return {"enum": list(self.options)}
        spelt = ("".join(f"[{letter.lower()}{letter.upper()}]" for letter in str(option)) for option in self.options)
        return {"type": "string", "pattern": f"^(?:{'|'.join(spelt)})$"}


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one kind, `length` of them (None: any number, at least `least`).

    Most of Keras takes a list for a tuple; `as_tuple` is for what does not.
    """

    item: Kind
    length: int | None = None
    least: int = 0
    as_tuple: bool = False

    @property
    def expects(self) -> str:
        """`a list of 2, each a positive integer`."""
        size = "" if self.length is None else f" of {self.length}"
        size = f" of at least {self.least}" if self.length is None and self.least else size
        return f"a list{size}, each {self.item.expects}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is such a list."""
        if not isinstance(value, list):
            return False
        fits = len(value) >= self.least if self.length is None else len(value) == self.length
        return fits and all(self.item.accepts(item) for item in value)

    def schema(self) -> dict[str, Any]:
        """An array."""
        size = {"minItems": self.least} if self.length is None else {"minItems": self.length, "maxItems": self.length}
        return {"type": "array", "items": self.item.schema(), **size}


@dataclass(frozen=True)
class Shape:
    """The size of each dimension, batch not counted: positive integers, `null` for an open one, or `$input_shape`."""

    expects: str = "a shape such as [28, 28, 1] (null for an open dimension)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is a shape."""
        if value in SHAPE_FACTS:
            return True
        return isinstance(value, list) and all(size is None or Integer(1).accepts(size) for size in value)

    def schema(self) -> dict[str, Any]:
        """An array of sizes, or a fact."""
        return {
            "anyOf": [
                {"type": "array", "items": {"anyOf": [Integer(1).schema(), {"type": "null"}]}},
                {"enum": list(SHAPE_FACTS)},
            ]
        }


#: Categories whose singular is not the word without its last letter.
_SINGULAR = {"losses": "loss", "preparation": "preparation step", "sources": "data source"}


def singular(category: str) -> str:
    """Name one thing of a category: `layer`, `loss`, `preparation step`."""
    return _SINGULAR.get(category, category.removesuffix("s"))


@dataclass(frozen=True)
class PartOf:
    """A part of one of these categories of the catalog: a word, a one-key mapping, or a lone value."""

    categories: tuple[str, ...]

    @property
    def expects(self) -> str:
        """`an initializer`, `a layer`, ..."""
        names = [singular(category) for category in self.categories]
        return " or ".join(f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names)

    def accepts(self, value: object) -> bool:
        """Whether `value` has a part's form."""
        return isinstance(value, str) or (isinstance(value, dict) and len(value) == 1)

    def schema(self) -> dict[str, Any]:
        """References to the categories' own schemas."""
        return {"anyOf": [{"$ref": f"#/$defs/{category}"} for category in self.categories]}


@dataclass(frozen=True)
class MappingOf:
    """A mapping from text to values of one kind."""

    item: Kind

    @property
    def expects(self) -> str:
        """`a mapping, each value a number`."""
        return f"a mapping, each value {self.item.expects}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is such a mapping."""
        return isinstance(value, dict) and all(
            isinstance(key, str) and self.item.accepts(item) for key, item in value.items()
        )

    def schema(self) -> dict[str, Any]:
        """An object."""
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True)
class Anything:
    """Any value at all; for the few parameters whose values cannot be told beforehand."""

    expects: str = "any value"

    def accepts(self, value: object) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    def schema(self) -> dict[str, Any]:
        """No restriction."""
        return {}


@dataclass(frozen=True)
class Unsayable:
    """What only Python code can say: nothing but the parameter's own default is accepted, if it has one."""

    reason: str
    default: object = None
    required: bool = False

    @property
    def expects(self) -> str:
        """`nothing (it takes a Python function, which a config cannot say)`."""
        return f"nothing (it takes {self.reason}, which a config cannot say)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is the default."""
        return not self.required and type(value) is type(self.default) and value == self.default

    def schema(self) -> dict[str, Any]:
        """A constant, or nothing at all."""
        return {"not": {}} if self.required else {"const": self.default}


@dataclass(frozen=True)
class AnyOf:
    """A value of any of several kinds."""

    kinds: tuple[Kind, ...]

    @property
    def expects(self) -> str:
        """The kinds' expectations, joined by "or"."""
        return " or ".join(kind.expects for kind in self.kinds)

    def accepts(self, value: object) -> bool:
        """Whether any of the kinds accepts `value`."""
        return any(kind.accepts(value) for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        """The alternatives."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}


def plain(kind: Kind, value: object) -> object:
    """What Keras is to be given for `value`: a float where a number is meant, a tuple where a list is refused.

    Keras refuses `learning_rate=1` and `momentum=0` because they are not floats, which a user of YAML cannot guess.
    """
    if isinstance(kind, AnyOf):
        meant = next((one for one in kind.kinds if one.accepts(value)), None)
        return value if meant is None else plain(meant, value)
    if isinstance(kind, ListOf) and isinstance(value, list):
        items = [plain(kind.item, item) for item in value]
        return tuple(items) if kind.as_tuple else items
    return float(value) if isinstance(kind, Number) and is_integer(value) else value  # type: ignore[arg-type]


def or_nothing(kind: Kind) -> Kind:
    """`kind`, or null."""
    return kind if kind.accepts(None) else AnyOf((kind, Nothing()))


def one_or_each(kind: Kind, length: int | None) -> Kind:
    """One value for all dimensions, or a list with one for each (None: a list of any length but 0)."""
    return AnyOf((kind, ListOf(kind, length, least=1)))
