"""A finding: something to say about a config, at a path instead of a mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.errors import Mark, Path, Severity


@dataclass(frozen=True)
class Finding:
    """One thing to say about a config, before the document turns its path into a mark.

    Attributes:
        path: The keys that lead to the value to blame; the nearest one above is meant where a key is not written.
        text: One sentence: what was expected and what was received.
        hint: What to type next, or None.
        name: The finding's name (`missing-file`).
        severity: `error` refuses the config; `warning` and `note` do not.
        mark: The place in a data file, where that is to blame rather than the config.
    """

    path: Path
    text: str
    hint: str | None = None
    name: str | None = None
    severity: Severity = "error"
    mark: Mark | None = None
