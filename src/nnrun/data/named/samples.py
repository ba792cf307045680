"""Samples of a named set whose files are there: the examples of each class, counted and as a sheet of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import label
from nnrun.data.named.datasets import named_data_set
from nnrun.data.named.named_source import find_files
from nnrun.errors import DataError
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Source, SourceData


#: The pictures of each class in a sheet, and the most classes in it.
_PICTURES, _MOST_CLASSES = 10, 20


def count_classes(name: str, source: Source, paths: DataPaths) -> dict[str, int]:
    """Count the training examples of each class.

    Args:
        name: The named set.
        source: Its source.
        paths: Where its files are looked for.

    Returns:
        The count of each class by its name; empty where the set has no classes or is not on this machine.

    Raises:
        DataError: The files of the set have other content.
    """
    data_set = named_data_set(name)
    if data_set.facts.task != "classification" or data_set.alphabet or not _is_available(name, paths):
        return {}
    data = source.load(paths, NullProgress())
    values, counts = np.unique(np.asarray(data.train.y), return_counts=True)
    return {_class_name(data, value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


def write_sheet(name: str, source: Source, paths: DataPaths, file: Path) -> None:
    """Draw the first pictures of each class to a picture file, one row a class.

    Args:
        name: The named set.
        source: Its source.
        paths: Where its files are looked for.
        file: The picture file to write.

    Raises:
        DataError: The set has no pictures or is not on this machine, or the file cannot be written.
    """
    data_set = named_data_set(name)
    if len(data_set.facts.shape or ()) < 2 or data_set.alphabet:
        raise DataError(f"{name} has no pictures", hint="try mnist, fashion_mnist, cifar10 or digits")
    if not _is_available(name, paths):
        raise DataError(f"{name} is not on this machine", hint=f"nnrun data fetch {name}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    data = source.load(paths, NullProgress())
    x, y = np.asarray(data.train.x), np.asarray(data.train.y)
    classes = np.unique(y)[:_MOST_CLASSES]
    figure = Figure(figsize=(1.6 + 0.6 * _PICTURES, 0.6 * len(classes)))
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(classes), 1, squeeze=False)[:, 0]
    for axis, value in zip(axes, classes, strict=True):
        pictures = x[np.flatnonzero(y == value)[:_PICTURES]]
        row = np.concatenate(list(pictures), axis=1)
        axis.imshow(row, cmap="gray" if row.ndim == 2 else None, interpolation="nearest")
        axis.set_ylabel(_class_name(data, value.item()), rotation=0, ha="right", va="center")
        axis.set_xticks([])
        axis.set_yticks([])
    try:
        figure.savefig(file, dpi=120, bbox_inches="tight")
    except (OSError, ValueError) as error:
        raise DataError(f"the sheet cannot be written: {error}", file=file, hint="name a .png file") from None


def _is_available(name: str, paths: DataPaths) -> bool:
    """Return whether a set can be read without a download."""
    data_set = named_data_set(name)
    return not data_set.files or bool(find_files(data_set, paths))


def _class_name(data: SourceData, value: Any) -> str:
    number = label(value)
    named = number.isdigit() and int(number) < len(data.class_names)
    return data.class_names[int(number)] if named else number
