"""Groups of rows, which stay together in one fold and in one part."""

from __future__ import annotations

import pytest

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.data import KFold, Split


def _write(paths, text: str, name: str = "t.csv") -> None:
    (paths.config_dir / name).write_text(text, encoding="utf-8")


ROWS = 24
PEOPLE = "who,bmi,sick\n" + "".join(f"p{row // 4},{20 + row},{row % 2}\n" for row in range(ROWS))


def _cross_validated(paths, spec, k_fold: KFold, **arguments):
    _write(paths, PEOPLE)
    split = Split(k_fold=k_fold, validation=arguments.pop("validation", None))
    data = spec("csv", file="t.csv", split=split, **arguments)
    return load_folded(data, form="binary", seed=7, paths=paths, progress=NullProgress())


def test_groups_of_the_source_and_of_the_folds_are_the_same(paths, spec) -> None:
    """Whether the source or the folds name the column, the same rows stay together and it is not a feature."""
    by_reader = _cross_validated(paths, spec, KFold(folds=3), group="who")
    by_folds = _cross_validated(paths, spec, KFold(folds=3, groups="who"))
    by_both = _cross_validated(paths, spec, KFold(folds=3, groups="who"), group=0)
    assert by_reader.digest == by_folds.digest == by_both.digest
    for fold in by_reader.folds:
        assert not {row // 4 for row in fold.test.tolist()} & {row // 4 for row in fold.rest.tolist()}
    assert by_reader.dataset(0, NullProgress()).facts.columns == ("bmi",)
    with pytest.raises(DataError, match="`groups` names the column 'bmi', but the source's `group` 'who'"):
        _cross_validated(paths, spec, KFold(folds=3, groups="bmi"), group="who")


@pytest.mark.parametrize(
    ("groups", "features"), [("who", ["bmi"]), (0, ["bmi"]), (-3, [1]), ("who", ["who", "bmi"]), ("who", None)]
)
def test_folds_group_by_any_column_of_the_file(paths, spec, groups: str | int, features: list | None) -> None:
    """The column of `k_fold: {groups: ...}` need not be a feature, and never becomes one."""
    folded = _cross_validated(paths, spec, KFold(folds=3, groups=groups), features=features)
    assert folded.digest == _cross_validated(paths, spec, KFold(folds=3), group="who").digest
    assert folded.dataset(0, NullProgress()).facts.columns == ("bmi",)
    data = spec("csv", file="t.csv", features=features, split=Split(k_fold=KFold(folds=3, groups=groups)))
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert (facts.columns, findings) == (("bmi",), ())


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ("whom", "there is no column 'whom'; Did you mean 'who'?"),
        (7, "there is no column 7"),
        ("sick", "names the target 'sick'"),
        ("bmi", "takes the only feature column 'bmi'"),
    ],
)
def test_a_column_that_cannot_group_folds_is_refused_where_it_is_named(paths, spec, groups: object, text: str) -> None:
    """`check` points at `k_fold: {groups: ...}`, and training refuses the same."""
    _write(paths, PEOPLE)
    data = spec("csv", file="t.csv", features=["bmi"], split=Split(k_fold=KFold(folds=3, groups=groups)))
    _, (finding,) = infer_facts(data, form="binary", paths=paths)
    assert text in finding.text
    assert (finding.path, finding.name) == (("data", "split", "k_fold", "groups"), "impossible-split")
    with pytest.raises(DataError, match=text.partition("'")[0]):
        load_folded(data, form="binary", seed=7, paths=paths, progress=NullProgress())


def test_the_validation_part_of_a_fold_takes_whole_groups(paths, spec) -> None:
    """The validation part of a fold has no group of its training part."""
    folded = _cross_validated(paths, spec, KFold(folds=3), group="who", validation=0.25)
    for fold in folded.folds:
        done = folded.dataset(fold.number, NullProgress())
        people = [{row // 4 for row in part.rows.tolist()} for part in (done.train, done.validation, done.test)]
        assert sum(map(len, people)) == len(set.union(*people)) == 6


@pytest.mark.parametrize("shuffle", [True, False])
def test_parts_take_whole_groups(paths, listener, spec, shuffle: bool) -> None:
    """With six groups, a fifth of the rows is two groups, and no group is in two parts."""
    _write(paths, PEOPLE)
    data = spec("csv", file="t.csv", group="who", split=Split(test=0.2, validation=0.2, shuffle=shuffle))
    done = load(data, form="binary", seed=7, paths=paths, progress=listener)
    people = [{row // 4 for row in part.rows.tolist()} for part in (done.train, done.validation, done.test)]
    assert [len(one) for one in people] == [3, 1, 2]
    assert sum(map(len, people)) == len(set.union(*people)) == 6
    facts, findings = infer_facts(data, form="binary", paths=paths)
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
def test_groups_that_cannot_stay_together_are_refused(paths, listener, spec, split: Split, text: str) -> None:
    """Stratified parts, and parts that leave no group for training, are refused."""
    _write(paths, PEOPLE)
    data = spec("csv", file="t.csv", group="who", split=split)
    with pytest.raises(DataError, match=text):
        load(data, form="binary", seed=7, paths=paths, progress=listener)


@pytest.mark.parametrize(
    ("arguments", "name", "place"),
    [
        ({"group": "whom"}, "unknown-column", ("group",)),
        ({"group": "sick"}, "group-among-columns", ("group",)),
        ({"group": "who", "features": ["who", "bmi"]}, "group-among-columns", ("features", 0)),
        ({"group": "who", "sample_weight": "who"}, "group-among-columns", ("sample_weight",)),
    ],
)
def test_a_group_is_a_column_of_its_own(paths, spec, arguments: dict, name: str, place: tuple) -> None:
    """It must exist, and be neither feature nor target nor weight."""
    _write(paths, PEOPLE)
    _, findings = infer_facts(spec("csv", file="t.csv", **arguments), form="binary", paths=paths)
    assert [finding.name for finding in findings] == [name]
    assert findings[0].path == ("data", "source", "csv", *place)


@pytest.mark.parametrize("k_fold", [KFold(folds=3), KFold(folds=3, groups="who")])
def test_other_files_need_no_column_of_groups(paths, spec, k_fold: KFold) -> None:
    """The column of groups is not a feature, so that new rows need not have it."""
    arguments = {} if k_fold.groups else {"group": "who"}
    folded = _cross_validated(paths, spec, k_fold, **arguments)
    done = folded.whole(NullProgress())
    _write(paths, "bmi\n33\n", "new.csv")
    file = paths.config_dir / "new.csv"
    assert load_new_data(folded.spec, done.fitted, file=file, facts=done.facts, with_target=False).x.tolist() == [[33]]
