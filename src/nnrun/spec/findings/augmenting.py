"""Whether there is one input to augment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.case import Case


def augmenting(case: Case) -> Iterator[Finding]:
    """Find that several inputs are to be augmented, of which it is not said which."""
    inputs = case.graph.inputs
    if case.training.augment and len(inputs) > 1:
        text = f"augment: changes the one input of a model, and this model has {len(inputs)}"
        hint = "put the random layers into the model behind the input they are for; Keras leaves them out of scoring"
        yield Finding(("training", "augment"), text, hint, "augment-of-several-inputs")
