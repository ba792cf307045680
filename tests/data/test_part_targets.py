"""The targets of every part and fold are examined by one rule, whether the targets alone are read or the whole data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import check_targets, examine_loaded_targets
from nnrun.data.data_paths import DataPaths
from nnrun.data.load import load, make_source, read_source
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.data import DataSpec, KFold, Split
from nnrun.spec.part import Part


def table(folder: Path, targets: list, name: str = "t.csv", **columns: list) -> Path:
    """Write a csv file whose last column is the target."""
    columns = columns or {"a": [(7 * row) % 5 for row in range(len(targets))]}
    rows = zip(*columns.values(), targets, strict=True)
    (folder / name).write_text("\n".join(",".join(map(str, row)) for row in [[*columns, "y"], *rows]) + "\n")
    return folder


def data_spec(split: Split | None, source: str = "csv", **arguments: object) -> DataSpec:
    """Return `data:` of a source and its arguments; by default the file that `table` writes."""
    return DataSpec(Part("sources", source, arguments or {"file": "t.csv"}, ("data", "source")), (), split)


def found(folder: Path, spec: DataSpec, form: str = "integer", seed: int = 3) -> list[tuple[str, str, str | None]]:
    """Return the findings of `check`, after comparing them with those of the whole data."""
    paths = DataPaths(folder, folder)
    report, notes = check_targets(spec, form=form, seed=seed, paths=paths)
    assert notes == ()
    data = read_source(make_source(spec.source), spec.split, paths, NullProgress())
    assert examine_loaded_targets(data, spec, form=form, seed=seed, paths=paths) == report
    return [(one.name, one.text, one.hint) for one in report.findings]


SPLITS = st.one_of(
    st.builds(
        Split, test=st.sampled_from([None, 0.2, 0.4]), validation=st.sampled_from([None, 0.25]), shuffle=st.booleans()
    ),
    st.builds(Split, test=st.just(0.3), validation=st.sampled_from([None, 0.5]), stratify=st.just(True)),
    st.builds(
        Split,
        validation=st.sampled_from([None, 0.3]),
        k_fold=st.builds(KFold, folds=st.integers(2, 4), shuffle=st.booleans(), stratify=st.booleans()),
    ),
    st.builds(Split, k_fold=st.builds(KFold, folds=st.just(3), shuffle=st.just(True), repeats=st.just(3))),
)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.booleans(), SPLITS, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_class_is_named_exactly_if_a_part_or_fold_lacks_it(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], mixed: bool, split: Split, seed: int
) -> None:
    """The classes that training lacks, and those that scored rows lack, are what `train` meets."""
    targets = [f"c{number}" for number, size in enumerate(sizes) for _ in range(size)]
    if mixed:
        targets = np.random.default_rng(seed).permutation(targets).tolist()
    folder = table(tmp_path_factory.mktemp("t"), targets)
    spec, paths = data_spec(split), DataPaths(folder, folder)
    options: dict = {"form": "integer", "seed": seed, "paths": paths, "progress": NullProgress()}
    try:
        if split.k_fold is None:
            datasets = [load(spec, **options)]
        else:
            folded = load_folded(spec, **options)
            datasets = [folded.dataset(fold.number, NullProgress()) for fold in folded.folds]
    except DataError:
        return  # an impossible split
    untrained, untested = set(), set()
    for dataset in datasets:
        parts = {name: part.y for name in ("train", "validation", "test") if (part := dataset.part(name)) is not None}
        present = set(np.concatenate(list(parts.values())).tolist())
        untrained |= present - set(parts.pop("train").tolist())
        untested |= {one for y in parts.values() if len(y) >= len(present) for one in present - set(y.tolist())}
    names = {name: set(re.findall(r"'(c\d)'", text)) for name, text, _ in found(folder, spec, seed=seed)}
    assert names.get("class-not-in-training", set()) == {f"c{number}" for number in untrained}
    assert names.get("class-not-in-part", set()) == {f"c{number}" for number in untested - untrained}


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), SPLITS, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_split_of_a_hint_has_every_class(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], split: Split, seed: int
) -> None:
    """With the split that a hint writes, the finding is gone, or left with classes of one row, which no split helps."""
    from nnrun.config.document import parse
    from nnrun.spec.part import PartReader
    from nnrun.spec.section import read_section

    folder = table(
        tmp_path_factory.mktemp("t"), [f"c{number}" for number, size in enumerate(sizes) for _ in range(size)]
    )
    for name, _, hint in found(folder, data_spec(split), seed=seed):
        if hint and hint.startswith("write `"):
            reader = PartReader()
            written = parse(hint.removeprefix("write `").removesuffix("`"), "x.yaml").data["split"]
            other = read_section(reader, Split, written, ("data", "split"))
            assert reader.errors == []
            left = [text for one, text, _ in found(folder, data_spec(other), seed=seed) if one == name]
            lonely = {f"c{number}" for number, size in enumerate(sizes) if size == 1}
            assert all(set(re.findall(r"'(c\d)'", text)) <= lonely for text in left)


@pytest.mark.parametrize(
    ("split", "text", "hint"),
    [
        (
            Split(test=0.2, validation=0.25, shuffle=False),
            "the training part has no row of the class 'c2' (18 in the test part, 12 in the validation part)",
            "write `split: {test: 0.2, validation: 0.25, shuffle: true}`",
        ),
        (
            Split(k_fold=KFold(folds=3)),
            "'c0' (30 in fold 0's test part), 'c1' (30 in fold 1's test part), 'c2' (30 in fold 2's test part)",
            "write `split: {k_fold: {folds: 3, shuffle: true}}`",
        ),
    ],
)
def test_a_file_in_the_order_of_its_classes(tmp_path: Path, split: Split, text: str, hint: str) -> None:
    """The message has part or fold, class and counts; the hint is the split to write."""
    table(tmp_path, [f"c{row // 30}" for row in range(90)])
    name, message, written = found(tmp_path, data_spec(split))[0]
    assert name == "class-not-in-training"
    assert text in message
    assert written == hint


def test_rare_classes_in_folds(tmp_path: Path) -> None:
    """A class with fewer rows than folds is named with its rows and the folds that test none of it."""
    table(tmp_path, ["x"] * 20 + ["y"] * 20 + ["rare"] * 3)
    ((name, text, hint),) = found(tmp_path, data_spec(Split(k_fold=KFold(folds=5, shuffle=True, stratify=True))))
    assert name == "class-not-in-part"
    assert "the class 'rare' (3 rows; 2 of 5 folds)" in text
    assert hint == "write `split: {k_fold: {folds: 3, shuffle: true, stratify: true}}`"


def test_a_class_of_one_row_cannot_be_trained_on_and_tested(tmp_path: Path) -> None:
    """The hint says so, as no split helps."""
    table(tmp_path, ["x"] * 9 + ["y"] * 9 + ["lone"])
    ((name, _, hint),) = found(tmp_path, data_spec(Split(k_fold=KFold(folds=3, shuffle=True))))
    assert (name, hint) == (
        "class-not-in-training",
        "'lone' has 1 row, which cannot be trained on and tested: leave it out, or join it with a class",
    )


@pytest.mark.parametrize("grouped", ["source", "k_fold"])
def test_a_class_in_one_group(tmp_path: Path, grouped: str) -> None:
    """Rows of a group stay together, so that no fold can train on and test a class that one group has alone."""
    kinds = ["x", "y"] * 12 + ["z"] * 4
    table(tmp_path, kinds, a=list(range(28)), who=[f"g{row // 4}" for row in range(28)])
    source = {"file": "t.csv", **({"group": "who"} if grouped == "source" else {})}
    folds = KFold(folds=3, shuffle=True, groups="who" if grouped == "k_fold" else None)
    ((name, text, hint),) = found(tmp_path, data_spec(Split(k_fold=folds), **source))
    assert name == "class-not-in-training"
    assert "'z' (4 in fold" in text
    assert hint == "the rows of a group stay together: take other groups, or leave the class out"


@pytest.mark.parametrize("source", ["npz", "idx", "inline", "csv", "images", "parquet"])
def test_every_source_is_examined(tmp_path: Path, source: str) -> None:
    """Arrays, labels of IDX files, tables in files and in the config, and folders of pictures are read alike."""
    from nnrun.data.files.idx import write_idx

    y = np.repeat(np.arange(3), 6)
    arguments: dict = {"file": f"t.{source}"}
    if source == "npz":
        np.savez(tmp_path / "t.npz", x=np.zeros((18, 2)), y=y)
    elif source == "idx":
        write_idx(tmp_path / "x.idx", np.zeros((18, 4, 4), "uint8"))
        write_idx(tmp_path / "y.idx", y.astype("uint8"))
        arguments = {"images": "x.idx", "labels": "y.idx"}
    elif source == "inline":
        arguments = {"rows": [[row % 4, int(kind)] for row, kind in enumerate(y)]}
    elif source == "csv":
        table(tmp_path, y.tolist())
    elif source == "images":
        from PIL import Image

        for row, kind in enumerate(y):
            (tmp_path / "t" / str(kind)).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(tmp_path / "t" / str(kind) / f"{row}.png")
        arguments = {"folder": "t"}
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.table({"a": np.arange(18) % 4, "y": y}), tmp_path / "t.parquet")
    names = [name for name, _, _ in found(tmp_path, data_spec(Split(k_fold=KFold(folds=3)), source, **arguments))]
    assert names == ["class-not-in-training"]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_sets_of_scikit_learn_are_examined(tmp_path: Path, name: str) -> None:
    """The targets that `check` reads from scikit-learn's files are those of the loaded sets."""
    findings = found(tmp_path, _set(name))
    assert ("class-not-in-training" in [one for one, _, _ in findings]) == (name in ("iris", "wine"))


def _set(name: str) -> DataSpec:
    return DataSpec(Part("sources", name, {}, ("data", "source")), (), Split(k_fold=KFold(folds=3)))


def test_the_own_test_part_of_a_source_is_examined(tmp_path: Path) -> None:
    """A class that the test part alone has is an error, one that it lacks a warning; both parts have their rows."""
    x = np.zeros((12, 2))
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(12) % 3, x_test=x[:6], y_test=[0, 0, 1, 1, 3, 3])
    findings = found(tmp_path, data_spec(None, "npz", file="t.npz"))
    assert [name for name, _, _ in findings] == ["class-not-in-training", "class-not-in-part"]
    assert "the class '3' (2 in the test part)" in findings[0][1]
    assert "no row of the class '2' (4 rows)" in findings[1][1]


@pytest.mark.parametrize(
    ("form", "targets", "name"),
    [("binary", [1] * 18, "'1'"), ("integer", ["yes"] * 18, "'yes'"), ("one_hot", [3] * 18, "'3'")],
)
@pytest.mark.parametrize("split", [None, Split(test=0.2), Split(k_fold=KFold(folds=3, stratify=True))])
def test_a_target_of_one_class(tmp_path: Path, form: str, targets: list, name: str, split: Split | None) -> None:
    """A single class is an error that names it and counts its rows."""
    table(tmp_path, targets)
    ((code, text, _),) = found(tmp_path, data_spec(split), form=form)
    assert code == "one-class-target"
    assert text == f"the target has one class only, {name} in all 18 rows: there is nothing to learn"


def test_labels_of_a_multi_label_target(tmp_path: Path) -> None:
    """A label that no training row has is named; labels that all rows or none have are no single class."""
    y = np.zeros((20, 3))
    y[:, 0], y[::2, 1], y[16:, 2] = 1, 1, 1
    np.savez(tmp_path / "t.npz", x=np.zeros((20, 2)), y=y)
    findings = found(tmp_path, data_spec(Split(test=0.2, shuffle=False), "npz", file="t.npz"), form="binary")
    assert [name for name, _, _ in findings] == ["class-not-in-training"]
    assert "'target 2' (4 in the test part)" in findings[0][1]


RISING = [round(0.5 * row + 0.01 * row**2, 3) for row in range(30)]


@pytest.mark.parametrize(
    ("form", "rows", "text"),
    [
        ("one_hot", [(1, 0), (1, 1)], "expected one class an example, received 2 targets that are not one-hot rows"),
        ("integer", [(0, 1), (0, 0)], "expected one class an example, received 2 targets that are not one-hot rows"),
        ("binary", [(0, 1), (0.5, 1)], "a binary loss compares with 0 and 1, but the target holds 0.5"),
        ("one_hot", [(1, 0), (0, 1)], None),
        ("binary", [(1, 1), (0, 0)], None),
    ],
)
def test_columns_of_a_table_suit_their_loss(
    tmp_path: Path, form: str, rows: list[tuple[float, float]], text: str | None
) -> None:
    """Several columns of a loss for classes are one-hot rows, or 0 and 1: `check` and training refuse others alike."""
    lines = [f"{number},{one},{other}" for number, (one, other) in enumerate(10 * rows)]
    (tmp_path / "t.csv").write_text("\n".join(["a,p,q", *lines]))
    spec = data_spec(Split(test=0.2), file="t.csv", target=["p", "q"])
    findings = [one for one in found(tmp_path, spec, form) if one[0] == "loss-target-mismatch"]
    assert [one[1] for one in findings] == ([] if text is None else [text])
    if text is not None:
        with pytest.raises(DataError, match=re.escape(text)):
            load(spec, form=form, seed=0, paths=DataPaths(tmp_path, tmp_path), progress=NullProgress())


@pytest.mark.parametrize(
    ("split", "warned"),
    [
        (Split(test=0.2, shuffle=False), True),
        (Split(validation=0.2, shuffle=False), True),
        (Split(k_fold=KFold(folds=3)), True),
        (Split(test=0.2), False),
        (Split(k_fold=KFold(folds=3, shuffle=True)), False),
        (Split(test="train", shuffle=False), False),
        (None, False),
    ],
)
@pytest.mark.parametrize("falls", [False, True])
def test_rows_in_the_order_of_a_target_of_numbers(
    tmp_path: Path, split: Split | None, warned: bool, falls: bool
) -> None:
    """Only where parts or folds are cut in the file's order is it a warning."""
    table(tmp_path, RISING[::-1] if falls else RISING)
    findings = found(tmp_path, data_spec(split), form="number")
    assert [name for name, _, _ in findings] == ["ordered-target"] * warned
    if warned:
        assert ("only falls" if falls else "only rises") in findings[0][1]
        assert "shuffle: true" in findings[0][2]


@pytest.mark.parametrize("features", [["a"], ["a", "day"]])
def test_rows_in_the_order_of_a_date_are_cut_in_order_for_a_reason(tmp_path: Path, features: list[str]) -> None:
    """A series that rises with time is no warning, whether the date is a feature or not."""
    days = [f"2024-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(30)]
    table(tmp_path, RISING, day=days, a=[row % 3 for row in range(30)])
    spec = data_spec(Split(test=0.2, shuffle=False), file="t.csv", features=features)
    assert found(tmp_path, spec, form="number") == []
    table(tmp_path, RISING, day=[*days[1:], days[0]], a=[row % 3 for row in range(30)])
    assert [name for name, _, _ in found(tmp_path, spec, form="number")] == ["ordered-target"]


def test_parts_whose_values_are_apart(tmp_path: Path) -> None:
    """A test part of the source's own whose values are all beyond those of the training part is a warning."""
    y = np.random.default_rng(1).normal(size=40)
    for distance, names in ((9, ["ordered-target"]), (0, [])):
        np.savez(tmp_path / "t.npz", x=np.zeros((40, 2)), y=y, x_test=np.zeros((9, 2)), y_test=y[:9] + distance)
        findings = found(tmp_path, data_spec(None, "npz", file="t.npz"), form="number")
        assert [name for name, _, _ in findings] == names


def test_the_values_of_numbers(tmp_path: Path) -> None:
    """Least and largest value are those of all parts, mean and standard deviation those of the training part."""
    y, y_test = np.arange(10.0), np.array([-5.0, 40.0])
    np.savez(tmp_path / "t.npz", x=np.zeros((10, 2)), y=y, x_test=np.zeros((2, 2)), y_test=y_test)
    spec = data_spec(None, "npz", file="t.npz")
    report, _ = check_targets(spec, form="number", seed=1, paths=DataPaths(tmp_path, tmp_path))
    values = report.values[""]["target"]
    assert (values.least, values.most, values.mean) == (-5, 40, 4.5)
    assert values.deviation == pytest.approx(y.std())


def test_a_file_with_many_targets_is_not_read(tmp_path: Path) -> None:
    """A note says that check did not examine them."""
    np.savez(tmp_path / "t.npz", x=np.zeros((1_000_001, 1), "uint8"), y=np.zeros(1_000_001, "uint8"))
    spec = data_spec(Split(test=0.2), "npz", file="t.npz")
    report, notes = check_targets(spec, form="integer", seed=1, paths=DataPaths(tmp_path, tmp_path))
    assert (report.findings, [note.severity for note in notes]) == ((), ["note"])
    assert "t.npz has more targets than check reads" in notes[0].text


@pytest.mark.parametrize(
    ("kinds", "severity", "hint"),
    [
        (["x", "y"] * 9 + ["lone"], "warning", "'lone' has 1 row"),
        (["x"] * 9 + ["y"] * 9 + ["lone"], "error", "write `split: {k_fold: {folds: 2, shuffle: true}}`"),
        (["x"] * 9 + ["y"] * 9, "error", "write `split: {k_fold: {folds: 2, shuffle: true}}`"),
    ],
)
def test_an_absent_class_is_an_error_where_another_split_has_it(
    tmp_path: Path, kinds: list, severity: str, hint: str
) -> None:
    """Where no split has every class in training, the user may train all the same."""
    table(tmp_path, kinds)
    split = Split(k_fold=KFold(folds=2))
    report, _ = check_targets(data_spec(split), form="integer", seed=3, paths=DataPaths(tmp_path, tmp_path))
    (finding,) = [one for one in report.findings if one.name == "class-not-in-training"]
    assert finding.severity == severity
    assert finding.hint is not None
    assert finding.hint.startswith(hint)


def test_numbers_that_are_all_different_cannot_be_stratified(tmp_path: Path) -> None:
    """A share of rows by class of a target of numbers is refused by check, as by train."""
    table(tmp_path, [row / 2 for row in range(30)])
    spec, paths = data_spec(Split(test=0.2, stratify=True)), DataPaths(tmp_path, tmp_path)
    (finding,) = check_targets(spec, form="number", seed=3, paths=paths)[0].findings
    assert (finding.name, finding.path) == ("impossible-split", ("data", "split"))
    with pytest.raises(DataError, match=re.escape(finding.text.removeprefix("split: "))):
        load(spec, form="number", seed=3, paths=paths, progress=NullProgress())
