"""What a named set holds, where its files are there: examples of each class, counted and as a sheet of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.all_sources import SOURCES
from nnrun.data.columns import label
from nnrun.data.named.base import find
from nnrun.data.named.registry import entry
from nnrun.errors import DataError
from nnrun.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import SourceData


#: Pictures of each class in a sheet, and the most classes that one shows.
_SAMPLES, _MOST_CLASSES = 10, 20


def balance(name: str, places: DataPaths) -> dict[str, int]:
    """How many training examples of each class there are; empty where the set has no classes or is not there.

    Raises:
        DataError: There is no set of that name, or its files are other ones.
    """
    known = entry(name)
    if known.outline.task != "classification" or known.alphabet or not _there(name, places):
        return {}
    import numpy as np

    raw = _load(name, places)
    values, counts = np.unique(np.asarray(raw.train.y), return_counts=True)
    return {_named(raw, value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


def write_sheet(name: str, places: DataPaths, file: Path) -> None:
    """Draw the first pictures of each class, a row for each, to a picture file.

    Raises:
        DataError: The set has no pictures or is not there, or the file cannot be written.
    """
    if len(entry(name).outline.shape or ()) < 2 or entry(name).alphabet:
        raise DataError(f"{name} has no pictures", hint="try mnist, fashion_mnist, cifar10 or digits")
    if not _there(name, places):
        raise DataError(f"{name} is not on this machine", hint=f"nnrun data fetch {name}")
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    raw = _load(name, places)
    x, y = np.asarray(raw.train.x), np.asarray(raw.train.y)
    classes = np.unique(y)[:_MOST_CLASSES]
    figure = Figure(figsize=(1.6 + 0.6 * _SAMPLES, 0.6 * len(classes)))
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(classes), 1, squeeze=False)[:, 0]
    for axis, number in zip(axes, classes, strict=True):
        _draw(axis, x[np.flatnonzero(y == number)[:_SAMPLES]], _named(raw, number.item()))
    try:
        figure.savefig(file, dpi=120, bbox_inches="tight")
    except (OSError, ValueError) as error:
        raise DataError(f"the sheet cannot be written: {error}", file=file, hint="name a .png file") from None


def _draw(axis: object, pictures: np.ndarray, named: str) -> None:
    """Some pictures side by side, with the name of their class."""
    import numpy as np

    strip = np.concatenate(list(pictures), axis=1)
    axis.imshow(strip, cmap="gray" if strip.ndim == 2 else None, interpolation="nearest")  # type: ignore[attr-defined]
    axis.set_ylabel(named, rotation=0, ha="right", va="center")  # type: ignore[attr-defined]
    axis.set_xticks([])  # type: ignore[attr-defined]
    axis.set_yticks([])  # type: ignore[attr-defined]


def _there(name: str, places: DataPaths) -> bool:
    """Whether the set can be read without a download (MNIST has more containers than the registry names)."""
    if name == "mnist":
        return not SOURCES[name]().facts(places, ())[1]
    return not entry(name).containers or bool(find(entry(name), places))


def _load(name: str, places: DataPaths) -> SourceData:
    raw: SourceData = SOURCES[name]().load(places, Silent())
    return raw


def _named(raw: SourceData, value: object) -> str:
    number = label(value)
    known = number.isdigit() and int(number) < len(raw.class_names)
    return raw.class_names[int(number)] if known else number
