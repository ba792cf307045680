"""Rows without a target: refused with the key to write, or left out before the split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import Columns
from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import check_targets, infer_facts
from nnrun.data.dataset import Examples
from nnrun.data.load import load
from nnrun.data.missing_targets import drop_missing_targets
from nnrun.data.new_data import load_new_data
from nnrun.data.quality import check_quality
from nnrun.errors import DataError
from nnrun.spec.data import KFold

TABLE = "a,b,y,z\n" + "".join(
    f"{row * 7 % 12},{row % 3},{'' if row in (1, 4) else row / 2},{row * 5 % 12}\n" for row in range(12)
)
KEY = {"drop_missing_target": True}


def _csv(paths, spec, text: str = TABLE, **arguments):
    (paths.config_dir / "t.csv").write_text(text, encoding="utf-8")
    return spec("csv", file="t.csv", **({"target": "y"} | arguments))


@given(y=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=30), second=st.data())
def test_the_rows_left_are_those_with_every_target(y, second) -> None:
    """A row with all targets is kept with its number, one that lacks any is not, in arrays and in columns with text."""
    z = second.draw(st.lists(st.one_of(st.none(), st.text("ab", min_size=1)), min_size=len(y), max_size=len(y)))
    numbers = np.array([np.nan if one is None else one for one in y], dtype="float64")
    expected = [row for row, pair in enumerate(zip(y, z, strict=True)) if None not in pair]
    both = Columns({"y": numbers, "z": np.array(z, dtype=object)})
    for targets, rows in ((both, expected), (numbers, [row for row, one in enumerate(y) if one is not None])):
        examples = Examples(np.arange(len(y)), targets)
        if not rows:
            with pytest.raises(DataError, match="no row has a target"):
                drop_missing_targets(examples, "t.csv")
            continue
        kept, found = drop_missing_targets(examples, "t.csv")
        assert kept.x.tolist() == found.tolist() == rows
        assert kept.rows is not None
        assert kept.rows.tolist() == rows
        assert kept.dropped == len(y) - len(rows)


def test_without_the_key_the_error_names_it(paths, listener, spec) -> None:
    """`check` and training name the line of a missing target, and the key that leaves such rows out."""
    config = _csv(paths, spec)
    with pytest.raises(DataError, match="line 3, column y: expected a value") as error:
        load(config, form="number", seed=1, paths=paths, progress=listener)
    _, (finding, *_) = infer_facts(config, form="number", paths=paths)
    assert "`drop_missing_target: true`" in str(error.value.hint)
    assert "`drop_missing_target: true`" in str(finding.hint)


def test_rows_are_left_out_before_the_split(paths, listener, spec, split) -> None:
    """Parts are made of the rows that are left, which keep their numbers and lines; `check` knows the same sizes."""
    config = _csv(paths, spec, split=split(test=0.2), **KEY)
    dataset = load(config, form="number", seed=1, paths=paths, progress=listener)
    facts, findings = infer_facts(config, form="number", paths=paths)
    assert not findings
    assert facts is not None
    assert facts.rows == dataset.facts.rows == {"train": 8, "test": 2}
    parts = [dataset.train, dataset.test]
    rows = np.concatenate([part.rows for part in parts])
    assert sorted(rows.tolist()) == [0, 2, 3, *range(5, 12)]
    assert np.concatenate([part.y for part in parts]).ravel().tolist() == (rows / 2).tolist()
    assert np.concatenate([part.origin["line"] for part in parts]).tolist() == (rows + 2).tolist()
    assert listener.notes == ["2 rows of t.csv have no target and are left out."]
    assert dataset.dropped == {"t.csv": 2}
    report = check_quality(config, seed=1, paths=paths, progress=listener, form="number")
    assert "missing-target" in {one.name for one in report.findings}
    assert not check_targets(config, form="number", seed=1, paths=paths)[1]


def test_several_targets_must_all_be_there(paths, listener, spec) -> None:
    """With several targets a row that lacks any of them is left out; how many stay is not guessed."""
    text = TABLE.replace(",1,,8\n", ",1,,\n").replace(",0,4.5,9\n", ",0,4.5,\n")
    config = _csv(paths, spec, text, target=["y", "z"], **KEY)
    dataset = load(config, form="number", seed=1, paths=paths, progress=listener)
    assert dataset.train.rows.tolist() == [0, 2, 3, 5, 6, 7, 8, 10, 11]
    facts, _ = infer_facts(config, form="number", paths=paths)
    assert facts is not None
    assert not facts.rows


def test_a_table_without_any_target_is_an_error(paths, listener, spec) -> None:
    """Where no row has a target, `check` says so at `target`, and training too."""
    config = _csv(paths, spec, "a,y\n1,\n2,NA\n", types={"y": "number"}, **KEY)
    with pytest.raises(DataError, match=r"t\.csv: no row has a target"):
        load(config, form="number", seed=1, paths=paths, progress=listener)
    _, (finding, *_) = infer_facts(config, form="number", paths=paths)
    assert finding.text == "no row has a target"
    assert finding.path[-1] == "target"


def test_eval_leaves_such_rows_out_and_predict_needs_no_truth(paths, listener, spec) -> None:
    """A new file with gaps in the target is scored on the others, with their rows; predictions are of all rows."""
    config = _csv(paths, spec, **KEY)
    dataset = load(config, form="number", seed=1, paths=paths, progress=listener)
    new = paths.config_dir / "new.csv"
    new.write_text("z,y,b,a\n1,,1,1\n2,4.5,2,2\n3,,1,1\n4,6,1,5\n", encoding="utf-8")
    known = {"file": new, "facts": dataset.facts, "progress": listener}
    part = load_new_data(config, dataset.fitted, with_target=True, **known)
    assert part.rows.tolist() == [1, 3]
    assert part.origin["line"].tolist() == [3, 5]
    assert part.y.ravel().tolist() == [4.5, 6]
    assert listener.notes[-1] == "2 rows of new.csv have no target and are left out."
    assert len(load_new_data(config, dataset.fitted, with_target=False, **known)) == 4


def test_groups_parts_files_and_folds_have_the_rows_left(paths, listener, spec, split) -> None:
    """A column of parts, a `test_file` and folds by group all count the rows that are left."""
    text = "a,y,g,part\n" + "".join(
        f"{row * 7 % 20},{'' if row % 5 == 0 else row},{row % 4},{'test' if row > 15 else 'train'}\n"
        for row in range(20)
    )
    by = _csv(paths, spec, text, features=["a"], split=split(by="part"), **KEY)
    dataset = load(by, form="number", seed=1, paths=paths, progress=listener)
    assert dataset.train.rows.tolist() == [row for row in range(16) if row % 5]
    assert dataset.test.rows.tolist() == [16, 17, 18, 19]
    facts, findings = infer_facts(by, form="number", paths=paths)
    assert not findings
    (paths.config_dir / "test.csv").write_text("a,y\n1,\n2,4\n3,\n", encoding="utf-8")
    own = _csv(paths, spec, text, features=["a"], test_file="test.csv", **KEY)
    dataset = load(own, form="number", seed=1, paths=paths, progress=listener)
    assert dataset.test.rows.tolist() == [1]
    assert dataset.dropped == {"t.csv": 4, "test.csv": 2}
    facts, findings = infer_facts(own, form="number", paths=paths)
    assert not findings
    assert facts.rows == {"train": 16, "test": 1}
    folds = _csv(paths, spec, text, features=["a"], group="g", split=split(k_fold=KFold(4)), **KEY)
    folded = load_folded(folds, form="number", seed=1, paths=paths, progress=listener)
    tested = [set(folded.dataset(number, listener).test.rows.tolist()) for number in range(4)]
    assert sorted(row for rows in tested for row in rows) == [row for row in range(20) if row % 5]
    assert all(len({row % 4 for row in rows}) == 1 for rows in tested)


def test_windows_refuse_the_key_and_name_their_own(paths, listener, spec) -> None:
    """Rows of windows follow one another: `drop_missing` is their word, which the error of a gap names too."""
    config = _csv(paths, spec, window=2, **KEY)
    _, (finding, *_) = infer_facts(config, form="number", paths=paths)
    assert "write `drop_missing: true` instead" in finding.text
    config = _csv(paths, spec, window=2)
    with pytest.raises(DataError, match="line 3, column y") as error:
        load(config, form="number", seed=1, paths=paths, progress=listener)
    assert "`drop_missing: true`" in str(error.value.hint)


def test_a_class_named_as_a_missing_value_is_not_lost_silently(paths, spec) -> None:
    """A word such as None among classes is read as missing, and a warning says how to keep it."""
    config = _csv(paths, spec, "a,y\n1,None\n2,low\n3,high\n4,low\n", **KEY)
    _, (finding, *_) = infer_facts(config, form="integer", paths=paths)
    assert (finding.name, finding.severity) == ("missing-word", "warning")
    assert "if 'None' is a class" in str(finding.hint)


def test_long_class_numbers_stay_apart_next_to_gaps(paths, listener, spec) -> None:
    """Classes beyond 2^53 are not merged as floats are, in a csv file or a Parquet file with missing targets."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    names = [2**53, None, 2**53 + 1, 2**53, 2**53 + 1]
    text = "a,y\n" + "".join(f"{row},{'' if name is None else name}\n" for row, name in enumerate(names))
    pq.write_table(pa.table({"a": [*range(5)], "y": names}), paths.config_dir / "t.parquet")
    both = [_csv(paths, spec, text, **KEY), spec("parquet", file="t.parquet", target="y", **KEY)]
    for config in both:
        dataset = load(config, form="integer", seed=1, paths=paths, progress=listener)
        assert dataset.facts.class_names == ("9007199254740992", "9007199254740993")
        assert dataset.train.rows.tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("stream", [False, True])
def test_a_parquet_file_and_a_stream_leave_out_the_same_rows(paths, listener, spec, stream) -> None:
    """Parquet and tables on disk leave out rows as a csv file does, and `check` counts the same ones."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    config = _csv(paths, spec, stream=stream, **KEY)
    pd.read_csv(paths.config_dir / "t.csv").to_parquet(paths.config_dir / "t.parquet")
    parquet = spec("parquet", file="t.parquet", target="y", stream=stream)
    with pytest.raises(DataError, match="row 1") as error:
        load(parquet, form="number", seed=1, paths=paths, progress=listener)
    assert "`drop_missing_target: true`" in str(error.value.hint)
    parquet = spec("parquet", file="t.parquet", target="y", stream=stream, **KEY)
    expected = load(_csv(paths, spec, **KEY), form="number", seed=1, paths=paths, progress=listener).train
    for one in (config, parquet):
        dataset = load(one, form="number", seed=1, paths=paths, progress=listener)
        assert dataset.train.rows.tolist() == [0, 2, 3, *range(5, 12)]
        assert np.array_equal(np.asarray(dataset.train.y), expected.y)
        rows = dataset.train.x[np.arange(10)]
        found = np.concatenate(list(rows.blocks())) if stream else rows
        assert np.array_equal(np.asarray(found), expected.x)
        facts, findings = infer_facts(one, form="number", paths=paths)
        assert facts is not None
        assert facts.rows == {"train": 10}
        assert not [finding for finding in findings if finding.severity == "error"]
    new = load_new_data(
        parquet, dataset.fitted, file=paths.config_dir / "t.parquet", facts=dataset.facts, with_target=True
    )
    assert new.rows.tolist() == [0, 2, 3, *range(5, 12)]
