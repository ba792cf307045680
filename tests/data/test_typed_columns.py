"""Dates, categories and groups of tables: read, prepared, split out, and read again from other files."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.parquet import Parquet
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.data import KFold, Split

VISITS = """when,zip,bmi,sick
1970-01-02,01067,20,0
1970-01-11,10115,30,1
1970-01-03,01067,25,0
1970-02-01,10115,28,1
"""


def _write(places, text: str, name: str = "t.csv") -> None:
    (places.config_dir / name).write_text(text, encoding="utf-8")


def test_a_column_of_iso_dates_is_one_of_days(places, listener, spec) -> None:
    """Dates are found without being stated, are numbers for every step, and inferred facts are those of the data."""
    _write(places, VISITS)
    config = spec("csv", file="t.csv", features=["when", "bmi"], prepare=(("Standardize", {"columns": ["bmi"]}),))
    facts, findings = infer_facts(config, form="binary", paths=places)
    done = load(config, form="binary", seed=1, paths=places, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert done.train.x[:, 0].tolist() == [1, 10, 2, 31]


def test_dates_of_a_stated_form_are_read(places, listener) -> None:
    """`{date: '%d.%m.%Y'}` reads German dates, `date` also a column whose dates are in the minority."""
    _write(places, "when,y\n02.01.1970,0\n11.01.1970,1\n")
    raw = Csv("t.csv", types={"when": {"date": "%d.%m.%Y"}}).load(places, listener)
    assert raw.train.x.values["when"].tolist() == [1, 10]
    _write(places, "when,y\n19700102,0\n19700111,1\n")
    days = Csv("t.csv", types={"when": {"date": "%Y%m%d"}}).load(places, listener).train.x.values["when"]
    numbers = Csv("t.csv").load(places, listener).train.x.values["when"]
    assert (days.tolist(), numbers.tolist()) == ([1, 10], [19700102, 19700111])
    _write(places, "when,y\n1970-01-02,0\n1970-01-11,1\n")
    assert Csv("t.csv", types={"when": "text"}).load(places, listener).train.x.values["when"].tolist() == [
        "1970-01-02",
        "1970-01-11",
    ]


def test_missing_dates_are_filled_in_like_numbers(places, listener, spec) -> None:
    """Impute takes the median day."""
    _write(places, "when,y\n1970-01-02,0\n,1\n1970-01-12,1\n")
    config = spec("csv", file="t.csv", prepare=(("Impute", {"strategy": "median"}),))
    assert load(config, form="number", seed=1, paths=places, progress=listener).train.x.tolist() == [[1], [6], [11]]


def test_a_date_may_be_the_target(places, listener, spec) -> None:
    """Days are predicted as numbers."""
    _write(places, "bmi,when\n20,1970-01-02\n30,1970-01-11\n")
    done = load(spec("csv", file="t.csv"), form="number", seed=1, paths=places, progress=listener)
    assert done.train.y.tolist() == [[1], [10]]


@pytest.mark.parametrize(
    ("types", "text"),
    [
        ({"when": {"date": "%H:%M"}}, "types: when: the date format '%H:%M' does not contain the year"),
        ({"when": {"day": "%d"}}, "types: when expected number, text, category, date or {date: '%d.%m.%Y'}, received"),
    ],
)
def test_invalid_types_are_found_by_check(places, spec, types: dict, text: str) -> None:
    """The column and what is known are named."""
    _, findings = infer_facts(spec("csv", file="t.csv", types=types), form="binary", paths=places)
    assert [finding.name for finding in findings] == ["unusable-arguments"]
    assert text in findings[0].text


def test_categories_keep_their_names_also_where_these_are_numbers(places, listener, spec) -> None:
    """Zip codes keep their leading zeros and become columns of the training part's categories."""
    _write(places, VISITS)
    config = spec(
        "csv", file="t.csv", features=["zip"], types={"zip": "category"}, prepare=(("OneHot", {"columns": ["zip"]}),)
    )
    facts, findings = infer_facts(config, form="binary", paths=places)
    done = load(config, form="binary", seed=1, paths=places, progress=listener)
    assert findings == ()
    assert facts == done.facts
    assert done.facts.columns == ("zip=01067", "zip=10115")
    assert done.train.x.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_a_category_needs_a_step(places, spec) -> None:
    """A category that no step turns into numbers is found, with the step to add."""
    _write(places, VISITS)
    config = spec("csv", file="t.csv", features=["zip"], types={"zip": "category"})
    _, findings = infer_facts(config, form="binary", paths=places)
    assert [finding.name for finding in findings] == ["text-left"]
    assert "OneHot: [zip]" in findings[0].text


PREPARE = (("OneHot", {"columns": ["zip"]}), ("Standardize", {"columns": ["when", "bmi"]}))


def test_other_files_are_read_by_the_same_types(places, listener, spec) -> None:
    """Dates and categories of a new file are read as the run's own; unknown categories and wrong dates are errors."""
    _write(places, VISITS)
    config = spec("csv", file="t.csv", types={"zip": "category"}, prepare=PREPARE)
    done = load(config, form="binary", seed=1, paths=places, progress=listener)
    _write(places, "bmi,when,zip\n25,1970-01-03,01067\n", "new.csv")

    def again(name: str):
        return load_new_data(config, done.fitted, file=places.config_dir / name, facts=done.facts, with_target=False)

    np.testing.assert_array_equal(again("new.csv").x[0], done.train.x[2])
    _write(places, "bmi,when,zip\n25,1970-01-03,99999\n", "new.csv")
    with pytest.raises(DataError, match=r"column zip: expected one of the categories .*01067, 10115.*received '99999'"):
        again("new.csv")
    _write(places, "bmi,when,zip\n25,03.01.1970,01067\n", "new.csv")
    with pytest.raises(DataError, match=r"row 2, column when: expected a date such as .*, received '03\.01\.1970'"):
        again("new.csv")


ROWS = 24
PEOPLE = "who,bmi,sick\n" + "".join(f"p{row // 4},{20 + row},{row % 2}\n" for row in range(ROWS))


def _crossed(places, spec, k_fold: KFold, **config):
    _write(places, PEOPLE)
    asked = spec("csv", file="t.csv", split=Split(k_fold=k_fold, validation=config.pop("validation", None)), **config)
    return load_folded(asked, form="binary", seed=7, paths=places, progress=NullProgress())


def test_a_readers_group_and_the_folds_groups_are_one(places, spec) -> None:
    """Named by the reader or by the folds, the same rows stay together, and the column is no feature."""
    by_reader = _crossed(places, spec, KFold(folds=3), group="who")
    by_folds = _crossed(places, spec, KFold(folds=3, groups="who"))
    by_both = _crossed(places, spec, KFold(folds=3, groups="who"), group=0)
    assert by_reader.digest == by_folds.digest == by_both.digest
    for fold in by_reader.folds:
        assert not {row // 4 for row in fold.test.tolist()} & {row // 4 for row in fold.rest.tolist()}
    assert by_reader.dataset(0, NullProgress()).facts.columns == ("bmi",)
    with pytest.raises(DataError, match="`groups` names the column 'bmi', but the source's `group` 'who'"):
        _crossed(places, spec, KFold(folds=3, groups="bmi"), group="who")


def test_a_validation_share_takes_whole_groups(places, spec) -> None:
    """Early stopping does not look at people whom the training part knows."""
    crossing = _crossed(places, spec, KFold(folds=3), group="who", validation=0.25)
    for fold in crossing.folds:
        done = crossing.dataset(fold.number, NullProgress())
        people = [{row // 4 for row in part.rows.tolist()} for part in (done.train, done.validation, done.test)]
        assert sum(map(len, people)) == len(set.union(*people)) == 6


@pytest.mark.parametrize("shuffle", [True, False])
def test_shares_take_whole_groups(places, listener, spec, shuffle: bool) -> None:
    """Of six people a fifth of the rows is two, and nobody stands in two parts; the rest is as drawn by the seed."""
    _write(places, PEOPLE)
    config = spec("csv", file="t.csv", group="who", split=Split(test=0.2, validation=0.2, shuffle=shuffle))
    done = load(config, form="binary", seed=7, paths=places, progress=listener)
    people = [{row // 4 for row in part.rows.tolist()} for part in (done.train, done.validation, done.test)]
    assert [len(one) for one in people] == [3, 1, 2]
    assert sum(map(len, people)) == len(set.union(*people)) == 6
    facts, findings = infer_facts(config, form="binary", paths=places)
    assert findings == ()
    assert facts.rows == {}
    if not shuffle:
        assert people[2] == {4, 5}


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (Split(test=0.2, stratify=True), "splits the rows of a class, which separates rows of one group"),
        (Split(test=0.9), "takes all 6 groups and leaves none to train on"),
    ],
)
def test_groups_that_cannot_stay_together_are_refused(places, listener, spec, split: Split, text: str) -> None:
    """Shares by class, and shares that leave no group for training."""
    _write(places, PEOPLE)
    config = spec("csv", file="t.csv", group="who", split=split)
    with pytest.raises(DataError, match=text):
        load(config, form="binary", seed=7, paths=places, progress=listener)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"group": "whom"}, "unknown-column"),
        ({"group": "sick"}, "group-among-columns"),
        ({"group": "who", "features": ["who", "bmi"]}, "group-among-columns"),
        ({"group": "who", "sample_weight": "who"}, "group-among-columns"),
    ],
)
def test_a_group_is_a_column_of_its_own(places, spec, config: dict, name: str) -> None:
    """It must exist, and be neither feature nor target nor weight."""
    _write(places, PEOPLE)
    _, findings = infer_facts(spec("csv", file="t.csv", **config), form="binary", paths=places)
    assert [finding.name for finding in findings] == [name]
    assert findings[0].path == ("data", "source", "csv", "group")


@pytest.mark.parametrize("k_fold", [KFold(folds=3), KFold(folds=3, groups="who")])
def test_other_files_need_no_column_of_groups(places, spec, k_fold: KFold) -> None:
    """Who somebody is says nothing to the model, so that new rows need not say it."""
    config = {} if k_fold.groups else {"group": "who"}
    crossing = _crossed(places, spec, k_fold, **config)
    done = crossing.whole(NullProgress())
    _write(places, "bmi\n33\n", "new.csv")
    file = places.config_dir / "new.csv"
    assert load_new_data(crossing.spec, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == [
        [33]
    ]


def test_a_parquet_table_takes_types_and_groups(places, listener, spec) -> None:
    """Numbers become categories, text becomes dates, a column groups; a csv of the same columns is read alike."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {
        "when": ["02.01.1970", "11.01.1970", "03.01.1970", "01.02.1970"],
        "zip": [1067, 10115, 1067, 10115],
        "who": ["a", "a", "b", "c"],
        "sick": [0, 1, 0, 1],
    }
    pq.write_table(pa.table(columns), places.config_dir / "t.parquet")
    types = {"when": {"date": "%d.%m.%Y"}, "zip": "category"}
    config = spec("parquet", file="t.parquet", types=types, group="who", prepare=(("OneHot", {"columns": ["zip"]}),))
    facts, findings = infer_facts(config, form="binary", paths=places)
    done = load(config, form="binary", seed=1, paths=places, progress=listener)
    assert findings == ()
    assert facts.input_shape == (None,)
    assert done.facts.columns == ("when", "zip=10115", "zip=1067")
    assert done.train.x.tolist() == [[1, 0, 1], [10, 1, 0], [2, 0, 1], [31, 1, 0]]
    assert Parquet("t.parquet", types=types, group="who").load(places, listener).groups.tolist() == ["a", "a", "b", "c"]
    _write(places, "when,zip\n03.01.1970,1067\n", "new.csv")
    file = places.config_dir / "new.csv"
    assert load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == [[2, 0, 1]]
    _, findings = infer_facts(spec("parquet", file="t.parquet", types={"zap": "text"}), form="binary", paths=places)
    assert [finding.name for finding in findings] == ["unknown-column"]
    with pytest.raises(DataError, match=r"column when: expected a date, received '02\.01\.1970' in row 0"):
        Parquet("t.parquet", types={"when": "date"}).load(places, listener)


def test_arrays_have_groups_too(places, listener, spec) -> None:
    """`arrays: {group: ...}` keeps examples of one value together; it has one value an example."""
    np.savez(places.config_dir / "a.npz", x=np.arange(12.0).reshape(6, 2), y=[0, 1] * 3, who=list("aabbcc"), bad=[1, 2])
    config = spec("npz", file="a.npz", arrays={"x": "x", "y": "y", "group": "who"}, split=Split(k_fold=KFold(folds=3)))
    facts, findings = infer_facts(config, form="binary", paths=places)
    assert findings == ()
    assert facts.rows == {}
    folds = load_folded(config, form="binary", seed=7, paths=places, progress=listener).folds
    assert sorted(fold.test.tolist() for fold in folds) == [[0, 1], [2, 3], [4, 5]]
    config = spec("npz", file="a.npz", arrays={"x": "x", "y": "y", "group": "bad"})
    with pytest.raises(DataError, match="expected group to be 6 values, one an example"):
        load(config, form="binary", seed=7, paths=places, progress=listener)


def test_arrays_may_lie_in_npy_files(places, listener, spec) -> None:
    """Without `file` the arrays are npy files, known from their headers; new examples may come from one as well."""
    x, y = np.arange(12.0).reshape(6, 2), np.array([0, 1] * 3)
    np.save(places.config_dir / "x.npy", x)
    np.save(places.config_dir / "y.npy", y)
    config = spec("npz", arrays={"x": "x.npy", "y": "y.npy"})
    facts, findings = infer_facts(config, form="binary", paths=places)
    done = load(config, form="binary", seed=1, paths=places, progress=listener)
    assert findings == ()
    assert (facts.input_shape, facts.rows) == (done.facts.input_shape, done.facts.rows) == ((2,), {"train": 6})
    assert sorted(name for name in done.digests if name.startswith("file:")) == ["file:x.npy", "file:y.npy"]
    file = places.config_dir / "x.npy"
    assert load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == x.tolist()
    (places.config_dir / "y.npy").write_bytes(b"\x93NUMPY broken")
    assert [finding.name for finding in infer_facts(config, form="binary", paths=places)[1]] == ["defective-data"]
    (places.config_dir / "y.npy").unlink()
    assert [finding.name for finding in infer_facts(config, form="binary", paths=places)[1]] == ["missing-file"]
    _, findings = infer_facts(spec("npz", arrays={"x": "x.npy"}), form="binary", paths=places)
    assert "expected a `file`, or `arrays: {x: NAME.npy, y: NAME.npy}`" in findings[0].text


def test_an_npy_file_of_objects_is_never_unpickled(places, listener, spec) -> None:
    """Python objects could run code when they are read."""
    np.save(places.config_dir / "x.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.save(places.config_dir / "y.npy", np.array([0, 1]))
    with pytest.raises(DataError, match="holds Python objects, which could run code when read"):
        load(spec("npz", arrays={"x": "x.npy", "y": "y.npy"}), form="binary", seed=1, paths=places, progress=listener)
