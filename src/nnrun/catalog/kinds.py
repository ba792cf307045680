"""Kinds of values in a config: what is expected, in English and as JSON Schema, and whether a value is that.

Values are plain YAML data (`bool`, `int`, `float`, `str`, `None`, `list`, `dict`). A word with a dollar, such as
`$classes`, stands for a fact about the data; a kind accepts the facts that can be its values. Parts (`{L2: 0.01}`)
are recognised by their form only; `nnrun.spec.part` checks their contents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER_FACTS = ("$classes", "$features", "$targets", "$vocabulary", "$window", "$horizon", "$sample_rate")
SHAPE_FACTS = ("$input_shape",)
FACTS = (*NUMBER_FACTS, *SHAPE_FACTS)


class Kind(Protocol):
    """One kind of value."""

    @property
    def expects(self) -> str:
        """What is expected, as the end of "expected ...": `a positive integer`."""

    def accepts(self, value: object) -> bool:
        """Return whether `value` is of this kind (for a part: whether it has a part's form)."""

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema (draft 2020-12)."""


def is_integer(value: object) -> bool:
    """Return whether `value` is a whole number (`true` is not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether `value` is a number, which NaN is and `true` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite_number(value: object) -> bool:
    return (isinstance(value, float) and isfinite(value)) or is_integer(value)


def _range_schema(kind: str, **bounds: float | None) -> dict[str, Any]:
    return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


@dataclass(frozen=True)
class Integer:
    """A whole number from `minimum` to `maximum`, both included."""

    minimum: int | None = None
    maximum: int | None = None

    @property
    def expects(self) -> str:
        """`a positive integer`, `an integer of at least 0`, ..."""
        if self.maximum is not None:
            below = f"an integer of at most {self.maximum}"
            return below if self.minimum is None else f"an integer from {self.minimum} to {self.maximum}"
        if self.minimum is None:
            return "an integer"
        return "a positive integer" if self.minimum == 1 else f"an integer of at least {self.minimum}"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a whole number in range, or a fact that is a number."""
        if value in NUMBER_FACTS:
            return True
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def schema(self) -> dict[str, Any]:
        """Return an integer with its range, or a fact."""
        number = _range_schema("integer", minimum=self.minimum, maximum=self.maximum)
        return {"anyOf": [number, {"enum": list(NUMBER_FACTS)}]}


@dataclass(frozen=True)
class Number:
    """A finite number between `minimum` and `maximum`; an exclusive bound is not itself allowed."""

    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False

    @property
    def expects(self) -> str:
        """`a number`, `a positive number`, `a number in [0, 1)`, ..."""
        if self.minimum is None and self.maximum is None:
            return "a number"
        if self.maximum is None:
            if self.minimum == 0:
                return "a positive number" if self.exclusive_minimum else "a number of at least 0"
            return f"a number {'above' if self.exclusive_minimum else 'of at least'} {self.minimum:g}"
        if self.minimum is None:
            return f"a number {'below' if self.exclusive_maximum else 'of at most'} {self.maximum:g}"
        opening, closing = "(" if self.exclusive_minimum else "[", ")" if self.exclusive_maximum else "]"
        return f"a number in {opening}{self.minimum:g}, {self.maximum:g}{closing}"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a finite number in range."""
        if not _is_finite_number(value):
            return False
        number = float(value)  # type: ignore[arg-type]
        above = self.minimum is None or (number > self.minimum if self.exclusive_minimum else number >= self.minimum)
        below = self.maximum is None or (number < self.maximum if self.exclusive_maximum else number <= self.maximum)
        return above and below

    def schema(self) -> dict[str, Any]:
        """Return a number with its range."""
        lower = "exclusiveMinimum" if self.exclusive_minimum else "minimum"
        upper = "exclusiveMaximum" if self.exclusive_maximum else "maximum"
        return _range_schema("number", **{lower: self.minimum, upper: self.maximum})


@dataclass(frozen=True)
class Boolean:
    """`true` or `false`."""

    expects: str = "true or false"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a truth value."""
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class String:
    """Any text, or text that matches a regular expression as a whole."""

    expects: str = "text"
    pattern: str | None = None

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such a text."""
        return isinstance(value, str) and (self.pattern is None or re.fullmatch(self.pattern, value) is not None)

    def schema(self) -> dict[str, Any]:
        """Return a string, with its pattern."""
        return {"type": "string", **({} if self.pattern is None else {"pattern": f"^(?:{self.pattern})$"})}


@dataclass(frozen=True)
class Null:
    """`null`."""

    expects: str = "null"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is null."""
        return value is None

    def schema(self) -> dict[str, Any]:
        """Return the type `null`."""
        return {"type": "null"}


@dataclass(frozen=True)
class Choice:
    """One of a few words or numbers; with `ignore_case` in upper or lower case."""

    options: tuple[str | int, ...]
    ignore_case: bool = False

    @property
    def expects(self) -> str:
        """`one of 'valid', 'same'`."""
        shown = ", ".join(repr(option) for option in self.options)
        return shown if len(self.options) == 1 else f"one of {shown}"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is one of the options (`true` is not 1)."""
        if self.ignore_case and isinstance(value, str):
            return value.lower() in self.options
        return not isinstance(value, bool) and value in self.options

    def schema(self) -> dict[str, Any]:
        """Return an enumeration, or a pattern where case does not matter."""
        if not self.ignore_case:
            return {"enum": list(self.options)}
        letters = ("".join(f"[{letter.lower()}{letter.upper()}]" for letter in str(option)) for option in self.options)
        return {"type": "string", "pattern": f"^(?:{'|'.join(letters)})$"}


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one kind, `length` of them (None: any number, at least `min_length`).

    Most of Keras accepts a list for a tuple; `as_tuple` is for the rest.
    """

    item: Kind
    length: int | None = None
    min_length: int = 0
    as_tuple: bool = False

    @property
    def expects(self) -> str:
        """`a list of 2, each a positive integer`."""
        size = "" if self.length is None else f" of {self.length}"
        size = f" of at least {self.min_length}" if self.length is None and self.min_length else size
        return f"a list{size}, each {self.item.expects}"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such a list."""
        if not isinstance(value, list):
            return False
        fits = len(value) >= self.min_length if self.length is None else len(value) == self.length
        return fits and all(self.item.accepts(item) for item in value)

    def schema(self) -> dict[str, Any]:
        """Return an array."""
        size = (
            {"minItems": self.min_length} if self.length is None else {"minItems": self.length, "maxItems": self.length}
        )
        return {"type": "array", "items": self.item.schema(), **size}


@dataclass(frozen=True)
class TensorShape:
    """A shape without the batch: a positive integer for each dimension, `null` for an open one; or `$input_shape`."""

    expects: str = "a shape such as [28, 28, 1] (null for an open dimension)"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a shape."""
        if value in SHAPE_FACTS:
            return True
        return isinstance(value, list) and all(size is None or Integer(1).accepts(size) for size in value)

    def schema(self) -> dict[str, Any]:
        """Return an array of sizes, or a fact."""
        return {
            "anyOf": [
                {"type": "array", "items": {"anyOf": [Integer(1).schema(), {"type": "null"}]}},
                {"enum": list(SHAPE_FACTS)},
            ]
        }


#: Categories whose singular is not the word without its last letter.
_SINGULAR = {
    "losses": "loss",
    "ops": "operation of keras.ops",
    "preparation": "preparation step",
    "sources": "data source",
}


def singular(category: str) -> str:
    """Return the singular of a category: `layer`, `loss`, `preparation step`."""
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
        """Return whether `value` has a part's form."""
        return isinstance(value, str) or (isinstance(value, dict) and len(value) == 1)

    def schema(self) -> dict[str, Any]:
        """Return references to the categories' schemas."""
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
        """Return whether `value` is such a mapping."""
        return isinstance(value, dict) and all(
            isinstance(key, str) and self.item.accepts(item) for key, item in value.items()
        )

    def schema(self) -> dict[str, Any]:
        """Return an object."""
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True)
class Numbers:
    """The numbers of a tensor: one, or lists of them, in lists, in lists, ..., of equal lengths."""

    expects: str = "a number, or numbers in lists"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such numbers."""
        if not isinstance(value, list):
            return isinstance(value, bool) or _is_finite_number(value)
        return len({_form(item) for item in value}) <= 1 and all(self.accepts(item) for item in value)

    def schema(self) -> dict[str, Any]:
        """Return a reference to `NUMBERS_SCHEMA`, which refers to itself."""
        return {"$ref": "#/$defs/numbers"}


#: Numbers in lists, in lists, ...: a JSON Schema cannot say that the lists have equal lengths.
NUMBERS_SCHEMA = {"anyOf": [{"type": ["number", "boolean"]}, {"type": "array", "items": {"$ref": "#/$defs/numbers"}}]}


def _form(value: object) -> tuple[int, ...]:
    """Return the shape of numbers in lists."""
    return (len(value), *(_form(value[0]) if value else ())) if isinstance(value, list) else ()


@dataclass(frozen=True)
class FileOf:
    """A file with the digest that it must have: `{file: NAME, sha256: DIGEST}`, where the digest may be left out."""

    name: String

    @property
    def expects(self) -> str:
        """`a mapping {file: NAME, sha256: DIGEST}`."""
        return "a mapping {file: NAME, sha256: DIGEST}"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such a mapping."""
        if not isinstance(value, dict) or not {"file"} <= value.keys() <= {"file", "sha256"}:
            return False
        digest = value.get("sha256")
        return self.name.accepts(value["file"]) and (digest is None or self._is_digest(digest))

    @staticmethod
    def _is_digest(value: object) -> bool:
        return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None

    def schema(self) -> dict[str, Any]:
        """Return an object of the two keys."""
        properties = {"file": self.name.schema(), "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"}}
        return {"type": "object", "properties": properties, "required": ["file"], "additionalProperties": False}


@dataclass(frozen=True)
class AnyValue:
    """Any value; for the few parameters whose kind is unknown."""

    expects: str = "any value"

    def accepts(self, value: object) -> bool:  # noqa: ARG002
        """Return True."""
        return True

    def schema(self) -> dict[str, Any]:
        """Return a schema without restrictions."""
        return {}


@dataclass(frozen=True)
class PythonOnly:
    """A value that only Python code can give: nothing but the parameter's default is accepted, if it has one."""

    reason: str
    default: object = None
    required: bool = False

    @property
    def expects(self) -> str:
        """`nothing (it takes a Python function, which a config cannot contain)`."""
        return f"nothing (it takes {self.reason}, which a config cannot contain)"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is the default."""
        return not self.required and type(value) is type(self.default) and value == self.default

    def schema(self) -> dict[str, Any]:
        """Return a constant, or a schema that refuses everything."""
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
        """Return whether any of the kinds accepts `value`."""
        return any(kind.accepts(value) for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        """Return the alternatives."""
        return {"anyOf": [kind.schema() for kind in self.kinds]}


def nested_kinds(kind: Kind) -> Iterator[Kind]:
    """Return a kind and all kinds inside it."""
    yield kind
    inner = kind.kinds if isinstance(kind, AnyOf) else (kind.item,) if isinstance(kind, ListOf | MappingOf) else ()
    for each in inner:
        yield from nested_kinds(each)


def to_keras(kind: Kind, value: object) -> object:
    """Return what Keras accepts for `value`: a float where a number is expected, a tuple where a list is refused.

    Keras refuses `learning_rate=1` and `momentum=0` because they are not floats.
    """
    if isinstance(kind, AnyOf):
        accepting = next((one for one in kind.kinds if one.accepts(value)), None)
        return value if accepting is None else to_keras(accepting, value)
    if isinstance(kind, ListOf) and isinstance(value, list):
        items = [to_keras(kind.item, item) for item in value]
        return tuple(items) if kind.as_tuple else items
    return float(value) if isinstance(kind, Number) and is_integer(value) else value  # type: ignore[arg-type]


def or_null(kind: Kind) -> Kind:
    """Return `kind`, or null."""
    return kind if kind.accepts(None) else AnyOf((kind, Null()))


def one_or_list(kind: Kind, length: int | None) -> Kind:
    """Return one value for all dimensions, or a list with one for each (None: of any length but 0)."""
    return AnyOf((kind, ListOf(kind, length, min_length=1)))
