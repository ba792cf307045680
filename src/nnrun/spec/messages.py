"""Turns what pydantic found into problems with a place, in nnrun's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from nnrun.catalog import keras1
from nnrun.config.hints import did_you_mean
from nnrun.config.render import show
from nnrun.errors import Problem
from nnrun.spec.section import Section

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from nnrun.config.document import Document
    from nnrun.errors import Path

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "finite_number": "a finite number",
}


def problems_of(error: ValidationError, document: Document, root: type[Section]) -> list[Problem]:
    """Say each of pydantic's findings at its place in `document`, whose schema is `root`."""
    return [_problem(detail, document, root) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, document: Document, root: type[Section]) -> Problem:
    path: Path = tuple(detail["loc"])
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "nnrun":
        mark = document.key_mark(path) if context["at_key"] else document.mark(path)
        return Problem(mark, context["text"], context["hint"])
    if kind == "extra_forbidden":
        hint = keras1.key(str(path[-1]), detail["input"]) or _known(path, root)
        return Problem(document.key_mark(path), f"{_where(path[:-1])} has no key '{path[-1]}'", hint)
    if kind == "missing":
        known = list(_section_at(root, path[:-1]).model_fields)
        near = next(
            (key for key in _keys(document, path[:-1]) if key not in known and did_you_mean(key, [str(path[-1])])), None
        )
        hint = f"is '{near}' a misspelling of it?" if near else f"add a line '{path[-1]}: ...'"
        mark = document.key_mark(path[:-1]) if len(path) > 1 else document.mark(())
        return Problem(mark, f"{_where(path[:-1])} needs '{path[-1]}', which is missing", hint)
    return Problem(
        document.mark(path),
        f"expected {_expected(kind, context)} for '{path[-1]}', received {show(detail['input'])}",
        _hint(kind, context, detail["input"]),
    )


def _known(path: Path, root: type[Section]) -> str:
    """What to write instead of an unknown key."""
    if path == ("extends",):
        return "extends: is read from the file itself, before --set is applied"
    known = list(_section_at(root, path[:-1]).model_fields)
    words = known if path[:-1] else [*known, "extends"]
    return did_you_mean(str(path[-1]), words) or f"known here: {', '.join(words)}"


def _expected(kind: str, context: dict[str, Any]) -> str:
    if kind == "literal_error":
        return f"one of {context['expected'].replace(' or ', ', ')}"
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        bound = context.get("ge", context.get("gt", context.get("le", context.get("lt"))))
        words = {
            "greater_than_equal": "at least",
            "greater_than": "more than",
            "less_than_equal": "at most",
            "less_than": "less than",
        }
        return f"a number of {words[kind]} {bound:g}"
    if kind == "too_short":
        return f"at least {context['min_length']} item"
    return _EXPECTED.get(kind, "another value")


def _hint(kind: str, context: dict[str, Any], value: object) -> str | None:
    if kind == "literal_error" and isinstance(value, str):
        return did_you_mean(value, [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")])
    if isinstance(value, str) and _EXPECTED.get(kind) in ("an integer", "a number") and _is_number(value):
        return f"write {value} without quotes"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _where(path: Path) -> str:
    return "'" + ".".join(map(str, path)) + "'" if path else "the config"


def _keys(document: Document, path: Path) -> list[str]:
    value: Any = document.data
    for key in path:
        value = value[key]
    return list(value) if isinstance(value, dict) else []


def _section_at(root: type[Section], path: Path) -> type[Section]:
    section = root
    for key in path:
        field = section.model_fields.get(str(key))
        candidates = [field.annotation, *get_args(field.annotation)] if field else []
        nested = [one for one in candidates if isinstance(one, type) and issubclass(one, Section)]
        section = nested[0] if nested else section
    return section
