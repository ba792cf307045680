"""The commands of README and docs are commands that nnrun has, and those of the tutorial do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from page_commands import blocks, commands, every_command, misfit, sentences

from nnrun.cli.main import nnrun

ROOT = Path(__file__).resolve().parents[2]
#: Pages that are generated from the commands themselves, and records of what was decided once, are left out.
PAGES = sorted(
    path for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "es").glob("*.md")]
)
TUTORIAL, SPANISH = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("tutorial.md", "es/tutorial.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    """Each has the options and the place for every word that the page gives it."""
    found = {" ".join(words): misfit(words) for words in every_command(page.read_text(encoding="utf-8"))}
    assert {line: text for line, text in found.items() if text} == {}


def test_the_pages_have_commands() -> None:
    """The test above has something to look at."""
    assert sum(len(every_command(page.read_text(encoding="utf-8"))) for page in PAGES) > 150
    assert misfit(["train", "my.yaml", "more"]) == "more"
    assert "--epochs" in misfit(["train", "my.yaml", "--epochs", "3"])


def test_the_spanish_tutorial_is_complete() -> None:
    """It has the commands, the configs, the outputs and as many chapters and paragraphs as the English one."""
    for language in ("bash", "yaml", "text"):
        assert blocks(SPANISH, language) == blocks(TUTORIAL, language)
    texts = [sentences(page) for page in (TUTORIAL, SPANISH)]
    first, second = ([part.partition(" ")[0] == "##" for part in re.split(r"\n{2,}", text.strip())] for text in texts)
    assert first == second
    links = [[link.removeprefix("../") for link in re.findall(r"\]\(([^)]+)\)", text)] for text in texts]
    assert links[0] == links[1]


@pytest.mark.keras
def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands end well, one after the other, and its config is the one that they write."""
    monkeypatch.chdir(tmp_path)
    for name in ("NNRUN_RUNS_DIR", "NNRUN_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    printed = ""
    for words in (words for text in blocks(TUTORIAL, "bash") for words in commands(text)):
        result = CliRunner().invoke(nnrun, words)
        assert result.exit_code == 0, (words, result.output)
        printed += result.output
    (config,) = blocks(TUTORIAL, "yaml")
    written = (tmp_path / "first.yaml").read_text(encoding="utf-8")
    assert "".join(line for line in written.splitlines(keepends=True) if not line.startswith("#")) == config
    assert "The second run's error is" in printed
    assert "in neither:" in printed
    (tmp_path / "wrong.yaml").write_text(written.replace("units: 128", "unit: 128"), encoding="utf-8")
    refused = CliRunner().invoke(nnrun, ["check", "wrong.yaml"])
    shown = next(text for text in blocks(TUTORIAL, "text") if "wrong.yaml" in text)
    assert refused.exit_code == 2
    assert [line.strip() for line in refused.output.splitlines()] == [line.strip() for line in shown.splitlines()]
