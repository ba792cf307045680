"""Every snippet of docs/facilities.md is checked, built, trained and loaded; its commands and Python run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from page_commands import blocks, commands

from nnrun.cli.main import nnrun
from nnrun.config.document import parse
from nnrun.config.dump import dump
from nnrun.pipeline.check import examine
from nnrun.pipeline.evaluate import EvaluateRequest, evaluate
from nnrun.pipeline.train import TrainRequest, train
from nnrun.progress import NullProgress

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "facilities.md").read_text(encoding="utf-8")
BASE = parse(re.search(r"```yaml base\n(.*?)```", PAGE, re.DOTALL).group(1), "base").data
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
ROWS = [(title, snippet) for title, text in SECTIONS.items() for snippet in blocks(text, "yaml")]


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
    assert [title for title, text in SECTIONS.items() if "```" not in text] == []
    assert len(ROWS) > 20


def test_the_rows_lead_to_every_section() -> None:
    """The table at the beginning leads to each section by the name that GitHub and MkDocs give it."""
    table = PAGE[: PAGE.index("```yaml base")]
    names = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in SECTIONS]
    assert sorted(re.findall(r"\]\(#([^)]+)\)", table)) == sorted([*names, names[2]])


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


@pytest.mark.keras
def test_the_commands_and_the_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands end well, one after the other, the estimators learn, and the callback ends training."""
    monkeypatch.chdir(tmp_path)
    written("training: {}", tmp_path)
    for words in (words for text in SECTIONS.values() for code in blocks(text, "bash") for words in commands(code)):
        done = CliRunner().invoke(nnrun, words)
        assert done.exit_code == 0, (words, done.output)
    assert {"model.svg", "curve_loss.svg"} <= {path.name for path in Path("runs").glob("*_drawn_*/**/*.svg")}
    exec(compile(blocks(SECTIONS["scikit-learn: a config as an estimator"], "python")[0], "facilities.md", "exec"), {})  # noqa: S102 - it is ours
    own = SECTIONS["Callbacks: a user's own"]
    name, code = re.search(r"```python (\S+)\n(.*?)```", own, re.DOTALL).groups()
    (tmp_path / name).write_text(code, encoding="utf-8")
    config = written(re.search(r"```yaml code\n(.*?)```", own, re.DOTALL).group(1), tmp_path)
    request = TrainRequest(str(config), code=(Path(name),), runs_dir=tmp_path / "own")
    lines = train(request, NullProgress()).folder.metrics.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
