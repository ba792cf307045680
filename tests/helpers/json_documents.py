"""Hold what commands print with `--json` to its schema, to the last key."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import click
from jsonschema import Draft202012Validator

from nnrun.cli.json_documents import documents, schema_of
from nnrun.runs.json_files import dumps


def closed(schema: Any) -> Any:
    """Return a schema in which an object that names its properties has no others, unless the schema allows them."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        found.setdefault("additionalProperties", False)
    return found


@cache
def validator(command: str) -> Draft202012Validator:
    """Return what checks the documents of a command, without `nnrun`."""
    return Draft202012Validator(closed(schema_of(command)))


def violations_of(command: str, document: object) -> list[str]:
    """Return what in a document is other than its schema says."""
    if command not in documents()["documents"]:
        return [f"nnrun {command}: its document has no schema in json_documents.yaml"]
    plain = json.loads(dumps(document))
    found = []
    for error in validator(command).iter_errors(plain):
        # Of the alternatives, those that come nearest.
        inner = min(error.context or [error], key=lambda one: -len(one.absolute_path))
        found.append(f"nnrun {command}: {inner.json_path}: {inner.message[:300]}")
    return found


def checked(print_json: Callable[[object], None], violations: list[str]) -> Callable[[object], None]:
    """Return a function that prints a document of the current command, and keeps what is wrong with it."""

    def call(value: object) -> None:
        context = click.get_current_context(silent=True)
        if context is not None:
            violations.extend(violations_of(context.command_path.removeprefix("nnrun "), value))
        print_json(value)

    return call
