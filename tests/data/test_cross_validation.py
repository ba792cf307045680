"""Data sets of folds: nothing of the rows that are tested reaches the preparation; groups are no feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_paths import DataPaths
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.data import DataSpec, KFold, Split

PREPARE = (("OneHot", {"columns": ["town"]}), ("Standardize", {"columns": ["age", "bmi"]}))
ROWS = [(20 + row % 7, 18 + row * 1.5, ("Ulm", "Bonn")[row % 2], row % 3, f"p{row // 4}") for row in range(24)]


def table(folder: Path, rows: list[tuple], name: str = "t.csv") -> Path:
    """Write a table of people."""
    lines = ["age,bmi,town,kind,who", *(",".join(map(str, row)) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def folded(tmp_path: Path, spec, listener):
    """Return a function that reads the table, changed or not, and assigns its rows to folds."""

    def read(rows: list[tuple] = ROWS, prepare: tuple = PREPARE, split: dict | None = None, **k_fold):
        table(tmp_path, rows)
        features = ["age", "bmi", "town", "who"] if "groups" in k_fold else ["age", "bmi", "town"]
        config = spec(
            "csv",
            prepare=prepare,
            split=Split(k_fold=KFold(**{"folds": 4, **k_fold}), **(split or {})),
            file="t.csv",
            target="kind",
            features=features,
        )
        return load_folded(config, form="integer", seed=7, paths=DataPaths(tmp_path, tmp_path), progress=listener)

    return read


@given(poison=st.floats(1e3, 1e6), number=st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_no_figure_of_the_test_part_reaches_the_preparation(
    tmp_path_factory: pytest.TempPathFactory, poison: float, number: int
) -> None:
    """With every feature of the tested rows poisoned, what is learned and trained on is the same to the last bit."""
    from nnrun.spec.part import Part

    def fold(rows: list[tuple]):
        folder = table(tmp_path_factory.mktemp("poison"), rows)
        steps = tuple(Part("preparation", name, arguments, ("data", "prepare", 0)) for name, arguments in PREPARE)
        config = DataSpec(
            Part("sources", "csv", {"file": "t.csv", "target": "kind", "features": ["age", "bmi", "town"]}, ()),
            steps,
            Split(k_fold=KFold(folds=4), validation=0.2),
        )
        folded = load_folded(config, form="integer", seed=7, paths=DataPaths(folder, folder), progress=NullProgress())
        return folded.dataset(number, NullProgress()), folded.folds[number].test

    honest, tested = fold(ROWS)
    poisoned, _ = fold([(poison, -poison, "Ulm", *row[3:]) if at in tested else row for at, row in enumerate(ROWS)])
    assert poisoned.fitted == honest.fitted
    np.testing.assert_array_equal(poisoned.train.x, honest.train.x)
    np.testing.assert_array_equal(poisoned.validation.x, honest.validation.x)
    assert not np.array_equal(poisoned.test.x, honest.test.x)


def test_the_preparation_is_fitted_on_each_folds_own_rows(folded) -> None:
    """The mean that `Standardize` learned is that of the fold's training rows, and differs from fold to fold."""
    found = folded()
    means = set()
    for fold in found.folds:
        dataset = found.dataset(fold.number, NullProgress())
        learned = dataset.fitted[-1]["learned"]
        means.add(repr(learned))
        ages = np.array([ROWS[row][0] for row in fold.rest], dtype="float64")
        values = dataset.train.x[:, 0].astype("float64")
        np.testing.assert_allclose(values, (ages - ages.mean()) / ages.std(), atol=1e-5)
        np.testing.assert_array_equal(dataset.test.rows, fold.test)
    assert len(means) == 4


def test_a_validation_share_is_taken_from_the_folds_training_rows(folded) -> None:
    """No row is in two parts, and none is lost."""
    found = folded(split={"validation": 0.25})
    dataset = found.dataset(1, NullProgress())
    rows = np.concatenate([dataset.train.rows, dataset.validation.rows, dataset.test.rows])
    assert sorted(rows.tolist()) == list(range(24))
    assert dict(dataset.facts.rows) == {"train": 13, "validation": 5, "test": 6}


def test_the_column_of_groups_is_no_feature(folded) -> None:
    """Rows of one person stay in one fold, and the column is no feature."""
    found = folded(groups="who", folds=3)
    for fold in found.folds:
        people = {ROWS[row][4] for row in fold.test}
        assert not people & {ROWS[row][4] for row in fold.rest}
        assert all("who" not in name for name in found.dataset(fold.number, NullProgress()).facts.columns)


def test_all_rows_train_the_final_model(folded) -> None:
    """The data set of the final fit has every row in its training part and no test part."""
    whole = folded(final_fit=True).whole(NullProgress())
    assert (len(whole.train), whole.test) == (24, None)


@pytest.mark.parametrize(
    ("k_fold", "text"),
    [
        ({"folds": 25}, "25 folds need at least as many rows, but there are 24"),
        ({"groups": "whom"}, "there is no column 'whom'; Did you mean 'who'"),
    ],
)
def test_impossible_folds_are_refused(folded, k_fold: dict, text: str) -> None:
    """The message says what is there."""
    with pytest.raises(DataError, match=text):
        folded(**k_fold)


def test_the_digest_depends_on_the_folds(folded) -> None:
    """Equal rows in equal folds have one digest, other folds have another."""
    plain, shuffled = folded().digest, folded(shuffle=True).digest
    assert plain == folded(stratify=False).digest
    assert plain != shuffled


@pytest.mark.shared
def test_boston_in_ten_folds_is_scikit_learns(shared_paths, spec) -> None:
    """The published experiments' folds: 506 rows in file order, six folds of 51 and four of 50."""
    from sklearn.model_selection import KFold as Theirs

    config = spec(
        "csv",
        prepare=(("Standardize", {}),),
        split=Split(k_fold=KFold(folds=10)),
        file="boston-housing.data",
        header=False,
        separator=" ",
        target=13,
    )
    found = load_folded(config, form="number", seed=7, paths=shared_paths, progress=NullProgress())
    for fold, (rest, test) in zip(found.folds, Theirs(10).split(np.empty((506, 1))), strict=True):
        dataset = found.dataset(fold.number, NullProgress())
        np.testing.assert_array_equal(dataset.test.rows, test)
        np.testing.assert_array_equal(dataset.train.rows, rest)
