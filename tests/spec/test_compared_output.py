"""Tests of what is known of an output and its target."""

from __future__ import annotations

import pytest

from nnrun.spec.compared_output import compared_output
from nnrun.spec.facts import TargetFacts
from nnrun.spec.metric_rules import metric_verdict
from nnrun.spec.part import Part


@pytest.mark.parametrize(("shape", "positions"), [((3,), 0), ((8, 3), 1), ((8, 5, 3), 2), (None, 0)])
def test_numbers_of_several_dimensions_are_numbers_at_positions(
    experiment, shape: tuple | None, positions: int
) -> None:
    """A metric of rows, such as R2Score, takes each position of a picture that is compared with a picture as a row."""
    made = experiment(training="loss: mse\noptimizer: Adam")
    output = compared_output(made, TargetFacts("number", "regression", targets=3), made.graph.outputs[0].name, shape)
    assert output.positions == positions
    translation = metric_verdict(Part("metrics", "R2Score", {}), output).translation
    assert (translation is not None and translation.positions_are_rows) is (positions > 0)
