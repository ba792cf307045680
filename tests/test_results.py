"""The page of results, and the script that measures them."""

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
from nnrun.runs.statistics import corrected_mean

HOME = Path(__file__).resolve().parents[1]
SCRIPTS, PAGE, KEPT = HOME / "benchmarks", HOME / "docs" / "results.md", HOME / "docs" / "results.json"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module that makes the tables."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("results_page")


def _seeds(*folds: list[float]) -> dict[str, Any]:
    return {str(7 + number): {"folds": one} for number, one in enumerate(folds)}


def test_the_page_is_made_from_its_file(page: ModuleType) -> None:
    """The page has the tables of `results.json`; `python benchmarks/results.py --page` updates it."""
    text = PAGE.read_text(encoding="utf-8")
    assert page.filled(text, json.loads(KEPT.read_text(encoding="utf-8"))) == text


def test_every_config_of_the_page_is_shipped(page: ModuleType) -> None:
    """Each row is of a config that a reader can run."""
    assert {one.leaks_from or one.name for one in page.EXPERIMENTS} <= set(shipped_configs())


def test_seeds_over_the_same_folds_are_averaged_first(page: ModuleType) -> None:
    """Three folds give three differences for any number of seeds, which are no new rows."""
    first = {"folds": 3, "folds_by_seed": False, "seeds": _seeds([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])}
    second = {"folds": 3, "folds_by_seed": False, "seeds": _seeds([2.0, 2.0, 2.0], [3.0, 4.0, 2.0])}
    values, mean = page.compared_folds(first, second, ["7", "8"])
    assert values == [0.5, 1.0, 0.0]
    assert mean == corrected_mean([0.5, 1.0, 0.0], 1 / 2)


def test_folds_that_differ_by_seed_all_count(page: ModuleType) -> None:
    """If each seed has its own folds, every fold of every seed is a difference."""
    first = {"folds": 2, "folds_by_seed": True, "seeds": _seeds([1.0, 2.0], [3.0, 4.0])}
    second = {"folds": 2, "folds_by_seed": True, "seeds": _seeds([2.0, 2.0], [3.0, 6.0])}
    values, mean = page.compared_folds(first, second, ["7", "8"])
    assert values == [1.0, 0.0, 0.0, 2.0]
    assert mean == corrected_mean(values, 1.0)


def test_a_missing_measurement_is_stated(page: ModuleType) -> None:
    """A config without measurements has a row, and so has a pair of which one side is missing."""
    pair = page.PAIRS[0]
    made = page.blocks({"configs": {}, "pairs": {pair.key: {"7": {"difference": 1.0, "p": 0.5}}}})
    assert "| `mnist_mlp` | 1.74 | 1.77 to 2.10 | not measured |" in made["mnist"]
    assert f"| `{pair.second}` against `{pair.first}` | not measured |" in made["boston pairs"]


def test_a_page_without_a_marker_is_refused(page: ModuleType) -> None:
    """A missing marker is an error, so that no table is left out silently."""
    with pytest.raises(ValueError, match="0 places for machine"):
        page.filled("# Results\n", {"configs": {}, "pairs": {}})


@pytest.mark.keras
def test_finished_runs_are_reused(tmp_path: Path) -> None:
    """A gate is measured with two seeds; a second measurement trains nothing."""
    command = [sys.executable, str(SCRIPTS / "results.py"), "--runs-dir", str(tmp_path), "--only", "and"]
    for how in ("trained", "finished before"):
        done = subprocess.run([*command, "--seeds", "gates=2"], capture_output=True, text=True, check=True)
        lines = [line for line in done.stderr.splitlines() if line.startswith("and, ")]
        assert lines == [f"and, seed {seed}: test.errors 0 ({how})" for seed in (7, 8)]
        assert "| `and` | 0 | - | **0.00** | 0.00 | 0.00 to 0.00 | 2 | 3 |" in done.stdout
    assert len(list(tmp_path.glob("*_and_*"))) == 2


@pytest.mark.shared
def test_the_leaking_table_is_scaled_with_all_rows(tmp_path: Path, page: ModuleType) -> None:
    """The leaking table has mean 0 and standard deviation 1 over all its rows, and its config no preparation."""
    data = Path(os.environ.get("NNRUN_DATA_DIR", ""))
    if not (data / "boston-housing.data").is_file():
        pytest.skip("needs boston-housing.data in the folder that NNRUN_DATA_DIR names")
    results = importlib.import_module("results")
    experiment = next(one for one in page.EXPERIMENTS if one.name == "boston_standardized_leaking")
    config = results.write_leaking(experiment, results.MeasureRequest(experiment, 1, tmp_path, data))
    leaking = examine(config, (), data).experiment
    honest = examine(find_config("boston_standardized"), (), data).experiment
    assert leaking.data.prepare == ()
    assert (leaking.data.split, leaking.seed) == (honest.data.split, honest.seed)
    table = np.loadtxt(config.with_suffix(".csv"), delimiter=",", skiprows=1)
    assert table.shape == (506, 14)
    assert np.abs(table[:, :13].mean(axis=0)).max() < 1e-9
    assert np.abs(table[:, :13].std(axis=0) - 1).max() < 1e-9
