"""Checks of the layers that make spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext

#: Above this the quietest number that the layer knows, -100 dB by its `min_power`, is never cut off.
_ALL_DECIBELS = 200


def check_spectrograms(context: CheckContext) -> Iterator[Finding]:
    """Find a sample rate that is not that of the recordings, and decibels that depend on the other examples."""
    entry = lookup.entry("layers", "MelSpectrogram")
    for node in context.graph.nodes:
        if node.part.name != "MelSpectrogram" or entry is None:
            continue
        given = {**{name: one.default for name, one in entry.parameters.items()}, **node.part.arguments}
        rate, own = given["sampling_rate"], None if context.facts is None else context.facts.sample_rate
        if own is not None and isinstance(rate, int) and rate != own:
            text = f"MelSpectrogram takes the recordings to have {rate:,} samples a second, but they have {own:,}"
            hint = "write sampling_rate: $sample_rate"
            yield Finding((*node.path, "sampling_rate"), text, hint, "sample-rate-mismatch", "warning")
        top = given["top_db"]
        if given["power_to_db"] and isinstance(top, int | float) and top < _ALL_DECIBELS:
            text = f"MelSpectrogram cuts off what is {top:g} dB below the loudest example of the whole batch"
            hint = f"write top_db: {_ALL_DECIBELS}, so that an example's numbers do not depend on the others"
            yield Finding((*node.path, "top_db"), text, hint, "batch-relative-decibels", "warning")
