"""The named tables that are read from files: Pima, Boston and California."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import NamedSource, find_files, require_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import SourceData


#: `check` reads a table of fewer bytes.
_SMALL = 100_000


class _NumberTable(NamedSource):
    """A file of numbers without a header, whose last column is the target."""

    #: What separates the fields of a row; None for blanks.
    delimiter: ClassVar[str | None] = ","

    def read(self, files: Mapping[str, Path]) -> SourceData:
        """Read the columns of the file.

        Raises:
            DataError: The file does not hold the numbers of the set.
        """
        (file,) = files.values()
        data_set = named_data_set(self.name)
        names = data_set.facts.columns or ()
        try:
            lines = self.content(file).decode("ascii").splitlines()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                table = np.loadtxt(lines, delimiter=self.delimiter, comments=None, ndmin=2)
        except (ValueError, UserWarning) as error:
            # After a semicolon NumPy advises arguments of its own.
            raise self.unexpected(file, f"its table cannot be read: {str(error).partition(';')[0]}") from None
        table = self.prepared(table, file)
        if table.shape != (data_set.facts.rows, len(names) + 1):
            raise self.unexpected(
                file,
                f"expected {data_set.facts.rows} rows of {len(names) + 1} fields, "
                f"received {table.shape[0]} of {table.shape[1]}",
            )
        if data_set.content_sha256:
            received = hashlib.sha256(np.ascontiguousarray(table, dtype="<f8").tobytes()).hexdigest()
            require_digest(data_set, file, data_set.content_sha256["table"], received)
        columns = [np.ascontiguousarray(column) for column in table.T]
        return self.source_data(Examples(Columns(dict(zip(names, columns, strict=False))), columns[-1]), None, files)

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Read the whole table if it is small."""
        files = find_files(named_data_set(self.name), paths)
        is_small = bool(files) and sum(file.stat().st_size for file in files.values()) < _SMALL
        return self.read(files) if is_small else None

    def content(self, file: Path) -> bytes:
        """Return the text of the table."""
        return file.read_bytes()

    def prepared(self, table: np.ndarray, file: Path) -> np.ndarray:  # noqa: ARG002
        """Return the table with the columns of the set, the target last."""
        return table


class Pima(_NumberTable):
    """768 Pima women with eight measurements, and whether they were found to have diabetes within five years."""

    name = "pima"


class Boston(_NumberTable):
    """506 census tracts of Boston with thirteen measurements, and the median value of homes in thousands of dollars.

    The column B is built on race; for new work use `california`.
    """

    name = "boston"
    delimiter = None


class California(_NumberTable):
    """20,640 census blocks of California with eight measurements, and the median house value in 100,000 dollars.

    The columns are scikit-learn's: rooms, bedrooms and people are averages per household.
    """

    name = "california"

    def content(self, file: Path) -> bytes:
        """Return the text of the archive's one table."""
        from nnrun.data.files.archive import read_members

        # Three times the size of the table.
        return read_members(file, ("cal_housing.data",), 6_000_000)["cal_housing.data"]

    def prepared(self, table: np.ndarray, file: Path) -> np.ndarray:
        """Return averages per household in place of totals, and the target in 100,000 dollars."""
        if table.shape[1] != 9:
            raise self.unexpected(file, f"expected rows of 9 fields, received {table.shape[1]}")
        longitude, latitude, age, rooms, bedrooms, people, households, income, value = table.T
        averages = (rooms / households, bedrooms / households, people, people / households)
        return np.column_stack([income, age, *averages, latitude, longitude, value / 100_000])
