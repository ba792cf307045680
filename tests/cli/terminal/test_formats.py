"""The formats of `nnrun check --format` for other programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from nnrun.cli.commands.check import wants_json
from nnrun.cli.terminal.formats import LANGUAGE, github_commands, sarif_log
from nnrun.cli.terminal.problems import CheckedFile
from nnrun.errors import Mark, Problem
from nnrun.spec.findings.explanations import EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Invoke = Callable[..., Result]

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


@pytest.fixture
def bad(workdir: Path) -> str:
    """A config with one error of the language, in a folder whose name needs escapes."""
    folder = workdir / "a, b: 100%"
    folder.mkdir()
    text = (workdir / "tiny.yaml").read_text(encoding="utf-8").replace("units: 4", 'units: "4"')
    (folder / "bad.yaml").write_text(text.replace("tiny.csv", "../tiny.csv"), encoding="utf-8")
    return "a, b: 100%/bad.yaml"


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Parse workflow commands as GitHub does."""
    found = []
    for line in text.splitlines():
        kind, properties, message = COMMAND.fullmatch(line).groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        found.append((kind, {key: unquote(value) for key, value in pairs.items()}, unquote(message)))
    return found


def assert_is_sarif(log: dict[str, Any]) -> None:
    """Check what SARIF 2.1.0 requires of such a log (sections 3.13 to 3.30)."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = run["tool"]["driver"]
    assert driver["name"] == "nnrun"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in driver["rules"])
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert ids[result["ruleIndex"]] == result["ruleId"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
            region = place.get("region")
            if region is not None:
                assert region["startLine"] >= 1
                assert 1 <= region["startColumn"] < region["endColumn"] <= len(region["snippet"]["text"]) + 1


def test_github_gets_a_command_for_each_problem(invoke: Invoke, bad: str) -> None:
    """File, line and columns are properties, and characters that would end a property or the line are escaped."""
    result = invoke("check", bad, "--format", "github")
    assert result.exit_code == 2
    ((kind, properties, message),) = commands(result.stdout)
    assert kind == "error"
    assert properties == {
        "file": bad,
        "line": "8",
        "endLine": "8",
        "col": "20",
        "endColumn": "23",
        "title": "nnrun check",
    }
    assert message.startswith("expected a positive integer")
    assert "\nhint: " in message
    assert "a%2C b%3A 100%25/bad.yaml" in result.stdout


def test_github_gets_warnings_and_notes(invoke: Invoke) -> None:
    """A warning has its finding's name as title; a good config gives no output."""
    result = invoke("check", "tiny.yaml", "--set", "training.batch_size=5000", "--format", "github")
    ((kind, properties, message),) = commands(result.stdout)
    assert (result.exit_code, kind, properties["title"]) == (0, "warning", "batch-larger-than-data")
    assert message.startswith("--set training.batch_size=5000: ")
    assert "line" not in properties
    assert invoke("check", "tiny.yaml", "--format", "github").stdout == ""
    note = CheckedFile("x.yaml", (Problem(None, "not decided", None, "undecided", "note"),))
    assert list(github_commands([note])) == ["::notice file=x.yaml,title=undecided::not decided"]


def test_sarif_is_valid(invoke: Invoke, bad: str) -> None:
    """Rules are named after findings, results have a region, and paths are relative addresses."""
    result = invoke("check", bad, "tiny.yaml", "missing.yaml", "--set", "training.batch_size=5000", "--format", "sarif")
    assert result.exit_code == 2
    log = json.loads(result.stdout)
    assert_is_sarif(log)
    (run,) = log["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {LANGUAGE, "batch-larger-than-data"}
    assert rules["batch-larger-than-data"]["shortDescription"]["text"] == EXPLANATIONS["batch-larger-than-data"].what
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert (first["ruleId"], first["level"]) == (LANGUAGE, "error")
    assert unquote(place["artifactLocation"]["uri"]) == bad
    assert (place["region"]["startLine"], place["region"]["startColumn"], place["region"]["endColumn"]) == (8, 20, 23)


def test_sarif_of_good_configs_is_an_empty_log(invoke: Invoke) -> None:
    """Without problems the log has no results."""
    log = json.loads(invoke("check", "tiny.yaml", "--format", "sarif").stdout)
    assert_is_sarif(log)
    assert log["runs"][0]["results"] == []


def test_a_file_outside_the_working_folder_has_an_absolute_address(workdir: Path) -> None:
    """A file that is not below the working folder is named in full."""
    elsewhere = str(Path(workdir.root) / "else where" / "x.yaml")
    log = sarif_log([CheckedFile(elsewhere, (Problem(Mark(elsewhere, 1, 1, 1, "x"), "wrong"),))])
    (result,) = log["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("file:///")
    assert uri.endswith("else%20where/x.yaml")


def test_the_format_json_is_json(invoke: Invoke) -> None:
    """`--format json` prints what `--json` prints, errors of the command line included."""
    assert invoke("check", "tiny.yaml", "--format", "json").stdout == invoke("check", "tiny.yaml", "--json").stdout
    assert "error" in json.loads(invoke("check", "--format", "json").stdout)
    assert "error" in json.loads(invoke("check", "--format=json").stdout)
    assert not wants_json(["check", "--format", "text", "json"])


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_quiet_leaves_out_notes(invoke: Invoke, workdir: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--quiet` no format contains notes."""
    problems = (Problem(None, "not decided", None, "undecided", "note"), Problem(None, "odd", None, None, "warning"))
    monkeypatch.setattr("nnrun.cli.commands.check.check_config", lambda *_, **__: CheckedFile("tiny.yaml", problems))
    assert "not decided" in invoke("check", "tiny.yaml", "--format", form).stdout
    quiet = invoke("check", "tiny.yaml", "--format", form, "--quiet").stdout
    assert "not decided" not in quiet
    assert "odd" in quiet


def test_a_line_of_a_data_file_has_no_columns() -> None:
    """A defect of a row is reported at its line: GitHub and SARIF receive the line alone."""
    problem = Problem(Mark("table.csv", 3), "line 3, column age: expected a value", None, "defective-data")
    ((_, place, _),) = commands("\n".join(github_commands([CheckedFile("a.yaml", (problem,))])))
    assert place == {"file": "table.csv", "line": "3", "endLine": "3", "title": "defective-data"}
    (result,) = sarif_log([CheckedFile("a.yaml", (problem,))])["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
