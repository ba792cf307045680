"""The parts of the catalog in the words of JSON Schema: a word, a one-key mapping with arguments, or a lone value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec.json_schema_model import APPLIED, NULL, ref
from nnrun.spec.parts import FILLED_IN, goes_by_name

if TYPE_CHECKING:
    from nnrun.catalog.lookup import Entry, Parameter

#: As words alone they say nothing: both their weights are 0 by default.
_NOT_ALONE = frozenset({"l1l2"})


def definitions_of_parts() -> dict[str, Any]:
    """Define every category, and what each of its entries takes."""
    found: dict[str, Any] = {}
    for category in lookup.CATEGORIES:
        found[APPLIED if category == "layers" else category] = _category(category)
    # A layer inside another (`Bidirectional: {layer: ...}`) has no place in the graph.
    found["layers"] = {**ref(APPLIED), "additionalProperties": {"properties": {"from": False, "call": False}}}
    for category in lookup.CATEGORIES:
        found.update({f"{category}.{entry.name}": _entry(entry) for entry in _known(category).values()})
    return found


def _known(category: str) -> dict[str, Entry]:
    """Give every word of a category that a config can use, with what it means."""
    known = {word: entry for word in lookup.words(category) if (entry := lookup.entry(category, word))}
    return {word: entry for word, entry in known.items() if not (goes_by_name(entry) and _required(entry))}


def _category(category: str) -> dict[str, Any]:
    known = _known(category)
    alone = [
        {"const": word, "description": entry.summary}
        for word, entry in known.items()
        if not _required(entry) and word not in _NOT_ALONE
    ]
    mapping = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {word: ref(f"{category}.{entry.name}") for word, entry in known.items()},
    }
    return {"anyOf": [*alone, mapping]}


def _entry(entry: Entry) -> dict[str, Any]:
    """What stands behind `NAME:`."""
    told = {"description": entry.summary}
    if goes_by_name(entry):
        return {**told, "type": ["object", "null"], "maxProperties": 0}
    required = _required(entry)
    arguments = {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {**{name: _argument(one) for name, one in entry.parameters.items()}, **_beside(entry)},
    }
    first = entry.first_parameter
    single = [] if first is None or set(required) - {first.name} else [_lone(first)]
    return {**told, "anyOf": [arguments, *([] if required else [NULL]), *single]}


def _required(entry: Entry) -> list[str]:
    return [one.name for one in entry.parameters.values() if one.required and (entry.name, one.name) not in FILLED_IN]


def _argument(parameter: Parameter) -> dict[str, Any]:
    said = {"description": parameter.summary} if parameter.summary else {}
    default = {} if parameter.required else {"default": parameter.default}
    return {**parameter.kind.schema(), **said, **default}


def _lone(parameter: Parameter) -> dict[str, Any]:
    """The first parameter's value alone: a mapping is always arguments, and null none of them."""
    return {**_argument(parameter), "not": {"type": ["object", "null"]}}


def _beside(entry: Entry) -> dict[str, Any]:
    if entry.category != "layers":
        return {}
    call = {
        "type": "object",
        "description": "Arguments of the layer's call.",
        "additionalProperties": False,
        "properties": {name: {"description": text} if text else {} for name, text in entry.call.items()},
    }
    return {"from": ref("tensors"), "call": call}
