"""How far what an exported file returns is from what Keras computes."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.export.comparison import OutputDifference, differences, unsure_rows


def test_numbers_above_one_are_compared_relative_to_them() -> None:
    """A difference is absolute below 1 and relative above, and equal infinities are none."""
    expected = np.array([[0.5, 1000.0, np.inf, np.nan]])
    (found,) = differences({"x": np.array([[0.25, 1001.0, np.inf, np.nan]])}, {"x": expected}, None)
    assert found.value == pytest.approx(0.25)
    (found,) = differences({"x": np.array([[0.5, 1001.0, np.inf, np.nan]])}, {"x": expected}, None)
    assert found.value == pytest.approx(0.001)


@pytest.mark.parametrize("wrong", [[[np.nan]], [[np.inf]], [[1.0, 1.0]]])
def test_no_number_and_another_shape_exceed_every_tolerance(wrong: list[list[float]]) -> None:
    """An output that is no number where Keras' is one, or has another shape, is refused."""
    (found,) = differences({"x": np.array(wrong)}, {"x": np.array([[1.0]])}, None)
    assert found.exceeds(1e9)
    assert not OutputDifference("x", 0.0).exceeds(1e-9)


def test_a_label_may_differ_where_two_classes_are_as_likely() -> None:
    """Labels count unless the two likeliest classes are as likely as the tolerance can tell."""
    outputs = {"o": np.array([[0.5, 0.50001], [0.1, 0.9]])}
    unsure = unsure_rows(outputs, {"o": -1.0}, 1e-4)
    assert unsure.tolist() == [True, False]
    labels = {"label": np.array(["a", "b"], dtype=object)}
    assert differences({"label": np.array(["b", "b"], dtype=object)}, labels, unsure)[0].value == 0
    assert differences({"label": np.array(["a", "a"], dtype=object)}, labels, unsure)[0].value == 0.5
