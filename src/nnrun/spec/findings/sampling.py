"""Whether there is a text to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.case import Case


def sampling(case: Case) -> Iterator[Finding]:
    """Find that samples are to be written by a model that does not continue a text."""
    if case.training.samples is None:
        return
    source = case.experiment.data.source
    entry = lookup.entry("sources", source.name)
    # What predicts the next token says so; a reader of the user's own does not.
    if entry is None or "predict" not in entry.parameters:
        text = f"samples are written by a model that continues a text, and {source.name} is none"
        hint = "leave out samples, or take a text as source"
        yield Finding(("training", "samples"), text, hint, "samples-of-no-text")
    elif len(case.graph.outputs) != 1:
        text = f"samples are written by a model of one output, and this model has {len(case.graph.outputs)}"
        yield Finding(("training", "samples"), text, "leave out samples", "samples-of-no-text")
