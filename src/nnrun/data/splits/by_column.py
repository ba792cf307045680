"""A split that a column of the data states: each row names its part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nnrun.formatting import format_names

if TYPE_CHECKING:
    from nnrun.data.dataset import SourceData

#: The parts by the names that folders and columns of them usually have, in lower case.
PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
#: Error for `split: {by: ...}` where the data have no such column.
NO_COLUMNS = "`by` names a column, but this source has none: it is for csv, parquet, inline, openml, npz and images"


def rows_by_part(words: np.ndarray, column: str) -> dict[str, np.ndarray]:
    """Return the rows of each part, in the order of the file.

    Args:
        words: The word of each row: `train`, `validation` or `test`, or another of `PART_WORDS`, in any case.
        column: The name of the column, for messages.

    Raises:
        ValueError: A word names no part, or no row is for training.
    """
    distinct, numbers = np.unique([str(word).strip() for word in words.tolist()], return_inverse=True)
    parts = [PART_WORDS.get(word.lower()) for word in distinct.tolist()]
    unknown = [word for word, part in zip(distinct.tolist(), parts, strict=True) if part is None]
    if unknown:
        first = int(np.flatnonzero(numbers == distinct.tolist().index(unknown[0]))[0])
        others = f", and {format_names(unknown[1:], 4)}" if len(unknown) > 1 else ""
        raise ValueError(
            f"expected train, validation or test in the column {column!r}, received {unknown[0]!r} in row {first} "
            f"(counted from 0){others}"
        )
    if "train" not in parts:
        raise ValueError(f"no row of the column {column!r} is for training: it has {format_names(distinct.tolist())}")
    of_row = np.array(parts, dtype=object)[numbers]
    return {part: np.flatnonzero(of_row == part) for part in ("train", "validation", "test") if part in parts}


def separate_parts(data: SourceData, words: np.ndarray, column: str) -> SourceData:
    """Return the data of a source with the parts that a column names as the source's own parts.

    Raises:
        ValueError: A word names no part, no row is for training, or the source has such a part from a file too.
    """
    rows = rows_by_part(words, column)
    for part in rows.keys() - {"train"}:
        if getattr(data, part) is not None:
            raise ValueError(f"the column {column!r} has {part} rows, and the source has a {part} part of its own")
    own = {part: data.train.take(index) for part, index in rows.items() if part != "train"}
    taken = {"groups": data.groups, "times": data.times}
    kept = {name: None if values is None else values[rows["train"]] for name, values in taken.items()}
    return replace(data, train=data.train.take(rows["train"]), **own, **kept)  # type: ignore[arg-type]
