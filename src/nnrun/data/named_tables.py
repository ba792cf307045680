"""The named tables with files of their own: Pima, Boston and California."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nnrun.data.columns import Columns
from nnrun.data.named import Named, check_identity
from nnrun.data.raw import Examples, Raw
from nnrun.data.registry import entry
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

#: The most bytes of the table inside California's archive, three times what it has.
_MOST = 6_000_000


class _NumberTable(Named):
    separator: str

    def read(self, files: Mapping[str, Path]) -> Raw:
        """The columns of the file, which has no header; the last is the target."""
        from nnrun.data.delimited import Dialect
        from nnrun.data.header import read_head
        from nnrun.data.scan import Wanted
        from nnrun.data.table_file import read_columns

        (file,) = files.values()
        dialect = Dialect(self.separator, header=False)
        head = read_head(file, dialect)
        wanted = Wanted(head, dict.fromkeys(head.names, "feature"), dict.fromkeys(head.names, "number"))
        columns, _ = read_columns(file, dialect, wanted)
        return self.table(list(columns.values()), file)

    def table(self, columns: list[np.ndarray], file: Path) -> Raw:
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
        return Raw(
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

    def read(self, files: Mapping[str, Path]) -> Raw:
        """The columns of the archive's one table."""
        import numpy as np

        from nnrun.data.archive import read_members

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
