"""Helpers of the tests of findings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnrun.spec.experiment import Experiment
from nnrun.spec.facts import Facts
from nnrun.spec.finding import Finding
from nnrun.spec.findings.checks import check
from nnrun.spec.findings.context import CheckContext
from nnrun.spec.shapes import infer_shapes

FACTS = Facts("classification", "integer", (64,), classes=10, targets=1, rows={"train": 100, "test": 20})


@pytest.fixture
def context(experiment) -> Callable[..., CheckContext]:
    """Return what the checks look at, of a config made of sections, with facts of ten classes of 64 numbers."""

    def make(facts: Facts | None = FACTS, **sections: str) -> CheckContext:
        made: Experiment = experiment(**sections)
        given = {one.name: facts.input_shape if facts else None for one in made.graph.inputs}
        return CheckContext(made, facts, given, infer_shapes(made.graph, facts, given))

    return make


@pytest.fixture
def found(context) -> Callable[..., tuple[Finding, ...]]:
    """Check a config made of sections."""
    return lambda facts=FACTS, **sections: check(context(facts, **sections))
