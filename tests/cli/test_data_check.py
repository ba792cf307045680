"""`nnrun data check` and `nnrun data show`: tables for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG = """
data: {source: {csv: {file: t.csv}}}
model: [{Dense: {units: 1, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 2}
"""


def test_data_check_shows_columns_classes_and_remarks(say, tmp_path: Path, monkeypatch) -> None:
    """A constant column is remarked upon, in words and as JSON."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("age,town,risk\n1,5,0\n2,5,1\n4,5,0\n3,5,1\n")
    Path("a.yaml").write_text(CONFIG)
    result = say("data", "check", "a.yaml")
    assert result.exit_code == 0
    assert "4 train examples" in result.stdout
    assert "warning: column 'town' never changes in the training part [constant-column]" in result.stdout
    found = json.loads(say("data", "check", "a.yaml", "--json").stdout)
    assert [remark["name"] for remark in found["remarks"]] == ["constant-column"]
    assert found["classes"]["train"] == {"0": 2, "1": 2}


def test_data_show_counts_classes_and_draws_pictures(say, tmp_path: Path, monkeypatch) -> None:
    """Bundled sets are counted, and digits drawn."""
    monkeypatch.chdir(tmp_path)
    result = say("data", "show", "digits", "--pictures", "sheet.png")
    assert result.exit_code == 0
    assert "balance" in result.stdout
    assert Path("sheet.png").stat().st_size > 1000
    assert json.loads(say("data", "show", "iris", "--json").stdout)["balance"]["setosa"] == 50
