"""The page docs/text-columns.md does what it shows, from raw messages to predictions of new ones."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from page_commands import blocks, commands

from nnrun.cli.main import nnrun

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "text-columns.md").read_text(encoding="utf-8")
SPAM = ["win", "free", "prize", "cash", "now", "claim", "urgent", "call", "text", "offer"]
HAM = ["home", "dinner", "tonight", "see", "you", "later", "mum", "bus", "sorry", "meeting"]


def _messages(file: Path, count: int) -> list[str]:
    """Write messages of words of their kind and words that all have, and return the kinds."""
    draw = random.Random(3)  # noqa: S311 - made-up messages
    kinds = [("spam", "ham")[index % 2] for index in range(count)]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["kind", "message", "hour"])
        for kind in kinds:
            words = [
                *draw.choices(SPAM if kind == "spam" else HAM, k=4),
                *draw.choices(["the", "a", "None", "\x94"], k=3),
            ]
            writer.writerow([kind, " ".join(draw.sample(words, len(words))), draw.randrange(24)])
    return kinds


@pytest.mark.keras
def test_the_page_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its config is checked, trained predicts new messages and is explained, by the commands of the page."""
    monkeypatch.chdir(tmp_path)
    config = re.findall(r"```yaml\n(name: spam\n.*?)```", PAGE, re.DOTALL)[0]
    Path("spam.yaml").write_text(config, encoding="utf-8")
    _messages(Path("messages.csv"), 200)
    truth = _messages(Path("new.csv"), 20)
    printed = {}
    for words in (words for block in blocks(PAGE, "sh") for words in commands(block)):
        done = CliRunner().invoke(nnrun, words)
        assert done.exit_code == 0, done.output
        printed[words[0]] = done.output
    output = printed["predict"]
    assert "words against it" in printed["explain-run"]
    rows = list(csv.DictReader(output[output.index("row,") :].splitlines()))
    assert [row["prediction"] for row in rows] == truth
