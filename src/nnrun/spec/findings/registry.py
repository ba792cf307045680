"""Every finding by its name: `FINDINGS["monitor-unknown"]`. Loaded only by who explains or silences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.findings import explained_data, explained_model, explained_training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.findings.explanation import Explanation

FINDINGS: Mapping[str, Explanation] = {
    **explained_model.FINDINGS,
    **explained_training.FINDINGS,
    **explained_data.FINDINGS,
}


def silenceable() -> list[str]:
    """List the names of findings that `silence:` may say: errors cannot be silenced."""
    return [name for name, explanation in FINDINGS.items() if explanation.severity != "error"]
