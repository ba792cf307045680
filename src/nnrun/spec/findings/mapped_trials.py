"""What `sweep.mapped` does with a config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding
from nnrun.spec.mapped_trials import MappedParameters, reason_not_mapped_trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext


def check_mapped_trials(context: CheckContext) -> Iterator[Finding]:
    """Say which trials are trained by one program, or why none are."""
    sweep = context.experiment.sweep
    if sweep is None or sweep.mapped is None:
        return
    reason = reason_not_mapped_trials(context.experiment, context.facts)
    if reason is not None:
        text = f"each trial is trained by a program of its own: {reason}"
        yield Finding(("sweep", "mapped"), text, "leave out mapped", "trials-not-mapped", severity="note")
        return
    found = MappedParameters.of(sweep)
    text = f"up to {sweep.mapped} trials are trained at once that differ in {', '.join(('seed', *found.data))}"
    if found.program:
        text += f"; each combination of {', '.join(found.program)} has programs of its own"
    yield Finding(("sweep", "mapped"), text, None, "trials-mapped", severity="note")
