"""The JSON Schema of what each command prints with `--json`, from `json_documents.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/"


@cache
def documents() -> Mapping[str, Any]:
    """Return the content of the file: `version`, `$defs`, `error`, and `documents` by command, without `nnrun`."""
    import yaml

    text = files("nnrun.cli").joinpath("json_documents.yaml").read_text(encoding="utf-8")
    known: Mapping[str, Any] = yaml.safe_load(text)
    return known


def schema_of(command: str) -> dict[str, Any]:
    """Return the schema of what a command prints: its document, or that of an error.

    Args:
        command: The command without `nnrun`, for example `runs list`.

    Raises:
        KeyError: The command prints no document.
    """
    known = documents()
    either = {"anyOf": [known["documents"][command], known["error"]]}
    names = sorted(_reached(either, known["$defs"], set()))
    return {
        "$schema": DRAFT,
        "$id": f"urn:nnrun:json:{known['version']}:{command.replace(' ', '-')}",
        "title": f"nnrun {command} --json",
        "$comment": f"version {known['version']} of nnrun's JSON documents; keys may be added without a new version",
        **either,
        "$defs": {name: known["$defs"][name] for name in names},
    }


def _reached(value: object, definitions: Mapping[str, Any], found: set[str]) -> set[str]:
    """Return the names of all definitions that a schema needs."""
    for reference in _references(value):
        if reference not in found:
            found.add(reference)
            _reached(definitions[reference], definitions, found)
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_REFERENCE)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
