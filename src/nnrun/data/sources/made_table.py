"""The base class of the tables that are made where they are needed, so that examples and tests need no download."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nnrun.data.columns import labels
from nnrun.data.sources.table import TableSource
from nnrun.data.sources.table_series import window_facts
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


class MadeTable(TableSource):
    """A table drawn by a seeded generator; a subclass has its `name`, and draws it.

    Args:
        features: The feature columns by name or index; None for all that have no other role.
        target: The target column by name or index, or a list of them.
        seed: The seed that the table is drawn with.
        group: The column of groups.
        time: The column of the rows' times.
    """

    #: The columns whose texts are sentences, or lists, rather than categories.
    prose: ClassVar[frozenset[str]]

    def __init__(
        self,
        features: list[str | int] | None,
        target: str | int | list[str | int],
        seed: int,
        group: str | None = None,
        time: str | None = None,
    ) -> None:
        if seed < 0:
            raise ValueError(f"{self.name}: seed expected a number of at least 0, received {seed}")
        super().__init__(features, target, group=group, time=time)
        self.seed = seed
        self._drawn: dict[str, np.ndarray] | None = None

    def require_at_least(self, minimum: int, **arguments: int) -> None:
        """Refuse the first argument that is less than `minimum`.

        Raises:
            ValueError: There is one.
        """
        for name, value in arguments.items():
            if value < minimum:
                raise ValueError(f"{self.name}: {name} expected a number of at least {minimum}, received {value}")

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the columns: float64 or int64 for numbers, objects for text, of shape (rows,)."""
        raise NotImplementedError

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Draw the table."""
        table = self._table()
        return self.source_data(table, self.column_roles(list(table)), list(table))

    def load_targets(self, paths: DataPaths) -> SourceData:
        """Draw the table, which takes milliseconds."""
        return self.load(paths, NullProgress())

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, Sequence[Finding]]:  # noqa: ARG002
        """Return all facts, or what is wrong with the columns that the config names."""
        table, path = self._table(), (*path, self.name)
        findings = self.column_findings(list(table), path)
        if findings:
            return None, findings
        roles = self.selection.roles(list(table))
        text = {name for name, column in table.items() if column.dtype == object}
        values = {name: labels(column.tolist()) for name, column in table.items() if name not in self.prose}
        numbers = frozenset(table) - text - {name for name, found in values.items() if {*found} <= {"0", "1"}}
        rows = len(table[roles.features[0]])
        facts = self.table_facts(roles, rows, text, values=values, prose=self.prose & text, other_numbers=numbers)
        if self.windows is None:
            return facts, []
        return window_facts(self.windows, facts, table, roles, self.date_formats, path)

    def _table(self) -> dict[str, np.ndarray]:
        if self._drawn is None:
            self._drawn = self.draw(np.random.default_rng(self.seed))
        return self._drawn
