"""The named tables with files of their own: Pima, Boston and California."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.columns import Columns
from nnrun.data.dataset import DataFacts, Examples, SourceData
from nnrun.data.named.base import Named, check_identity
from nnrun.data.named.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


#: The most bytes of the table inside California's archive, three times what it has.
_MOST = 6_000_000


class _NumberTable(Named):
    separator: str

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The columns of the file, which has no header; the last is the target."""
        from nnrun.data.csv.dialect import Dialect
        from nnrun.data.csv.header import read_head
        from nnrun.data.csv.read_columns import read_columns
        from nnrun.data.csv.type_inference import Wanted

        (file,) = files.values()
        dialect = Dialect(self.separator, header=False)
        head = read_head(file, dialect)
        wanted = Wanted(head, dict.fromkeys(head.names, "feature"), dict.fromkeys(head.names, "number"))
        columns, _ = read_columns(file, dialect, wanted)
        return self.table(list(columns.values()), file)

    def table(self, columns: list[np.ndarray], file: Path) -> SourceData:
        """The set's examples from its columns, the target last.

        Raises:
            DataError: The number of rows or columns is not the set's.
        """
        import numpy as np

        known = entry(self.name)
        names = known.outline.columns or ()
        rows = len(columns[0])
        if rows != known.outline.rows or len(columns) != len(names) + 1:
            raise DataError(
                f"expected {known.outline.rows} rows of {len(names) + 1} fields, received {rows} of {len(columns)}",
                file=file,
                hint=f"move it away and type: nnrun data fetch {self.name}",
            )
        if known.identity:
            check_identity(known, file, hashlib.sha256(np.column_stack(columns).astype("<f8").tobytes()).hexdigest())
        return SourceData(
            Examples(Columns(dict(zip(names, columns, strict=False))), columns[-1]),
            class_names=known.outline.class_names or (),
            target_names=known.outline.target_names,
            files={file.name: file},
            task=known.outline.task,
        )


class Pima(_NumberTable):
    """768 Pima women with eight measurements, and whether they were found to have diabetes within five years."""

    name = "pima"
    separator = ","


class Boston(_NumberTable):
    """506 census tracts of Boston with thirteen measurements, and the median value of homes in thousands of dollars.

    The column B is built on race; for new work take `california`.
    """

    name = "boston"
    separator = " "


class California(_NumberTable):
    """20,640 census blocks of California with eight measurements, and the median house value in 100,000 dollars.

    The columns are scikit-learn's: rooms, bedrooms and people are averages per household.
    """

    name = "california"

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """The columns of the archive's one table."""
        import numpy as np

        from nnrun.data.files.archive import read_members

        (file,) = files.values()
        data = read_members(file, ("cal_housing.data",), _MOST)["cal_housing.data"]
        try:
            table = np.loadtxt(data.decode("ascii").splitlines(), delimiter=",", ndmin=2)
        except ValueError as error:
            raise DataError(f"its table cannot be read: {error}", file=file, hint="fetch the file again") from None
        if table.shape[1] != 9:
            raise DataError(
                f"expected rows of 9 fields, received {table.shape[1]}", file=file, hint="fetch the file again"
            )
        longitude, latitude, age, rooms, bedrooms, people, households, income, value = table.T
        averages = (rooms / households, bedrooms / households, people, people / households)
        return self.table([income, age, *averages, latitude, longitude, value / 100_000], file)


class _Bundled:
    name: str

    def facts(self, places: DataPaths, path: ConfigPath) -> tuple[DataFacts, list[Finding]]:  # noqa: ARG002
        """What the registry states."""
        return entry(self.name).outline, []

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read examples of the same columns or pixels from a csv, npz or IDX file."""
        from nnrun.data.sources.compatible_file import read_compatible_file

        return read_compatible_file(file, entry(self.name).outline, with_target=with_target)


class _Table(_Bundled):
    options: ClassVar[Mapping[str, Any]] = {}

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the table from scikit-learn."""
        import numpy as np
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.name}")(**self.options)
        outline = entry(self.name).outline
        columns = {
            name: np.ascontiguousarray(bunch.data[:, index], dtype="float64")
            for index, name in enumerate(outline.columns or ())
        }
        return SourceData(
            Examples(Columns(columns), bunch.target),
            class_names=outline.class_names or (),
            target_names=outline.target_names,
            task=outline.task,
        )


class Digits(_Bundled):
    """1,797 handwritten digits, pictures of 8 x 8 pixels with values 0 to 16 (scikit-learn's).

    One example has the shape (8, 8): `Reshape: [8, 8, 1]` suits convolutions, `Flatten` or `Reshape: [64]` a Dense.
    """

    name = "digits"

    def load(self, places: DataPaths, progress: Progress) -> SourceData:  # noqa: ARG002
        """Read the pictures from scikit-learn."""
        pictures, classes = _digits()
        outline = entry(self.name).outline
        return SourceData(
            Examples(pictures, classes),
            class_names=outline.class_names or (),
            target_names=outline.target_names,
            task=outline.task,
        )


class Iris(_Table):
    """150 iris flowers of three species with four measurements (scikit-learn's)."""

    name = "iris"


class Wine(_Table):
    """178 Italian wines of three growers with thirteen measurements (scikit-learn's)."""

    name = "wine"


class BreastCancer(_Table):
    """569 samples of breast tissue, malignant or benign, with thirty measurements (scikit-learn's)."""

    name = "breast_cancer"


class Diabetes(_Table):
    """442 diabetes patients with ten measurements, and how far the disease went on within a year (scikit-learn's).

    The measurements are the original ones, not scikit-learn's scaled ones, so that scaling is fitted on the
    training part alone.
    """

    name = "diabetes"
    options: ClassVar[Mapping[str, Any]] = {"scaled": False}


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Read scikit-learn's file of digits, without importing scikit-learn where the file lies where it always has.

    The import takes longer than a first training of such digits.
    """
    import numpy as np

    found = find_spec("sklearn")
    file = Path(*(found.submodule_search_locations or [""])[:1] if found else [""], "datasets", "data", "digits.csv.gz")
    if not file.is_file():
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return bunch.images.astype("uint8"), bunch.target
    table = np.loadtxt(file, delimiter=",", dtype="uint8")
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 8, 8), table[:, -1].astype("int64")
