"""Tests of `nnrun data check`: every kind of finding, and none in clean data."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from nnrun.data.quality import (
    check_capped_target,
    check_identifier,
    check_placeholders,
    check_quality,
    check_similar_names,
)
from nnrun.errors import DataError
from nnrun.progress import NullProgress


@pytest.fixture
def look(paths, listener, spec, split):
    """Check a csv file of these columns, the last of which is the target."""

    def at(columns: dict[str, list], *, form: str = "integer", **shares: object):
        rows = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
        lines = [",".join(row) for row in [list(columns), *rows]]
        (paths.config_dir / "t.csv").write_text("\n".join(lines) + "\n")
        config = spec("csv", file="t.csv", split=split(shuffle=False, **shares) if shares else None)
        return check_quality(config, seed=1, paths=paths, progress=listener, form=form)

    return at


def _names(found) -> list[str]:
    return [finding.name for finding in found.findings]


GOOD = {"a": [1, 5, 2, 8, 4, 7, 3, 6], "b": [3, 1, 4, 1, 5, 9, 2, 6], "y": [0, 1, 1, 0, 1, 0, 0, 1]}


def test_clean_data_have_no_findings(look) -> None:
    """Columns and classes are described without findings; the result is JSON."""
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
        ({"b": [None, *GOOD["b"][1:]]}, "missing-values", "column 'b' has 1 missing of 8 training values (12.5 %)"),
        ({"b": [2 * value + 1 for value in GOOD["y"]]}, "tells-the-target", "is almost the target (r = 1.0000)"),
        ({"y": [0, 1, 99, 0, 1, 0, 0, 1]}, "label-range", "labels run from 0 to 99, but there are only 3"),
        ({"a": [1, 1, 2, 8, 4, 7, 3, 6], "b": [3, 3, 4, 1, 5, 9, 2, 6]}, "duplicates-in-training", "1 of 8 training"),
    ],
)
def test_each_defect_is_found(look, changed: dict, name: str, text: str) -> None:
    """One defect is found, with its figures."""
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
    count = 24
    found = look({"a": list(range(count)), "y": ["x"] * 20 + ["y"] + ["x", "x", "z"]}, test=3 / count)
    assert _names(found) == ["class-not-in-training", "class-not-in-part", "unbalanced-classes"]


def test_numbers_are_not_counted_as_classes(look) -> None:
    """A target of numbers has no classes to balance."""
    found = look({**GOOD, "y": [0.5, 1.5, 2.5, 0.25, 7.5, 1.25, 3.5, 9.5]}, form="number")
    assert found.classes == {}
    assert found.findings == ()


def test_the_best_constant_answer_is_scored(look) -> None:
    """Of classes the most frequent, of numbers the mean, both of the training part; nothing without another part."""
    classes = look({"a": list(range(8)), "y": ["u", "u", "v", "u", "v", "u", "v", "v"]}, test=0.5)
    assert classes.baseline == {"part": "test", "answer": "u", "error_percent": 75.0}
    numbers = look({"a": list(range(8)), "y": [0.5, 1.5, 0.5, 1.5, 2, 3, 0, 1]}, form="number", test=0.5)
    assert numbers.baseline["answer"] == 1.0
    assert numbers.baseline["mean_absolute_error"] == 1.0
    assert numbers.baseline["root_mean_squared_error"] == pytest.approx(np.sqrt(1.5))
    assert look(GOOD).baseline == {}


def test_arrays_are_checked_for_leakage_too(paths, listener, spec) -> None:
    """Pictures have no columns to look at, but may stand in both parts."""
    x = np.random.default_rng(0).integers(0, 255, (6, 3, 3))
    np.savez(paths.config_dir / "a.npz", x_train=x, y_train=[0, 1] * 3, x_test=x[:2], y_test=[0, 1])
    found = check_quality(spec("npz", file="a.npz"), seed=1, paths=paths, progress=listener, form="integer")
    assert _names(found) == ["duplicates-across-parts"]
    assert found.columns == {}


def test_texts_are_not_for_this_command(paths, listener, spec) -> None:
    """A text has no rows to compare."""
    with pytest.raises(DataError, match="not for texts"):
        check_quality(spec("descriptions"), seed=1, paths=paths, progress=listener, form="integer")


def _texts(findings) -> list[str]:
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0] * 3 + list(range(40, 60)), ["3 of 23 values of column 'a' are 0, far from the others (40 and more)"]),
        ([-1.0, *range(10, 30)], ["1 of 21 values of column 'a' are -1, far from the others (10 and more)"]),
        ([999.0, *range(10, 30)], ["1 of 21 values of column 'a' are 999, far from the others (29 and less)"]),
        ([*range(20)], []),
        ([0.0, *range(3, 30)], []),
        ([998.0, *range(10, 30)], []),
        ([0.0, 50.0, 51.0], []),
        ([0.0, *(0.006 + 0.001 * step for step in range(300))], []),
        (
            [0.0] * 9 + [0.006 + 0.001 * step for step in range(300)],
            ["9 of 309 values of column 'a' are 0, far from the others (0.006 and more)"],
        ),
        ([0.0, np.nan, *range(40, 60)], ["1 of 21 values of column 'a' are 0, far from the others (40 and more)"]),
    ],
)
def test_placeholders_are_far_from_all_other_values(values: list[float], expected: list[str]) -> None:
    """A zero or a number of nines is named only where nothing lies near it; gaps do not count."""
    found = _texts(check_placeholders({"a": np.array(values, dtype="float64")}))
    assert [text.partition(":")[0] for text in found] == expected


def test_one_placeholder_of_several_columns_is_one_finding() -> None:
    """The columns are named with how many of their values it is."""
    column = np.array([0.0] * 3 + list(range(40, 60)))
    assert _texts(check_placeholders({"a": column, "b": column[1:], "c": column[3:]})) == [
        "0 is far from all other values of 2 columns: 'a' (3 of 23), 'b' (2 of 22): does it stand for a missing value?"
    ]


def test_texts_of_their_own_are_named() -> None:
    """A column of names is no column of categories."""
    assert _texts(check_identifier("name", {"type": "text", "distinct": 18}, 20))
    assert not _texts(check_identifier("town", {"type": "text", "distinct": 3}, 20))
    assert not _texts(check_identifier("age", {"type": "number", "distinct": 20}, 20))


def test_targets_at_the_largest_value_are_counted() -> None:
    """Twenty of 220 prices at 50 look cut off; classes and a lone largest price do not."""
    prices = np.concatenate([np.linspace(5, 49, 200), np.full(20, 50.0)])
    assert _texts(check_capped_target(prices, ("price",))) == [
        "20 of 220 targets 'price' are 50, the largest value: were larger ones capped?"
    ]
    assert not _texts(check_capped_target(np.linspace(5, 50, 200), ("price",)))
    assert not _texts(check_capped_target(np.array([0.0, 1.0] * 100), ("kind",)))


def test_names_that_look_alike_are_paired() -> None:
    """Case, blanks and invisible letters do not part what a reader takes for one."""
    assert _texts(check_similar_names("the classes", {"Yes", "yes ", "no", "y\u200bes"})) == [
        "the classes 'Yes' and 'yes ' and 'y\\u200bes' look alike: are they the same?"
    ]
    assert not _texts(check_similar_names("the classes", {"yes", "no"}))


def test_a_csv_s_look_alikes_are_found_among_classes_and_categories(paths, listener, spec) -> None:
    """A class in two spellings would be two outputs, a category two columns."""
    rows = [f"{index},{('Ulm', 'ULM', 'Bonn')[index % 3]},{('yes', 'no', 'Yes')[index % 3]}" for index in range(30)]
    (paths.config_dir / "t.csv").write_text("\n".join(["a,town,sick", *rows]) + "\n")
    found = check_quality(spec("csv", file="t.csv"), seed=1, paths=paths, progress=listener, form="integer")
    assert [finding.text for finding in found.findings if finding.name == "look-alikes"] == [
        "column 'town': 'ULM' and 'Ulm' look alike: are they the same?",
        "the classes 'Yes' and 'yes' look alike: are they the same?",
    ]


@pytest.mark.shared
def test_pima_s_zeros_are_found(shared_paths, spec) -> None:
    """The five columns and their counts that the literature names, found from the values alone."""
    config = spec("csv", file="pima-indians-diabetes.csv")
    found = check_quality(config, seed=1, paths=shared_paths, progress=NullProgress(), form="integer")
    (zeros,) = [
        finding.text for finding in found.findings if finding.name == "filler" and finding.text.startswith("0 ")
    ]
    assert re.findall(r"\((\d+) of 768\)", zeros) == ["5", "35", "227", "374", "11"]


@pytest.mark.shared
def test_boston_s_prices_are_found_to_be_cut_off(shared_paths, spec) -> None:
    """Sixteen tracts have the value 50; no zero of the features is a filler; the caveats of the set are notes."""
    found = check_quality(spec("boston"), seed=1, paths=shared_paths, progress=NullProgress(), form="number")
    assert [finding.name for finding in found.findings] == ["cut-off-target", *["caveat"] * 4]
    assert found.findings[0].text.startswith("16 of 506 targets 'MEDV' are 50")
