"""The source `openml`: a table of openml.org by its number, from a file by hand, the cache, or the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.data.csv.column_roles import Asked, no_features
from nnrun.data.dataset import DataFacts, SourceData
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


class OpenMl:
    """A table of openml.org by its number, such as 61 for iris.

    Taken from `openml-61.arff` in the data folder where that file lies there, else downloaded by scikit-learn into the
    data folder's subfolder `openml`, which is then its cache.

    Args:
        id: The number of the data set, as its page's address has it.
        features: The feature columns by name or index (negative: from the end); default: all but the target.
        target: The target column by name or index, or a list of them; default: the last column, or the one that
            OpenML itself states.
        sample_weight: The column, by name or index, that says how much each row counts in training: numbers of at
            least 0. It is no feature.
    """

    def __init__(
        self,
        id: int,  # noqa: A002 - the config's word
        features: list[str | int] | None = None,
        target: str | int | list[str | int] | None = None,
        sample_weight: str | int | None = None,
    ) -> None:
        if id < 1:
            raise ValueError(f"openml: id expected a positive integer, received {id}")
        self.id = id
        #: Whether features may have missing values: where a step of the preparation fills them in.
        self.missing_allowed = False
        self.features, self.target, self.weight = features, target, sample_weight

    def load(self, places: DataPaths, progress: Progress) -> SourceData:
        """Read the table."""
        file = places.find(self._name)
        table, stated = _from_arff(file) if file is not None else self._fetched(places, progress)
        names = tuple(table)
        asked = self._asked(stated)
        wrong = asked.wrong(names, ()) or ([] if asked.choose(names).features else [no_features(())])
        if wrong:
            raise DataError(f"openml {self.id}: {wrong[0].text}", file=file, hint=wrong[0].hint)
        chosen = asked.choose(names)
        self._refuse_gaps(table, chosen.names, chosen.features)
        return SourceData(
            chosen.examples(table),
            target_names=chosen.targets,
            files={} if file is None else {file.name: file},
            layout=chosen.layout(names, table, header=True),
        )

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Nothing but what the config says; a note where the table is still to be downloaded."""
        if places.find(self._name) is not None or (places.cache_dir() / "openml").is_dir():
            return None, []
        text = f"openml {self.id} is not in {places.cache_dir()} yet: training downloads it"
        return None, [Finding((*path, "openml"), text, None, "download-to-come", "note")]

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read a csv with the same columns."""
        from nnrun.data.sources.csv import Csv

        source = Csv(file.name)
        source.missing_allowed = self.missing_allowed
        return source.load_new(file, layout, with_target=with_target)

    @property
    def _name(self) -> str:
        return f"openml-{self.id}.arff"

    def _asked(self, stated: Sequence[str]) -> Asked:
        own: list[str | int] = list(stated) or [-1]
        target = own if self.target is None else self.target
        return Asked(self.features, target if isinstance(target, list) else [target], self.weight)

    def _fetched(self, places: DataPaths, progress: Progress) -> tuple[dict[str, np.ndarray], list[str]]:
        """The table as scikit-learn fetches it, and the targets that OpenML states."""
        from sklearn.datasets import fetch_openml

        folder = places.cache_dir() / "openml"
        try:
            with progress.bar(f"Fetching openml {self.id}", None, ""):
                bunch = fetch_openml(data_id=self.id, data_home=str(folder), as_frame=True, parser="pandas")
        # scikit-learn lets through whatever the network, the disk and the file's own reader raise.
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(
                f"openml {self.id} could not be fetched: {error}",
                hint=f"without a network, save the set's ARFF file from www.openml.org/d/{self.id} as "
                f"{places.cache_dir() / self._name}",
            ) from None
        stated = [str(name) for name in bunch.target_names or ()]
        return {str(name): _values(bunch.frame[name]) for name in bunch.frame.columns}, stated

    def _refuse_gaps(self, table: Mapping[str, np.ndarray], names: Sequence[str], gaps: Sequence[str]) -> None:
        from nnrun.data.prepare.columnwise import missing

        for name in names:
            lacks = missing(table[name])
            if lacks.any() and not (self.missing_allowed and name in gaps):
                raise DataError(
                    f"openml {self.id}: expected a value, received a missing one in row {int(lacks.argmax())} "
                    "(counted from 0)",
                    column=name,
                    hint="leave the column out, or, of a feature, add a step such as `Impute: median`",
                )


def _from_arff(file: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of an ARFF file; `?` is a missing value."""
    import numpy as np
    from scipy.io import arff

    try:
        with file.open(encoding="utf-8") as stream:
            rows, about = arff.loadarff(stream)
    except (OSError, ValueError, NotImplementedError, StopIteration, arff.ArffError) as error:
        raise DataError(
            f"expected an ARFF file of numbers and categories, but it cannot be read: {error}",
            file=file,
            hint="save it again from openml.org, or convert it to csv",
        ) from None
    table = {}
    for name, kind in zip(about.names(), about.types(), strict=True):
        if kind == "numeric":
            table[name] = np.asarray(rows[name], dtype="float64")
        else:
            said = [value.decode("utf-8") for value in rows[name].tolist()]
            table[name] = np.array([None if value == "?" else value for value in said], dtype=object)
    return table, []


def _values(column: Any) -> np.ndarray:
    """A column of pandas as float64, or as text with None for gaps."""
    import numpy as np

    if column.dtype.kind in "biuf":
        return np.asarray(column.to_numpy(), dtype="float64")
    gaps = column.isna().to_numpy()
    said = [None if gap else str(value) for value, gap in zip(column.tolist(), gaps, strict=True)]
    return np.array(said, dtype=object)
