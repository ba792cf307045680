"""A finding: an error, a warning or a note about a config, at a path instead of a mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.errors import Problem

if TYPE_CHECKING:
    from nnrun.config.document import Document
    from nnrun.errors import Mark, Path, Severity


@dataclass(frozen=True)
class Finding:
    """One finding, before the document turns its path into a mark.

    Attributes:
        path: The keys that lead to the value to blame; the nearest one above where a key is not in the config.
        text: One sentence: what was expected and what was received.
        hint: What to type next, or None.
        name: The finding's name (`missing-file`); None for a breach of the language itself.
        severity: `error` refuses the config; `warning` and `note` do not.
        mark: The place in a data file, where that is to blame rather than the config.
        at_key: Whether the last key of the path is to blame rather than its value.
    """

    path: Path
    text: str
    hint: str | None = None
    name: str | None = None
    severity: Severity = "error"
    mark: Mark | None = None
    at_key: bool = False

    def problem(self, document: Document) -> Problem:
        """Return the finding as a problem, at its place in `document`."""
        mark = self.mark or (document.key_mark(self.path) if self.at_key else document.mark(self.path))
        return Problem(mark, self.text, self.hint, self.name, self.severity)
