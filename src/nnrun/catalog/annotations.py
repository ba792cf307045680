"""What the annotation of a parameter of nnrun's own says about its values: `list[int] | None` is a kind."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, ListOf, MappingOf, Null, Number, String

if TYPE_CHECKING:
    from nnrun.catalog.kinds import Kind

_SIMPLE: dict[str, Kind] = {"int": Integer(), "float": Number(), "str": String(), "bool": Boolean()}


def kind_from(annotation: str) -> Kind:
    """The kind that an annotation means.

    Args:
        annotation: `int`, `float`, `str`, `bool`, `None`, `list[...]`, `dict[str, ...]`,
            `Literal[...]`, or a union of these.

    Raises:
        ValueError: It is none of these.
    """
    return _kind(ast.parse(annotation, mode="eval").body, annotation)


def _kind(node: ast.expr, annotation: str) -> Kind:
    if isinstance(node, ast.Name) and node.id in _SIMPLE:
        return _SIMPLE[node.id]
    if isinstance(node, ast.Constant) and node.value is None:
        return Null()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return AnyOf(tuple(_kind(side, annotation) for side in _sides(node)))
    if isinstance(node, ast.Subscript):
        return _subscripted(ast.unparse(node.value), node.slice, annotation)
    raise ValueError(f"no kind of value is known for the annotation '{annotation}'")


def _sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_sides(node.left), *_sides(node.right)]
    return [node]


def _subscripted(holder: str, inside: ast.expr, annotation: str) -> Kind:
    items = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if holder == "list" and len(items) == 1:
        return ListOf(_kind(items[0], annotation))
    if holder == "dict" and len(items) == 2 and ast.unparse(items[0]) == "str":
        return MappingOf(_kind(items[1], annotation))
    if holder.rpartition(".")[2] == "Literal":
        return Choice(tuple(ast.literal_eval(item) for item in items))
    raise ValueError(f"no kind of value is known for the annotation '{annotation}'")
