"""The source `inline`: a small table that stands in the config itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.columns import labels
from nnrun.data.csv.column_roles import Asked, Chosen, no_features
from nnrun.data.dataset import DataFacts, SourceData
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


class Inline:
    """A small table in the config itself, such as the truth table of a logic gate.

    The columns are called by their index, counted from 0; a column holds either numbers or text.

    Args:
        rows: The rows, each a list of as many fields: `[[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]`.
        target: The target column by index (negative: from the end), or a list of them; default: the last column.
    """

    def __init__(self, rows: list[list[float | str]], target: str | int | list[str | int] | None = None) -> None:
        if not rows or not rows[0]:
            raise ValueError("inline: rows expected at least one row of fields, received none")
        for index, row in enumerate(rows):
            if len(row) != len(rows[0]):
                raise ValueError(f"inline: row {index} has {len(row)} fields, the rows before it {len(rows[0])}")
        self.rows = rows
        self.names = tuple(str(index) for index in range(len(rows[0])))
        self.text = frozenset(name for name in self.names if self._is_text(int(name)))
        self.asked = Asked(None, target if isinstance(target, list) else [-1 if target is None else target])

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """The rows as columns."""
        import numpy as np

        wrong = self._wrong(())
        if wrong:
            raise DataError(f"inline: {wrong[0].text}", hint=wrong[0].hint)
        chosen = self._chosen()
        table: dict[str, np.ndarray] = {
            name: np.array(self._column(name), dtype=object if name in self.text else "float64") for name in self.names
        }
        return SourceData(
            chosen.examples(table),
            target_names=chosen.targets,
            layout=chosen.layout(self.names, table, header=False),
        )

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """All there is to know, and a target that does not exist."""
        wrong = self._wrong((*path, "inline"))
        if wrong:
            return None, wrong
        chosen = self._chosen()
        values = {name: labels(self._column(name)) for name in self.names}
        outline = DataFacts(
            (len(chosen.features),),
            len(self.rows),
            class_names=values[chosen.targets[0]] if len(chosen.targets) == 1 else None,
            columns=chosen.features,
            text=self.text & set(chosen.features),
            values=values,
            target_names=chosen.targets,
        )
        return outline, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read a csv with the same columns, in the same order."""
        from nnrun.data.sources.csv import Csv

        return Csv(file.name).load_new(file, layout, with_target=with_target)

    def _wrong(self, below: ConfigPath) -> list[Finding]:
        wrong = self.asked.wrong(self.names, below)
        if wrong or self._chosen().features:
            return wrong
        return [no_features((*below, "rows"))]

    def _chosen(self) -> Chosen:
        return self.asked.choose(self.names)

    def _column(self, name: str) -> list[float | str]:
        return [row[int(name)] for row in self.rows]

    def _is_text(self, index: int) -> bool:
        kinds = {isinstance(row[index], str) for row in self.rows}
        if len(kinds) > 1:
            raise ValueError(f"inline: column {index} holds both numbers and text")
        return kinds == {True}
