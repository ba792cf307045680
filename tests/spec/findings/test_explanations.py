"""Every finding is explained by an example that has it and one that does not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import nnrun
from nnrun.config.document import parse
from nnrun.pipeline.check import examine
from nnrun.pipeline.user_code import register_code
from nnrun.spec.findings.explanations import EXAMPLE_SECTIONS, EXPLANATIONS

PACKAGE = Path(nnrun.__file__).parent


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path) -> None:
    """No data but those that an example names."""
    monkeypatch.setenv("NNRUN_DATA_DIR", str(tmp_path / "none"))


def found(name: str, example: str, tmp_path: Path) -> list[tuple[str | None, str]]:
    """Return the names and severities of the findings in an example."""
    for file, text in EXPLANATIONS[name].files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 2), "float32"))
    sections = parse(example, "x.yaml").data if example.strip() else {}
    rest = [text for key, text in EXAMPLE_SECTIONS.items() if key not in sections]
    (tmp_path / "example.yaml").write_text("\n".join([example, *rest]) + "\n")
    with register_code([tmp_path / file for file in EXPLANATIONS[name].files if file.endswith(".py")]):
        problems = examine(tmp_path / "example.yaml", (), None).problems
    # A backbone takes larger pictures than those that come with a package, and weights that are downloaded.
    others = [one for one in problems if one.name == name or one.name not in ("download-to-come", "weights-to-come")]
    return [(one.name, one.severity) for one in others]


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_the_wrong_example_has_the_finding_and_no_other(name: str, tmp_path: Path) -> None:
    """The wrong example of `explain` has exactly this finding, with the severity stated."""
    assert found(name, EXPLANATIONS[name].wrong, tmp_path) == [(name, EXPLANATIONS[name].severity)]


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_the_right_example_has_no_finding(name: str, tmp_path: Path) -> None:
    """The right example of `explain` has no findings."""
    assert found(name, EXPLANATIONS[name].right, tmp_path) == []


def test_every_name_in_the_source_is_explained() -> None:
    """Each finding that a module makes has an explanation, and no explanation is unused."""
    named = set()
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for call in re.finditer(r"\bFinding\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", text):
            named |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+|undecided)"', call.group()))
    # Those whose name stands in a table or a variable.
    named |= {"return-sequences-missing", "shape-impossible", "missing-file", "unreadable-data", "no-list"}
    named |= {"target-among-features", "group-among-columns", "time-among-columns"}
    assert named == set(EXPLANATIONS)
