"""Every snippet of docs/facilities.md is checked, built, trained for an epoch and loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nnrun.config.document import parse
from nnrun.config.dump import dump
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "facilities.md").read_text(encoding="utf-8")
BASE = parse(re.search(r"```yaml base\n(.*?)```", PAGE, re.DOTALL).group(1), "base").data
ROWS = re.findall(r"^## (.+?)\n.*?```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


def merged_with(base: dict[str, object], more: dict[str, object]) -> dict[str, object]:
    """Merge two experiments: mappings of sections are merged, other values replaced, null removes."""
    merged = dict(base)
    for key, value in more.items():
        if value is None:
            merged.pop(key, None)
        elif key in ("data", "training", "split") and isinstance(value, dict):
            merged[key] = merged_with(merged.get(key, {}), value)
        else:
            merged[key] = value
    return merged


def written(snippet: str, folder: Path) -> Path:
    """Write the config of the base and a snippet."""
    path = folder / "facility.yaml"
    path.write_text(dump(merged_with(BASE, parse(snippet, "snippet").data)), encoding="utf-8")
    return path


def test_every_section_has_a_snippet() -> None:
    """Every section of the page has a snippet."""
    assert len(ROWS) == PAGE.count("\n## ")
    assert len(ROWS) > 15


@pytest.mark.parametrize(("row", "snippet"), ROWS, ids=[row for row, _ in ROWS])
def test_every_snippet_passes_the_check(row: str, snippet: str, tmp_path: Path) -> None:
    """No snippet has an error."""
    problems = examine(written(snippet, tmp_path), (), None).problems
    assert [problem.text for problem in problems if problem.severity == "error"] == [], row


@pytest.mark.keras
@pytest.mark.parametrize(("row", "snippet"), ROWS, ids=[row for row, _ in ROWS])
def test_every_snippet_trains_and_loads(row: str, snippet: str, tmp_path: Path) -> None:
    """Each snippet trains, and its saved model has the scores of the training."""
    done = train(TrainRequest(str(written(snippet, tmp_path)), runs_dir=tmp_path / "runs"), NullProgress())
    again = evaluate(EvaluateRequest(str(done.folder.path), tmp_path / "runs"), NullProgress())
    assert again.scores["test"] == done.scores["test"], row
