"""The page of results: made from its file of figures, and what the script says of runs."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.config.files import find_config, shipped_configs
from nnrun.pipeline.check import examine
from nnrun.runs.resampled import corrected

HOME = Path(__file__).resolve().parents[1]
SCRIPTS, PAGE, KEPT = HOME / "benchmarks", HOME / "docs" / "results.md", HOME / "docs" / "results.json"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module that makes the tables."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("results_page")


def _seeds(*folds: list[float]) -> dict[str, Any]:
    return {str(7 + number): {"folds": one} for number, one in enumerate(folds)}


def test_the_page_is_made_from_its_file(page: ModuleType) -> None:
    """A stale page is made anew by `python benchmarks/results.py --page`."""
    text = PAGE.read_text(encoding="utf-8")
    assert page.filled(text, json.loads(KEPT.read_text(encoding="utf-8"))) == text


def test_every_config_of_the_page_is_shipped(page: ModuleType) -> None:
    """Each line is of a config that a reader can run."""
    assert {work.leaks_from or work.name for work in page.WORKS} <= set(shipped_configs())


def test_seeds_over_the_same_folds_are_averaged_first(page: ModuleType) -> None:
    """Seeds are no new rows: three folds give three differences, whatever the number of seeds."""
    first = {"folds": 3, "dealt_anew": False, "seeds": _seeds([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])}
    second = {"folds": 3, "dealt_anew": False, "seeds": _seeds([2.0, 2.0, 2.0], [3.0, 4.0, 2.0])}
    values, said = page.together(first, second, ["7", "8"])
    assert values == [0.5, 1.0, 0.0]
    assert said == corrected([0.5, 1.0, 0.0], 1 / 2)


def test_folds_dealt_anew_all_count(page: ModuleType) -> None:
    """Where each seed deals the rows out anew, every fold of every seed is a difference."""
    first = {"folds": 2, "dealt_anew": True, "seeds": _seeds([1.0, 2.0], [3.0, 4.0])}
    second = {"folds": 2, "dealt_anew": True, "seeds": _seeds([2.0, 2.0], [3.0, 6.0])}
    values, said = page.together(first, second, ["7", "8"])
    assert values == [1.0, 0.0, 0.0, 2.0]
    assert said == corrected(values, 1.0)


def test_what_was_not_measured_is_said(page: ModuleType) -> None:
    """A config without figures has a line all the same, and so have pairs of which one side is missing."""
    pair = page.PAIRS[0]
    made = page.blocks({"configs": {}, "pairs": {pair.key: {"7": {"difference": 1.0, "p": 0.5}}}})
    assert "| `mnist_mlp` | 1.74 | 1.77 to 2.10 | not measured |" in made["mnist"]
    assert f"| `{pair.second}` against `{pair.first}` | not measured |" in made["boston pairs"]


def test_a_page_without_a_place_is_refused(page: ModuleType) -> None:
    """A marker that was lost is told, so that no table is left out in silence."""
    with pytest.raises(ValueError, match="0 places for machine"):
        page.filled("# Results\n", {"configs": {}, "pairs": {}})


@pytest.mark.keras
def test_finished_runs_are_taken_as_they_are(tmp_path: Path) -> None:
    """A gate is measured over two seeds and said in the table; a second measurement trains nothing."""
    command = [sys.executable, str(SCRIPTS / "results.py"), "--runs-dir", str(tmp_path), "--only", "and"]
    for how in ("trained", "finished before"):
        done = subprocess.run([*command, "--seeds", "gates=2"], capture_output=True, text=True, check=True)
        told = [line for line in done.stderr.splitlines() if line.startswith("and, ")]
        assert told == [f"and, seed {seed}: test.errors 0 ({how})" for seed in (7, 8)]
        assert "| `and` | 0 | - | **0.00** | 0.00 | 0.00 to 0.00 | 2 | 3 |" in done.stdout
    assert len(list(tmp_path.glob("*_and_*"))) == 2


@pytest.mark.shared
def test_a_leaking_scaler_saw_all_rows(tmp_path: Path, page: ModuleType) -> None:
    """The table that leaks has mean 0 and standard deviation 1 over all its rows, and its config nothing to prepare."""
    data = Path(os.environ.get("NNRUN_DATA_DIR", ""))
    if not (data / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    results = importlib.import_module("results")
    work = next(work for work in page.WORKS if work.name == "boston_standardized_leaking")
    config = results.write_leaking(work, results.Request(work, 1, tmp_path, data))
    experiment = examine(config, (), data).experiment
    honest = examine(find_config("boston_standardized"), (), data).experiment
    assert experiment.data.prepare == ()
    assert (experiment.data.split, experiment.seed) == (honest.data.split, honest.seed)
    table = np.loadtxt(config.with_suffix(".csv"), delimiter=",", skiprows=1)
    assert table.shape == (506, 14)
    assert np.abs(table[:, :13].mean(axis=0)).max() < 1e-9
    assert np.abs(table[:, :13].std(axis=0) - 1).max() < 1e-9
