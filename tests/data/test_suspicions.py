"""Values that look wrong although they can be read."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.data.quality import (
    check_capped_target,
    check_float32,
    check_identifier,
    check_placeholders,
    check_quality,
    check_similar_names,
)
from nnrun.progress import NullProgress


def _texts(findings) -> list[str]:
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.0] * 3 + list(range(40, 60)), ["3 of 23 values of column 'a' are 0, far from the others (40 and more)"]),
        ([-1.0, *range(10, 30)], ["1 of 21 values of column 'a' are -1, far from the others (10 and more)"]),
        ([999.0, *range(10, 30)], ["1 of 21 values of column 'a' are 999, far from the others (29 and less)"]),
        ([*range(20)], []),
        ([0.0, *range(3, 30)], []),
        ([998.0, *range(10, 30)], []),
        ([0.0, 50.0, 51.0], []),
        ([0.0, np.nan, *range(40, 60)], ["1 of 21 values of column 'a' are 0, far from the others (40 and more)"]),
    ],
)
def test_fillers_lie_alone_and_far_away(values: list[float], said: list[str]) -> None:
    """A zero or a number of nines is named only where nothing lies near it; gaps do not count."""
    found = _texts(check_placeholders("a", np.array(values, dtype="float64")))
    assert [text.partition(":")[0] for text in found] == said


def test_numbers_that_float32_cannot_tell_apart_are_named() -> None:
    """2^24 + 1 becomes 2^24; fractions and small numbers are no identifiers."""
    assert _texts(check_float32("id", np.array([2.0**24, 2.0**24 + 1, 1.0])))[0].startswith("1 values of column 'id'")
    assert _texts(check_float32("id", np.array([2.0**24, 1.0, 0.1, np.nan]))) == []


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


def test_a_csv_s_look_alikes_are_found_among_classes_and_categories(places, listener, spec) -> None:
    """A class in two spellings would be two outputs, a category two columns."""
    rows = [f"{index},{('Ulm', 'ULM', 'Bonn')[index % 3]},{('yes', 'no', 'Yes')[index % 3]}" for index in range(30)]
    (places.config_dir / "t.csv").write_text("\n".join(["a,town,sick", *rows]) + "\n")
    found = check_quality(spec("csv", file="t.csv"), seed=1, paths=places, progress=listener, classes=True)
    assert [finding.text for finding in found.findings if finding.name == "look-alikes"] == [
        "column 'town': 'ULM' and 'Ulm' look alike: are they the same?",
        "the classes 'Yes' and 'yes' look alike: are they the same?",
    ]


@pytest.mark.shared
def test_pima_s_zeros_are_found(shared_places, spec) -> None:
    """The five columns and their counts that the literature names, found from the values alone."""
    said = spec("csv", file="pima-indians-diabetes.csv")
    found = check_quality(said, seed=1, paths=shared_places, progress=NullProgress(), classes=True)
    zeros = [finding.text.partition(" of ")[0] for finding in found.findings if " are 0," in finding.text]
    assert zeros == ["5", "35", "227", "374", "11"]


@pytest.mark.shared
def test_boston_s_prices_are_found_to_be_cut_off(shared_places, spec) -> None:
    """Sixteen tracts stand at 50; none of the features' zeros is taken for a filler; the set's caveats are told."""
    found = check_quality(spec("boston"), seed=1, paths=shared_places, progress=NullProgress(), classes=False)
    assert [finding.name for finding in found.findings] == ["cut-off-target", *["caveat"] * 4]
    assert found.findings[0].text.startswith("16 of 506 targets 'MEDV' are 50")
