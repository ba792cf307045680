"""New examples for a finished run: read as the run read its data, prepared with what it learned then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.data_paths import no_regular_file
from nnrun.data.dataset import DataPart
from nnrun.data.load import apply_steps, make_source
from nnrun.data.prepare.registry import restore
from nnrun.data.prepare.step import UnseenCategoryError
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.images import Images
from nnrun.data.sources.parquet import Parquet
from nnrun.data.splits.groups import group_column, group_name, pop_groups
from nnrun.data.streaming.streams import Stream
from nnrun.data.target_encoding import TargetEncoder, UnknownClassError
from nnrun.data.text.load_text import load_new_text
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nnrun.data.dataset import Examples
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec
    from nnrun.spec.facts import Facts


class _Layout(dict[str, Any]):
    """The layout of a run's own data, as its `prepare.json` keeps it."""

    def __missing__(self, key: str) -> Any:
        text = f"the run's preparation does not say the '{key}' of its data: its prepare.json was changed"
        raise DataError(text, hint="train the run again")


def load_new_data(
    spec: DataSpec,
    fitted: Iterable[Mapping[str, Any]],
    *,
    file: Path,
    facts: Facts,
    with_target: bool,
    progress: Progress | None = None,
) -> DataPart:
    """Read `file` as the run reads its own data, and prepare it as the run prepared it; nothing is fitted again.

    Args:
        spec: The run's `data:`.
        fitted: The run's `prepare.json`.
        file: The new examples: csv, Parquet or npz as the run's own; for pictures npz, IDX (its labels next to it), csv
            with a column for each pixel, or, where the run's own are files, a folder or a csv that lists them.
        facts: The run's facts; they decide how targets are encoded and which shape examples have.
        with_target: Whether the file must hold targets; without, `y` has the shape (rows, 0).
        progress: Receives messages about the columns of the file.

    Raises:
        DataError: The file cannot be used, or does not suit the run.
    """
    source = make_source(spec.source, spec.prepare, spec.split)
    if not file.is_file() and not (file.is_dir() and isinstance(source, Images)):
        hint = "name a csv or npz file with the run's columns"
        if file.exists() and not file.is_dir():
            raise no_regular_file(file)
        text = "expected a data file, received a folder" if file.is_dir() else "there is no such data file"
        raise DataError(text, file=file, hint=hint)
    if isinstance(source, TextSource):
        return load_new_text(source, file, facts)
    entries = list(fitted)
    layout = _Layout(next((entry["layout"] for entry in entries if "layout" in entry), {}))
    encoder = TargetEncoder.from_facts(facts)
    column = None if layout.get("group") else group_column(spec.split)
    if column is not None and "features" in layout:
        # The model does not take the column of groups, so that the file need not have it.
        name = group_name(column, tuple(layout["features"]))
        layout["features"] = [known for known in layout["features"] if known != name]
        column = None
    if isinstance(source, Csv) and file.suffix.lower() in (".parquet", ".pq"):
        source = _parquet_source(source, layout)
    examples = source.load_new(file, layout, with_target=with_target and encoder.needs_targets)
    progress = progress or NullProgress()
    for finding in examples.findings:
        (progress.warn if finding.severity == "warning" else progress.say)(finding.text)
    if column is not None:
        examples, _ = pop_groups(examples, column)
    x = _prepared(examples, file, entries, keep_integers=facts.vocabulary is not None)
    if facts.input_shape is not None and x.shape[1:] != tuple(facts.input_shape):
        raise DataError(
            f"the run's model takes examples of shape {list(facts.input_shape)}, the file has {list(x.shape[1:])}",
            file=file,
            hint="give the examples as the run's own data have them, before any preparation",
        )
    y = _encoded(examples, x, encoder, file) if with_target else np.empty((len(x), 0), dtype="float32")
    return DataPart(x, y, np.arange(len(x)), origin=examples.origin)


def _parquet_source(source: Csv, layout: Mapping[str, Any]) -> Parquet:
    """Return a source for Parquet files whose columns have the types of the run's csv file."""
    known = {*layout["features"], *layout["targets"]}
    types: dict[str, Any] = {name: kind for name, kind in source.stated_types.items() if name in known}
    types |= dict.fromkeys(layout["text"], "category")
    types |= {name: {"date": form} if form else "date" for name, form in layout.get("dates", {}).items()}
    parquet = Parquet("", types=types)
    parquet.missing_allowed = source.missing_allowed
    return parquet


def _encoded(examples: Examples, x: np.ndarray, encoder: TargetEncoder, file: Path) -> Any:
    try:
        return encoder.encode(examples.y, x)
    except UnknownClassError as error:
        raise error.in_file(file, examples.origin.get("line")) from None


def _prepared(examples: Examples, file: Path, fitted: Iterable[Mapping[str, Any]], **options: bool) -> np.ndarray:
    x = examples.x
    assert not isinstance(x, Stream), "new data are read into memory"  # noqa: S101
    lines = examples.origin.get("line")
    place = None if lines is None else lambda row: f"line {lines[row]}"
    try:
        return apply_steps(x, restore(fitted), place, **options)
    except UnseenCategoryError as error:
        raise error.in_file(file, None if lines is None else int(lines[error.example])) from None
    except DataError as error:
        raise DataError(error.text, file=file, hint=error.hint) from None
