"""Tests of facts that are known without loading: they are those of the loaded data, or unknown."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load
from nnrun.data.named.datasets import data_set_names, named_data_set
from nnrun.spec.data import KFold, Split
from nnrun.spec.part import Part

TABLE = "age,colour,kind\n" + "".join(
    f"{20 + index},{('red', 'blue')[index % 2]},{('a', 'b', 'c')[index % 3]}\n" for index in range(30)
)


def test_inferred_facts_are_those_of_the_loaded_data(paths: DataPaths, listener, spec, split) -> None:
    """Facts inferred for a small table, preparation and split included, are those of the loaded data."""
    (paths.config_dir / "t.csv").write_text(TABLE)
    config = spec(
        "csv",
        file="t.csv",
        prepare=(("OneHot", {"columns": ["colour"]}), ("Standardize", {"columns": ["age"]})),
        split=split(test=0.2, validation=0.25, stratify=True),
    )
    facts, findings = infer_facts(config, form="one_hot", paths=paths)
    assert findings == ()
    assert facts == load(config, form="one_hot", seed=1, paths=paths, progress=listener).facts
    assert facts.columns == ("age", "colour=blue", "colour=red")
    assert facts.rows == {"train": 18, "validation": 6, "test": 6}


@pytest.mark.parametrize("name", [name for name in data_set_names() if not named_data_set(name).files])
def test_the_facts_of_scikit_learns_sets_are_stated(paths: DataPaths, listener, spec, split, name: str) -> None:
    """Every set that comes with scikit-learn has the stated facts, so that a config over it is checked in full."""
    config = spec(name, split=split(test=0.2))
    form = "number" if name == "diabetes" else "integer"
    facts, findings = infer_facts(config, form=form, paths=paths)
    assert findings == ()
    assert facts == load(config, form=form, seed=1, paths=paths, progress=listener).facts


def test_a_missing_download_is_a_note_and_its_facts_are_known(paths: DataPaths, spec) -> None:
    """A named set that is not downloaded yet is checked in full."""
    facts, findings = infer_facts(spec("mnist"), form="one_hot", paths=paths)
    assert [(finding.severity, finding.name) for finding in findings] == [("note", "download-to-come")]
    assert (facts.input_shape, facts.classes, facts.rows) == ((28, 28), 10, {"train": 60000, "test": 10000})


def test_facts_of_arrays_are_inferred_from_their_headers(paths: DataPaths, spec, split) -> None:
    """Shape and rows of an npz are known, and its classes where its targets are quickly read."""
    np.savez(paths.config_dir / "a.npz", x=np.zeros((10, 4, 4)), y=np.arange(10) % 3)
    facts, findings = infer_facts(spec("npz", file="a.npz", split=split(test=0.3)), form="integer", paths=paths)
    assert findings == ()
    assert (facts.input_shape, facts.classes, facts.rows) == ((4, 4), 3, {"train": 7, "test": 3})


def test_facts_of_a_large_table_are_inferred_from_its_start(paths: DataPaths, spec, monkeypatch) -> None:
    """Of a large file only the columns are known, not the rows nor the classes."""
    monkeypatch.setattr("nnrun.data.sources.csv._MAX_BYTES", 10)
    (paths.config_dir / "t.csv").write_text(TABLE)
    facts, findings = infer_facts(spec("csv", file="t.csv", features=["age"]), form="integer", paths=paths)
    assert findings == ()
    assert (facts.input_shape, facts.classes, facts.rows) == ((1,), None, {})


@pytest.mark.parametrize(
    ("config", "form", "path", "name", "text"),
    [
        (
            {"file": "tt.csv"},
            "integer",
            ("data", "source", "csv", "file"),
            "missing-file",
            "there is no data file 'tt.csv'",
        ),
        (
            {"file": "t.csv", "target": "sort"},
            "integer",
            ("data", "source", "csv", "target"),
            "unknown-column",
            "no column 'sort'",
        ),
        (
            {"file": "t.csv", "features": ["ages"]},
            "integer",
            ("data", "source", "csv", "features"),
            "unknown-column",
            "Did you mean 'age'?",
        ),
        (
            {"file": "t.csv", "features": ["age", "colours"]},
            "integer",
            ("data", "source", "csv", "features", 1),
            "unknown-column",
            "Did you mean 'colour'?",
        ),
        (
            {"file": "t.csv", "features": ["age", "kind"]},
            "integer",
            ("data", "source", "csv", "features", 1),
            "target-among-features",
            "the column 'kind' is named as `target` and as `features`",
        ),
        (
            {"file": "t.csv", "types": {"kinds": "text"}},
            "integer",
            ("data", "source", "csv", "types"),
            "unknown-column",
            "kinds",
        ),
        (
            {"file": "t.csv", "types": {"colour": "number"}},
            "integer",
            ("data", "source", "csv", "file"),
            "defective-data",
            "line 2, column colour: expected a number, received 'red'",
        ),
        ({"file": "t.csv"}, "integer", ("data", "prepare"), "text-left", "column 'colour' holds text"),
        (
            {"file": "t.csv", "features": ["age"]},
            "binary",
            ("training", "loss"),
            "loss-target-mismatch",
            "the target has 3 classes",
        ),
        (
            {"file": "t.csv", "separator": "::"},
            "integer",
            ("data", "source"),
            "unusable-arguments",
            "separator expected one character",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_found_at_its_place(
    paths: DataPaths, spec, config: dict, form: str, path: tuple, name: str, text: str
) -> None:
    """Each mistake is an error finding at the key to blame."""
    (paths.config_dir / "t.csv").write_text(TABLE)
    _, findings = infer_facts(spec("csv", **config), form=form, paths=paths)
    assert [(finding.path, finding.name, finding.severity) for finding in findings] == [(path, name, "error")]
    assert text in findings[0].text


def test_a_target_of_prices_is_no_class_and_words_are_no_numbers(paths: DataPaths, spec) -> None:
    """A loss that cannot compare with a table's target is found from the target's values."""
    (paths.config_dir / "t.csv").write_text("a,price,kind\n1,24.5,x\n2,3,y\n")
    for target, form, text in (("price", "integer", "numbers such as 24.5"), ("kind", "number", "text such as 'x'")):
        _, findings = infer_facts(spec("csv", file="t.csv", features=["a"], target=target), form=form, paths=paths)
        assert [finding.name for finding in findings] == ["loss-target-mismatch"]
        assert text in findings[0].text


def test_a_target_with_too_many_values_has_no_inferred_classes(paths: DataPaths, spec) -> None:
    """More distinct values than a thousand are not kept: the classes are then not known beforehand."""
    (paths.config_dir / "t.csv").write_text("a,y\n" + "".join(f"{index % 3},{index}\n" for index in range(1500)))
    facts, findings = infer_facts(spec("csv", file="t.csv"), form="integer", paths=paths)
    assert findings == ()
    assert (facts.classes, facts.rows) == (None, {"train": 1500})


@pytest.mark.parametrize(
    ("source", "options", "form", "path", "severity", "text"),
    [
        (
            "digits",
            {"prepare": (("Reshape", {"shape": [8, 9]}),)},
            "integer",
            ("data", "prepare", 0),
            "error",
            "needs 72 values",
        ),
        (
            "digits",
            {"prepare": (("Rescale", {"divide_by": 0}),)},
            "integer",
            ("data", "prepare", 0),
            "error",
            "other than 0",
        ),
        ("digits", {}, "number", ("training", "loss"), "warning", "the loss compares numbers"),
        ("digits", {}, "binary", ("training", "loss"), "error", "has 10 classes"),
        (
            "digits",
            {"prepare": (("OneHot", {"columns": "target"}),)},
            "integer",
            ("training", "loss"),
            "error",
            "one-hot rows",
        ),
        ("diabetes", {}, "integer", ("training", "loss"), "error", "the loss compares classes"),
    ],
)
def test_what_does_not_fit_a_named_set_is_found(
    paths: DataPaths, spec, source: str, options: dict, form: str, path: tuple, severity: str, text: str
) -> None:
    """Impossible preparation and losses that do not suit the target are found without loading."""
    _, findings = infer_facts(spec(source, **options), form=form, paths=paths)
    assert [(finding.path, finding.severity) for finding in findings] == [(path, severity)]
    assert text in findings[0].text


@pytest.mark.parametrize(
    ("source", "config", "text"),
    [("mnist", {"test": 0.1}, "a test part of its own"), ("digits", {"validation": "test"}, "needs a test part")],
)
def test_an_impossible_split_is_found(paths: DataPaths, spec, split, source: str, config: dict, text: str) -> None:
    """A split that contradicts the source is an error at the key that does."""
    _, findings = infer_facts(spec(source, split=split(**config)), form="integer", paths=paths)
    wrong = [finding for finding in findings if finding.severity == "error"]
    assert [finding.path for finding in wrong] == [("data", "split", *config)]
    assert text in wrong[0].text


def test_one_hot_targets_override_the_loss(paths: DataPaths, spec) -> None:
    """`OneHot: target` makes class targets one-hot rows under a loss for numbers."""
    facts, findings = infer_facts(
        spec("digits", prepare=(("OneHot", {"columns": "target"}),)), form="number", paths=paths
    )
    assert findings == ()
    assert (facts.form, facts.task, facts.targets) == ("one_hot", "classification", 10)


def test_nothing_heavy_is_imported_to_infer_facts() -> None:
    """`check` stays quick: the modules it needs import neither pandas nor scikit-learn nor what downloads."""
    code = (
        "import sys, nnrun.data.data_facts, nnrun.data.data_paths, nnrun.data.files.download; "
        "names = ('pandas', 'sklearn', 'tensorflow', 'pooch', 'requests', 'filelock'); "
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FOLDS_TABLE = "age,bmi,who,risk\n" + "".join(f"{20 + row},{row % 4},{row // 2},{row % 2}\n" for row in range(10))


@pytest.fixture
def inferred(tmp_path: Path, spec):
    """Infer the facts of the table in folds, for targets of classes or others."""
    (tmp_path / "t.csv").write_text(FOLDS_TABLE, encoding="utf-8")

    def look(form: str = "binary", validation: float | None = None, **k_fold):
        split = Split(validation=validation, k_fold=KFold(**k_fold))
        config = spec("csv", split=split, file="t.csv", target="risk")
        return infer_facts(config, form=form, paths=DataPaths(tmp_path, tmp_path))

    return look


def test_rows_are_those_of_the_first_fold(inferred) -> None:
    """Ten rows in four folds: three tested, seven trained on, of which a validation share is taken."""
    assert dict(inferred(folds=4)[0].rows) == {"train": 7, "test": 3}
    assert dict(inferred(folds=4, validation=0.5)[0].rows) == {"train": 3, "validation": 4, "test": 3}


def test_the_column_of_groups_is_no_feature(inferred) -> None:
    """`$features` and the columns leave it out; fold sizes are known only once it is read."""
    facts, findings = inferred(folds=2, groups="who")
    assert (facts.features, facts.columns, dict(facts.rows), findings) == (2, ("age", "bmi"), {}, ())


@pytest.mark.parametrize(
    ("form", "k_fold", "text"),
    [
        ("binary", {"folds": 11}, "11 folds need at least as many rows, but there are 10"),
        ("binary", {"groups": "whose"}, "there is no column 'whose'"),
    ],
)
def test_impossible_folds_are_found(inferred, form: str, k_fold: dict, text: str) -> None:
    """Each is a finding `impossible-split`."""
    (finding,) = inferred(form, **k_fold)[1]
    assert finding.name == "impossible-split"
    assert text in finding.text


def test_stratifying_by_numbers_is_refused(spec, tmp_path: Path) -> None:
    """A target that is a number cannot be stratified."""
    config = spec("diabetes", split=Split(k_fold=KFold(folds=3, stratify=True)))
    findings = infer_facts(config, form="number", paths=DataPaths(tmp_path, tmp_path))[1]
    assert ["needs classes" in finding.text for finding in findings] == [True]


@pytest.mark.parametrize(("rows", "refused"), [(10, False), (40, True)])
def test_numbers_that_are_mostly_different_are_no_classes(paths: DataPaths, spec, rows: int, refused: bool) -> None:
    """A loss for classes of a target of which most rows have a number of their own is refused at the loss."""
    (paths.config_dir / "p.csv").write_text(
        "a,price\n" + "".join(f"{row % 3},{1000 + 3 * row}\n" for row in range(rows))
    )
    _, findings = infer_facts(spec("csv", file="p.csv", target="price"), form="integer", paths=paths)
    assert [(one.name, one.path) for one in findings] == [("loss-target-mismatch", ("training", "loss"))] * refused


@pytest.mark.parametrize(
    ("step", "cell", "received"),
    [
        (("MultiLabelBinarizer", {}), "ann, bob", "expected a list such as"),
        (("TextVectorization", {"split": "list", "output_sequence_length": 2}), "['a'", "expected a list such as"),
        (("PadSequences", {"maxlen": 2}), "1 2", "expected a list such as"),
        (("PadSequences", {"maxlen": 2}), "[1, x]", "expected a list of numbers, received the item 'x'"),
        (("PadSequences", {"maxlen": 2, "separator": " "}), "1 two", "received the item 'two'"),
        (("PadSequences", {"maxlen": 2, "separator": " "}), "1 inf", "received the item 'inf'"),
    ],
)
@pytest.mark.parametrize("is_target", [False, True])
def test_a_cell_that_is_no_list_is_found_with_its_line(paths, spec, step, cell, received, is_target) -> None:
    """`check` names the line on which the first such cell stands, whatever step reads lists, features and targets."""
    name, arguments = step
    if is_target and name != "MultiLabelBinarizer":
        pytest.skip("no step of targets")
    good = "1 2" if "separator" in arguments else "[1, 2]"
    rows = [f'{at},"{good}"' for at in range(8)]
    rows[3] = f'3,"{cell}"'
    (paths.config_dir / "t.csv").write_text(
        "\n".join(["# above", "y,cells", "", *rows, f'9,"{cell}"']), encoding="utf-8"
    )
    types = {"cells": "text"}
    if is_target:
        data = spec("csv", file="t.csv", target="cells", types=types)
        data = replace(data, prepare_target=[Part("preparation", name, arguments, ("data", "prepare_target", 0))])
    else:
        data = spec(
            "csv", file="t.csv", target="y", types=types, prepare=((name, {"columns": ["cells"], **arguments}),)
        )
    _, findings = infer_facts(data, form="binary" if is_target else "number", paths=paths)
    (wrong,) = [one for one in findings if one.severity == "error"]
    assert wrong.mark is not None
    assert wrong.mark.line == 7
    assert wrong.text.startswith("line 7, column cells: ")
    assert received in wrong.text
