"""`model:` and `define:` in the words of JSON Schema, made from the table of forms."""

from __future__ import annotations

from typing import Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import Integer, Number
from nnrun.spec.forms import FORMS, NAME, Form, Row

NULL: dict[str, Any] = {"type": "null"}
#: Layers as they stand in a model, with `from` and `call`; `layers` are those that stand inside other parts.
APPLIED = "applied_layers"
#: The ending of definitions for configs with a `define:`, whose names no schema can know beforehand.
WITH_DEFINE = "_with_define"
_MACROS = ("repeat", "residual", "use")
_NAMED = {"type": "string", "pattern": f"^{NAME}$"}
_TEXTS = {"type": "array", "items": {"type": "string"}}


def ref(name: str) -> dict[str, Any]:
    """Refer to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def definitions_of_model() -> dict[str, Any]:
    """Define everything that may stand under `model:` and `define:` but the layers themselves."""
    taken = [*_MACROS, *lookup.words("layers")]
    return {
        **_VALUES,
        "stack_name": {**_NAMED, "not": {"enum": taken}},
        "output": _form(FORMS["output"], ""),
        "define": {
            "type": "object",
            "propertyNames": ref("stack_name"),
            "additionalProperties": ref(f"stack{WITH_DEFINE}"),
        },
        **_definitions(""),
        **_definitions(WITH_DEFINE),
    }


def _definitions(ending: str) -> dict[str, Any]:
    """Define models; `ending` tells those that may use stacks by name from those that may not."""
    macros = [name for name in _MACROS if ending or name != "use"]
    forms = {f"{name}{ending}": _form(FORMS[name], ending) for name in macros}
    applied = {**ref(APPLIED), "additionalProperties": {"properties": {"name": ref("name")}}}
    macro = {
        **_ONE_KEY,
        "additionalProperties": False,
        "properties": {name: _use(ending) if name == "use" else ref(f"{name}{ending}") for name in macros},
    }
    items = [applied, macro, *([ref("stack_name"), _by_name(ending)] if ending else [])]
    return {
        **forms,
        f"item{ending}": {"anyOf": items},
        f"stack{ending}": {"type": "array", "minItems": 1, "items": ref(f"item{ending}")},
        f"model{ending}": {"anyOf": [ref(f"stack{ending}"), _form(FORMS["model"], ending)]},
    }


_ONE_KEY: dict[str, Any] = {"type": "object", "minProperties": 1, "maxProperties": 1}


def _use(ending: str) -> dict[str, Any]:
    return {"anyOf": [ref("stack_name"), ref(f"use{ending}")]}


def _by_name(ending: str) -> dict[str, Any]:
    """Write a use by name with keys of its own: `block: {share: true}`."""
    use = {**_form(FORMS["use"], ending), "required": []}
    return {**_ONE_KEY, "propertyNames": ref("stack_name"), "additionalProperties": {"anyOf": [use, NULL]}}


def _form(form: Form, ending: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": form.meaning,
        "additionalProperties": False,
        "required": [name for name, row in form.keys.items() if row.required],
        "properties": {
            name: {"description": row.meaning, **_row(name, row, ending)} for name, row in form.keys.items()
        },
    }


def _row(name: str, row: Row, ending: str) -> dict[str, Any]:
    if row.takes == "stack":
        stack = ref(f"stack{ending}")
        return {"anyOf": [stack, NULL]} if name == "shortcut" else stack
    return ref(row.takes)


_VALUES: dict[str, Any] = {
    "name": {"anyOf": [_NAMED, NULL]},
    "tensors": {
        "description": FORMS["layer"].keys["from"].meaning,
        "anyOf": [{"type": "string"}, {**_TEXTS, "minItems": 1}, NULL],
    },
    "tensor": {"type": ["string", "null"]},
    "field": {"type": ["string", "null"]},
    "times": Integer(1, 1000).schema()["anyOf"][0],
    "truth": {"type": "boolean"},
    "weight": Number(0).schema(),
    "metrics_of_output": {"anyOf": [{"type": "array", "items": ref("metrics")}, NULL]},
    "inputs": {
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": _NAMED,
                "additionalProperties": {"anyOf": [{"type": "string"}, {**_TEXTS, "minItems": 1}, NULL]},
            },
            NULL,
        ]
    },
    "outputs": {
        "anyOf": [
            {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [ref("output"), NULL]}},
            {**_TEXTS, "minItems": 1},
            NULL,
        ]
    },
}
