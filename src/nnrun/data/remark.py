"""A remark on data: what `nnrun data check` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Remark:
    """One thing that a reader of the data should know.

    Attributes:
        name: What it is, such as `duplicates-across-parts`.
        severity: `error` makes figures meaningless, `warning` most likely does, `note` informs.
        text: One sentence with the figures.
    """

    name: str
    severity: Literal["error", "warning", "note"]
    text: str
