"""The values of a target that is the input itself: known before loading where the source and all steps tell them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.all_sources import new_source
from nnrun.data.load import load
from nnrun.data.sources.idx import Idx
from nnrun.data.sources.inline import Inline
from nnrun.data.sources.npz import Npz
from nnrun.errors import DataError
from nnrun.progress import NullProgress
from nnrun.spec.facts import FIELDS
from nnrun.spec.target_values import TargetValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import TargetForms
    from nnrun.spec.part import Part
    from nnrun.spec.target_values import ValuesByTarget

#: The least and the largest number of the examples of sources of pictures.
_SOURCES = {
    **dict.fromkeys(("mnist", "fashion_mnist", "cifar10", "cifar100", "images"), (0.0, 255.0)),
    "digits": (0.0, 16.0),
}
#: `check` reads arrays of so many numbers (0.1 s).
_MOST_VALUES = 1_000_000
#: Steps that change no number.
_UNCHANGED = ("Reshape", "Flatten")


def stated_values(source: Part, prepare: Sequence[Part], targets: Iterable[str]) -> ValuesByTarget:
    """Return the values of the targets that are the input itself, as source and steps state them.

    The mean is taken for the middle of the range, as pictures are neither all black nor all white.
    """
    found = _SOURCES.get(source.name)
    for step in prepare:
        divisor, offset = step.arguments.get("divide_by"), step.arguments.get("offset", 0.0)
        if found is not None and step.name == "Rescale" and isinstance(divisor, int | float) and divisor:
            low, high = sorted(one / divisor + offset for one in found)
            found = low, high
        elif step.name not in _UNCHANGED:
            found = None
    if found is None:
        return {}
    low, high = found
    values = TargetValues(low, high, (low + high) / 2, (high - low) / 4)
    return {key: {key: values} for key in targets if key in FIELDS}


def read_values(
    spec: DataSpec, targets: Iterable[str], *, form: TargetForms, seed: int, paths: DataPaths
) -> ValuesByTarget:
    """Return the values of the targets that are the input itself, of few numbers in arrays: prepared as for training.

    Tables and pictures in files, and what code of the user's own reads, are not read: it takes long, or packages that
    `check` does not import. Of these, training says what outputs cannot reach once it has loaded them.
    """
    source = new_source(spec.source)
    if not isinstance(source, Npz | Idx | Inline) or not any(key in FIELDS for key in targets):
        return {}
    facts, _ = source.facts(paths, spec.source.path)
    if facts is None or prod((facts.rows or 0, *(size or 0 for size in facts.shape or ()))) > _MOST_VALUES:
        return {}
    try:
        dataset = load(spec, form=form, seed=seed, paths=paths, progress=NullProgress())
    except DataError:
        return {}  # training says what is wrong with the data
    return loaded_values(dataset, targets)


def loaded_values(dataset: Dataset, targets: Iterable[str]) -> ValuesByTarget:
    """Return the values of the targets that are the input itself, of loaded data in memory."""
    x = [part.x for name in ("train", "validation", "test") if (part := dataset.part(name)) is not None]
    keys = [key for key in targets if key in FIELDS]
    if not keys or not all(isinstance(one, np.ndarray) and one.size for one in x):
        return {}
    least, most = min(float(one.min()) for one in x), max(float(one.max()) for one in x)
    train = dataset.train.x
    values = TargetValues(least, most, float(train.mean(dtype="float64")), float(train.std(dtype="float64")))
    return {key: {key: values} for key in keys}
