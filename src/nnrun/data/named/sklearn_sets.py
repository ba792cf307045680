"""The data sets that come with scikit-learn: by their names, and by the source `sklearn` with any column as target."""

from __future__ import annotations

import gzip
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.columns import Columns, labels, parse_number
from nnrun.data.dataset import DataFacts, Examples
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import NamedSource
from nnrun.data.sources.table import TableSource
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import SourceData
    from nnrun.data.sources.column_roles import ColumnRoles
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


#: Linnerud's rows, features and targets; it is not a named set, as it has three targets and twenty rows.
_LINNERUD = DataFacts((3,), 20, columns=("chins", "situps", "jumps"), target_names=("weight", "waist", "pulse"))
#: Where scikit-learn has the target as the last column of a file, and how many lines of the file are no rows.
_TARGET_FILES = {
    "iris": ("iris.csv", 1),
    "wine": ("wine_data.csv", 1),
    "breast_cancer": ("breast_cancer.csv", 1),
    "diabetes": ("diabetes_target.csv.gz", 0),
    "digits": ("digits.csv.gz", 0),
}
#: The files with all columns of a table, features first, where that is not the file of its target alone.
_TABLE_FILES = {
    **{name: (file,) for name, file in _TARGET_FILES.items()},
    "diabetes": (("diabetes_data_raw.csv.gz", 0), ("diabetes_target.csv.gz", 0)),
    "linnerud": (("linnerud_exercise.csv", 1), ("linnerud_physiological.csv", 1)),
}
#: Arguments of scikit-learn's loaders: its own scaling of diabetes is fitted on all rows.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {"diabetes": {"scaled": False}}


class Sklearn(TableSource):
    """A table that comes with scikit-learn, its columns under plain names: `petal width (cm)` is `petal_width`.

    The class column holds the classes' names (`species` of iris: setosa, versicolor, virginica).

    Args:
        set: The table.
        features: The feature columns by name or index; default: all but the target.
        target: The target column by name or index, or a list of them; default: the set's own (`species`, `grower`,
            `diagnosis`, `progression`, `digit`; of linnerud `weight`, `waist` and `pulse`).
        sample_weight: The column of the rows' weights in training, by name or index: numbers of at least 0. It is not a
            feature.
    """

    name = "sklearn"

    def __init__(
        self,
        set: Literal["iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits"],  # noqa: A002 - the config's word
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
    ) -> None:
        self.set = set
        self.set_facts = _LINNERUD if set == "linnerud" else named_data_set(set).facts
        self.names = _names(set, self.set_facts)
        super().__init__(features, target, sample_weight, default_target=self.set_facts.target_names)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the table from scikit-learn."""
        roles = self.column_roles(self.names)
        known = self._target_facts(roles)
        return self.source_data(self._table(), roles, self.names, **known)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:  # noqa: ARG002
        """Return the facts of the set, and what is wrong with the columns that the config names."""
        findings = self.column_findings(self.names, (*path, "sklearn"))
        if findings:
            return None, findings
        roles = self.selection.roles(self.names)
        known = self._target_facts(roles)
        values = (
            {self.set_facts.target_names[0]: labels(self.set_facts.class_names)} if self.set_facts.class_names else {}
        )
        known["class_names"] = known["class_names"] or None
        # Measurements are no 0 and 1.
        known["other_numbers"] = frozenset(roles.targets) - values.keys()
        return self.table_facts(roles, self.set_facts.rows, self._text(), values=values, **known), []

    def load_targets(self, paths: DataPaths) -> SourceData | None:  # noqa: ARG002
        """Return the targets, also other columns than the set's own, without importing scikit-learn."""
        roles = self.column_roles(self.names)
        own = read_target(self.set) if roles.targets == self.set_facts.target_names else None
        columns = {roles.targets[0]: own} if own is not None else self._columns(roles.targets)
        if columns is None:
            return None
        for name in set(self._text()) & columns.keys():
            columns[name] = np.array(self.set_facts.class_names, dtype=object)[columns[name].astype(int)]
        return self.targets_data(columns, roles, **self._target_facts(roles))

    def _columns(self, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """Return columns of the table, the classes as numbers; None if its files are elsewhere."""
        table = read_table(self.set)
        return None if table is None else {name: table[:, self.names.index(name)] for name in names}

    def column_findings(self, names: Sequence[str], path: ConfigPath = ()) -> list[Finding]:
        """Return what is wrong with the columns that the config names."""
        findings = super().column_findings(names, path)
        weight = None if findings else self.selection.roles(names).weight
        if weight in self._text():
            text = f"the column {weight!r} holds text, which cannot weigh rows"
            findings.append(Finding((*path, "sample_weight"), text, "name a column of numbers", "weight-among-columns"))
        return findings

    def _text(self) -> Sequence[str]:
        """Return the class column, if its classes have names and not numbers."""
        names = self.set_facts.class_names or ()
        return self.set_facts.target_names if any(parse_number(name) is None for name in names) else ()

    def _target_facts(self, roles: ColumnRoles) -> dict[str, Any]:
        """Return the classes and the task of the set's own target; none of another target."""
        is_own = roles.targets == self.set_facts.target_names
        return {
            "class_names": labels(self.set_facts.class_names or ()) if is_own else (),
            "task": self.set_facts.task if is_own else None,
        }

    def _table(self) -> dict[str, np.ndarray]:
        """Return all columns: float64, and the names of the classes as text."""
        bunch = _load_bunch(self.set)
        columns = np.column_stack([bunch.data, bunch.target]).astype("float64")
        table = {name: np.ascontiguousarray(columns[:, index]) for index, name in enumerate(self.names)}
        for name in self._text():
            table[name] = np.array(self.set_facts.class_names, dtype=object)[bunch.target]
        return table


def _names(table: str, facts: DataFacts) -> tuple[str, ...]:
    """Return the names of all columns, features first."""
    pixels = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)) if table == "digits" else ()
    return (*(unquoted_name(name) for name in facts.columns or pixels), *facts.target_names)


def unquoted_name(name: str) -> str:
    """Return a column's name as it is written in a config without quotes: no unit, lower case, underscores."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"\(.*?\)", "", name).lower()).strip("_")


class _SklearnTable(NamedSource):
    """A table that comes with scikit-learn."""

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the table from scikit-learn."""
        bunch = _load_bunch(self.name)
        names = self.known_facts().columns or ()
        columns = {
            name: np.ascontiguousarray(bunch.data[:, index], dtype="float64") for index, name in enumerate(names)
        }
        return self.source_data(Examples(Columns(columns), bunch.target), None, files)

    def load_targets(self, paths: DataPaths) -> SourceData | None:  # noqa: ARG002
        """Read the targets, each feature in their place a row number."""
        target = read_target(self.name)
        if target is None:
            return None
        columns = dict.fromkeys(self.known_facts().columns or (), np.arange(len(target), dtype="float64"))
        return self.source_data(Examples(Columns(columns), target), None, {})


class Iris(_SklearnTable):
    """150 iris flowers of three species with four measurements (scikit-learn's)."""

    name = "iris"


class Wine(_SklearnTable):
    """178 Italian wines of three growers with thirteen measurements (scikit-learn's)."""

    name = "wine"


class BreastCancer(_SklearnTable):
    """569 samples of breast tissue, malignant or benign, with thirty measurements (scikit-learn's)."""

    name = "breast_cancer"


class Diabetes(_SklearnTable):
    """442 diabetes patients with ten measurements, and how far the disease progressed within a year (scikit-learn's).

    The measurements are the original ones, not scikit-learn's scaled ones, so that scaling is fitted on the
    training part alone.
    """

    name = "diabetes"


class Digits(NamedSource):
    """1,797 handwritten digits, pictures of 8 x 8 pixels with values 0 to 16 (scikit-learn's).

    One example has the shape (8, 8): `Reshape: [8, 8, 1]` suits convolutions, `Flatten` or `Reshape: [64]` a Dense.
    """

    name = "digits"

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the pictures from scikit-learn."""
        return self.source_data(Examples(*_digits()), None, files)

    def read_targets(self, files: Mapping[str, Path]) -> list[np.ndarray] | None:  # noqa: ARG002
        """Read the labels."""
        target = read_target(self.name)
        return None if target is None else [target]


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Read scikit-learn's file of digits without importing scikit-learn, which takes longer than training on them."""
    file = _sklearn_file("digits.csv.gz")
    if not file.is_file():
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return bunch.images.astype("uint8"), bunch.target
    table = np.loadtxt(file, delimiter=",", dtype="uint8")
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 8, 8), table[:, -1].astype("int64")


def _sklearn_file(name: str) -> Path:
    """Return a data file of scikit-learn, without importing it."""
    found = find_spec("sklearn")
    return Path(*(found.submodule_search_locations or [""])[:1] if found else [""], "datasets", "data", name)


def read_target(table: str) -> np.ndarray | None:
    """Return the target of a table that comes with scikit-learn, without importing it; None if its file is elsewhere.

    The classes are numbers, as in scikit-learn's own arrays.
    """
    if table not in _TARGET_FILES:
        return None
    lines = _lines(*_TARGET_FILES[table])
    if lines is None:
        return None
    target = np.array([float(line.rpartition(b",")[2]) for line in lines])
    return target if table == "diabetes" else target.astype("int64")


def read_table(table: str) -> np.ndarray | None:
    """Return all columns of a table that comes with scikit-learn, as `read_target`: shape (rows, columns)."""
    parts = []
    for file in _TABLE_FILES[table]:
        lines = _lines(*file)
        if lines is None:
            return None
        parts.append(np.array([line.replace(b",", b" ").split() for line in lines], dtype="float64"))
    return np.hstack(parts)


def _lines(name: str, header: int) -> list[bytes] | None:
    """Return the rows of a data file of scikit-learn as text, after `header` lines; None if there is no such file."""
    file = _sklearn_file(name)
    if not file.is_file():
        return None
    content = file.read_bytes()
    lines = (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()
    return [line for line in lines[header:] if line.strip()]


def _load_bunch(name: str) -> Any:
    """Return what scikit-learn's loader of a table returns."""
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(**_OPTIONS.get(name, {}))
