"""Examples like those of a data set from a file of the user's: npz, IDX or csv."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.csv.missing_words import MISSING_WORDS
from nnrun.data.dataset import Examples
from nnrun.data.files.idx import labels_file, read_idx
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.idx import read_pair
from nnrun.data.sources.npz import read_examples
from nnrun.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.dataset import DataFacts


_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def read_compatible_file(file: Path, facts: DataFacts, *, with_target: bool) -> Examples:
    """Read examples that are like those of a data set.

    A csv file has the columns of the set (or its pixels, row by row), and the target after them; an npz file `x` and
    `y`; an IDX file the examples, with the labels in the same folder (`images-idx3`, `labels-idx1`).

    Args:
        file: The file.
        facts: The facts of the data set.
        with_target: Whether targets are read.

    Raises:
        DataError: The file has another format, or its examples have another shape.
    """
    name = file.name.lower()
    if name.endswith(_TABLES):
        return _read_table(file, facts, with_target=with_target)
    if name.endswith(".npz"):
        examples = read_examples(file, {}, with_target=with_target)
    elif "idx" in name:
        examples = read_pair(file, labels_file(file)) if with_target else Examples(read_idx(file), None)
    else:
        raise DataError(
            "expected an npz, csv or IDX file",
            file=file,
            hint="save the examples with numpy.savez_compressed(file, x=..., y=...)",
        )
    return replace(examples, x=_in_shape(file, np.asarray(examples.x), facts))


def _read_table(file: Path, facts: DataFacts, *, with_target: bool) -> Examples:
    pixels = prod(size or 1 for size in facts.shape or ())
    columns = list(facts.columns or map(str, range(pixels)))
    targets = list(facts.target_names)
    layout = {
        "names": [*columns, *targets],
        "features": columns,
        "targets": targets,
        "text": [name for name in columns if name in facts.text],
        "header": bool(facts.columns),
        "missing": MISSING_WORDS,
    }
    examples = Csv(file.name).load_new(file, layout, with_target=with_target)
    if facts.columns:
        return examples
    assert isinstance(examples.x, Columns)  # noqa: S101 - a csv reader gives columns
    return replace(examples, x=_in_shape(file, examples.x.matrix(), facts))


def _in_shape(file: Path, x: np.ndarray, facts: DataFacts) -> np.ndarray | Columns:
    """Return the examples in the shape of the set; flattened ones, and a last dimension of 1, are reshaped.

    Raises:
        DataError: An example has another number of values.
    """
    shape = tuple(size or 1 for size in facts.shape or ())
    if prod(x.shape[1:]) != prod(shape):
        raise DataError(
            f"expected examples of shape {list(shape)}, received {list(x.shape[1:])}",
            file=file,
            hint="give the examples as in the data set, before any preparation",
        )
    reshaped = x.reshape(len(x), *shape)
    if facts.columns:
        return Columns({name: reshaped[:, index].astype("float64") for index, name in enumerate(facts.columns)})
    return reshaped
