"""The comparison of two checkouts' results, on run folders made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tool_scripts import load_script

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "same_results.py"
SCORES = {"test": {"loss": 0.5, "error_percent_interval_95": [7.5488, 13.8455]}, "cross_validation": {
    "mean": {"loss": 0.25}, "interval_95": {"loss": [-0.09737196263850796, 0.25779984730517463]}}}  # fmt: skip


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Import the script, which is not part of the package."""
    return load_script("same_results")


def write_run(folder: Path, scores: Any = SCORES, loss: str = "0.5", seconds: str = "1.25", row: str = "0,1,1") -> Path:
    """Write a run folder with one fold."""
    for place in (folder, folder / "folds" / "00"):
        place.mkdir(parents=True)
        line = f'{{"epoch": 1, "fold": null, "loss": {loss}, "seconds": {seconds}}}\n'
        (place / "metrics.jsonl").write_text(line, encoding="utf-8")
        (place / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        (place / "predictions.csv").write_text(f"row,truth,prediction\n{row}\n", encoding="utf-8")
    return folder


def compare(script: ModuleType, folder: Path, **changes: Any) -> Any:
    """Compare a run folder with one that differs by `changes`."""
    return script.compare_folders(write_run(folder / "before"), write_run(folder / "after", **changes))


def test_equal_results_are_the_same(script: ModuleType, tmp_path: Path) -> None:
    """Two run folders of the same figures have no difference, even if their epochs took different times."""
    assert compare(script, tmp_path, seconds="9e-05") is None


@pytest.mark.parametrize(
    ("changes", "file", "line"),
    [
        ({"loss": "0.50000001"}, "metrics.jsonl", 1),
        ({"loss": "0.50"}, "metrics.jsonl", 1),
        ({"row": "0,1,0"}, "predictions.csv", 2),
        ({"scores": {**SCORES, "test": {**SCORES["test"], "loss": 0.5000000000000001}}}, "scores.json", 3),
    ],
)
def test_one_changed_digit_is_a_difference(
    script: ModuleType, tmp_path: Path, changes: dict[str, Any], file: str, line: int
) -> None:
    """A digit that changed in the run folder or in a fold is found, with its file and line and both texts."""
    found = compare(script, tmp_path, **changes)
    assert (Path(found.file).name, found.line) == (file, line)
    assert found.before != found.after
    assert str(found).startswith(f"differs: {found.file}, line {line}, before: {found.before.strip()}")


def test_a_changed_fold_is_a_difference(script: ModuleType, tmp_path: Path) -> None:
    """The files of the folds are compared as those of the run are."""
    before, after = write_run(tmp_path / "before"), write_run(tmp_path / "after")
    (after / "folds" / "00" / "predictions.csv").write_text("row,truth,prediction\n0,1,2\n", encoding="utf-8")
    found = script.compare_folders(before, after)
    assert (found.file, found.line, found.before, found.after) == ("folds/00/predictions.csv", 2, "0,1,1", "0,1,2")


def test_a_missing_file_or_line_is_a_difference(script: ModuleType, tmp_path: Path) -> None:
    """A result file that only one side has, or one that ends early, is found."""
    before, after = write_run(tmp_path / "before"), write_run(tmp_path / "after")
    (after / "predictions.csv").write_text("row,truth,prediction\n", encoding="utf-8")
    assert script.compare_folders(before, after).line == 2
    (after / "predictions.csv").unlink()
    assert script.compare_folders(before, after) == script.Difference("predictions.csv", 0, "present", "missing")
    assert script.compare_folders(after, before) == script.Difference("predictions.csv", 0, "missing", "present")


@pytest.mark.parametrize(("factor", "same"), [(1 + 1e-14, True), (1 + 1e-11, False)])
@pytest.mark.parametrize("group", ["test", "cross_validation"])
def test_interval_limits_may_differ_in_the_last_bits(
    script: ModuleType, tmp_path: Path, factor: float, same: bool, group: str
) -> None:
    """The limits of confidence intervals may differ by a relative 1e-12, and by no more."""
    scores = json.loads(json.dumps(SCORES))
    limits = scores["test"]["error_percent_interval_95"]
    if group == "cross_validation":
        limits = scores["cross_validation"]["interval_95"]["loss"]
    limits[1] *= factor
    found = compare(script, tmp_path, scores=scores)
    assert (found is None) is same


def test_other_scores_may_not_differ_in_the_last_bits(script: ModuleType, tmp_path: Path) -> None:
    """A score behind the intervals is compared byte for byte."""
    scores = {**SCORES, "train": {"loss": 0.3}}
    before = write_run(tmp_path / "before", scores=scores)
    after = write_run(tmp_path / "after", scores={**scores, "train": {"loss": 0.3 * (1 + 1e-15)}})
    assert '"loss": 0.3' in script.compare_folders(before, after).before


def test_an_empty_run_folder_is_a_difference(script: ModuleType, tmp_path: Path) -> None:
    """Two folders without any result file are not called the same."""
    assert script.compare_folders(tmp_path, tmp_path) is not None


def test_kept_results_hold_what_is_compared(script: ModuleType, tmp_path: Path) -> None:
    """Kept results are the same as those of the run folder, without its other files."""
    run_folder = write_run(tmp_path / "run")
    (run_folder / "log.txt").write_text("long\n", encoding="utf-8")
    script.keep_results(run_folder, tmp_path / "kept" / "smoke" / "pima")
    assert script.compare_folders(run_folder, tmp_path / "kept" / "smoke" / "pima") is None
    assert not (tmp_path / "kept" / "smoke" / "pima" / "log.txt").exists()


def test_kept_results_of_another_commit_are_refused(script: ModuleType, tmp_path: Path) -> None:
    """A folder of kept results belongs to the commit that made them."""
    script.claim_folder(tmp_path / "kept", "aaaa")
    script.claim_folder(tmp_path / "kept", "aaaa")
    with pytest.raises(SystemExit, match="another commit"):
        script.claim_folder(tmp_path / "kept", "bbbb")


def test_configs_are_the_smoke_configs_and_three_full_ones(script: ModuleType) -> None:
    """Without names, every smoke config and three full ones are run; a name that does not exist is refused."""
    root = SCRIPT.parents[1]
    paths = script.config_paths(root, [])
    assert len(paths) == len(list((root / "configs" / "smoke").glob("*.yaml"))) + 3
    assert {"pima", "boston_wider", "digits_cnn", "smoke/pima"} <= set(paths)
    with pytest.raises(SystemExit, match="no_such_config"):
        script.config_paths(root, ["no_such_config"])
