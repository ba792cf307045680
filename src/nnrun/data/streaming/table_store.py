"""A table on disk whose rows can be read in any order: its numbers row by row, its texts as numbers of categories."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.csv.type_inference import TEXT_TYPES
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


#: The files of a table.
_NUMBERS, _CODES, _ABOUT = "numbers.f8", "codes.i4", "table.json"
#: The largest number of different texts of one column: they are all in memory.
_MOST_TEXTS = 1_000_000
#: How many rows of a whole column are read at a time.
_COLUMN_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class TableStore:
    """A converted table.

    Attributes:
        folder: The folder of its files.
        key: A digest that identifies what it was made of.
        rows: The number of rows.
        numbers: The names of all columns of numbers, in the order of the file.
        texts: The different texts of every column of text, in the order of the file, which holds their indices.
        names: The columns that are read, in order.
        kinds: The type of each column: `number`, `date`, `text` or `category`.
    """

    folder: Path
    key: str
    rows: int
    numbers: tuple[str, ...]
    texts: Mapping[str, np.ndarray]
    names: tuple[str, ...]
    kinds: Mapping[str, str]

    @classmethod
    def open(cls, folder: Path) -> TableStore:
        """Return the table that a `TableWriter` wrote to a folder.

        Raises:
            DataError: Its files were changed.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            texts = {name: np.array([*values, None], dtype=object) for name, values in about["texts"].items()}
            numbers, kinds = tuple(about["numbers"]), about["kinds"]
            store = cls(folder, about["key"], about["rows"], numbers, texts, tuple(kinds), kinds)
            sizes = tuple((folder / name).stat().st_size for name in (_NUMBERS, _CODES))
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(folder, str(error)) from None
        if sizes != (store.rows * 8 * len(numbers), store.rows * 4 * len(texts)):
            raise _damaged(folder, "its files have other sizes")
        return store

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.rows * (8 * len(self.numbers) + 4 * len(self.texts))

    def only(self, names: Sequence[str]) -> TableStore:
        """Return the same table, of which only these columns are read."""
        return replace(self, names=tuple(names))

    def read(self, rows: np.ndarray) -> Columns:
        """Return the columns at these rows: float64 for numbers, objects for text."""
        numbers = self._rows(_NUMBERS, "<f8", len(self.numbers), rows)
        codes = self._rows(_CODES, "<i4", len(self.texts), rows)
        columns = dict(zip(self.numbers, numbers.T, strict=True))
        columns |= {name: texts[code] for (name, texts), code in zip(self.texts.items(), codes.T, strict=True)}
        return Columns({name: columns[name] for name in self.names})

    def column(self, name: str) -> np.ndarray:
        """Return a whole column."""
        one, whole = self.only([name]), np.empty(self.rows, dtype=object if name in self.texts else "float64")
        for start in range(0, self.rows, _COLUMN_ROWS):
            rows = np.arange(start, min(start + _COLUMN_ROWS, self.rows))
            whole[rows] = one.read(rows).values[name]
        return whole

    def digest(self, rows: np.ndarray) -> str:
        """Return a SHA-256 digest of what the table was made of and of these rows, in order."""
        digest = hashlib.sha256(f"{self.key} {' '.join(self.names)}".encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return digest.hexdigest()

    def _rows(self, name: str, kind: str, width: int, rows: np.ndarray) -> np.ndarray:
        """Return these rows of one of the files, shape (rows, width)."""
        found = np.empty((len(rows), width), dtype=kind)
        if not found.size:
            return found
        # Not mapped into memory: pages of a mapping count as memory of the process, up to 2 MB for each row.
        ends = np.flatnonzero(np.diff(rows, append=-2) != 1) + 1
        view, size = found.reshape(-1).view("uint8").data, found[:1].nbytes
        with (self.folder / name).open("rb", buffering=0) as opened:
            begin = 0
            for end, first in zip(ends.tolist(), rows[np.append(0, ends[:-1])].tolist(), strict=True):
                opened.seek(first * size)
                _fill(opened, view[begin * size : end * size])
                begin = end
        return found


class TableWriter:
    """Writes a table block by block.

    Args:
        folder: An empty folder.
        kinds: The type of each column, in order.
    """

    def __init__(self, folder: Path, kinds: Mapping[str, str]) -> None:
        self._folder, self._kinds = folder, dict(kinds)
        texts = [name for name, kind in kinds.items() if kind in TEXT_TYPES]
        self._known: dict[str, dict[str, int]] = {name: {} for name in texts}
        self._numbers = [name for name in kinds if name not in self._known]
        self._rows = 0
        self._files: dict[str, IO[bytes]] = {name: (folder / name).open("wb") for name in (_NUMBERS, _CODES)}

    def add(self, block: Mapping[str, np.ndarray]) -> None:
        """Write some rows.

        Raises:
            DataError: A column has too many different texts, or the disk is full.
        """
        rows = len(next(iter(block.values())))
        numbers, codes = np.empty((rows, len(self._numbers)), "<f8"), np.empty((rows, len(self._known)), "<i4")
        for index, name in enumerate(self._numbers):
            numbers[:, index] = block[name]
        for index, name in enumerate(self._known):
            codes[:, index] = self._coded(name, block[name])
        self._rows += rows
        try:
            self._files[_NUMBERS].write(numbers.tobytes())
            self._files[_CODES].write(codes.tobytes())
        except OSError as error:
            raise _full(self._folder, error) from None

    def finish(self, key: str) -> None:
        """Write the description of the table, and close the files.

        Raises:
            DataError: The disk refuses it.
        """
        about: dict[str, Any] = {
            "key": key,
            "rows": self._rows,
            "kinds": self._kinds,
            "numbers": self._numbers,
            "texts": {name: list(known) for name, known in self._known.items()},
        }
        try:
            self.close()
            (self._folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        except OSError as error:
            raise _full(self._folder, error) from None

    def close(self) -> None:
        """Close the files."""
        for opened in self._files.values():
            opened.close()

    def _coded(self, name: str, column: np.ndarray) -> list[int]:
        known = self._known[name]
        # The index -1 is that of the last text, which is None.
        codes = [-1 if text is None else known.setdefault(text, len(known)) for text in column.tolist()]
        if len(known) > _MOST_TEXTS:
            raise DataError(
                f"the column {name!r} holds more than {_MOST_TEXTS:,} different texts, too many for data on disk",
                hint="leave it out: write which `features` to use",
            )
        return codes


def _fill(opened: Any, view: memoryview) -> None:
    """Read until the buffer is full: the system reads at most 2 GB at once."""
    while view:
        count = opened.readinto(view)
        if not count:
            raise DataError("the converted table ends early", file=opened.name, hint="delete its folder")
        view = view[count:]


def _damaged(folder: Path, why: str) -> DataError:
    return DataError(f"the converted table cannot be read: {why}", file=folder, hint="delete this folder")


def _full(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"the converted table cannot be written: {error}", file=folder, hint="make room there, or name --data-dir"
    )
