"""Every finding is explained, and its own examples have it and have it not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import nnrun
from nnrun.config.document import parse
from nnrun.pipeline.check import examine
from nnrun.spec.findings.explanations import EXAMPLE_SECTIONS, EXPLANATIONS

PACKAGE = Path(nnrun.__file__).parent


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path) -> None:
    """No data but those that an example names."""
    monkeypatch.setenv("NNRUN_DATA_DIR", str(tmp_path / "none"))


def found(name: str, said: str, tmp_path: Path) -> list[tuple[str | None, str]]:
    """What is found in an example: names and severities."""
    for file, text in EXPLANATIONS[name].files.items():
        (tmp_path / file).write_text(text)
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 2), "float32"))
    sections = parse(said, "x.yaml").data if said.strip() else {}
    rest = [text for key, text in EXAMPLE_SECTIONS.items() if key not in sections]
    (tmp_path / "example.yaml").write_text("\n".join([said, *rest]) + "\n")
    return [(problem.name, problem.severity) for problem in examine(tmp_path / "example.yaml", (), None).problems]


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_the_wrong_example_has_the_finding_and_no_other(name: str, tmp_path: Path) -> None:
    """What `explain` shows as wrong is wrong in exactly that way, with the severity that it states."""
    assert found(name, EXPLANATIONS[name].wrong, tmp_path) == [(name, EXPLANATIONS[name].severity)]


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_the_right_example_has_no_finding(name: str, tmp_path: Path) -> None:
    """What `explain` shows as right has nothing to find."""
    assert found(name, EXPLANATIONS[name].right, tmp_path) == []


def test_every_name_in_the_source_is_explained() -> None:
    """A finding that some module makes has an explanation, and nothing is explained that no module makes."""
    named = set()
    for file in PACKAGE.rglob("*.py"):
        if True:
            text = file.read_text(encoding="utf-8")
            for call in re.finditer(r"\bFinding\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", text):
                named |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+|undecided)"', call.group()))
    named |= {"return-sequences-missing", "shape-impossible", "missing-file", "unreadable-data"}
    assert named == set(EXPLANATIONS)
