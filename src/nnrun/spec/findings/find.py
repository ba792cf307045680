"""Asks every family of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.findings.augmenting import augmenting
from nnrun.spec.findings.backends import backends
from nnrun.spec.findings.batches import batches
from nnrun.spec.findings.claims import claims
from nnrun.spec.findings.layers import layers
from nnrun.spec.findings.losses import losses
from nnrun.spec.findings.perceptron import perceptron
from nnrun.spec.findings.sampling import sampling
from nnrun.spec.findings.unused import unused
from nnrun.spec.findings.watching import watching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.finding import Finding
    from nnrun.spec.findings.case import Case


#: Where the target is not there or of another kind, nothing is said of how the outputs would compare with it.
_NO_MATCH = frozenset({"loss-target-mismatch", "no-target", "unknown-target"})
#: What a loss that compares another kind of thing than the target makes of every output.
_OF_LOSS = frozenset({"loss-activation-mismatch", "too-few-outputs", "output-shape-mismatch"})


def findings(case: Case, said: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Find what does not fit together in a config; what only follows from what is `said` already is left out."""
    families = (perceptron, augmenting, sampling, backends, watching, batches, layers, losses, unused, claims)
    hidden = {"undecided"} if any(one.severity == "error" for one in said) else set[str]()
    if any(one.name in _NO_MATCH for one in said):
        hidden |= _OF_LOSS
    return tuple(found for family in families for found in family(case) if found.name not in hidden)
