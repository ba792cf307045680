"""The guides to tables, time series and transfer do what they show: their commands end well, one after the other."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from page_commands import blocks, commands
from PIL import Image

from nnrun.cli.main import nnrun

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def _run(page: str, *changes: str) -> dict[str, str]:
    """Run the commands of a page, `train` with changes, and return what each printed by its first word."""
    printed = {}
    for words in (words for text in blocks(page, "bash") for words in commands(text)):
        done = CliRunner().invoke(nnrun, [*words, *(changes if words[0] == "train" else ())])
        assert done.exit_code == 0, (words, done.output)
        printed[" ".join(words[:2])] = done.output
    return printed


@pytest.mark.keras
def test_the_guide_to_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table, with more rows of its kind, is checked, learned, and new rows are predicted by their raw columns."""
    monkeypatch.chdir(tmp_path)
    page, draw = _page("tables"), random.Random(4)  # noqa: S311 - made-up rows
    Path("visits.yaml").write_text(next(one for one in blocks(page, "yaml") if one.startswith("name:")))
    head = blocks(page, "csv")[0].splitlines()[0]
    rows = [head]
    for person in range(60):
        age = draw.randrange(20, 80)
        sick = "yes" if age > 50 else "no"
        rows += [
            f"p{person},{age + visit},{draw.uniform(18, 35):.1f},{draw.choice(['Bern', 'Basel'])},{sick}"
            for visit in (0, 1)
        ]
    Path("visits.csv").write_text("\n".join(rows) + "\n")
    Path("new.csv").write_text("town,age,bmi\nBern,79,22\nBasel,22,31.5\n")
    printed = _run(page)
    assert "baseline: always '" in printed["data check"]
    answers = list(csv.DictReader(printed["predict last"][printed["predict last"].index("row,") :].splitlines()))
    assert [row["prediction"] for row in answers] == ["yes", "no"]


@pytest.mark.keras
def test_the_guide_to_time_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve made years of months are learned better than by the seasonal naive forecast, and go on for a month."""
    monkeypatch.chdir(tmp_path)
    page = _page("time-series")
    Path("passengers.yaml").write_text(next(one for one in blocks(page, "yaml") if one.startswith("name:")))
    months = [
        f"{year}-{month:02},{110 + 30 * (year - 1949) + 40 * math.sin(month):.0f}"
        for year in range(1949, 1961)
        for month in range(1, 13)
    ]
    Path("airline-passengers.csv").write_text("\n".join(["Month,Passengers", *months]) + "\n")
    printed = _run(page)
    assert re.search(r"^1961-01,1,\d{3}\.?\d*$", printed["predict last"], re.MULTILINE)
    assert "mean_absolute_scaled_error" in printed["eval last"]
    (folder,) = (tmp_path / "runs").glob("*_passengers_*")
    scores = json.loads((folder / "scores.json").read_text())["test"]
    naive = scores["naive_forecasts"]["seasonal_naive"]["root_mean_squared_error"]
    assert scores["root_mean_squared_error"] < naive / 2


@pytest.mark.keras
def test_the_guide_to_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config that comes with nnrun is checked, trained in its two phases, and scored."""
    monkeypatch.chdir(tmp_path)
    changes = ("--set", "training.0.epochs=1", "--set", "training.1.epochs=1")
    printed = _run(_page("transfer"), *changes)
    assert "error" in printed["eval last"]


def test_the_backbone_of_the_guide_to_transfer_is_accepted(tmp_path: Path) -> None:
    """`check` has nothing against the config with a backbone by name, whose weights are then no download."""
    (tmp_path / "own.yaml").write_text("name: own\n" + blocks(_page("transfer"), "yaml")[0], encoding="utf-8")
    draw = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for number in range(10):
            picture = draw.integers(0, 255, (160, 160, 3), dtype="uint8")
            Image.fromarray(picture).save(tmp_path / "pictures" / kind / f"{number}.png")
    words = ["check", str(tmp_path / "own.yaml"), "--set", "model.0.MobileNetV3Small.weights=null"]
    done = CliRunner().invoke(nnrun, words)
    assert done.exit_code == 0, done.output
