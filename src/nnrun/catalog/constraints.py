"""Kinds from the constraints of scikit-learn's parameters, as `catalog/sklearn/*.json` keeps them.

A parameter has a list of alternatives, each `null`, a word (`boolean`, `integer`, `number`, `text`) or a mapping:
`{"integer": [low, high]}`, `{"number": [low, high, closed]}`, `{"choice": [...]}`, `{"list": [...]}` and
`{"tuple": [...], "length": n}` of alternatives, `{"mapping": [...]}` from text to them, `{"python": "an array"}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import (
    AnyOf,
    Boolean,
    Choice,
    Integer,
    Kind,
    ListOf,
    MappingOf,
    Null,
    Number,
    PythonOnly,
    String,
    or_null,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS: dict[str, Kind] = {"boolean": Boolean(), "integer": Integer(), "number": Number(), "text": String()}


def kind_from_constraints(constraints: Sequence[Any]) -> Kind:
    """Return the kind of values that at least one of these constraints allows.

    Raises:
        ValueError: A constraint has another form.
    """
    given = [one for one in constraints if one is not None]
    kinds = tuple(_kind(one) for one in given if not (isinstance(one, dict) and "python" in one))
    if not kinds:
        return PythonOnly(" or ".join(one["python"] for one in given))
    kind = kinds[0] if len(kinds) == 1 else AnyOf(kinds)
    return kind if len(given) == len(constraints) else or_null(kind)


def _kind(constraint: Any) -> Kind:  # noqa: PLR0911 - one line for each kind
    if isinstance(constraint, str):
        return _WORDS[constraint]
    if "integer" in constraint:
        return Integer(*constraint["integer"])
    if "number" in constraint:
        low, high, closed = constraint["number"]
        return Number(low, high, low is not None and closed in ("right", "neither"), closed in ("left", "neither"))
    if "choice" in constraint:
        return Choice(tuple(constraint["choice"]))
    if "mapping" in constraint:
        return MappingOf(kind_from_constraints(constraint["mapping"]))
    if "list" in constraint:
        return ListOf(kind_from_constraints(constraint["list"]), min_length=1)
    if "tuple" in constraint:
        return ListOf(kind_from_constraints(constraint["tuple"]), constraint["length"], as_tuple=True)
    raise ValueError(f"no kind of value is known for the constraint {constraint!r}")


#: Words that a step may have in place of columns.
TARGET_WORD = AnyOf((ListOf(AnyOf((String(), Integer())), min_length=1), Choice(("target",)), Null()))
