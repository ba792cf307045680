"""New examples for a finished run: read as the run read its data, prepared with what it learned then."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.data_paths import no_regular_file
from nnrun.data.dataset import DataPart
from nnrun.data.load import apply_steps, make_source
from nnrun.data.missing_targets import dropped_note
from nnrun.data.prepare.registry import restore
from nnrun.data.prepare.step import ExampleError, naming_step
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.labelled_files import LabelledFiles
from nnrun.data.sources.parquet import Parquet
from nnrun.data.sources.spoken_digits import SpokenDigits
from nnrun.data.sources.table import TableSource
from nnrun.data.splits.groups import group_column, group_name, pop_groups
from nnrun.data.splits.window_parts import as_windows, last_windows
from nnrun.data.streaming.streams import Stream
from nnrun.data.target_encoding import UnknownClassError
from nnrun.data.target_preparation import restore_target_preparation
from nnrun.data.text.load_text import load_new_text
from nnrun.data.text.text_source import TextSource
from nnrun.data.token_targets import facts_encoder, restore_token_target, target_texts
from nnrun.errors import DataError
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nnrun.data.dataset import Examples, Source
    from nnrun.data.series.windows import WindowSpec
    from nnrun.data.target_encoding import TargetEncoder
    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.data.token_targets import TokenTarget
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
    source: Source | TextSource | None = None,
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
        source: The run's source; None: it is made from `spec`.

    Raises:
        DataError: The file cannot be used, or does not suit the run.
    """
    source = source or make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    _require_file(file, folder_allowed=isinstance(source, LabelledFiles | SpokenDigits))
    if isinstance(source, TextSource):
        return load_new_text(source, file, facts)
    entries = list(fitted)
    layout = _Layout(next((entry["layout"] for entry in entries if "layout" in entry), {}))
    tokens = restore_token_target(entries)
    encoder = facts_encoder(facts, tokens)
    column = _groups_left(layout, None if layout.get("group") else group_column(spec.split))
    if isinstance(source, Csv) and file.suffix.lower() in (".parquet", ".pq"):
        source = _parquet_source(source, layout)
    examples = source.load_new(file, layout, with_target=with_target and encoder.needs_targets)
    progress = progress or NullProgress()
    for finding in examples.findings:
        (progress.warn if finding.severity == "warning" else progress.say)(finding.text)
    if examples.dropped:
        progress.say(dropped_note(file.name, examples.dropped))
    if column is not None:
        examples, _ = pop_groups(examples, column)
    windows = source.windows if isinstance(source, TableSource) else None
    x = _prepared(examples, file, entries, keep_integers=facts.vocabulary is not None)
    if tokens is not None:
        examples, x = _with_tokens(examples, x, tokens, facts, file, with_target=with_target)
    _require_shape(x, facts.input_shape if windows is None else (facts.input_shape or ())[1:], file)
    part = _new_part(examples, x, encoder if with_target else None, file, restore_target_preparation(entries))
    part = replace(part, token_target=tokens)
    if windows is None:
        return part
    return _windows(part, examples, windows, file, with_target=with_target)


def _groups_left(layout: _Layout, column: str | int | None) -> str | int | None:
    """Take the column of groups out of a layout; return it where only the examples show it.

    The model does not take it, so that a file need not have it.
    """
    # Of columns that a csv file has next to pictures, the layout is apart.
    table = layout.get("list", layout)
    if column is None or "features" not in table:
        return column
    name = group_name(column, tuple(table["features"]))
    known = {"features": [one for one in table["features"] if one != name]}
    layout.update({"list": {**table, **known}} if "list" in layout else known)
    return None


def _require_file(file: Path, *, folder_allowed: bool) -> None:
    if file.is_file() or (file.is_dir() and folder_allowed):
        return
    if file.exists() and not file.is_dir():
        raise no_regular_file(file)
    text = "expected a data file, received a folder" if file.is_dir() else "there is no such data file"
    raise DataError(text, file=file, hint="name a csv or npz file with the run's columns")


def _require_shape(x: np.ndarray, expected: tuple[int | None, ...] | None, file: Path) -> None:
    if expected is not None and x.shape[1:] != tuple(expected):
        raise DataError(
            f"the run's model takes examples of shape {list(expected)}, the file has {list(x.shape[1:])}",
            file=file,
            hint="give the examples as the run's own data have them, before any preparation",
        )


def _new_part(
    examples: Examples, x: np.ndarray, encoder: TargetEncoder | None, file: Path, target: TargetPreparation | None
) -> DataPart:
    """Return new examples, with their targets encoded and prepared as the run's own if there is an encoder."""
    rows = np.arange(len(x)) if examples.rows is None else examples.rows
    if encoder is None:
        y: Any = np.empty((len(x), 0), dtype="float32")
        return DataPart(x, y, rows, origin=examples.origin, target_preparation=target)
    own = _encoded(examples, x, encoder, file)
    if target is None or examples.y is None:
        return DataPart(x, own, rows, origin=examples.origin)
    y = encoder.encode(target.apply(examples.y), x)
    return DataPart(x, y, rows, origin=examples.origin, own_y=own, target_preparation=target)


def _windows(part: DataPart, examples: Examples, windows: WindowSpec, file: Path, *, with_target: bool) -> DataPart:
    """Return the rows of a file as windows: all of them with their targets, or the last one of each series.

    Raises:
        DataError: No window fits.
    """
    series = examples.series
    assert series is not None, "a source with windows has series"  # noqa: S101
    try:
        if not with_target:
            return last_windows(part, series, windows)
        found = as_windows(part, series, windows, file.name)
    except DataError as error:
        raise DataError(error.text, file=file, hint=error.hint) from None
    return found


def _with_tokens(
    examples: Examples, x: np.ndarray, tokens: TokenTarget, facts: Facts, file: Path, *, with_target: bool
) -> tuple[Examples, np.ndarray]:
    """Return new examples with encoded targets of text, and prepared ones with what a decoder sees of these.

    Raises:
        DataError: A target is no text, or has a label that the run does not know.
    """
    y = None
    if with_target and examples.y is not None:
        try:
            with naming_step(tokens.step.name):
                y = tokens.encode(target_texts(examples, tokens.column))
        except ExampleError as error:
            lines = examples.origin.get("line")
            raise error.in_file(file, None if lines is None else int(lines[error.example])) from None
        examples = replace(examples, y=y)
    if not tokens.is_written:
        return examples, x
    # Columns come before the arrays next to them.
    columns = x.shape[1] - sum(map(prod, facts.arrays.values()))
    seen = tokens.decoder_input(len(x), y).astype(x.dtype)
    return examples, np.hstack([x[:, :columns], seen, x[:, columns:]])


def _parquet_source(source: Csv, layout: Mapping[str, Any]) -> Parquet:
    """Return a source for Parquet files whose columns have the types of the run's csv file."""
    known = {*layout["features"], *layout["targets"]}
    types: dict[str, Any] = {name: kind for name, kind in source.stated_types.items() if name in known}
    types |= dict.fromkeys(layout["text"], "category")
    types |= {name: {"date": form} if form else "date" for name, form in layout.get("dates", {}).items()}
    parquet = Parquet("", types=types)
    parquet.missing_allowed, parquet.drop_missing_target = source.missing_allowed, source.drop_missing_target
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
    except ExampleError as error:
        raise error.in_file(file, None if lines is None else int(lines[error.example])) from None
    except DataError as error:
        raise DataError(error.text, file=file, hint=error.hint) from None
