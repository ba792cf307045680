"""Tests that no value of tested rows reaches the fitted preparation, for every step, split and source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load
from nnrun.data.prepare.registry import STEPS
from nnrun.progress import NullProgress
from nnrun.spec.data import KFold, Split
from nnrun.spec.part import Part

ROWS = 40
#: Each step with arguments under which it takes rows that are as foreign as can be; `OneHot` encodes the rest.
TOWN = ("OneHot", {"columns": ["town"], "unseen": "zeros"})
TABLES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Standardize": [("Standardize", {"columns": ["age", "bmi"]}), TOWN],
    "MinMax": [("MinMax", {"columns": ["age", "bmi"]}), TOWN],
    "Robust": [("Robust", {"columns": ["age", "bmi"]}), TOWN],
    "Clip": [("Clip", {"low": 0, "high": 100, "columns": ["age", "bmi"]}), TOWN],
    "Log": [("Log", {"columns": ["age"]}), TOWN],
    "Impute mean": [("Impute", {"strategy": "mean"}), TOWN],
    "Impute median": [("Impute", {"strategy": "median"}), TOWN],
    "Impute most_frequent": [("Impute", {"strategy": "most_frequent"}), TOWN],
    "Impute constant": [("Impute", {"strategy": "constant", "value": -1}), TOWN],
    "Ordinal": [("Ordinal", {"columns": ["town"], "unseen": "minus_one"})],
    "OneHot": [TOWN],
    "TextVectorization": [("TextVectorization", {"columns": ["town"], "output_mode": "tf_idf"})],
    "TextVectorization int": [("TextVectorization", {"columns": ["town"]})],
    "MultiLabelBinarizer": [("MultiLabelBinarizer", {"columns": ["town"], "separator": " "})],
    "Hash": [("Hash", {"columns": ["town"], "buckets": 50})],
    "all in a row": [
        ("Impute", {"strategy": "median"}),
        ("Log", {"columns": ["age"]}),
        ("Robust", {"columns": ["bmi"]}),
        TOWN,
        ("Standardize", {}),
        ("MinMax", {}),
    ],
}
PICTURES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Rescale": [("Rescale", {"divide_by": 255})],
    "Reshape": [("Reshape", {"shape": [16]}), ("Standardize", {})],
    "MinMax": [("MinMax", {})],
    "Robust": [("Robust", {})],
}
#: What no table nor picture can show.
ELSEWHERE = {"PadSequences", "StartEndPacker"}


@dataclass(frozen=True)
class Spec:
    source: Part
    prepare: tuple[Part, ...]
    split: Split | None
    prepare_target: tuple[Part, ...] = ()


def _steps(config: list[tuple[str, dict[str, Any]]]) -> tuple[Part, ...]:
    return tuple(Part("preparation", name, arguments, ("data", "prepare")) for name, arguments in config)


def _table(folder: Path, foreign: set[int]) -> DataPaths:
    """A table with gaps and three towns; rows in `foreign` hold huge numbers, no gaps and towns of their own."""
    lines = ["age,bmi,town,kind"]
    for row in range(ROWS):
        gap = row % 7 == 3
        honest = [str(20 + row * 3 % 50), "" if gap else str(18 + row * 0.75), ("Ulm", "Bonn", "Kiel")[row % 3]]
        strange = [str(1e6 + row), str(-5e5 * row - 1), f"Xanadu {row}"]
        lines.append(",".join([*(strange if row in foreign else honest), str(row % 2)]))
    folder.mkdir()
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return DataPaths(folder, folder)


def _same(honest, poisoned) -> None:
    """What was learned and what is trained and validated on is the same to the last bit; what is tested is not."""
    assert poisoned.fitted == honest.fitted
    for part in ("train", "validation"):
        one, other = honest.part(part), poisoned.part(part)
        np.testing.assert_array_equal(other.x.view(np.uint32), one.x.view(np.uint32))
        np.testing.assert_array_equal(other.rows, one.rows)
    assert not np.array_equal(poisoned.test.x, honest.test.x)


def _gaps_or_not(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The steps, after one that fills in gaps where they would else be refused."""
    steps = TABLES[name]
    return steps if name.startswith(("Impute", "all")) else [("Impute", {"strategy": "mean"}), *steps]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("number", range(4))
def test_no_fold_learns_from_the_rows_it_tests(tmp_path: Path, name: str, number: int) -> None:
    """With every feature of a fold's tested rows replaced, every step learns the same, bit for bit."""

    def fold(folder: str, foreign: set[int]):
        split = Split(k_fold=KFold(folds=4, shuffle=True), validation=0.2)
        spec = Spec(Part("sources", "csv", {"file": "t.csv"}, ()), _steps(_gaps_or_not(name)), split)
        paths = _table(tmp_path / folder, foreign)
        folded = load_folded(spec, form="integer", seed=7, paths=paths, progress=NullProgress())
        return folded.dataset(number, NullProgress()), set(folded.folds[number].test.tolist())

    honest, tested = fold("honest", set())
    _same(honest, fold("poisoned", tested)[0])


@pytest.mark.parametrize("name", TABLES)
def test_no_share_that_is_tested_is_learned_from(tmp_path: Path, name: str) -> None:
    """The same of a hold-out: the test part's rows reach neither the preparation nor the other parts."""

    def dataset(folder: str, foreign: set[int]):
        split = Split(test=0.25, validation=0.2, stratify=True)
        spec = Spec(Part("sources", "csv", {"file": "t.csv"}, ()), _steps(_gaps_or_not(name)), split)
        paths = _table(tmp_path / folder, foreign)
        return load(spec, form="integer", seed=7, paths=paths, progress=NullProgress())

    honest = dataset("honest", set())
    _same(honest, dataset("poisoned", set(honest.test.rows.tolist())))


@pytest.mark.parametrize("name", PICTURES)
def test_no_test_part_of_its_own_is_learned_from(tmp_path: Path, name: str) -> None:
    """A source's own test part is as unseen by the preparation as one that was split off."""
    draw = np.random.default_rng(3)
    x, y = draw.integers(0, 255, (30, 4, 4)).astype("uint8"), np.arange(30) % 3

    def dataset(file: str, x_test: np.ndarray):
        np.savez(tmp_path / file, x_train=x, y_train=y, x_test=x_test, y_test=y[:6])
        spec = Spec(Part("sources", "npz", {"file": file}, ()), _steps(PICTURES[name]), Split(validation=0.2))
        return load(spec, form="integer", seed=7, paths=DataPaths(tmp_path, tmp_path), progress=NullProgress())

    honest = dataset("a.npz", x[:6])
    _same(honest, dataset("b.npz", draw.integers(0, 255, (6, 4, 4)).astype("uint8") // 2 + 128))


def test_every_step_is_tested_for_leakage() -> None:
    """Every step is in one of these tables."""
    shown = {step for steps in (*TABLES.values(), *PICTURES.values()) for step, _ in steps}
    assert shown | ELSEWHERE == set(STEPS)


def test_pad_sequences_learns_nothing() -> None:
    """Its length stands in the config: however long the tested sequences are, nothing is learned from them."""
    step = STEPS["PadSequences"](maxlen=5)
    short = np.array([np.array([1, 2]), np.array([3])], dtype=object)
    step.fit(short)
    before = step.state()
    long = np.empty(1, dtype=object)
    long[0] = np.arange(1, 90)
    step.apply(long)
    assert step.state() == before
    step.fit(long)
    assert step.state() == before
