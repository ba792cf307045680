"""A first config for arrays in an npz file."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from nnrun.data.data_paths import DataPaths
from nnrun.data.sources.npz import Npz
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.pipeline.init.config_text import FirstConfig, ReasonedValue
from nnrun.pipeline.init.labelled_files import picture_layers
from nnrun.pipeline.init.request import ask_task
from nnrun.pipeline.init.table_network import batch_size, class_output, early_stopping, number_output

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from nnrun.data.dataset import TargetArray
    from nnrun.pipeline.init.request import Ask, InitRequest, Task

#: Whole numbers of at most so many different ones may be classes.
_MOST_CLASSES = 100


def arrays_config(found: Path, name: str, title: str, request: InitRequest, ask: Ask) -> list[FirstConfig]:
    """Return first configs for the arrays of an npz file, the one to prefer first.

    Raises:
        DataError: They are no examples and targets.
    """
    facts, findings = Npz(found.name).facts(DataPaths(found.parent), ())
    if facts is None or facts.shape is None or facts.target is None:
        raise DataError(findings[0].text, hint=findings[0].hint)
    if facts.target.kind not in "biufUS":
        raise DataError("expected y to hold numbers or texts, received another type", file=found, hint="convert it")
    classes = _classes(facts.target)
    task: Task = "number"
    if classes:
        is_sure = facts.target.kind in "US" or classes == 2
        task = request.task or ("classes" if is_sure else ask_task("y", classes, "classes", ask))
    rows, shape = facts.rows or 0, tuple(int(size or 0) for size in facts.shape)
    what = format_count(classes, "class", "classes") if task == "classes" else "numbers"
    is_picture = len(shape) in (2, 3) and min(shape[:2]) >= 8 and (len(shape) == 2 or shape[2] in (1, 3, 4))
    prepare, layers = _layers(shape, rows, is_picture=is_picture, is_bytes=_is_bytes(found))
    output, loss, metric = class_output(classes) if task == "classes" else number_output(prod(facts.target.shape))
    split: dict[str, Any] = {} if facts.test_rows else {"test": 0.2}
    split |= {"validation": 0.1}
    why = "a fifth tests, a tenth of the rest validates" if "test" in split else "the file has a test part"
    training = {
        "loss": loss,
        "optimizer": ReasonedValue({"Adam": 0.001}),
        "metrics": ReasonedValue([metric]),
        "epochs": ReasonedValue(100 if rows < 20_000 else 20, "at most"),
        "batch_size": ReasonedValue(batch_size(rows), f"by the number of examples: {rows:,}"),
    }
    first = FirstConfig(
        title,
        f"{what} from arrays of shape {list(shape)}, {rows:,} of them, in {name}, begun by nnrun init",
        "npz",
        {"file": ReasonedValue(name)},
        prepare,
        None,
        [*layers, output],
        training,
        None,
        [early_stopping(10)],
    )
    stratified = (
        [ReasonedValue({**split, "stratify": True}, f"{why}; classes in proportion")] if task == "classes" else []
    )
    return [replace(first, split=one) for one in (*stratified, ReasonedValue(split, why))]


def _classes(target: TargetArray) -> int:
    """Return how many classes the targets may be; 0 where they are numbers."""
    import numpy as np

    if not target.parts or any(part.size != len(part) for part in target.parts):
        return 0
    values: np.ndarray = np.unique(np.concatenate([part.reshape(-1) for part in target.parts]))
    if target.kind in "US":
        return len(values)
    is_whole = bool(np.all(np.isfinite(values))) and bool(np.all(values % 1 == 0))
    return len(values) if 2 <= len(values) <= _MOST_CLASSES and is_whole else 0


def _is_bytes(found: Path) -> bool:
    """Return whether the examples are bytes, as pixels are."""
    from nnrun.data.files.npy import array_headers

    largest = max(array_headers(found).values(), key=lambda header: prod(header.shape))
    return largest.dtype.kind == "u" and largest.dtype.itemsize == 1


def _layers(
    shape: tuple[int, ...], rows: int, *, is_picture: bool, is_bytes: bool
) -> tuple[list[ReasonedValue], list[ReasonedValue]]:
    """Return the preparation and the first layers for examples of a shape."""
    prepare = [
        ReasonedValue({"Rescale": {"divide_by": 255}}, "bytes from 0 to 1")
        if is_bytes
        else ReasonedValue("StandardScaler", "mean 0 and standard deviation 1, by the training rows")
    ]
    if is_picture:
        prepare += [ReasonedValue({"Reshape": [*shape, 1]}, "one channel")] if len(shape) == 2 else []
        return prepare, picture_layers(min(shape[:2]))
    units = 64 if rows < 20_000 else 128
    dense = ReasonedValue({"Dense": {"units": units, "activation": "relu"}})
    return prepare, [*([ReasonedValue("Flatten", f"{list(shape)} to one row")] if len(shape) > 1 else []), dense, dense]
