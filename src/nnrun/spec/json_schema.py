"""The whole language as a JSON Schema (draft 2020-12), made from the sections' tables, the forms and the catalog.

It says what can be said of a text without its data: a config that it refuses, `nnrun check` refuses too. What only
`check` knows (names that `from:` says, shapes, what goes together across sections) it lets pass.
"""

from __future__ import annotations

import json
from typing import Any

from nnrun.catalog import docstrings, lookup
from nnrun.catalog.kinds import AnyOf, Kind, MappingOf, PartOf, or_null
from nnrun.config.extends import WIDEST
from nnrun.spec.experiment import Expectation, Experiment
from nnrun.spec.findings.registry import FINDINGS, silenceable
from nnrun.spec.json_schema_model import NULL, WITH_DEFINE, definitions_of_model, ref
from nnrun.spec.json_schema_parts import definitions_of_parts
from nnrun.spec.section import Key, Section

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: A name, not an address: nothing is fetched to use it.
_ID = "urn:nnrun:config"
_MADE_BY = "Made by: nnrun schema --out configs/nnrun.schema.json. Do not edit."
#: A section as it may stand in a config that extends another: nothing is required, and null removes.
_LAID_OVER = "_laid_over"
#: What `Section.refusal` says, in the words of JSON Schema.
_TOGETHER: dict[str, dict[str, Any]] = {
    "Expectation": {
        "oneOf": [
            {"required": ["value", "within"], "maxProperties": 2},
            {"required": ["at_most"], "maxProperties": 1},
            {"required": ["at_least"], "maxProperties": 1},
        ]
    },
    "TrainingSpec": {
        "if": {"properties": {"rule": {"const": "perceptron"}}, "required": ["rule"]},
        "then": {"properties": {"loss": NULL, "optimizer": NULL, "class_weight": NULL, "augment": {"maxItems": 0}}},
        "else": {"required": ["optimizer"], "properties": {"learning_rate": NULL, "optimizer": {"not": NULL}}},
    },
    "Split": {
        "not": {
            "properties": {"stratify": {"const": True}, "shuffle": {"const": False}},
            "required": ["stratify", "shuffle"],
        }
    },
}
#: A chain has only one output, whose loss can stand nowhere else.
_LOSS_OF_A_CHAIN = {
    "if": {"properties": {"model": {"type": "array"}}, "required": ["model"]},
    "then": {
        "properties": {
            "training": {
                "if": {"properties": {"rule": {"const": "perceptron"}}, "required": ["rule"]},
                "else": {"required": ["loss"], "properties": {"loss": {"not": NULL}}},
            }
        }
    },
}


def schema() -> dict[str, Any]:
    """Make the JSON Schema of a whole config."""
    return {
        "$schema": _DRAFT,
        "$id": _ID,
        "$comment": _MADE_BY,
        "title": "An nnrun experiment",
        "description": docstrings.summary(Experiment.__doc__),
        "type": "object",
        "if": {"required": ["extends"]},
        "then": ref(f"Experiment{_LAID_OVER}"),
        "else": ref("Experiment"),
        "$defs": {**_sections(), **definitions_of_model(), **definitions_of_parts()},
    }


def text() -> str:
    """Write the JSON Schema with one definition on each line, so that a change to one part is a change of one line."""
    whole = schema()
    inner = _lines(whole.pop("$defs"), "  ")
    head = _lines(whole, " ")
    return "{\n" + head + ',\n "$defs": {\n' + inner + "\n }\n}\n"


def _lines(mapping: dict[str, Any], indent: str) -> str:
    return ",\n".join(
        f"{indent}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in mapping.items()
    )


def _sections() -> dict[str, Any]:
    found: dict[str, Any] = {"Expectation": _section(Expectation, laid_over=False)}
    for section in _below(Experiment):
        found[section.__name__] = _section(section, laid_over=False)
        found[section.__name__ + _LAID_OVER] = _section(section, laid_over=True)
    whole = found["Experiment"]
    whole["required"] = [name for name in whole["required"] if name != "name"]
    whole["allOf"] = [
        _LOSS_OF_A_CHAIN,
        {
            "if": {"required": ["define"]},
            "then": {"properties": {"model": ref(f"model{WITH_DEFINE}")}},
            "else": {"properties": {"model": ref("model")}},
        },
    ]
    found[f"Experiment{_LAID_OVER}"]["properties"]["extends"] = _EXTENDS
    return found


_EXTENDS = {
    "description": "The config, or configs, that this one is laid over: files, or names of shipped configs.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": WIDEST}],
}


def _below(section: type[Section]) -> list[type[Section]]:
    """Give a section and all that stand inside it."""
    inner = [key.kind for key in section.KEYS.values() if isinstance(key.kind, type)]
    return [section, *(deeper for each in inner for deeper in _below(each))]


def _section(section: type[Section], *, laid_over: bool) -> dict[str, Any]:
    meanings = docstrings.arguments(section.__doc__, "Attributes")
    properties = {
        name: {"description": meanings.get(name, ""), **_key(section, name, key, laid_over=laid_over), **_default(key)}
        for name, key in section.KEYS.items()
    }
    made = {
        "type": "object",
        "description": docstrings.summary(section.__doc__),
        "properties": properties,
        "additionalProperties": False,
    }
    if laid_over:
        return made
    return {
        **made,
        "required": [name for name, key in section.KEYS.items() if key.required],
        **_TOGETHER.get(section.__name__, {}),
    }


def _default(key: Key) -> dict[str, Any]:
    if key.required or isinstance(key.default, Section):
        return {}
    return {"default": list(key.default) if isinstance(key.default, tuple) else key.default}


def _key(section: type[Section], name: str, key: Key, *, laid_over: bool) -> dict[str, Any]:
    if section is Experiment and name in _BY_HAND:
        return {"anyOf": [_BY_HAND[name], {"type": "object"}, NULL]} if laid_over else _or_null(_BY_HAND[name], key)
    if isinstance(key.kind, type):
        inner = ref(key.kind.__name__ + (_LAID_OVER if laid_over else ""))
        return {"anyOf": [inner, NULL]} if laid_over else _or_null(inner, key)
    if laid_over:
        return {"anyOf": [key.kind.schema(), NULL, *_merged(key.kind)]}
    kind = or_null(key.kind) if key.default is None else key.kind
    return {**kind.schema(), **(_further(name) if section is Experiment else {})}


def _further(name: str) -> dict[str, Any]:
    """What the top refuses of values that are of the kind."""
    if name == "name":
        return {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"}
    if name == "silence":
        return {"items": {"anyOf": [{"const": word, "description": FINDINGS[word].what} for word in silenceable()]}}
    return {}


def _or_null(said: dict[str, Any], key: Key) -> dict[str, Any]:
    return {"anyOf": [said, NULL]} if key.default is None else said


#: Keys whose values other readers than the table's own read.
_BY_HAND: dict[str, dict[str, Any]] = {
    # Whether names of stacks are layers too depends on whether there is a `define:`; a base may have one.
    "model": {"anyOf": [ref(f"stack{WITH_DEFINE}"), {"type": "object"}]},
    "define": ref("define"),
    "expect": {"type": "object", "additionalProperties": ref("Expectation")},
}


def _merged(kind: Kind) -> list[dict[str, Any]]:
    """What else may stand where a mapping is merged into another: some of a part's arguments, some of its keys."""
    if isinstance(kind, PartOf):
        words = [word for category in kind.categories for word in lookup.words(category)]
        return [{"type": "object", "propertyNames": {"enum": words}}]
    if isinstance(kind, AnyOf):
        return [also for one in kind.kinds for also in _merged(one)]
    return [{"type": "object"}] if isinstance(kind, MappingOf) else []
