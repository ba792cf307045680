"""Kinds from Python annotations: `list[int] | None` in the signature of a source, a step or a class of the user's.

Annotations are read from the syntax tree: nothing is run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nnrun.catalog.kinds import (
    AnyOf,
    AnyValue,
    Boolean,
    Choice,
    Integer,
    Kind,
    ListOf,
    MappingOf,
    Null,
    Number,
    PartOf,
    PythonOnly,
    String,
    nested_kinds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SIMPLE: dict[str, Kind] = {"int": Integer(), "float": Number(), "str": String(), "bool": Boolean()}
_TUPLES = frozenset({"tuple", "Tuple"})
_LISTS = frozenset({"list", "List", "Sequence", "Iterable"}) | _TUPLES
_MAPPINGS = frozenset({"dict", "Dict", "Mapping"})


def kind_from(annotation: str) -> Kind:
    """Return the kind of an annotation of nnrun's own parts.

    Args:
        annotation: `int`, `float`, `str`, `bool`, `None`, `list[...]`, `dict[str, ...]`, `Literal[...]`, or a union
            of these.

    Raises:
        ValueError: It is none of these.
    """
    kind = kind_of_annotation(ast.parse(annotation, mode="eval").body, lambda _: None)
    if any(isinstance(each, AnyValue) for each in nested_kinds(kind)):
        raise ValueError(f"no kind of value is known for the annotation '{annotation}'")
    return kind


def kind_of_annotation(node: ast.expr, category_of: Callable[[ast.expr], str | None]) -> Kind:
    """Return the kind of an annotation; `AnyValue` where it is not understood.

    Args:
        node: The annotation.
        category_of: Returns the category of the Keras class that an expression names, or None.
    """
    if isinstance(node, ast.Constant):
        return _constant(node.value, category_of)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([kind_of_annotation(node.left, category_of), kind_of_annotation(node.right, category_of)])
    if isinstance(node, ast.Subscript):
        return _subscripted(node, category_of)
    category = category_of(node)
    return _named(node) if category is None else PartOf((category,))


def _constant(value: object, category_of: Callable[[ast.expr], str | None]) -> Kind:
    if value is None:
        return Null()
    if not isinstance(value, str):
        return AnyValue()
    try:
        return kind_of_annotation(ast.parse(value, mode="eval").body, category_of)
    except (SyntaxError, ValueError):
        return AnyValue()


def _named(node: ast.expr) -> Kind:
    name = _last_name(node)
    if name == "Callable":
        return PythonOnly("a Python function", required=True)
    if name in _LISTS:
        return ListOf(AnyValue(), as_tuple=name in _TUPLES)
    if name in _MAPPINGS:
        return MappingOf(AnyValue())
    return _SIMPLE.get(name, AnyValue()) if isinstance(node, ast.Name) else AnyValue()


def _subscripted(node: ast.Subscript, category_of: Callable[[ast.expr], str | None]) -> Kind:
    name = _last_name(node.value)
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _literal(items)
    kinds = [kind_of_annotation(item, category_of) for item in items]
    if not kinds or name not in {"Optional", "Annotated", "Union", *_LISTS, *_MAPPINGS}:
        return _named(node.value) if kinds else AnyValue()
    if name == "Optional":
        return _union([kinds[0], Null()])
    if name in ("Annotated", "Union"):
        return _union(kinds if name == "Union" else kinds[:1])
    if name in _MAPPINGS:
        return MappingOf(kinds[-1]) if isinstance(kinds[0], String) else AnyValue()
    # `tuple[int, ...]` has any length.
    return _list(kinds, is_tuple=name in _TUPLES, is_open=ast.unparse(items[-1]) == "...")


def _list(kinds: list[Kind], *, is_tuple: bool, is_open: bool) -> Kind:
    if is_tuple and not is_open:
        item = kinds[0] if all(kind == kinds[0] for kind in kinds) else _union(kinds)
        return ListOf(item, len(kinds), as_tuple=True)
    return ListOf(kinds[0], as_tuple=is_tuple) if is_tuple or len(kinds) == 1 else AnyValue()


def _literal(items: list[ast.expr]) -> Kind:
    try:
        return Choice(tuple(ast.literal_eval(item) for item in items)) if items else AnyValue()
    except ValueError:
        return AnyValue()


def _union(kinds: list[Kind]) -> Kind:
    flat = [one for kind in kinds for one in (kind.kinds if isinstance(kind, AnyOf) else (kind,))]
    if any(isinstance(kind, AnyValue) for kind in flat):
        return AnyValue()
    plain = [kind for kind in dict.fromkeys(flat) if not isinstance(kind, PythonOnly)]
    return AnyOf(tuple(plain)) if len(plain) > 1 else (plain or [Null()])[0]


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
