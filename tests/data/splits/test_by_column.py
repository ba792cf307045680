"""A column that names the part of each row, and files of the test and validation part."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.data_facts import check_targets, infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError
from nnrun.spec.data import KFold, Split

WORDS = ["train", "Training", "val", "test", "train", "dev", "testing", " train "]
TABLE = "part,a,b,y\n" + "".join(f"{word},{row},{row * 2},{row % 2}\n" for row, word in enumerate(WORDS))
ROWS = {"train": [0, 1, 4, 7], "validation": [2, 5], "test": [3, 6]}


def _write(paths, text: str, name: str = "t.csv") -> None:
    (paths.config_dir / name).write_text(text, encoding="utf-8")


def _rows(dataset) -> dict[str, list[int]]:
    return {name: getattr(dataset, name).rows.tolist() for name in ROWS}


def _load(data, paths, listener):
    return load(data, form="binary", seed=1, paths=paths, progress=listener)


@pytest.mark.parametrize("by", ["part", 0])
def test_a_column_of_a_csv_names_the_parts(paths, listener, spec, by: str | int) -> None:
    """Each row goes to the part that it names, is counted in the source, and the column is no feature."""
    _write(paths, TABLE)
    data = spec("csv", file="t.csv", split=Split(by=by))
    dataset = _load(data, paths, listener)
    assert _rows(dataset) == ROWS
    assert dataset.test.origin["line"].tolist() == [5, 8]
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert (facts.columns, facts.rows, findings) == (("a", "b"), {"train": 4, "validation": 2, "test": 2}, ())
    assert dataset.facts.rows == facts.rows


def test_a_column_of_other_sources_names_the_parts(paths, listener, spec) -> None:
    """Parquet, tables in the config and arrays in npz files have such a column too, with the same rows."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    numbers = list(range(8))
    table = {"part": WORDS, "a": numbers, "y": [row % 2 for row in numbers]}
    pq.write_table(pa.table(table), paths.config_dir / "t.parquet")
    np.savez(paths.config_dir / "t.npz", x=np.arange(8.0)[:, None], y=np.arange(8) % 2, part=np.array(WORDS))
    inline = [[word, row, row % 2] for row, word in enumerate(WORDS)]
    for source, arguments, by in (
        ("parquet", {"file": "t.parquet"}, "part"),
        ("npz", {"file": "t.npz"}, "part"),
        ("inline", {"rows": inline}, 0),
    ):
        data = spec(source, split=Split(by=by), **arguments)
        assert _rows(_load(data, paths, listener)) == ROWS
        _, findings = infer_facts(data, form="binary", paths=paths)
        assert findings == ()
        report, _ = check_targets(data, form="binary", seed=1, paths=paths)
        assert report.findings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TABLE.replace("val", "maybe"),
            "expected train, validation or test in the column 'part', received 'maybe' in row 2",
        ),
        ("part,a,y\nval,1,0\ntest,2,1\n", "no row of the column 'part' is for training: it has test, val"),
    ],
)
def test_a_column_that_names_no_parts_is_refused(paths, listener, spec, text: str, expected: str) -> None:
    """`check` points at `split: {by: ...}`, and training refuses the same."""
    _write(paths, text)
    data = spec("csv", file="t.csv", split=Split(by="part"))
    _, (finding, *_) = infer_facts(data, form="binary", paths=paths)
    assert (finding.path, finding.name) == (("data", "split", "by"), "impossible-split")
    assert expected in finding.text
    with pytest.raises(DataError, match="split: by: ") as raised:
        _load(data, paths, listener)
    assert expected in str(raised.value)


def test_a_column_must_exist_and_have_no_other_role(paths, listener, spec) -> None:
    """A column that does not exist, the target, and sources without columns are refused where `by` stands."""
    _write(paths, TABLE)
    for source, by, text in (
        ("csv", "parts", "there is no column 'parts'; Did you mean 'part'?"),
        ("csv", "y", "`by` names the target 'y'"),
        ("digits", "part", "`by` names a column, but this source has none"),
    ):
        data = spec(source, split=Split(by=by), **({"file": "t.csv"} if source == "csv" else {}))
        _, findings = infer_facts(data, form="integer", paths=paths)
        assert findings[0].path == ("data", "split", "by")
        assert text in findings[0].text
        with pytest.raises(DataError, match=r"parts|by"):
            _load(data, paths, listener)


def test_a_column_of_parts_goes_with_a_share_for_validation_alone() -> None:
    """`by` may stand next to a share of the training rows for validation, not next to other test rows."""
    assert Split(by="part", validation=0.2).refusal() is None
    assert Split(by="part", test=0.2).refusal().key == "test"
    assert Split(by="part", k_fold=KFold()).refusal().key == "k_fold"


TRAIN, TEST = "a,b,y\n1,x,0\n2,z,1\n3,x,1\n", "y,b,a\n0,z,4\n1,x,5\n"


def test_the_test_part_has_a_file_of_its_own(paths, listener, spec) -> None:
    """Its columns are found by name, it is prepared as the training part taught, and its digest is kept."""
    _write(paths, TRAIN)
    _write(paths, TEST, "test.csv")
    steps = (("OneHot", {"columns": ["b"]}),)
    arguments = {"file": "t.csv", "test_file": "test.csv", "validation_file": "test.csv"}
    data = spec("csv", prepare=steps, **arguments)
    dataset = _load(data, paths, listener)
    assert dataset.test.x.tolist() == dataset.validation.x.tolist() == [[4, 0, 1], [5, 1, 0]]
    assert dataset.test.y.reshape(-1).tolist() == [0, 1]
    assert {"file:t.csv", "file:test.csv"} <= dataset.digests.keys()
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert (facts.rows, findings) == (dataset.facts.rows, ())
    _write(paths, "b,a\nz,9\n", "new.csv")
    new = load_new_data(data, dataset.fitted, file=paths.config_dir / "new.csv", facts=dataset.facts, with_target=False)
    assert new.x.tolist() == [[9, 0, 1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,y\n1,0\n", "there is no column 'b'"),
        ("a,b,y\n1,x,0\nfour,x,1\n", "four"),
        (None, "there is no data file 'test.csv'"),
    ],
)
def test_a_test_file_with_other_columns_is_refused(paths, listener, spec, text: str | None, expected: str) -> None:
    """What is wrong with the file is said with its name, at `test_file`, by `check` and by training."""
    _write(paths, TRAIN)
    if text is not None:
        _write(paths, text, "test.csv")
    data = spec("csv", file="t.csv", test_file="test.csv", prepare=(("OneHot", {"columns": ["b"]}),))
    _, (finding, *_) = infer_facts(data, form="binary", paths=paths)
    assert finding.path == ("data", "source", "csv", "test_file")
    assert expected in finding.text
    with pytest.raises(DataError, match=expected):
        _load(data, paths, listener)


def test_a_share_next_to_a_test_file_is_refused(paths, listener, spec) -> None:
    """A test part of its own and a share of the rows contradict each other, as of every source."""
    _write(paths, TRAIN)
    _write(paths, TEST, "test.csv")
    data = spec("csv", file="t.csv", test_file="test.csv", split=Split(test=0.3))
    with pytest.raises(DataError, match="the source has a test part of its own"):
        _load(data, paths, listener)
