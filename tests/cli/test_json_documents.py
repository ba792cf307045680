"""The JSON Schema of what commands print with `--json`; `conftest.py` holds every document of these tests to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import Result
from json_documents import violations_of
from jsonschema import Draft202012Validator

from nnrun.cli.json_documents import documents, schema_of
from nnrun.cli.main import nnrun

Invoke = Callable[..., Result]


def commands_with_json(name: str, command: click.Command) -> Iterator[str]:
    """Yield the commands below this one that have `--json`, without `nnrun`."""
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from commands_with_json(f"{name} {word}".strip(), inner)
    elif any("--json" in one.opts for one in command.params) and not command.hidden:
        yield name


def test_every_command_with_json_has_a_schema() -> None:
    """The schemas are those of the commands that have `--json`, no more and no fewer."""
    assert set(documents()["documents"]) == set(commands_with_json("", nnrun))


@pytest.mark.parametrize("command", documents()["documents"])
def test_a_schema_stands_alone(command: str) -> None:
    """It is a JSON Schema, and has all definitions that it refers to and no others."""
    schema = schema_of(command)
    Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    assert all(f'"#/$defs/{name}"' in text for name in schema["$defs"])
    assert text.count('"$ref"') == sum(text.count(f'"#/$defs/{name}"') for name in schema["$defs"])
    assert schema["$id"].split(":")[3] == str(documents()["version"])


def test_what_is_not_named_is_found() -> None:
    """A key that the schema does not name, one that is missing, and another kind of value are each found."""
    problem = {"file": None, "line": None, "column": 1, "severity": "error", "name": None, "text": "", "hint": None}
    good = {
        "ok": False,
        "errors": 1,
        "warnings": 0,
        "notes": 0,
        "files": [{"file": "a", "ok": False, "problems": [problem]}],
    }
    assert violations_of("check", good) == []
    assert violations_of("check", {**good, "more": 1}) != []
    assert violations_of("check", {key: value for key, value in good.items() if key != "notes"}) != []
    assert (
        violations_of("check", {**good, "files": [{"file": "a", "ok": False, "problems": [{**problem, "line": "1"}]}]})
        != []
    )
    assert violations_of("chekc", good) == ["nnrun chekc: its document has no schema in json_documents.yaml"]


def test_the_schema_of_a_command_is_printed(invoke: Invoke) -> None:
    """`nnrun schema --of COMMAND` prints it; a command that has none gets the nearest one."""
    assert json.loads(invoke("schema", "--of", "runs list").stdout) == schema_of("runs list")
    assert json.loads(invoke("schema", "--of", "nnrun check").stdout) == schema_of("check")
    refused = invoke("schema", "--of", "runs lst")
    assert refused.exit_code == 1
    assert "Did you mean 'runs list'?" in refused.stderr


def test_an_error_of_any_command_follows_the_schema(invoke: Invoke) -> None:
    """What a command prints where it fails has the keys of an error."""
    result = invoke("runs", "show", "nothing", "--json")
    assert violations_of("runs show", json.loads(result.stdout)) == []
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 1
