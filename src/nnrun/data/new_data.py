"""More examples for a run that is done: read with its own reader, prepared with what it learned then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.csv.header import line_of
from nnrun.data.dataset import DataPart
from nnrun.data.load import apply_steps, make_source
from nnrun.data.prepare.registry import restore
from nnrun.data.prepare.step import UnseenCategoryError
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.images import Images
from nnrun.data.sources.parquet import Parquet
from nnrun.data.splits.groups import column_of, pop_groups, resolved
from nnrun.data.streaming.streams import Stream
from nnrun.data.target_encoding import TargetEncoder
from nnrun.data.text.load_text import load_new_text
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from nnrun.data.columns import Columns
    from nnrun.data.dataset import Source
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import Facts


def load_new_data(
    spec: DataSpec, fitted: Iterable[Mapping[str, Any]], *, file: Path, facts: Facts, with_target: bool
) -> DataPart:
    """Read `file` as the run reads its own data, and prepare it as the run prepared it; nothing is fitted again.

    Args:
        spec: The run's `data:`.
        fitted: The run's `prepare.json`.
        file: The new examples: csv, Parquet or npz as the run's own; for pictures npz, IDX (its labels beside it), csv
            with a column for each pixel, or, where the run's own are files, a folder or a csv that lists them.
        facts: The run's facts; they say how targets are encoded and what shape examples have.
        with_target: Whether the file must hold targets; without, `y` has the shape (rows, 0).

    Raises:
        DataError: The file cannot be used, or does not suit the run.
    """
    source = make_source(spec.source, spec.prepare)
    if not file.is_file() and not (file.is_dir() and isinstance(source, Images)):
        raise DataError(
            "expected a data file, received a folder" if file.is_dir() else "there is no such data file",
            file=file,
            hint="name a csv or npz file with the run's columns",
        )
    if isinstance(source, TextSource):
        return load_new_text(source, file, facts)
    entries = list(fitted)
    layout: Mapping[str, Any] = next((entry["layout"] for entry in entries if "layout" in entry), {})
    targets = TargetEncoder.known(facts)
    column = None if layout.get("group") else column_of(spec.split)
    if column is not None and "features" in layout:
        # The groups of other rows say nothing to the model, so that their file needs no such column.
        name = resolved(column, tuple(layout["features"]))
        layout = {**layout, "features": [known for known in layout["features"] if known != name]}
        column = None
    if isinstance(source, Csv) and file.suffix.lower() in (".parquet", ".pq"):
        source = _typed_alike(source, layout)
    found = source.load_new(file, layout, with_target=with_target and targets.need_truth)
    if column is not None:
        found, _ = pop_groups(found, column)
    x = _prepared(source, file, found.x, entries, codes=facts.vocabulary is not None)
    if facts.input_shape is not None and x.shape[1:] != tuple(facts.input_shape):
        raise DataError(
            f"the run's model takes examples of shape {list(facts.input_shape)}, the file gives {list(x.shape[1:])}",
            file=file,
            hint="give the examples as the run's own data have them, before any preparation",
        )
    y = targets.encode(found.y, x) if with_target else np.empty((len(x), 0), dtype="float32")
    return DataPart(x, y, np.arange(len(x)))


def _typed_alike(source: Csv, layout: Mapping[str, Any]) -> Parquet:
    """A reader of Parquet files that types columns as a csv's run did."""
    types: dict[str, Any] = dict.fromkeys(layout["text"], "category")
    types |= {name: {"date": form} if form else "date" for name, form in layout.get("dates", {}).items()}
    found = Parquet("", types=types)
    found.missing_allowed = source.missing_allowed
    return found


def _prepared(
    source: Source, file: Path, x: np.ndarray | Columns | Stream, entries: Iterable[Mapping[str, Any]], *, codes: bool
) -> np.ndarray:
    assert not isinstance(x, Stream), "more examples are read whole"  # noqa: S101
    try:
        return apply_steps(x, restore(entries), codes=codes)[1]
    except UnseenCategoryError as error:
        line = line_of(file, source.dialect, error.example) if isinstance(source, Csv) else None
        raise error.in_file(file, line) from None
    except DataError as error:
        raise DataError(error.text, file=file, hint=error.hint) from None
