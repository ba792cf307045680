"""Windows over rows: which they are, what they hold, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import check_targets, infer_facts
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.quality import check_quality
from nnrun.data.series.windows import RowWindows, WindowSpec, window_starts
from nnrun.data.target_preparation import restore_target_preparation
from nnrun.errors import DataError
from nnrun.spec.data import Forward, KFold, Split
from nnrun.spec.part import Part


@given(
    lengths=st.lists(st.integers(1, 15), min_size=1, max_size=5),
    window=st.integers(1, 5),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 4),
    missing=st.sets(st.integers(0, 60)),
)
def test_windows_are_those_of_a_loop_over_each_series(lengths, window, horizon, stride, missing) -> None:
    """Every window, its targets included, lies in one series, begins `stride` rows after the last, and is complete."""
    key = np.concatenate([np.arange(size) + 100 * at for at, size in enumerate(lengths)])
    usable = np.array([row not in missing for row in range(len(key))])
    spec = WindowSpec(window, horizon, stride)
    expected, first = [], 0
    for size in lengths:
        starts = range(first, first + size - spec.span + 1, stride)
        expected += [start for start in starts if usable[start : start + spec.span].all()]
        first += size
    assert window_starts(key, spec, usable).tolist() == expected


def test_windows_are_views_of_their_rows() -> None:
    """An index gathers windows, a slice copies nothing, and targets are flat: step by step, each with all columns."""
    values = np.arange(20.0, dtype="float32").reshape(10, 2)
    x = RowWindows(values, np.array([0, 3], dtype="int32"), 3)
    y = RowWindows(values, np.array([0, 3], dtype="int32"), 2, offset=3, is_flat=True)
    assert (x.shape, y.shape) == ((2, 3, 2), (2, 4))
    assert np.asarray(x).tolist() == [values[:3].tolist(), values[3:6].tolist()]
    assert y[np.array([1])].tolist() == [[12, 13, 14, 15]]
    assert x[:1].values is values
    assert x.select_columns([1])[np.array([0])].tolist() == [[[1], [3], [5]]]


def _write(paths, rows: int = 20, *, groups: int = 0, text: str | None = None) -> None:
    lines = ["day,a,sales" + (",store" if groups else "")]
    for row in range(rows):
        for store in range(max(groups, 1)):
            day = f"2026-01-{row + 1:02d}"
            lines.append(f"{day},{row},{100 * store + row}" + (f",s{store}" if groups else ""))
    (paths.config_dir / "t.csv").write_text(text or "\n".join(lines) + "\n", encoding="utf-8")


def _load(data, paths, listener):
    return load(data, form="number", seed=1, paths=paths, progress=listener)


def _spec(spec, split=None, prepare=(), **arguments):
    given = {"file": "t.csv", "time": "day", "target": "sales", "window": 3, **arguments}
    return spec("csv", split=split, prepare=prepare, **given)


def test_an_example_is_a_window_and_its_targets_the_rows_after_it(paths, listener, spec) -> None:
    """Features are all columns but the times, the past of the target too; `rows` is the row of the first target."""
    _write(paths)
    dataset = _load(_spec(spec, horizon=2, stride=4), paths, listener)
    part = dataset.train
    assert np.asarray(part.x)[1].tolist() == [[4, 4], [5, 5], [6, 6]]
    assert np.asarray(part.y)[1].tolist() == [7, 8]
    assert part.rows.tolist() == [3, 7, 11, 15]
    assert np.asarray(part.origin["time"]).tolist()[:2] == ["2026-01-04", "2026-01-08"]
    facts = dataset.facts
    assert (facts.input_shape, facts.window, facts.horizon, facts.targets) == ((3, 2), 3, 2, 2)
    assert (facts.columns, facts.numbered_targets()) == (("a", "sales"), ("sales+1", "sales+2"))


@pytest.mark.parametrize("groups", [0, 3])
@pytest.mark.parametrize(
    "split",
    [
        Split(test=0.3, validation=0.3),
        Split(forward=Forward(n_splits=1, test_size=6, gap=2)),
        Split(forward=Forward(n_splits=1, test_size=6, gap=2), validation=0.4),
    ],
)
def test_no_window_crosses_from_one_part_into_another(paths, listener, spec, split, groups: int) -> None:
    """The rows of the windows of a part, targets included, are of no other part, and `check` counts the windows."""
    _write(paths, groups=groups)
    data = _spec(spec, split, **({"group": "store"} if groups else {}))
    dataset = _load(data, paths, listener)
    seen: dict[str, set[float]] = {}
    for name in ("train", "validation", "test"):
        part = dataset.part(name)
        if part is not None:
            seen[name] = {*np.asarray(part.x)[..., 1].ravel().tolist(), *np.asarray(part.y).ravel().tolist()}
    names = list(seen)
    assert all(not seen[a] & seen[b] for a in names for b in names if a != b)
    by_day = {name: {value % 100 for value in values} for name, values in seen.items()}
    assert max(by_day["train"]) < min(by_day["test"])
    facts, findings = infer_facts(data, form="number", paths=paths)
    assert (facts.rows, facts.input_shape) == (dataset.facts.rows, dataset.facts.input_shape)
    assert facts.targets == dataset.facts.targets
    assert not [finding for finding in findings if finding.severity == "error"]


def test_steps_are_fitted_to_training_rows_alone(paths, listener, spec) -> None:
    """The mean of the standardized training rows is 0, each counted once, whatever the windows."""
    _write(paths)
    data = _spec(spec, Split(test=0.5), prepare=(("Standardize", {}),), features=["a"])
    dataset = _load(data, paths, listener)
    assert dataset.fitted[-1]["learned"]["mean"] == [4.5]
    assert dataset.train.x.values.mean() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("drop_missing", [False, True])
@pytest.mark.parametrize("groups", [0, 3])
def test_targets_are_prepared_by_training_rows_and_undone_for_each_step_ahead(
    paths, listener, spec, groups: int, drop_missing: bool
) -> None:
    """Mean and deviation are those of the training rows, each counted once; what is inverted is the file's value."""
    _write(paths, groups=groups)
    if drop_missing:
        end = ",s0\n" if groups else "\n"
        _write(paths, text=(paths.config_dir / "t.csv").read_text().replace(f",1,1{end}", f",1,{end}"))
    given = {"group": "store"} if groups else {}
    data = _spec(spec, Split(test=0.5), horizon=2, drop_missing=drop_missing, **given)
    steps = [Part("preparation", "StandardScaler", {}, ("data", "prepare_target", 0))]
    dataset = _load(replace(data, prepare_target=steps), paths, listener)
    rows = [100 * store + row for store in range(max(groups, 1)) for row in range(10)]
    rows = [value for value in rows if not (drop_missing and value == 1)]
    (learned,) = [entry["learned"] for entry in dataset.fitted if "target_step" in entry]
    assert learned["mean"] == pytest.approx([np.mean(rows)])
    for name in ("train", "test"):
        part = dataset.part(name)
        own = np.asarray(part.own_y)
        assert np.asarray(part.y) == pytest.approx((own - np.mean(rows)) / np.std(rows), rel=1e-5, abs=1e-5)
        assert own[:, 1].tolist() == (own[:, 0] + 1).tolist()
        restored = restore_target_preparation(json.loads(json.dumps(dataset.fitted)))
        for preparation in (part.target_preparation, restored):
            assert preparation.invert("sales", np.asarray(part.y)) == pytest.approx(own, rel=1e-5, abs=1e-4)
    _write(paths, groups=groups)
    known = {"file": paths.config_dir / "t.csv", "facts": dataset.facts}
    assert load_new_data(data, dataset.fitted, **known, with_target=False).target_preparation.horizon == 2
    again = load_new_data(data, dataset.fitted, **known, with_target=True)
    assert np.asarray(again.own_y)[0].tolist() == [3, 4]


def test_forward_folds_and_folds_of_whole_series_take_windows(paths, listener, spec) -> None:
    """Other folds are refused, since their windows overlap; a fold of series has all of a series."""
    _write(paths, groups=4)
    forward = _spec(spec, Split(forward=Forward(n_splits=2, test_size=6), validation=0.5), group="store")
    folded = load_folded(forward, form="number", seed=1, paths=paths, progress=listener)
    for number in range(2):
        dataset = folded.dataset(number, listener)
        last = max(value % 100 for value in np.asarray(dataset.train.y).ravel())
        assert last < min(value % 100 for value in np.asarray(dataset.validation.x)[..., 1].ravel())
    assert len(folded.whole(listener).train) > 0
    by_series = _spec(spec, Split(k_fold=KFold(folds=2)), group="store")
    dataset = load_folded(by_series, form="number", seed=1, paths=paths, progress=listener).dataset(0, listener)
    assert not {*dataset.test.origin["group"]} & {*dataset.train.origin["group"]}
    _write(paths)
    with pytest.raises(DataError, match="windows that overlap"):
        load_folded(_spec(spec, Split(k_fold=KFold(2))), form="number", seed=1, paths=paths, progress=listener)
    _, findings = infer_facts(_spec(spec, Split(k_fold=KFold(2))), form="number", paths=paths)
    assert any("windows that overlap" in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("2026-01-02,1,1\n2026-01-01,2,2\n", r"line 4, column day: .*in order, received 2026-01-01 below 2026-01-02"),
        ("2026-01-01,1,1\n2026-01-01,2,2\n", r"line 3, column day: the time 2026-01-01 is there twice, in line 2 too"),
    ],
)
def test_times_out_of_order_or_twice_are_refused(paths, listener, spec, lines: str, text: str) -> None:
    """The message names line and column, and `check` finds them too."""
    _write(paths, text=f"day,a,sales\n2026-01-01,0,0\n{lines}2026-01-09,3,3\n")
    with pytest.raises(DataError, match=text):
        _load(_spec(spec), paths, listener)
    _, findings = infer_facts(_spec(spec), form="number", paths=paths)
    assert findings[0].path == ("data", "source", "csv", "time")
    assert re.search(text, findings[0].text)
    assert findings[0].mark is not None
    assert Path(findings[0].mark.file).name == "t.csv"
    assert f"line {findings[0].mark.line}, column day" in findings[0].text


def test_what_follows_from_defective_times_is_not_said(paths, spec) -> None:
    """A time that is none is the only error: the column is not reported as text in addition."""
    _write(paths, text="day,a,sales\n2026-01-01,0,0\nsoon,1,1\n2026-01-09,3,3\n")
    _, findings = infer_facts(_spec(spec), form="number", paths=paths)
    (found,) = [one for one in findings if one.name == "defective-data"]
    assert "line 3, column day" in found.text


@pytest.mark.parametrize("window", [3, 12])
def test_series_that_are_too_short_are_named(paths, spec, window: int) -> None:
    """`check` warns of series without a window; where none has one, the split is impossible."""
    rows = [f"2026-01-{day + 1:02},0,{day},{store}" for store, days in (("b", 10), ("a", 2)) for day in range(days)]
    _write(paths, text="\n".join(["day,a,sales,store", *rows]) + "\n")
    _, findings = infer_facts(_spec(spec, group="store", window=window), form="number", paths=paths)
    (found,) = [one for one in findings if one.name in ("short-series", "impossible-split")]
    if window == 3:
        assert found.text.startswith("1 of 2 series have too few rows for a window and are not used: a; a window of 3")
    else:
        assert found.name == "impossible-split"


@pytest.mark.parametrize(
    ("arguments", "split", "text"),
    [
        ({"window": 30}, None, "the train part has no window: a window of 30 and a horizon of 1 need 31 rows"),
        ({"window": 3, "horizon": 30}, None, "a horizon of 30 need 33 rows of a series, and its longest has 20 rows"),
        ({}, Split(test=0.1), "the test part has no window"),
        ({}, Split(stratify=True, test=0.5), "windows are cut by time"),
    ],
)
def test_windows_that_do_not_fit_are_refused(paths, listener, spec, arguments, split, text) -> None:
    """A window longer than its series or part is refused by `check` and by training."""
    _write(paths)
    with pytest.raises(DataError, match=text):
        _load(_spec(spec, split, **arguments), paths, listener)
    _, findings = infer_facts(_spec(spec, split, **arguments), form="number", paths=paths)
    assert any(text in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"horizon": 0}, "horizon expected an integer of at least 1, received 0"),
        ({"window": None, "stride": 2}, "stride is for windows; write `window: 12`"),
        ({"stream": True}, "windows need their rows in memory"),
    ],
)
def test_arguments_that_make_no_windows_are_refused(paths, spec, arguments, text) -> None:
    """A horizon of 0, a stride without windows, and windows on disk are refused before anything is read."""
    _write(paths)
    _, (finding, *_) = infer_facts(_spec(spec, **arguments), form="number", paths=paths)
    assert text in finding.text


def test_windows_with_missing_values_are_an_error_or_left_out(paths, listener, spec) -> None:
    """Without `drop_missing` the cell is named; with it, the windows that hold it are left out and counted."""
    _write(paths)
    file = paths.config_dir / "t.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",10,10", ",10,"), encoding="utf-8")
    with pytest.raises(DataError, match="line 12, column sales"):
        _load(_spec(spec), paths, listener)
    dataset = _load(_spec(spec, drop_missing=True, prepare=(("Standardize", {}),)), paths, listener)
    assert dataset.train.rows.tolist() == [*range(3, 10), *range(14, 20)]
    assert "4 of 17 windows of the train part hold one of 1 row with a missing value." in listener.notes


@pytest.mark.parametrize(
    ("cells", "column", "hint"),
    [
        (",4,4", "day", "fill it in, or remove the row"),
        ("2026-01-05,,4", "a", "`drop_missing: true`"),
        ("2026-01-05,4,", "sales", "`drop_missing: true`"),
    ],
)
def test_what_is_missing_in_a_series_has_its_own_advice(paths, spec, cells: str, column: str, hint: str) -> None:
    """No step fills in a time, windows are left out rather than rows, and what was read is not said to be too much."""
    lines = [f"2026-01-{day + 1:02d},{day},{day}" for day in range(20)]
    lines[4] = cells
    _write(paths, text="\n".join(["day,a,sales", *lines]) + "\n")
    for drop_missing in (False, True):
        data = _spec(spec, Split(test=0.4), drop_missing=drop_missing)
        _, findings = infer_facts(data, form="number", paths=paths)
        found = [one for one in findings if one.severity == "error"]
        assert len(found) == (0 if drop_missing and column != "day" else 1)
        assert all(f"line 6, column {column}" in one.text and hint in str(one.hint) for one in found)
        if not found:
            assert check_targets(data, form="number", seed=1, paths=paths)[1] == ()


def test_a_new_file_is_windows_with_truth_or_the_last_one_of_each_series(paths, listener, spec) -> None:
    """`eval --data` takes every window; `predict` the last one, with the times after it in the form of the file."""
    _write(paths, groups=2)
    data = _spec(spec, group="store", horizon=2, prepare=(("Standardize", {}),))
    dataset = _load(data, paths, listener)
    file = paths.config_dir / "t.csv"
    known = {"file": file, "facts": dataset.facts}
    every = load_new_data(data, dataset.fitted, with_target=True, **known)
    assert np.array_equal(np.asarray(every.x), np.asarray(dataset.train.x))
    assert np.array_equal(np.asarray(every.y), np.asarray(dataset.train.y))
    last = load_new_data(data, dataset.fitted, with_target=False, **known)
    assert len(last) == 2
    assert last.origin["next"].tolist() == [["2026-01-21", "2026-01-22"]] * 2
    file.write_text("\n".join(file.read_text(encoding="utf-8").splitlines()[:4]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="the series 's0' has 2 rows"):
        load_new_data(data, dataset.fitted, with_target=False, **known)


def test_the_past_of_a_target_is_no_leak(paths, listener, spec) -> None:
    """`data check` does not take rows that come again, or the target among its features, for leaks."""
    lines = [f"2026-01-{day + 1:02d},{day % 7},{day % 7}" for day in range(28)]
    _write(paths, text="\n".join(["day,a,sales", *lines]) + "\n")
    data = _spec(spec, Split(test=0.3))
    report = check_quality(data, seed=1, paths=paths, progress=listener, form="number")
    assert not [finding.name for finding in report.findings if finding.severity == "error"]
