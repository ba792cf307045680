"""Parts in the order of time, held to scikit-learn's `TimeSeriesSplit`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.data.splits.folds import make_forward_folds
from nnrun.data.splits.forward import cut_in_order, time_order
from nnrun.errors import DataError
from nnrun.spec.data import Forward, KFold, Split


@given(
    rows=st.integers(2, 60),
    n_splits=st.integers(2, 6),
    test_size=st.none() | st.integers(1, 9),
    gap=st.integers(0, 5),
    max_train_size=st.none() | st.integers(1, 20),
)
def test_forward_folds_are_those_of_scikit_learn(rows, n_splits, test_size, gap, max_train_size) -> None:
    """Every fold trains on and tests the rows of `TimeSeriesSplit`, and what it refuses is refused."""
    from sklearn.model_selection import TimeSeriesSplit

    options = {"n_splits": n_splits, "test_size": test_size, "gap": gap, "max_train_size": max_train_size}
    try:
        theirs = list(TimeSeriesSplit(**options).split(np.empty((rows, 1))))
    except ValueError:
        with pytest.raises(ValueError, match="for training"):
            make_forward_folds(np.arange(rows), Forward(**options))
        return
    ours = make_forward_folds(np.arange(rows), Forward(**options))
    assert [(fold.rest.tolist(), fold.test.tolist()) for fold in ours] == [
        (train.tolist(), test.tolist()) for train, test in theirs
    ]


@given(
    times=st.lists(st.integers(0, 12), min_size=4, max_size=40),
    n_splits=st.integers(1, 3),
    gap=st.integers(0, 2),
    validation=st.none() | st.floats(0.05, 0.5),
)
def test_no_row_of_a_part_is_as_late_as_those_of_the_next(times, n_splits, gap, validation) -> None:
    """Rows of one time stay together, training ends `gap` times before the next part, whatever the order of rows."""
    order = time_order(len(times), np.array(times, dtype=float))
    split = Split(forward=Forward(n_splits=1, test_size=0.25, gap=gap), validation=validation)
    try:
        parts = cut_in_order(order, split)
    except ValueError:
        return
    ordered = [order[parts[name]] for name in ("train", "validation", "test") if name in parts]
    for before, after in pairwise(ordered):
        assert before.max() + gap < after.min()
    assert len(np.unique(np.concatenate(list(parts.values())))) == sum(map(len, parts.values()))


def _write(paths, rows: int = 12) -> None:
    # Newest first: the column of times decides, not the file.
    lines = [f"2026-01-{day:02d},{day},{day % 2}" for day in range(rows, 0, -1)]
    (paths.config_dir / "t.csv").write_text("day,a,y\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_a_single_forward_split_is_a_test_part(paths, listener, spec) -> None:
    """`n_splits: 1` cuts the latest rows off for testing, and the latest of the rest for validation."""
    _write(paths)
    split = Split(forward=Forward(n_splits=1, test_size=3, gap=1), validation=0.25)
    data = spec("csv", file="t.csv", time="day", split=split)
    dataset = load(data, form="binary", seed=1, paths=paths, progress=listener)
    assert sorted(dataset.test.x.reshape(-1).tolist()) == [10, 11, 12]
    assert sorted(dataset.validation.x.reshape(-1).tolist()) == [7, 8]
    assert sorted(dataset.train.x.reshape(-1).tolist()) == [1, 2, 3, 4, 5]
    facts, findings = infer_facts(data, form="binary", paths=paths)
    assert (facts.rows, facts.columns, findings) == ({"train": 5, "validation": 2, "test": 3}, ("a",), ())


def test_forward_folds_validate_on_the_latest_training_rows(paths, listener, spec) -> None:
    """Each fold's validation part lies between its training rows and its test part."""
    _write(paths)
    split = Split(forward=Forward(n_splits=2, test_size=2), validation=0.25)
    data = spec("csv", file="t.csv", time="day", split=split)
    folded = load_folded(data, form="binary", seed=1, paths=paths, progress=listener)
    days = [
        {part: sorted(getattr(folded.dataset(number, listener), part).x.reshape(-1).tolist()) for part in split_names}
        for number, split_names in enumerate([("train", "validation", "test")] * 2)
    ]
    assert days[0] == {"train": [1, 2, 3, 4, 5, 6], "validation": [7, 8], "test": [9, 10]}
    assert days[1] == {"train": [*range(1, 8)], "validation": [8, 9, 10], "test": [11, 12]}
    assert len(folded.whole(listener).train) == 9


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"forward": Forward(n_splits=5, test_size=3)},
            "5 test parts of 3 rows or times leave none of 12 for training",
        ),
        ({"forward": Forward(n_splits=1, test_size=3, gap=9)}, "after a gap of 9 leave none of 12"),
    ],
)
def test_too_few_rows_are_refused(paths, listener, spec, changes, text) -> None:
    """`check` points at `split: {forward: ...}`, and training refuses the same."""
    _write(paths)
    data = spec("csv", file="t.csv", time="day", split=Split(**changes))
    _, (finding,) = infer_facts(data, form="binary", paths=paths)
    assert finding.path == ("data", "split", "forward")
    assert text in finding.text
    read = load if data.split.cross_validation is None else load_folded
    with pytest.raises(DataError, match=text):
        read(data, form="binary", seed=1, paths=paths, progress=listener)


def test_rows_in_groups_are_not_cut_by_time(paths, listener, spec) -> None:
    """A group that stays together and a cut by time contradict each other."""
    _write(paths)
    split = Split(forward=Forward(n_splits=1))
    data = spec("csv", file="t.csv", target="a", group="y", split=split)
    with pytest.raises(DataError, match="separates rows of one group"):
        load(data, form="number", seed=1, paths=paths, progress=listener)


def test_forward_stands_alone() -> None:
    """Other ways to make test parts, and stratified parts, are refused next to `forward`."""
    forward = Forward()
    assert Split(forward=forward, validation=0.2).refusal() is None
    assert Split(forward=forward, k_fold=KFold()).refusal().key == "k_fold"
    assert Split(forward=forward, by="part").refusal().key == "forward"
    assert Split(forward=forward, test=0.2).refusal().key == "test"
    assert Split(forward=forward, stratify=True).refusal().key == "stratify"
    assert Forward(n_splits=1, final_fit=True).refusal().key == "final_fit"


def test_a_column_of_times_of_text_is_refused(paths, listener, spec) -> None:
    """Times that are no dates are reported with the line that reads them."""
    (paths.config_dir / "t.csv").write_text("day,a,y\n1.2.26,1,0\n2.2.26,2,1\n3.2.26,3,1\n", encoding="utf-8")
    data = spec("csv", file="t.csv", time="day", split=Split(forward=Forward(n_splits=1)))
    with pytest.raises(DataError, match="expected dates or numbers in the column of times 'day'"):
        load(data, form="binary", seed=1, paths=paths, progress=listener)
