"""What `check` foresees of folds: their rows, and what cannot be dealt out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.spec.data import KFold, Split

TABLE = "age,bmi,who,risk\n" + "".join(f"{20 + row},{row % 4},{row // 2},{row % 2}\n" for row in range(10))


@pytest.fixture
def foreseen(tmp_path: Path, spec):
    """Foresee the table in folds, for class targets or others."""
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")

    def look(form: str = "binary", validation: float | None = None, **k_fold):
        split = Split(validation=validation, k_fold=KFold(**k_fold))
        said = spec("csv", split=split, file="t.csv", target="risk")
        return infer_facts(said, form=form, paths=DataPaths(tmp_path, tmp_path))

    return look


def test_rows_are_those_of_the_first_fold(foreseen) -> None:
    """Ten rows in four folds: three tested, seven trained on, of which a validation share is taken."""
    assert dict(foreseen(folds=4)[0].rows) == {"train": 7, "test": 3}
    assert dict(foreseen(folds=4, validation=0.5)[0].rows) == {"train": 3, "validation": 4, "test": 3}


def test_the_column_of_groups_is_no_feature(foreseen) -> None:
    """`$features` and the columns leave it out; how large folds are is known only once it is read."""
    facts, findings = foreseen(folds=2, groups="who")
    assert (facts.features, facts.columns, dict(facts.rows), findings) == (2, ("age", "bmi"), {}, ())


@pytest.mark.parametrize(
    ("form", "k_fold", "text"),
    [
        ("binary", {"folds": 11}, "11 folds need at least as many rows, but there are 10"),
        ("binary", {"groups": "whose"}, "there is no column 'whose'"),
    ],
)
def test_what_cannot_be_dealt_out_is_found(foreseen, form: str, k_fold: dict, text: str) -> None:
    """Each is an error by the name that every impossible split has."""
    (finding,) = foreseen(form, **k_fold)[1]
    assert finding.name == "impossible-split"
    assert text in finding.text


def test_strata_of_numbers_are_refused(spec, tmp_path: Path) -> None:
    """A target known to be a number has no classes to keep the shares of."""
    said = spec("diabetes", split=Split(k_fold=KFold(folds=3, stratify=True)))
    findings = infer_facts(said, form="number", paths=DataPaths(tmp_path, tmp_path))[1]
    assert ["needs classes" in finding.text for finding in findings] == [True]
