"""The source `sklearn`: the tables that come with scikit-learn, any column of which may be the target."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import labels, number
from nnrun.data.csv.column_roles import Asked, Chosen, no_features
from nnrun.data.dataset import DataFacts, SourceData
from nnrun.data.named.datasets import data_set
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.facts import Task


#: Linnerud's rows, features and targets; the registry has no such set, as it has three targets and twenty rows.
_LINNERUD = DataFacts((3,), 20, columns=("chins", "situps", "jumps"), target_names=("weight", "waist", "pulse"))
#: What scikit-learn is asked for beside the set's name: its own scaling of diabetes has seen all rows.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {"diabetes": {"scaled": False}}


class Sklearn:
    """A table that comes with scikit-learn, its columns under plain names: `petal width (cm)` is `petal_width`.

    The class column holds the classes' names (`species` of iris: setosa, versicolor, virginica).

    Args:
        set: The table.
        features: The feature columns by name or index; default: all but the target.
        target: The target column by name or index, or a list of them; default: the set's own (`species`, `grower`,
            `diagnosis`, `progression`, `digit`; of linnerud `weight`, `waist` and `pulse`).
        sample_weight: The column, by name or index, that says how much each row counts in training: numbers of at
            least 0. It is no feature.
    """

    def __init__(
        self,
        set: Literal["iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits"],  # noqa: A002 - the config's word
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
    ) -> None:
        self.set = set
        self.known = _LINNERUD if set == "linnerud" else data_set(set).facts
        self.names = _names(set, self.known)
        own = list(self.known.target_names)
        self.asked = Asked(
            features, own if target is None else target if isinstance(target, list) else [target], sample_weight
        )

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the table from scikit-learn."""
        chosen = self._chosen()
        table = self._table()
        return SourceData(
            chosen.examples(table),
            class_names=self._classes(chosen),
            target_names=chosen.targets,
            layout=chosen.layout(self.names, table, header=True),
            task=self._task(chosen),
        )

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """What is known of the set, and columns that it does not have."""
        wrong = self._wrong((*path, "sklearn"))
        if wrong:
            return None, wrong
        chosen = self._chosen()
        classes = {self.known.target_names[0]: labels(self.known.class_names)} if self.known.class_names else {}
        outline = DataFacts(
            (len(chosen.features),),
            self.known.rows,
            task=self._task(chosen),
            class_names=self._classes(chosen) or None,
            columns=chosen.features,
            text=frozenset(name for name in chosen.features if name in self._text()),
            values=classes,
            target_names=chosen.targets,
        )
        return outline, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read a csv with the same columns, by name or in the same order."""
        from nnrun.data.sources.csv import Csv

        return Csv(file.name).load_new(file, layout, with_target=with_target)

    def _chosen(self) -> Chosen:
        wrong = self._wrong(())
        if wrong:
            raise DataError(f"sklearn: {wrong[0].text}", hint=wrong[0].hint)
        return self.asked.choose(self.names)

    def _wrong(self, below: ConfigPath) -> list[Finding]:
        wrong = self.asked.wrong(self.names, below)
        if wrong:
            return wrong
        chosen = self.asked.choose(self.names)
        if not chosen.features:
            return [no_features((*below, "target"))]
        if chosen.weight in self._text():
            text = f"the column {chosen.weight!r} holds text, which cannot weigh rows"
            return [Finding((*below, "sample_weight"), text, "name a column of numbers", "weight-among-columns")]
        return []

    def _text(self) -> Sequence[str]:
        """The class column, where its classes have names and not numbers."""
        names = self.known.class_names or ()
        return self.known.target_names if any(number(name) is None for name in names) else ()

    def _classes(self, chosen: Chosen) -> tuple[str, ...]:
        """The classes of the target, where it is the class column alone."""
        return labels(self.known.class_names or ()) if chosen.targets == self.known.target_names else ()

    def _task(self, chosen: Chosen) -> Task | None:
        return self.known.task if chosen.targets == self.known.target_names else None

    def _table(self) -> dict[str, np.ndarray]:
        """All columns: float64, and the classes' names as text."""
        import numpy as np
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.set}")(**_OPTIONS.get(self.set, {}))
        columns = np.column_stack([bunch.data, bunch.target]).astype("float64")
        table = {name: np.ascontiguousarray(columns[:, index]) for index, name in enumerate(self.names)}
        for name in self._text():
            table[name] = np.array(self.known.class_names, dtype=object)[bunch.target]
        return table


def _names(table: str, known: DataFacts) -> tuple[str, ...]:
    """The names of all columns, features first."""
    pixels = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)) if table == "digits" else ()
    return (*(plain_name(name) for name in known.columns or pixels), *known.target_names)


def plain_name(name: str) -> str:
    """A column's name as a config can say it without quotes: no unit in brackets, small letters, underscores."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"\(.*?\)", "", name).lower()).strip("_")
