"""Long whole numbers: classes, groups and categories stay apart, and what float32 makes equal is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.data.columns import label, labels
from nnrun.data.cross_validation import load_folded
from nnrun.data.data_facts import infer_facts
from nnrun.data.exact_numbers import float32_loss, from_integers, number_array
from nnrun.data.load import load
from nnrun.data.new_data import load_new_data
from nnrun.data.quality import check_quality
from nnrun.data.sources.csv import Csv
from nnrun.progress import NullProgress
from nnrun.spec.data import KFold, Split

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths

FIRST = 2**53
CLASSES = (str(FIRST), str(FIRST + 1), str(FIRST + 2))


def _table(paths: DataPaths, first: int = FIRST, name: str = "t.csv") -> None:
    """Write 30 rows with long numbers as ids, groups and classes."""
    rows = (f"{first + i},{i % 7},{first + i // 5},{first + i % 3}" for i in range(30))
    (paths.config_dir / name).write_text("id,a,g,y\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("options", [{}, {"stream": True}, {"types": {"y": "category"}}])
@pytest.mark.parametrize("first", [FIRST, 2**63, 10**22])
def test_classes_of_long_numbers_stay_apart(paths: DataPaths, spec, options: dict, first: int) -> None:
    """Neighbours that float64 cannot tell apart are three classes, in `check`, in training and for new rows."""
    _table(paths, first)
    config = spec("csv", file="t.csv", features=["a"], target="y", **options)
    classes = tuple(str(first + i) for i in range(3))
    facts, findings = infer_facts(config, form="integer", paths=paths)
    assert (facts.class_names, findings) == (classes, ())
    done = load(config, form="integer", seed=1, paths=paths, progress=NullProgress())
    assert done.facts.class_names == classes
    assert np.asarray(done.train.y).tolist() == [i % 3 for i in range(30)]
    file = paths.config_dir / "t.csv"
    new = load_new_data(config, done.fitted, file=file, facts=done.facts, with_target=True)
    assert new.y.tolist() == [i % 3 for i in range(30)]


@pytest.mark.parametrize("named", [{"group": "g"}, {"stream": True, "group": "g"}, {}])
def test_groups_of_long_numbers_stay_apart(paths: DataPaths, spec, named: dict) -> None:
    """Six groups of neighbouring long numbers are assigned to folds as six groups."""
    _table(paths)
    split = Split(k_fold=KFold(folds=3, groups=None if named else "g"))
    config = spec("csv", file="t.csv", features=["a"], target="y", split=split, **named)
    folds = load_folded(config, form="integer", seed=1, paths=paths, progress=NullProgress()).folds
    tested = [{row // 5 for row in fold.test.tolist()} for fold in folds]
    assert sorted(group for groups in tested for group in groups) == list(range(6))


@pytest.mark.parametrize("types", [{}, {"g": "category"}])
@pytest.mark.parametrize("step", ["OneHot", "Ordinal"])
def test_categories_of_long_numbers_stay_apart(paths: DataPaths, spec, step: str, types: dict) -> None:
    """A step that encodes a feature of long numbers sees each of them."""
    _table(paths)
    prepare = ((step, {"columns": ["g"]}),)
    config = spec("csv", file="t.csv", features=["g"], target="a", types=types, prepare=prepare)
    done = load(config, form="number", seed=1, paths=paths, progress=NullProgress())
    assert len(np.unique(done.train.x, axis=0)) == 6


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=5, unique=True))
def test_class_names_of_whole_numbers_are_exact(numbers: list[int]) -> None:
    """Each integer has its own digits as its name, and names are in the order of the numbers up to rounding."""
    names = labels(numbers)
    assert set(names) == {str(number) for number in numbers}
    assert [float(name) for name in names] == sorted(map(float, numbers))
    assert label(np.int64(7)) == label(7.0) == "7"


def test_arrays_are_integers_only_where_floats_would_not_do() -> None:
    """Other numbers stay float64, as ever."""
    assert number_array([1.0, None, 2.5]).dtype == "float64"
    assert number_array([1.0, FIRST + 1]).tolist() == [1, FIRST + 1]
    assert number_array([1.0, 2**64 - 1]).dtype == "uint64"
    assert number_array([1.5, FIRST + 1]).dtype == "float64"
    assert number_array([1.0, 2**70], is_key=True).tolist() == ["1", str(2**70)]
    assert number_array([1.0, 2**70]).dtype == "float64"
    assert from_integers(np.array([1, 2])).dtype == "float64"
    assert from_integers(np.array([1, -FIRST - 1])).dtype == "int64"


LOSSES = [
    (np.arange(2**24, 2**24 + 20), 10),
    (np.arange(20.0), 0),
    (np.arange(2**53, 2**53 + 20), 19),
    (1.7e12 + 1000.0 * np.arange(100), 98),
    (20_454 + np.arange(60) / 1440, 38),
    (52.52 + np.arange(5) * 1e-7, 3),
    (np.random.default_rng(0).normal(size=10_000), 0),
    (np.random.default_rng(0).integers(0, 10**9, 10_000), 0),
    (np.array([np.nan, 1.0]), 0),
    (np.array([]), 0),
]


@pytest.mark.parametrize(("values", "about"), LOSSES)
def test_what_float32_makes_equal_is_counted(values: np.ndarray, about: int) -> None:
    """The count is that of different values less that of different float32; chance alone is not reported."""
    loss = float32_loss(values)
    known = values[np.isfinite(values)]
    exact = len(np.unique(known)) - len(np.unique(known.astype("float32")))
    assert (0 if loss is None else loss.lost) == (exact if about else 0)
    assert loss is None or np.float32(loss.pair[0]) == np.float32(loss.pair[1])
    assert abs((0 if loss is None else loss.lost) - about) <= 2
    scaled = (values - values.mean()) / values.std() if about and values.dtype.kind == "f" else None
    assert scaled is None or float32_loss(values, scaled) is None


def _found(paths: DataPaths, spec, text: str, source: str = "csv", **arguments: object) -> list[tuple[str, str]]:
    """Return the text and hint of what `check` says of large numbers, and check that `data check` says the same."""
    (paths.config_dir / "t.csv").write_text(text)
    config = spec(source, file="t.csv", **arguments)
    _, findings = infer_facts(config, form="number", paths=paths)
    found = [(one.text, one.hint) for one in findings if one.name == "large-numbers"]
    report = check_quality(config, seed=1, paths=paths, progress=NullProgress(), form="number")
    loaded = [one.text for one in report.findings if one.name == "large-numbers"]
    assert loaded == [f"{text}; {hint}" for text, hint in found]
    return found


IDS = "id,a,y\n" + "".join(f"{2**24 + i},{i * 7 % 5},{i}\n" for i in range(20))
TIMES = "when,y\n" + "".join(f"2026-01-01 12:{i:02},{i * 7 % 5}\n" for i in range(60))


def test_features_that_float32_makes_equal_are_reported(paths: DataPaths, spec) -> None:
    """`check` and `data check` name column, values and count, and what to write for an identifier or a time."""
    ((text, hint),) = _found(paths, spec, IDS)
    assert text == (
        "column 'id': 16777216 and 16777217 are the same number in float32, the precision of models "
        "(9 of 20 different values become equal to another)"
    )
    assert "`types: {id: category}` and a step such as `Hash: {columns: [id], buckets: 64}`" in hint
    assert hint.endswith("add the step `StandardScaler: [id]`")
    ((text, hint),) = _found(paths, spec, TIMES)
    assert text.startswith("column 'when': 20454.5")
    assert hint.startswith("add the step `StandardScaler: [when]`")
    ((text, _),) = _found(paths, spec, "a,y\n" + "".join(f"{i},{10**9 + i}\n" for i in range(20)))
    assert text.startswith("the target 'y': 1000000000 and 1000000001 are")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (IDS, {"prepare": (("Standardize", {}),)}),
        (IDS, {"prepare": (("MinMax", {"columns": [0]}),)}),
        (IDS, {"prepare": (("Hash", {"columns": ["id"], "buckets": 8}),)}),
        (IDS, {"prepare": (("OneHot", {"columns": ["id"]}),)}),
        (IDS, {"features": ["a"]}),
        (TIMES, {"prepare": (("Robust", {"columns": ["when"]}),)}),
        (IDS.replace("1677", "77"), {}),
    ],
)
def test_features_that_the_preparation_keeps_apart_are_not_reported(
    paths: DataPaths, spec, text: str, arguments: dict
) -> None:
    """A step that subtracts or encodes sees more digits than float32 has."""
    assert _found(paths, spec, text, **arguments) == []


def test_numbers_beyond_float64_are_reported_in_spite_of_scaling(paths: DataPaths, spec) -> None:
    """Standardize computes in float64, which ends at 2^53."""
    text = IDS.replace("1677", "90071992547409")
    ((_, hint),) = _found(paths, spec, text, prepare=(("Standardize", {}),))
    assert "Standardize" not in hint
    assert "category" in hint


def test_numbers_of_arrays_are_reported_once_they_are_loaded(paths: DataPaths, spec) -> None:
    """Columns of an array of long integers or times are named by index."""
    x = np.stack([2**24 + np.arange(20), np.arange(20)], axis=1)
    np.savez(paths.config_dir / "a.npz", x=x, y=np.arange(20.0))
    for prepare, count in (((), 1), ((("Standardize", {}),), 1), ((("Standardize", {"columns": [0]}),), 0)):
        config = spec("npz", file="a.npz", prepare=prepare)
        report = check_quality(config, seed=1, paths=paths, progress=NullProgress(), form="number")
        found = [one.text for one in report.findings if one.name == "large-numbers"]
        assert len(found) == count
        assert all(text.startswith("column '0': 16777216 and 16777217") for text in found)


def test_a_csv_of_short_numbers_is_read_as_before(paths: DataPaths, listener) -> None:
    """Numbers up to 2^53 are float64."""
    (paths.config_dir / "t.csv").write_text(f"a,y\n1,{FIRST}\n2,0\n")
    train = Csv("t.csv").load(paths, listener).train
    assert (train.x.values["a"].dtype, train.y.dtype) == ("float64", "float64")
