"""Examples for a named data set from a file of the user's: npz, IDX, or csv."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.dataset import Examples
from nnrun.data.files.idx import labels_beside, read_idx
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.npz import read_examples
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.dataset import DataFacts


_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def read_compatible_file(file: Path, outline: DataFacts, *, with_target: bool) -> Examples:
    """Read examples that look like those of a named data set.

    A csv has the set's columns (or its pixels, row by row), and the target behind them; an npz `x` and `y`; an IDX
    file the examples, and its labels beside it (`images-idx3`, `labels-idx1`).

    Raises:
        DataError: The file is of another kind, or its examples have another shape.
    """
    name = file.name.lower()
    if name.endswith(".npz"):
        found = read_examples(file, {}, with_target=with_target)
        return Examples(_shaped(file, np.asarray(found.x), outline), found.y)
    if name.endswith(_TABLES):
        return _from_csv(file, outline, with_target=with_target)
    if "idx" in name:
        x = _shaped(file, read_idx(file), outline)
        y = read_idx(labels_beside(file)) if with_target else None
        if y is not None and len(y) != len(x):
            text = f"expected as many labels as examples ({len(x)} in {file.name}), received {len(y)}"
            raise DataError(text, file=labels_beside(file), hint="are these two of one set?")
        return Examples(x, y)
    raise DataError(
        "expected an npz, csv or IDX file",
        file=file,
        hint="save the examples with numpy.savez_compressed(file, x=..., y=...)",
    )


def _from_csv(file: Path, outline: DataFacts, *, with_target: bool) -> Examples:
    columns = list(outline.columns or (str(index) for index in range(prod(size or 1 for size in outline.shape or ()))))
    targets = list(outline.target_names)
    layout = {
        "names": [*columns, *targets],
        "features": columns,
        "targets": targets,
        "text": [],
        "header": bool(outline.columns),
    }
    found = Csv(file.name).load_new(file, layout, with_target=with_target)
    if outline.columns:
        return found
    assert isinstance(found.x, Columns)  # noqa: S101 - a csv reader gives columns
    return Examples(_shaped(file, found.x.matrix(), outline), found.y)


def _shaped(file: Path, x: np.ndarray, outline: DataFacts) -> np.ndarray | Columns:
    """The examples in the set's shape; flattened ones, and pictures with a channel of 1, are folded into it."""
    shape = tuple(size or 1 for size in outline.shape or ())
    if prod(x.shape[1:]) != prod(shape):
        raise DataError(
            f"expected examples of shape {list(shape)}, received {list(x.shape[1:])}",
            file=file,
            hint="give the examples as the data set has them, before any preparation",
        )
    folded = x.reshape(len(x), *shape)
    if outline.columns:
        return Columns({name: folded[:, index].astype("float64") for index, name in enumerate(outline.columns)})
    return folded
