"""Folds that are resumed train as those before them did."""

from __future__ import annotations

import pytest

from nnrun.pipeline.resume_folds import as_it_began


@pytest.mark.parametrize(
    ("executor", "sets"),
    [
        ("resident+xla", ("training.execution.xla=true",)),
        ("resident", ("training.execution.xla=false",)),
        ("stepwise", ("training.execution.xla=false",)),
        ("streamed+xla", ("training.execution.xla=true",)),
        ("resident+jax", ()),
        ("perceptron", ()),
        (None, ()),
    ],
)
def test_the_recorded_choice_of_xla_holds(executor: str | None, sets: tuple[str, ...]) -> None:
    """A profile that was measured meanwhile decides nothing; where there was no choice, none is made."""
    assert as_it_began({"executor": executor}) == sets
