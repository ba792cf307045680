"""The language of configs as a JSON Schema (draft 2020-12), made from sections, constructs and the catalog.

It holds what can be checked without the data: a config that it refuses, `nnrun check` refuses too. It accepts what
only `check` can decide (names in `from:`, shapes, contradictions between sections).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nnrun.catalog import docstrings, lookup
from nnrun.catalog.kinds import (
    NUMBER_FACTS,
    NUMBERS_SCHEMA,
    SHAPE_FACTS,
    AnyOf,
    Integer,
    Kind,
    MappingOf,
    Number,
    PartOf,
    or_null,
)
from nnrun.catalog.rules import LAYER_NAME
from nnrun.config.extends import MAX_BASES
from nnrun.spec.constructs import CONSTRUCTS, Construct, ConstructKey
from nnrun.spec.experiment import Expectation, Experiment
from nnrun.spec.findings.explanations import EXPLANATIONS, silenceable
from nnrun.spec.model import MACROS
from nnrun.spec.part_form import goes_by_name, required_arguments
from nnrun.spec.section import Key, Section
from nnrun.spec.sweep import RangeSpec, SweepSpec
from nnrun.spec.sweep_pruning import PRUNING

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry, Parameter

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: A name, not an address: nothing is downloaded to use it.
_ID = "urn:nnrun:config"
_MADE_BY = "Made by: nnrun schema --out configs/nnrun.schema.json. Do not edit."
#: The ending of sections in a config that extends another: nothing is required, and null removes.
_EXTENDING = "_laid_over"
#: Layers in a model, with `from` and `call`; `layers` are those inside other parts.
_APPLIED = "applied_layers"
#: The ending of definitions for configs with a `define:`, whose names a schema cannot know.
_WITH_DEFINE = "_with_define"
#: Words that have no effect without arguments: both weights of l1l2 are 0 by default.
_NOT_ALONE = frozenset({"l1l2"})

_NULL: dict[str, Any] = {"type": "null"}
_NAMED = {"type": "string", "pattern": f"^{LAYER_NAME}$"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_ONE_KEY: dict[str, Any] = {"type": "object", "minProperties": 1, "maxProperties": 1}
#: `Section.refusal` as JSON Schema.
_REFUSALS: dict[str, dict[str, Any]] = {
    "Expectation": {
        "oneOf": [
            {"required": ["value", "within"], "maxProperties": 2},
            {"required": ["at_most"], "maxProperties": 1},
            {"required": ["at_least"], "maxProperties": 1},
        ]
    },
    "TrainingSpec": {
        "if": {"properties": {"rule": {"const": "perceptron"}}, "required": ["rule"]},
        "then": {"properties": {"loss": _NULL, "optimizer": _NULL, "class_weight": _NULL, "augment": {"maxItems": 0}}},
        "else": {"required": ["optimizer"], "properties": {"learning_rate": _NULL, "optimizer": {"not": _NULL}}},
    },
    "RangeSpec": {
        "not": {"properties": {"log": {"const": True}, "step": {"type": "number"}}, "required": ["log", "step"]}
    },
    "SweepSpec": {
        "if": {"properties": {"method": {"not": {"const": "grid"}}}, "required": ["method"]},
        "then": {"required": ["trials"], "properties": {"trials": {"not": _NULL}}},
        "else": {"properties": {"trials": _NULL}},
    },
    "Split": {
        "not": {
            "properties": {"stratify": {"const": True}, "shuffle": {"const": False}},
            "required": ["stratify", "shuffle"],
        }
    },
}
#: The loss of a chain can be given in `training:` only.
_CHAIN_LOSS = {
    "if": {"properties": {"model": {"type": "array"}}, "required": ["model"]},
    "then": {
        "properties": {
            "training": {
                "if": {"properties": {"rule": {"const": "perceptron"}}, "required": ["rule"]},
                "else": {"required": ["loss"], "properties": {"loss": {"not": _NULL}}},
            }
        }
    },
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a whole config."""
    return {
        "$schema": _DRAFT,
        "$id": _ID,
        "$comment": _MADE_BY,
        "title": "An nnrun experiment",
        "description": docstrings.summary(Experiment.__doc__),
        "type": "object",
        "if": {"required": ["extends"]},
        "then": _ref(f"Experiment{_EXTENDING}"),
        "else": _ref("Experiment"),
        "$defs": {**_sections(), **_model_definitions(), "numbers": NUMBERS_SCHEMA, **_part_definitions()},
    }


def text() -> str:
    """Return the JSON Schema as text, with one definition on each line for readable diffs."""
    whole = schema()
    inner = _lines(whole.pop("$defs"), "  ")
    head = _lines(whole, " ")
    return "{\n" + head + ',\n "$defs": {\n' + inner + "\n }\n}\n"


def _lines(mapping: dict[str, Any], indent: str) -> str:
    return ",\n".join(
        f"{indent}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in mapping.items()
    )


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """Return the schema of a mapping without other keys."""
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return made if required is None else {**made, "required": required}


#: Keys, by section and name, whose values are not read by the section's own kinds.
_BY_HAND: dict[tuple[type[Section], str], dict[str, Any]] = {
    # Whether names of stacks are layers too depends on whether there is a `define:`; a base may have one.
    (Experiment, "model"): {"anyOf": [_ref(f"stack{_WITH_DEFINE}"), {"type": "object"}]},
    (Experiment, "define"): _ref("define"),
    # A phase has what it changes of the one before it.
    (Experiment, "training"): {
        "anyOf": [
            _ref("TrainingSpec"),
            {"type": "array", "minItems": 1, "items": {"minProperties": 1, **_ref(f"TrainingSpec{_EXTENDING}")}},
        ]
    },
    (Experiment, "expect"): {"type": "object", "additionalProperties": _ref("Expectation")},
    (SweepSpec, "parameters"): {
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1, "uniqueItems": True}, _ref("RangeSpec")]},
    },
    (SweepSpec, "pruning"): {
        "anyOf": [
            {"enum": [None, *PRUNING]},
            {
                "type": "object",
                "properties": {name: {"anyOf": [_NULL, _ref(one.__name__)]} for name, one in PRUNING.items()},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    },
}
_EXTENDS = {
    "description": "The config, or configs, that this one extends: files, or names of shipped configs.",
    "anyOf": [{"type": "string"}, {**_TEXTS, "minItems": 1, "maxItems": MAX_BASES}],
}


def _sections() -> dict[str, Any]:
    found: dict[str, Any] = {
        one.__name__: _section(one, extending=False) for one in (Expectation, RangeSpec, *PRUNING.values())
    }
    for section in _with_inner(Experiment):
        found[section.__name__] = _section(section, extending=False)
        found[section.__name__ + _EXTENDING] = _section(section, extending=True)
    whole = found["Experiment"]
    whole["required"] = [name for name in whole["required"] if name != "name"]
    whole["allOf"] = [
        _CHAIN_LOSS,
        {
            "if": {"required": ["define"]},
            "then": {"properties": {"model": _ref(f"model{_WITH_DEFINE}")}},
            "else": {"properties": {"model": _ref("model")}},
        },
    ]
    found[f"Experiment{_EXTENDING}"]["properties"]["extends"] = _EXTENDS
    return found


def _with_inner(section: type[Section]) -> list[type[Section]]:
    """Return a section and all sections inside it."""
    inner = [key.kind for key in section.known_keys().values() if isinstance(key.kind, type)]
    return [section, *(deeper for each in inner for deeper in _with_inner(each))]


def _section(section: type[Section], *, extending: bool) -> dict[str, Any]:
    meanings = docstrings.arguments(section.__doc__, "Attributes")
    properties = {
        name: {"description": meanings.get(name, ""), **_key(section, name, key, extending=extending), **_default(key)}
        for name, key in section.known_keys().items()
    }
    made = {"description": docstrings.summary(section.__doc__), **_object(properties)}
    if extending:
        return made
    required = [name for name, key in section.known_keys().items() if key.required]
    return {**made, "required": required, **_REFUSALS.get(section.__name__, {})}


def _default(key: Key) -> dict[str, Any]:
    if key.required or isinstance(key.default, Section):
        return {}
    return {"default": list(key.default) if isinstance(key.default, tuple) else key.default}


def _key(section: type[Section], name: str, key: Key, *, extending: bool) -> dict[str, Any]:
    by_hand = _BY_HAND.get((section, name))
    if by_hand is not None and not (extending and isinstance(key.kind, type)):
        made = [by_hand, *([{"type": "object"}] if extending else [])]
    elif isinstance(key.kind, type):
        others = [] if by_hand is None else by_hand["anyOf"][1:]
        made = [_ref(key.kind.__name__ + (_EXTENDING if extending else "")), *others]
    elif extending:
        return {"anyOf": [_without_facts(key.kind.schema()), _NULL, *_merged(key.kind)]}
    else:
        kind = or_null(key.kind) if key.default is None else key.kind
        return {**_without_facts(kind.schema()), **(_restriction(name) if section is Experiment else {})}
    return {"anyOf": [*made, _NULL]} if extending or key.default is None else made[0]


def _restriction(name: str) -> dict[str, Any]:
    """Return what a key of `Experiment` refuses of the values that are of its kind."""
    if name == "name":
        return {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"}
    if name == "silence":
        return {"items": {"anyOf": [{"const": word, "description": EXPLANATIONS[word].what} for word in silenceable()]}}
    return {}


def _merged(kind: Kind) -> list[dict[str, Any]]:
    """Return what a mapping that is merged into another may be: some of a part's arguments, some of its keys."""
    if isinstance(kind, PartOf):
        words = [word for category in kind.categories for word in lookup.names_and_aliases(category)]
        return [{"type": "object", "propertyNames": {"enum": words}}]
    if isinstance(kind, AnyOf):
        return [also for one in kind.kinds for also in _merged(one)]
    return [{"type": "object"}] if isinstance(kind, MappingOf) else []


_VALUES: dict[str, Any] = {
    "name": {"anyOf": [_NAMED, _NULL]},
    "tensors": {
        "description": CONSTRUCTS["layer"].keys["from"].meaning,
        "anyOf": [{"type": "string"}, {**_TEXTS, "minItems": 1}, _NULL],
    },
    "tensor": {"type": ["string", "null"]},
    "field": {"type": ["string", "null"]},
    "times": Integer(1, 1000).schema()["anyOf"][0],
    "truth": {"type": "boolean"},
    "weight": Number(0).schema(),
    "metrics_of_output": {"anyOf": [{"type": "array", "items": _ref("metrics")}, _NULL]},
    "inputs": {
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": _NAMED,
                "additionalProperties": {"anyOf": [{"type": "string"}, {**_TEXTS, "minItems": 1}, _NULL]},
            },
            _NULL,
        ]
    },
    "outputs": {
        "anyOf": [
            {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [_ref("output"), _NULL]}},
            {**_TEXTS, "minItems": 1},
            _NULL,
        ]
    },
}


def _model_definitions() -> dict[str, Any]:
    """Return the definitions of all that `model:` and `define:` may contain, except the layers themselves."""
    return {
        **_VALUES,
        "stack_name": {**_NAMED, "not": {"enum": [*MACROS, *lookup.names_and_aliases("layers")]}},
        "output": _construct(CONSTRUCTS["output"], ""),
        "define": {
            "type": "object",
            "propertyNames": _ref("stack_name"),
            "additionalProperties": _ref(f"stack{_WITH_DEFINE}"),
        },
        **_models(""),
        **_models(_WITH_DEFINE),
    }


def _models(ending: str) -> dict[str, Any]:
    """Return the definitions of models; with the ending `_WITH_DEFINE`, of those that may use stacks by name."""
    macros = [name for name in MACROS if ending or name != "use"]
    constructs = {f"{name}{ending}": _construct(CONSTRUCTS[name], ending) for name in macros}
    macro = {name: _ref(f"{name}{ending}") for name in macros}
    items = [
        {**_ref(_APPLIED), "additionalProperties": {"properties": {"name": _ref("name")}}},
        {**_ONE_KEY, "additionalProperties": False, "properties": macro},
    ]
    if ending:
        macro["use"] = {"anyOf": [_ref("stack_name"), macro["use"]]}
        # A use by name with keys of its own: `block: {share: true}`.
        use = {**_construct(CONSTRUCTS["use"], ending), "required": []}
        by_name = {"propertyNames": _ref("stack_name"), "additionalProperties": {"anyOf": [use, _NULL]}}
        items += [_ref("stack_name"), {**_ONE_KEY, **by_name}]
    return {
        **constructs,
        f"item{ending}": {"anyOf": items},
        f"stack{ending}": {"type": "array", "minItems": 1, "items": _ref(f"item{ending}")},
        f"model{ending}": {"anyOf": [_ref(f"stack{ending}"), _construct(CONSTRUCTS["model"], ending)]},
    }


def _construct(construct: Construct, ending: str) -> dict[str, Any]:
    required = [name for name, key in construct.keys.items() if key.required]
    properties = {name: _construct_key(name, key, ending) for name, key in construct.keys.items()}
    return {"description": construct.meaning, **_object(properties, required)}


def _construct_key(name: str, key: ConstructKey, ending: str) -> dict[str, Any]:
    made = _ref(key.type)
    if key.type == "stack":
        stack = _ref(f"stack{ending}")
        made = {"anyOf": [stack, _NULL]} if name == "shortcut" else stack
    return {"description": key.meaning, **made}


def _part_definitions() -> dict[str, Any]:
    """Return the definitions of every category and of what each of its entries takes."""
    found: dict[str, Any] = {}
    for category in lookup.CATEGORIES:
        found[_APPLIED if category == "layers" else category] = _category(category)
    # A layer inside another (`Bidirectional: {layer: ...}`) has no place in the graph.
    found["layers"] = {**_ref(_APPLIED), "additionalProperties": {"properties": {"from": False, "call": False}}}
    for category in lookup.CATEGORIES:
        found.update({f"{category}.{entry.name}": _entry(entry) for entry in _known(category).values()})
    return found


def _known(category: str) -> dict[str, Entry]:
    """Return every word of a category that a config can use, with its entry."""
    known = {word: entry for word in lookup.names_and_aliases(category) if (entry := lookup.entry(category, word))}
    return {word: entry for word, entry in known.items() if not (goes_by_name(entry) and required_arguments(entry))}


def _category(category: str) -> dict[str, Any]:
    known = _known(category)
    alone = [
        {"const": word, "description": entry.summary}
        for word, entry in known.items()
        if not required_arguments(entry) and word not in _NOT_ALONE
    ]
    mapping = {word: _ref(f"{category}.{entry.name}") for word, entry in known.items()}
    return {"anyOf": [*alone, {**_ONE_KEY, "additionalProperties": False, "properties": mapping}]}


def _entry(entry: Entry) -> dict[str, Any]:
    """Return the schema of the arguments of an entry: a mapping, null, or the value of the first one."""
    if goes_by_name(entry):
        return {"description": entry.summary, "type": ["object", "null"], "maxProperties": 0}
    required = required_arguments(entry)
    properties = {name: _argument(entry, one) for name, one in entry.parameters.items()}
    if entry.category == "layers":
        call = {name: {"description": text} if text else {} for name, text in entry.call.items()}
        properties["from"] = _ref("tensors")
        properties["call"] = {"description": "Arguments of the layer's call.", **_object(call)}
    made = [_object(properties, required), *([] if required else [_NULL])]
    if entry.first_parameter is not None and not set(required) - {entry.first_parameter.name}:
        # A mapping is always arguments, and null is none.
        made.append({**_argument(entry, entry.first_parameter), "not": {"type": ["object", "null"]}})
    return {"description": entry.summary, "anyOf": made}


def _argument(entry: Entry, parameter: Parameter) -> dict[str, Any]:
    described = {"description": parameter.summary} if parameter.summary else {}
    default = {} if parameter.required else {"default": parameter.default}
    found = parameter.kind.schema()
    takes_facts = entry.category not in ("sources", "preparation")
    return {**(found if takes_facts else _without_facts(found)), **described, **default}


def _without_facts(schema: Any) -> Any:
    """Return a schema without the words for facts of the data, which stand in what Keras builds alone."""
    if isinstance(schema, list):
        words = ({"enum": list(NUMBER_FACTS)}, {"enum": list(SHAPE_FACTS)})
        return [_without_facts(item) for item in schema if item not in words]
    if not isinstance(schema, dict):
        return schema
    found = {key: _without_facts(item) for key, item in schema.items()}
    return found["anyOf"][0] if list(found) == ["anyOf"] and len(found["anyOf"]) == 1 else found
