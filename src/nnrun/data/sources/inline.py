"""The source `inline`: a small table in the config itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.series.windows import WindowSpec
from nnrun.data.sources.table import TableSource
from nnrun.data.sources.table_series import window_facts
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class Inline(TableSource):
    """A small table in the config itself, such as the truth table of a logic gate.

    The names of the columns are their indexes, counted from 0; a column holds either numbers or text.

    Args:
        rows: The rows, lists of the same length: `[[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]`.
        target: The target column by index (negative: from the end), or a list of them; default: the last column.
        types: The types of columns of text that are not text, as of a `csv`: `{'0': {date: '%d.%m.%Y'}}`.
        time: The column of the rows' times, dates or numbers, by index; default: the rows are in order.
        window: How many rows, one after the other, an example has, as of a `csv`: its shape is then (window, features).
            Targets are features too.
        horizon: How many rows after a window are its targets, `$targets` numbers in all.
        stride: How many rows after one window the next one begins.
        season: After how many rows a season comes back, for the seasonal naive forecast; default: by the distance of
            the times.
    """

    name = "inline"
    key_without_features = "rows"

    def __init__(
        self,
        rows: list[list[float | str]],
        target: str | int | list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date", "percent"] | dict[str, str]] | None = None,
        time: str | int | None = None,
        window: int | None = None,
        horizon: int = 1,
        stride: int = 1,
        season: int | None = None,
    ) -> None:
        if not rows or not rows[0]:
            raise ValueError("inline: rows expected at least one row of fields, received none")
        for index, row in enumerate(rows):
            if len(row) != len(rows[0]):
                raise ValueError(f"inline: row {index} has {len(row)} fields, the rows before it {len(rows[0])}")
        super().__init__(target=target, time=time)
        self.state_types(types)
        self.state_windows(WindowSpec.of("inline", window, horizon, stride, season, drop_missing=False))
        self.rows = rows
        self.columns = {str(index): list(column) for index, column in enumerate(zip(*rows, strict=True))}
        for name, column in self.columns.items():
            _is_text(name, column)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Return the rows as columns."""
        roles = self.column_roles(list(self.columns))
        dates = {name: self.date_formats.get(name, "") for name, kind in self.types.items() if kind == "date"}
        return self.source_data(self._table(), roles, list(self.columns), header=False, dates=dates)

    def _table(self) -> dict[str, np.ndarray]:
        """Return the columns as the types that the config states.

        Raises:
            DataError: A text is none of its column's type.
        """
        kinds = {name: object if _is_text(name, column) else "float64" for name, column in self.columns.items()}
        return self.typed_table({name: np.array(column, dtype=kinds[name]) for name, column in self.columns.items()})

    def load_targets(self, paths: DataPaths) -> SourceData:
        """Return the rows, which are in memory."""
        return self.load(paths, NullProgress())

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """Return all facts, or what is wrong with the target."""
        names, path = list(self.columns), (*path, "inline")
        findings = self.column_findings(names, path)
        if findings:
            return None, findings
        try:
            table = self._table()
        except DataError as error:
            return None, [Finding((*path, "rows"), error.text, error.hint, "defective-data")]
        roles = self.selection.roles(names)
        text = [name for name, column in table.items() if column.dtype == object]
        values = {name: labels(column.tolist()) for name, column in table.items()}
        written = self.written_in(table, roles)
        facts = self.table_facts(roles, len(self.rows), text, values=values, written=written)
        return (
            (facts, [])
            if self.windows is None
            else window_facts(self.windows, facts, table, roles, self.date_formats, path)
        )


def _is_text(name: str, column: list[float | str]) -> bool:
    kinds = {isinstance(value, str) for value in column}
    if len(kinds) > 1:
        raise ValueError(f"inline: column {name} holds both numbers and text")
    return kinds == {True}
