"""What the annotation of an argument of the user's own code says about its values; whatever is unsaid takes anything.

Annotations are read as they stand in the syntax tree: nothing of the user's is run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nnrun.catalog.annotations import kind_from
from nnrun.catalog.kinds import AnyOf, AnyValue, Kind, ListOf, MappingOf, Null, PartOf, PythonOnly, or_null
from nnrun.catalog.rules import BY_NAME, ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

_LISTS = frozenset({"list", "List", "Sequence", "Iterable", "tuple", "Tuple"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping"})


def kind_of_argument(name: str, annotation: ast.expr | None, category_of: Callable[[ast.expr], str | None]) -> Kind:
    """The kind of value that an argument takes.

    Args:
        name: The argument's name; without an annotation, names such as `activation` and `kernel_regularizer` take
            the parts that they take in Keras.
        annotation: What stands behind the colon, or None.
        category_of: The category of the catalog that a class of Keras' belongs to.
    """
    if annotation is None:
        known = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), BY_NAME.get(name))
        return or_null(known) if known is not None and _holds_part(known) else AnyValue()
    return _kind(annotation, category_of)


def _holds_part(kind: Kind) -> bool:
    if isinstance(kind, AnyOf):
        return any(_holds_part(one) for one in kind.kinds)
    return _holds_part(kind.item) if isinstance(kind, ListOf) else isinstance(kind, PartOf)


def _kind(node: ast.expr, category_of: Callable[[ast.expr], str | None]) -> Kind:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _quoted(node.value, category_of)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_kind(node.left, category_of), _kind(node.right, category_of)])
    if isinstance(node, ast.Subscript):
        return _subscripted(node, category_of)
    category = category_of(node)
    if category is not None:
        return PartOf((category,))
    return _simple(node)


def _quoted(text: str, category_of: Callable[[ast.expr], str | None]) -> Kind:
    try:
        return _kind(ast.parse(text, mode="eval").body, category_of)
    except (SyntaxError, ValueError):
        return AnyValue()


def _simple(node: ast.expr) -> Kind:
    last = _last(node)
    if last == "Callable":
        return PythonOnly("a Python function", required=True)
    if last in _LISTS:
        return ListOf(AnyValue(), as_tuple=last in ("tuple", "Tuple"))
    if last in _MAPPINGS:
        return MappingOf(AnyValue())
    try:
        return kind_from(ast.unparse(node))
    except ValueError:
        return AnyValue()


def _subscripted(node: ast.Subscript, category_of: Callable[[ast.expr], str | None]) -> Kind:
    last = _last(node.value)
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if last == "Literal" or not items:
        return _simple(node)
    kinds = [_kind(item, category_of) for item in items]
    if last in ("Optional", "Annotated", "Union"):
        return _union([kinds[0], Null()]) if last == "Optional" else _union(kinds if last == "Union" else kinds[:1])
    if last in ("tuple", "Tuple") and not _open(items):
        return _tuple(kinds)
    if last in _LISTS:
        return ListOf(kinds[0], as_tuple=last in ("tuple", "Tuple"))
    return MappingOf(kinds[-1]) if last in _MAPPINGS else _simple(node.value)


def _open(items: list[ast.expr]) -> bool:
    """Whether a tuple has any length: `tuple[int, ...]`."""
    return isinstance(items[-1], ast.Constant) and items[-1].value is ...


def _tuple(kinds: list[Kind]) -> Kind:
    item = kinds[0] if all(kind == kinds[0] for kind in kinds) else _union(kinds)
    return ListOf(item, len(kinds), as_tuple=True)


def _union(kinds: list[Kind]) -> Kind:
    flat = [one for kind in kinds for one in (kind.kinds if isinstance(kind, AnyOf) else (kind,))]
    if any(isinstance(kind, AnyValue) for kind in flat):
        return AnyValue()
    sayable = [kind for kind in dict.fromkeys(flat) if not isinstance(kind, PythonOnly)]
    return AnyOf(tuple(sayable)) if len(sayable) > 1 else (sayable or [Null()])[0]


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
