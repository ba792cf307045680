"""The commands `nnrun data check` and `nnrun data show`."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG = """
data: {source: {csv: {file: t.csv}}}
model: [{Dense: {units: 1, activation: sigmoid}}]
training: {loss: binary_crossentropy, optimizer: Adam, batch_size: 2}
"""


def test_data_check_shows_columns_classes_and_findings(invoke, tmp_path: Path, monkeypatch) -> None:
    """A constant column is a finding, in the text and in the document."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("age,town,risk\n1,5,0\n2,5,1\n4,5,0\n3,5,1\n")
    Path("a.yaml").write_text(CONFIG)
    result = invoke("data", "check", "a.yaml")
    assert result.exit_code == 0
    assert "4 train examples" in result.stdout
    assert "warning: column 'town' never changes in the training part [constant-column]" in result.stdout
    found = json.loads(invoke("data", "check", "a.yaml", "--json").stdout)
    assert [remark["name"] for remark in found["remarks"]] == ["constant-column"]
    assert found["classes"]["train"] == {"0": 2, "1": 2}


def test_data_check_of_a_damaged_file_shows_every_defect(invoke, tmp_path: Path, monkeypatch) -> None:
    """Each defect has a row and a column, missing values included; with `--json` each is a problem."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("age,town,risk\n1,5,0\n2,5 km,1\n4,,0\n3,5\n7,8,1\n")
    Path("a.yaml").write_text(CONFIG)
    result = invoke("data", "check", "a.yaml")
    assert result.exit_code == 1
    heads = [line.partition(" error: ")[::2] for line in result.stderr.splitlines() if " error: " in line]
    assert [workdir for workdir, _ in heads] == ["t.csv:3:", "t.csv:4:", "t.csv:5:"]
    assert [text.partition(":")[0] for _, text in heads] == [
        "line 3, column town",
        "line 4, column town",
        "line 5, column risk",
    ]
    assert "unit: km" in result.stderr
    assert result.stderr.rstrip().endswith("3 errors")
    error = json.loads(invoke("data", "check", "a.yaml", "--json").stdout)["error"]
    assert error["type"] == "DefectsError"
    assert [(problem["line"], problem["column"]) for problem in error["problems"]] == [(3, None), (4, None), (5, None)]


def test_data_show_counts_classes_and_draws_pictures(invoke, tmp_path: Path, monkeypatch) -> None:
    """The classes of bundled data sets are counted, and digits are drawn."""
    monkeypatch.chdir(tmp_path)
    result = invoke("data", "show", "digits", "--pictures", "sheet.png")
    assert result.exit_code == 0
    assert "balance" in result.stdout
    assert Path("sheet.png").stat().st_size > 1000
    assert json.loads(invoke("data", "show", "iris", "--json").stdout)["balance"]["setosa"] == 50
