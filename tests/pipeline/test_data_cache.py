"""Data that trainings take again: the same to the last bit as loaded anew, and taken only where nothing differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.data.dataset import Dataset
from nnrun.data.part_targets import TargetReport
from nnrun.errors import Problem
from nnrun.pipeline import check, data_cache
from nnrun.pipeline.check import examine
from nnrun.pipeline.data_cache import DataCache, data_key, depends_on_seed
from nnrun.pipeline.loaded_data import load_folded_data, load_training_data
from nnrun.pipeline.sweep import SweepRequest, begin_sweep
from nnrun.pipeline.sweep_trials import SweepTask, train_trial
from nnrun.progress import NullProgress, RecordedProgress
from nnrun.runs import metrics, record

CONFIG = """name: cached
seed: 3
data:
  source: {csv: {file: table.csv, target: ill}}
  prepare: [Standardize]
  split: {test: 0.2, validation: 0.2}
model:
  - Dense: {units: 2, activation: relu}
  - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: Adam, epochs: 2, batch_size: 512}
sweep:
  parameters: {training.batch_size: [256, 512]}
  seeds: 2
"""


def _write(folder: Path, rows: int, text: str = CONFIG) -> Path:
    values = np.random.default_rng(1).normal(size=(rows, 8)).round(3)
    lines = [f"{','.join(map(str, row))},{int(number > rows // 2)}" for number, row in enumerate(values)]
    (folder / "table.csv").write_text("\n".join(["a,b,c,d,e,f,g,h,ill", *lines]) + "\n")
    (folder / "c.yaml").write_text(text)
    return folder / "c.yaml"


class _Lines(RecordedProgress):
    """Keeps findings too."""

    def show_problem(self, problem: Problem) -> None:
        self.events.append(("problem", problem.text))


def _load(config: Path, cache: DataCache | None, *sets: str) -> tuple[Dataset, list[tuple[str, Any]]]:
    progress = _Lines(NullProgress())
    return load_training_data(examine(config, sets, None), progress, cache), progress.events


@pytest.fixture(autouse=True)
def _share_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share small data sets too."""
    monkeypatch.setattr(data_cache, "_LEAST_SHARED_BYTES", 1000)


def _require_equal(one: Dataset, other: Dataset) -> None:
    assert (one.digests, one.facts, one.fitted, one.shared) == (other.digests, other.facts, other.fitted, other.shared)
    for name in ("train", "validation", "test"):
        part, same = one.part(name), other.part(name)
        assert part is not None
        assert same is not None
        for array, expected in ((part.x, same.x), (part.y, same.y), (part.rows, same.rows)):
            assert array.tobytes() == expected.tobytes()
            assert array.dtype == expected.dtype


def test_data_are_taken_again_where_nothing_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process the same arrays, with what was said of them; another process maps them; nobody can write them."""
    config, shared = _write(tmp_path, 5000), tmp_path / "shared"
    shared.mkdir()
    # As with a table of so many targets that `check` does not read them: loading finds that they are in order.
    monkeypatch.setattr(check, "check_targets", lambda *_, **__: (TargetReport(), ()))
    split = "data.split={test: 0.2, validation: 0.2, shuffle: false}"
    number = ("training.loss=mean_squared_error", "data.prepare_target=[Standardize]", split)
    assert {kind for kind, _ in _load(config, None, split)[1]} == {"problem"}
    found = [_load(config, cache, split)[1] for cache in [DataCache()] for _ in range(2)]
    assert found[0] == found[1]
    expected, said = _load(config, None, *number)
    assert {kind for kind, _ in said} == {"say"}
    first, second, alone = DataCache(shared), DataCache(shared), DataCache()
    for cache in (first, first, second, second, alone, alone):
        dataset, again = _load(config, cache, "training.batch_size=64", *number)
        _require_equal(dataset, expected)
        assert again == said
        for array in (dataset.train.x, dataset.train.y, dataset.test.rows):  # type: ignore[union-attr]
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    assert _load(config, first, *number)[0] is _load(config, first, *number)[0]
    assert len(list(shared.glob("*/0.npy"))) == 1


@pytest.mark.parametrize("has_folder", [True, False])
def test_data_that_changed_are_loaded_again(tmp_path: Path, has_folder: bool) -> None:
    """Another file, seed or step is another data set; a seed that nothing depends on is not."""
    config, folder = _write(tmp_path, 300), tmp_path / "shared"
    folder.mkdir()
    cache = DataCache(folder if has_folder else None)
    whole = "data.split={test: 0.2, shuffle: false}"
    first = _load(config, cache)[0]
    assert _load(config, cache)[0] is first
    for sets in (("seed=4",), ("data.prepare=[MinMax]",), (whole,)):
        found = _load(config, cache, *sets)[0]
        assert found.digests["train.x"] != first.digests["train.x"]
        assert found.digests == _load(config, None, *sets)[0].digests
    assert _load(config, cache, whole, "seed=4")[0] is _load(config, cache, whole, "seed=5")[0]
    _write(tmp_path, 400)
    changed = _load(config, cache)[0]
    assert len(changed.train) == len(_load(config, None)[0].train) != len(first.train)
    (tmp_path / "table.csv").unlink()
    assert data_key(examine(config, (whole,), None), "training") is not None


def test_the_seed_counts_where_something_is_random(tmp_path: Path) -> None:
    """Rows that are drawn for parts or folds, and steps of scikit-learn; elsewhere two seeds have the same data."""
    config = _write(tmp_path, 300)

    def depends(*sets: str) -> bool:
        return depends_on_seed(examine(config, sets, None).experiment.data)

    assert depends()
    assert depends("data.split={test: train, validation: 0.2}")
    assert depends("data.split={k_fold: {folds: 3, shuffle: true}}")
    assert depends("data.split={test: 0.2, shuffle: false}", "data.prepare=[PCA: {n_components: 2}]")
    for split in ("{test: 0.2, shuffle: false}", "{test: train}"):
        assert not depends(f"data.split={split}")
        _require_same = [_load(config, None, f"data.split={split}", f"seed={seed}")[0].digests for seed in (1, 2)]
        assert _require_same[0] == _require_same[1]


def test_what_may_differ_each_time_is_loaded_each_time(tmp_path: Path) -> None:
    """Sources and steps of the user's own, and data that need too much of the memory."""
    from nnrun.pipeline.user_code import register_code

    code = tmp_path / "my_code.py"
    code.write_text("class Mine:\n    def apply(self, x):\n        return x\n")
    config = _write(tmp_path, 300)
    with register_code((code,)):
        assert data_key(examine(config, ("data.prepare=[Mine]",), None), "training") is None
    assert data_key(examine(config, (), None), "training") != data_key(examine(config, (), None), "folds")


def test_data_are_kept_as_far_as_memory_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last two, or fewer; files that other processes map are removed, the oldest first, where there is no room."""
    config, shared = _write(tmp_path, 5000), tmp_path / "shared"
    shared.mkdir()
    cache, size = DataCache(), _load(config, None)[0].train.x.nbytes
    kept = [_load(config, cache, f"seed={seed}")[0] for seed in (1, 2, 3)]
    assert _load(config, cache, "seed=3")[0] is kept[2]
    assert _load(config, cache, "seed=2")[0] is kept[1]
    assert _load(config, cache, "seed=1")[0] is not kept[0]
    monkeypatch.setattr(data_cache, "_available_memory", lambda: 16 * size)
    for seed in (1, 2):
        _load(config, DataCache(shared), f"seed={seed}")
    assert len(list(shared.glob("*/0.npy"))) == 1
    monkeypatch.setattr(data_cache, "_available_memory", lambda: size)
    assert _load(config, cache, "seed=3")[0] is not _load(config, cache, "seed=3")[0]
    _load(config, DataCache(shared), "seed=4")
    assert len(list(shared.glob("*/0.npy"))) == 0


def test_the_data_of_a_cross_validation_are_taken_again(tmp_path: Path) -> None:
    """Their folds too."""
    config = _write(tmp_path, 300)
    examined, cache = examine(config, ("data.split={k_fold: {folds: 3}}",), None), DataCache()
    one, other = (load_folded_data(examined, NullProgress(), cache) for _ in range(2))
    assert one is other
    assert one.digest == load_folded_data(examined, NullProgress()).digest


@pytest.mark.keras
def test_a_trial_has_the_same_bits_with_shared_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its data were loaded, taken again, or mapped from another process: figures, predictions and digests."""
    config, shared = _write(tmp_path, 900), tmp_path / "shared"
    shared.mkdir()
    folder = begin_sweep(SweepRequest(str(config), runs_dir=tmp_path / "runs"), NullProgress())
    claim, left = SweepTask._next, iter("ab")
    monkeypatch.setattr(SweepTask, "_next", lambda *args: claim(*args) if next(left, None) else [])
    SweepTask(folder, shared=shared).run(lambda *_: None)
    monkeypatch.setattr(SweepTask, "_next", claim)
    loads = []
    load = data_cache.DataCache._load
    monkeypatch.setattr(data_cache.DataCache, "_load", staticmethod(lambda one: loads.append(1) or load(one)))
    SweepTask(folder, shared=shared).run(lambda *_: None)
    assert loads == []
    ledger = folder.open_ledger()
    assert [one.status for one in ledger.trials()] == ["done"] * 4
    for trial in ledger.trials():
        other = replace(trial, number=trial.number + 100)
        train_trial(folder, other, ledger.fields(), NullProgress())
        one, two = (folder.run(each.number) for each in (trial, other))
        assert json.loads(one.scores.read_text()) == json.loads(two.scores.read_text())
        assert one.predictions.read_text() == two.predictions.read_text()
        assert record.read(one)["digests"] == record.read(two)["digests"]
        epochs = [[{**line, "seconds": 0} for line in metrics.read(each.metrics)] for each in (one, two)]
        assert epochs[0] == epochs[1]
