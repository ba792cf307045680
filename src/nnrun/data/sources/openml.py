"""The source `openml`: a table of openml.org by its number, from a file by hand, the cache, or the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnrun.data.prepare.step import missing_mask
from nnrun.data.sources.table import TableSource
from nnrun.errors import DataError
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, SourceData
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress


class OpenMl(TableSource):
    """A table of openml.org by its number, such as 61 for iris.

    Read from `openml-61.arff` if that file is in the data folder, else downloaded by scikit-learn into the subfolder
    `openml` of the data folder, which is its cache.

    Args:
        id: The number of the data set, as in the address of its page.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the one that OpenML states, or the
            last column.
        sample_weight: The column of the rows' weights in training, by name or index: numbers of at least 0. It is not a
            feature.
        types: The types of columns that are not the ones in the file, as of a `parquet`.
    """

    name = "openml"

    def __init__(
        self,
        id: int,  # noqa: A002 - the config's word
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
        types: dict[str, Literal["number", "text", "category", "date", "percent"] | dict[str, str]] | None = None,
        drop_missing_target: bool = False,
    ) -> None:
        if id < 1:
            raise ValueError(f"openml: id expected a positive integer, received {id}")
        super().__init__(features, target, sample_weight, drop_missing_target=drop_missing_target)
        self.state_types(types)
        self.id, self.has_own_target = id, target is None
        self.label, self._file_name = f"openml {id}", f"openml-{id}.arff"

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Read the table.

        Raises:
            DataError: It cannot be downloaded or read, or lacks values where they are needed.
        """
        file = paths.find(self._file_name)
        table, targets = (_from_arff(file), []) if file is not None else self._fetched(paths, progress)
        if self.has_own_target and targets:
            self.selection = replace(self.selection, target=targets)
        roles = self.column_roles(list(table), file)
        for name in roles.names:
            gaps = missing_mask(table[name])
            if gaps.any() and name not in self.gaps(roles):
                text = f"expected a value, received a missing one in row {int(gaps.argmax())} (counted from 0)"
                hint = "leave the column out, or, for a feature, add a step such as `SimpleImputer: {strategy: median}`"
                if name in roles.targets:
                    hint = "add `drop_missing_target: true` to the source, which leaves out rows without a target"
                raise DataError(f"{self.label}: {text}", column=name, hint=hint)
        table = self.typed_table(table, file)
        dates = {name: self.date_formats.get(name, "") for name, kind in self.types.items() if kind == "date"}
        return self.source_data(table, roles, list(table), dates=dates, files={} if file is None else {file.name: file})

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return no facts, and a note if the table is still to be downloaded."""
        if paths.find(self._file_name) is not None or (paths.cache_dir() / "openml").is_dir():
            return None, []
        text = f"{self.label} is not in {paths.cache_dir()} yet: training downloads it"
        return None, [Finding((*path, "openml"), text, None, "download-to-come", "note")]

    def _fetched(self, paths: DataPaths, progress: Progress) -> tuple[dict[str, np.ndarray], list[str]]:
        """Return the table as scikit-learn fetches it, and the targets that OpenML states."""
        from sklearn.datasets import fetch_openml

        folder = paths.cache_dir() / "openml"
        try:
            with progress.bar(f"Fetching {self.label}", None, ""):
                bunch = fetch_openml(data_id=self.id, data_home=str(folder), as_frame=True, parser="pandas")
        # scikit-learn lets through any error of the network, the disk and the file's own reader.
        except (OSError, ValueError, RuntimeError) as error:
            file = paths.cache_dir() / self._file_name
            hint = f"without a network, save the set's ARFF file from www.openml.org/d/{self.id} as {file}"
            raise DataError(f"{self.label} could not be fetched: {error}", hint=hint) from None
        targets = [str(name) for name in bunch.target_names or ()]
        return {str(name): _as_array(bunch.frame[name]) for name in bunch.frame.columns}, targets


def _from_arff(file: Path) -> dict[str, np.ndarray]:
    """Return the columns of an ARFF file; `?` is a missing value."""
    from scipy.io import arff

    try:
        with file.open(encoding="utf-8") as stream:
            rows, about = arff.loadarff(stream)
    except (OSError, ValueError, NotImplementedError, StopIteration, arff.ArffError) as error:
        text = f"expected an ARFF file of numbers and categories, but it cannot be read: {error}"
        raise DataError(text, file=file, hint="save it again from openml.org, or convert it to csv") from None
    table = {}
    for name, kind in zip(about.names(), about.types(), strict=True):
        if kind == "numeric":
            table[name] = np.asarray(rows[name], dtype="float64")
        else:
            texts = [value.decode("utf-8") for value in rows[name].tolist()]
            table[name] = np.array([None if text == "?" else text for text in texts], dtype=object)
    return table


def _as_array(column: Any) -> np.ndarray:
    """Return a column of pandas as float64, or as text with None for missing values."""
    if column.dtype.kind in "biuf":
        return np.asarray(column.to_numpy(), dtype="float64")
    gaps = column.isna().to_numpy()
    return np.array(
        [None if gap else str(value) for value, gap in zip(column.tolist(), gaps, strict=True)], dtype=object
    )
