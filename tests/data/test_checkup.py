"""The check-up: each thing to look at is found where it is, and clean data have nothing to remark."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnrun.data.quality import check_quality
from nnrun.errors import DataError


@pytest.fixture
def look(places, listener, spec, split):
    """Check a csv of these columns up, the last of which is the target."""

    def at(columns: dict[str, list], *, classes: bool = True, **shares: object):
        rows = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
        lines = [",".join(row) for row in [list(columns), *rows]]
        (places.config_dir / "t.csv").write_text("\n".join(lines) + "\n")
        said = spec("csv", file="t.csv", split=split(shuffle=False, **shares) if shares else None)
        return check_quality(said, seed=1, paths=places, progress=listener, classes=classes)

    return at


def _names(found) -> list[str]:
    return [finding.name for finding in found.findings]


GOOD = {"a": [1, 5, 2, 8, 4, 7, 3, 6], "b": [3, 1, 4, 1, 5, 9, 2, 6], "y": [0, 1, 1, 0, 1, 0, 0, 1]}


def test_clean_data_have_nothing_to_remark(look) -> None:
    """Columns and classes are told, and that is all; the answer is JSON."""
    found = look(GOOD, test=0.25)
    assert found.findings == ()
    assert found.rows == {"train": 6, "test": 2}
    assert found.classes == {"train": {"0": 3, "1": 3}, "test": {"0": 1, "1": 1}}
    assert (found.columns["a"]["least"], found.columns["a"]["most"], found.columns["b"]["distinct"]) == (1, 8, 5)
    assert json.loads(json.dumps(found.as_json()))["rows"]["train"] == 6


@pytest.mark.parametrize(
    ("changed", "name", "text"),
    [
        ({"b": [7] * 8}, "constant-column", "column 'b' never changes"),
        ({"b": GOOD["a"]}, "duplicate-column", "column 'b' is the same as 'a'"),
        ({"b": [None, *GOOD["b"][1:]]}, "missing-values", "column 'b' has 1 missing of 8 values (12.5 %)"),
        ({"b": [2 * value + 1 for value in GOOD["y"]]}, "tells-the-target", "is almost the target (r = 1.0000)"),
        ({"y": [0, 1, 99, 0, 1, 0, 0, 1]}, "label-range", "labels run from 0 to 99, but there are only 3"),
        ({"a": [1, 1, 2, 8, 4, 7, 3, 6], "b": [3, 3, 4, 1, 5, 9, 2, 6]}, "duplicates-in-training", "1 of 8 training"),
    ],
)
def test_each_defect_is_found(look, changed: dict, name: str, text: str) -> None:
    """One thing is wrong, and it is named with its figures."""
    found = look({**GOOD, **changed})
    assert _names(found) == [name]
    assert text in found.findings[0].text


def test_the_same_example_in_two_parts_is_leakage(look) -> None:
    """An exact copy in the test part counts, whatever its label; errors come first."""
    found = look({"a": [1, 2, 3, 4, 5, 6, 1, 9], "b": [1] * 8, "y": [0, 1, 0, 1, 0, 1, 1, 0]}, test=0.25)
    assert _names(found) == ["duplicates-across-parts", "constant-column"]
    assert found.findings[0].text == "1 of 2 test examples (50.0 %) are also in the training part"


def test_classes_that_are_rare_or_only_in_one_part_are_named(look) -> None:
    """Twenty to one is unbalanced; a class that training never sees is an error."""
    count = 23
    found = look({"a": list(range(count)), "y": ["x"] * 20 + ["y"] + ["x", "z"]}, test=2 / count)
    assert _names(found) == ["class-not-in-training", "unbalanced-classes", "class-not-in-part"]


def test_numbers_are_not_counted_as_classes(look) -> None:
    """A target of numbers has no classes to balance."""
    found = look({**GOOD, "y": [0.5, 1.5, 2.5, 0.25, 7.5, 1.25, 3.5, 9.5]}, classes=False)
    assert found.classes == {}
    assert found.findings == ()


def test_arrays_are_checked_for_leakage_too(places, listener, spec) -> None:
    """Pictures have no columns to look at, but may stand in both parts."""
    x = np.random.default_rng(0).integers(0, 255, (6, 3, 3))
    np.savez(places.config_dir / "a.npz", x_train=x, y_train=[0, 1] * 3, x_test=x[:2], y_test=[0, 1])
    found = check_quality(spec("npz", file="a.npz"), seed=1, paths=places, progress=listener, classes=True)
    assert _names(found) == ["duplicates-across-parts"]
    assert found.columns == {}


def test_texts_are_not_for_this_command(places, listener, spec) -> None:
    """A text has no rows to compare."""
    with pytest.raises(DataError, match="not for texts"):
        check_quality(spec("descriptions"), seed=1, paths=places, progress=listener, classes=True)
