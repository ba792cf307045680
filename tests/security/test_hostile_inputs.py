"""Every hostile input ends as it should, and each line of the threat model names a test that exists."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_inputs import all_inputs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "security.md"


def _outcomes(*words: str) -> dict[str, dict[str, Any]]:
    """Run inputs in a process of their own, as it starts further processes, which a test's own process should not."""
    command = [sys.executable, str(HERE / "hostile_inputs.py"), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}


def _wrong(outcomes: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: f"{one['wrong']}: {one['output'][-500:]}" for name, one in outcomes.items() if one["wrong"]}


def test_no_hostile_input_gets_in() -> None:
    """Each ends with its exit code and message, in time and memory, runs nothing and leaves other folders alone."""
    outcomes = _outcomes("--quick")
    assert outcomes.keys() == {one.name for one in all_inputs() if not one.keras}
    assert _wrong(outcomes) == {}


@pytest.mark.keras
def test_no_hostile_input_gets_in_where_keras_runs() -> None:
    """The same of checkpoints, names of classes, and what stands around a run."""
    names = [one.name for one in all_inputs() if one.keras]
    outcomes = _outcomes(*names)
    assert list(outcomes) == names
    assert _wrong(outcomes) == {}


def test_inputs_are_many_and_different() -> None:
    """There are at least 100, each with a name of its own and words about what it tries."""
    inputs = all_inputs()
    assert len({one.name for one in inputs}) == len(inputs) >= 100
    assert all(one.tries for one in inputs)


def _names_of_tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_line_of_the_threat_model_names_a_test() -> None:
    """In `docs/security.md` each line of a table of promises names hostile inputs or tests, and all of them exist."""
    inputs = {one.name for one in all_inputs()}
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "---" not in line
    ]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) > 20
    for row in promises:
        named = re.findall(r"`([^`]+)`", row.strip().rstrip("|").rpartition("|")[2])
        assert named, row
        for name in named:
            file, _, function = name.partition("::")
            exists = name in inputs or (function and function in _names_of_tests(ROOT / file))
            assert exists, f"{name}: {row}"
