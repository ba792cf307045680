"""The source `inline`: a small table in the config itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.sources.table import TableSource
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


class Inline(TableSource):
    """A small table in the config itself, such as the truth table of a logic gate.

    The names of the columns are their indexes, counted from 0; a column holds either numbers or text.

    Args:
        rows: The rows, lists of the same length: `[[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]`.
        target: The target column by index (negative: from the end), or a list of them; default: the last column.
    """

    name = "inline"
    key_without_features = "rows"

    def __init__(self, rows: list[list[float | str]], target: str | int | list[str | int] | None = None) -> None:
        if not rows or not rows[0]:
            raise ValueError("inline: rows expected at least one row of fields, received none")
        for index, row in enumerate(rows):
            if len(row) != len(rows[0]):
                raise ValueError(f"inline: row {index} has {len(row)} fields, the rows before it {len(rows[0])}")
        super().__init__(target=target)
        self.rows = rows
        self.columns = {str(index): list(column) for index, column in enumerate(zip(*rows, strict=True))}
        self.text = [name for name, column in self.columns.items() if _is_text(name, column)]

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Return the rows as columns."""
        roles = self.column_roles(list(self.columns))
        table = {
            name: np.array(column, dtype=object if name in self.text else "float64")
            for name, column in self.columns.items()
        }
        return self.source_data(table, roles, list(table), header=False)

    def load_targets(self, paths: DataPaths) -> SourceData:
        """Return the rows, which are in memory."""
        return self.load(paths, NullProgress())

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """Return all facts, or what is wrong with the target."""
        names = list(self.columns)
        findings = self.column_findings(names, (*path, "inline"))
        if findings:
            return None, findings
        values = {name: labels(column) for name, column in self.columns.items()}
        return self.table_facts(self.selection.roles(names), len(self.rows), self.text, values=values), []


def _is_text(name: str, column: list[float | str]) -> bool:
    kinds = {isinstance(value, str) for value in column}
    if len(kinds) > 1:
        raise ValueError(f"inline: column {name} holds both numbers and text")
    return kinds == {True}
