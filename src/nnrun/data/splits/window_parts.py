"""The parts of a table as windows: each part's rows become the windows that lie within it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns, label
from nnrun.data.dataset import DataPart, add_shared
from nnrun.data.missing_targets import missing_targets
from nnrun.data.prepare.step import missing_mask
from nnrun.data.series.calendar import TimeColumn, format_times, infer_step
from nnrun.data.series.reference import ForecastReference, target_matrix
from nnrun.data.series.series_rows import joined
from nnrun.data.series.windows import RowWindows, too_short, window_starts
from nnrun.data.splits.forward import cut_in_order, cut_off_end, forward_rows, time_order
from nnrun.data.splits.parts import shared_parts
from nnrun.errors import DataError
from nnrun.formatting import format_count
from nnrun.spec.facts import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.dataset import Examples, SourceData
    from nnrun.data.series.series_rows import SeriesRows
    from nnrun.data.series.windows import WindowSpec
    from nnrun.progress import Progress
    from nnrun.spec.data import Split
    from nnrun.spec.facts import TargetFacts

#: Cuts rows, whose places in time are given, into the parts of a split.
Cut = Callable[[np.ndarray, "Split | None"], "dict[str, np.ndarray]"]
#: Error for folds of windows that are neither forward folds nor folds of whole series.
NO_FOLDS = (
    "k_fold would train on windows that overlap those it tests; write `forward: {n_splits: 5}`, or name the series by "
    "`group` in the source, which then stay together"
)


def require_horizon(facts: Mapping[str, TargetFacts], spec: WindowSpec) -> None:
    """Refuse several steps of classes ahead.

    Raises:
        DataError: A target of classes is to be predicted for more than one row.
    """
    for name, about in facts.items():
        if spec.horizon > 1 and about.task == "classification" and name not in FIELDS:
            text = f"a horizon of {spec.horizon} rows is for targets of numbers, and the loss compares classes"
            raise DataError(text, hint="write `horizon: 1`, or a loss such as mean_squared_error")


@dataclass(frozen=True)
class Filled:
    """Examples whose missing values are filled with stand-ins, and where these were.

    Attributes:
        examples: The examples, without missing values.
        usable: Whether each row may be in a window, shape (rows,).
    """

    examples: Examples
    usable: np.ndarray


def fill_missing(examples: Examples, *, keep_features: bool) -> Filled:
    """Fill missing values with stand-ins that no window will hold.

    Args:
        examples: The rows of a part.
        keep_features: Whether missing features stay, as a step fills them in.
    """
    usable = np.ones(len(examples), dtype=bool)
    x, y = examples.x, examples.y
    if isinstance(x, Columns) and not keep_features:
        columns = {}
        for name, column in x.values.items():
            missing = missing_mask(column)
            usable &= ~missing
            columns[name] = _filled(column, missing)
        x = Columns(columns)
    if isinstance(y, Columns):
        usable &= ~missing_targets(y)
        y = Columns({name: _filled(column, missing_mask(column)) for name, column in y.values.items()})
    elif y is not None:
        usable &= ~missing_targets(y)
        y = _filled(y, missing_mask(y))
    return Filled(replace(examples, x=x, y=y), usable)


def _filled(column: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if not missing.any():
        return column
    stand_in = column[~missing].flat[0] if not missing.all() else "" if column.dtype == object else 0
    return np.where(missing, stand_in, column)


def as_windows(
    part: DataPart, series: SeriesRows, spec: WindowSpec, name: str, usable: np.ndarray | None = None
) -> DataPart:
    """Return the rows of a part as the windows that lie within it.

    Args:
        part: The prepared and encoded rows.
        series: Which series each row belongs to.
        spec: The windows.
        name: The name of the part, for messages.
        usable: Whether each row may be in a window; None where all may.

    Returns:
        Windows; `rows` is the row in the source of the first target of each, and so are the columns of its origin.

    Raises:
        DataError: No window fits.
    """
    order = None if bool((np.diff(series.key) > 0).all()) else np.argsort(series.key, kind="stable")
    key = series.key if order is None else series.key[order]
    usable = usable if order is None or usable is None else usable[order]
    starts = window_starts(key, spec, usable)
    if not len(starts):
        hint = "write a smaller `window` or `horizon`, or a larger part"
        if usable is not None and len(window_starts(key, spec)):
            raise DataError(f"every window of the {name} part holds a missing value", hint="add a step that fills them")
        raise DataError(too_short(name, key, spec), hint=hint)
    first_target = starts + spec.window
    rows = first_target if order is None else order[first_target]

    def sorted_rows(values: np.ndarray) -> np.ndarray:
        return values if order is None else values[order]

    x = RowWindows(sorted_rows(part.x), starts, spec.window)

    def targets(values: np.ndarray, key: str = "") -> Any:
        if key in FIELDS:
            return x
        return RowWindows(sorted_rows(values), starts, spec.horizon, offset=spec.window, is_flat=True)

    def encoded(y: Any) -> Any:
        return {key: targets(one, key) for key, one in y.items()} if isinstance(y, dict) else targets(y)

    weight = None if part.sample_weight is None else part.sample_weight[rows]
    origin = {column: values[rows] for column, values in part.origin.items()}
    if series.time is not None:
        origin["time"] = TimeColumn(series.time[rows], series.date_format)
    if series.group is not None:
        origin["group"] = series.group[rows]
    return DataPart(
        x,  # type: ignore[arg-type]
        encoded(part.y),
        part.rows[rows],
        weight,
        origin,
        own_y=None if part.own_y is None else encoded(part.own_y),
        target_preparation=part.target_preparation,
    )


def windowed_facts(facts: Mapping[str, TargetFacts], spec: WindowSpec) -> dict[str, TargetFacts]:
    """Return the facts of targets of rows as those of the rows after a window."""
    return {
        key: about
        if key in FIELDS or about.form != "number"
        else replace(about, targets=(about.targets or 1) * spec.horizon)
        for key, about in facts.items()
    }


def window_parts(
    data: SourceData,
    examples: Mapping[str, Examples],
    parts: Mapping[str, DataPart],
    usable: Mapping[str, np.ndarray] | None,
    progress: Progress,
) -> dict[str, DataPart]:
    """Return every part of a source as its windows, and report how many windows are left out.

    Args:
        data: The data of the source.
        examples: The rows of each part as the source has them.
        parts: The same, prepared and encoded.
        usable: Whether each row of each part may be in a window; None where all may.
        progress: Receives notes.

    Raises:
        DataError: No window fits into a part.
    """
    spec, found = data.windows, {}
    assert spec is not None, "called for windows only"  # noqa: S101
    for name, part in parts.items():
        series = examples[name].series
        assert series is not None, "a source with windows has series"  # noqa: S101
        may = None if usable is None else usable[name]
        found[name] = windows = as_windows(part, series, spec, name, may)
        if name != "train":
            found[name] = replace(windows, reference=_reference(data, examples, name, windows))
        if may is not None and not may.all():
            every = len(window_starts(np.sort(series.key), spec))
            left, rows = every - len(found[name]), format_count(int((~may).sum()), "row")
            progress.say(f"{left:,} of {every:,} windows of the {name} part hold one of {rows} with a missing value.")
    return found


def _reference(
    data: SourceData, examples: Mapping[str, Examples], name: str, windows: DataPart
) -> ForecastReference | None:
    """Return what forecasts of a part are compared with: the rows of the file that it is from."""
    part, train, spec = examples[name], examples["train"], data.windows
    assert spec is not None, "called for windows only"  # noqa: S101
    assert part.series is not None, "a source with windows has series"  # noqa: S101
    assert train.series is not None, "a source with windows has series"  # noqa: S101
    past = [part] if part.rows is None else _of_one_file(data)
    values = [target_matrix(one.y) for one in past]
    trained_values = target_matrix(train.y)
    if trained_values is None or any(one is None for one in values):
        return None
    # `rows` of windows counts the source, the keys are those of the part.
    place = windows.rows if part.rows is None else np.searchsorted(part.rows, windows.rows)
    return ForecastReference(
        joined([one.series for one in past if one.series is not None]),
        np.concatenate([one for one in values if one is not None]),
        data.target_names,
        part.series.key[place],
        train.series,
        trained_values,
        spec,
    )


def _of_one_file(data: SourceData) -> list[Examples]:
    """Return the examples whose rows are those of the source's file; parts with a file of their own number theirs."""
    own = [part for part in (data.validation, data.test) if part is not None and part.rows is not None]
    return [data.train, *own]


def window_sizes(
    series: SeriesRows, times: np.ndarray | None, has_groups: bool, spec: WindowSpec, split: Split | None
) -> dict[str, int]:
    """Return the number of windows of each part of a split; of folds, those of the first.

    Raises:
        ValueError: The split is impossible, or leaves a part without a window.
    """
    require_split_in_time(split, has_groups=has_groups)
    if split is not None and split.k_fold is not None:
        return {}  # the series of a fold are known only once all of it is read
    counts = {}
    for name, rows in cut_rows(series, times, split, _cut_first_fold).items():
        key = np.sort(series.key[rows])
        counts[name] = len(window_starts(key, spec))
        if not counts[name]:
            raise ValueError(too_short(name, key, spec))
    counts = add_shared(counts, shared_parts(split))
    return {name: counts[name] for name in ("train", "validation", "test") if name in counts}


def cut_rows(
    series: SeriesRows, times: np.ndarray | None, split: Split | None, cut: Cut = cut_in_order
) -> dict[str, np.ndarray]:
    """Return the rows of each part, cut in the order of time; without times each series by the order of its rows.

    Args:
        series: Which series each row belongs to.
        times: The time of each row, or None.
        split: The config's split.
        cut: How rows of one order are cut.

    Raises:
        ValueError: The split is impossible.
    """
    if times is not None or series.group is None:
        return cut(time_order(len(series.key), times), split)
    number, place = _number_and_place(series)
    found: dict[str, list[np.ndarray]] = {}
    for one in range(int(number.max()) + 1):
        rows = np.flatnonzero(number == one)
        for name, index in cut(place[rows], split).items():
            found.setdefault(name, []).append(rows[index])
    return {name: np.sort(np.concatenate(rows)) for name, rows in found.items()}


def series_order(series: SeriesRows, times: np.ndarray | None) -> np.ndarray:
    """Return the place of each row in time, as `time_order` does; without times its place in its series."""
    return time_order(len(series.key), times) if times is not None else _number_and_place(series)[1]


def _number_and_place(series: SeriesRows) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the series of each row, and its place in it, both counted from 0."""
    order = np.argsort(series.key, kind="stable")
    begins = np.concatenate([[True], np.diff(series.key[order]) != 1])
    number, place = np.empty(len(order), dtype="int64"), np.empty(len(order), dtype="int64")
    number[order] = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    place[order] = np.arange(len(order)) - first[number[order]]
    return number, place


def _cut_first_fold(order: np.ndarray, split: Split | None) -> dict[str, np.ndarray]:
    """Return the rows of each part of a split, or of its first fold."""
    if split is None or split.forward is None or split.cross_validation is None:
        return cut_in_order(order, split)
    rest, test = next(forward_rows(order, split.forward))
    parts = {"train": rest, "test": test}
    if isinstance(split.validation, float):
        parts["train"], parts["validation"] = cut_off_end(order, rest, split.validation, split.forward.gap)
    return parts


def require_split_in_time(split: Split | None, *, has_groups: bool) -> None:
    """Refuse to split windows in another way than by time, by whole series, or by a column.

    Raises:
        ValueError: They are to be.
    """
    if split is None:
        return
    if split.stratify:
        raise ValueError("windows are cut by time; leave out `stratify: true`")
    if split.k_fold is not None and not has_groups:
        raise ValueError(NO_FOLDS)


def last_windows(part: DataPart, series: SeriesRows, spec: WindowSpec) -> DataPart:
    """Return the last window of each series, after which it goes on.

    Args:
        part: The prepared rows.
        series: Which series each row belongs to.
        spec: The windows.

    Returns:
        Windows without targets; `rows` is the last row of each, and its origin has the `next` times of its horizon
        (as a list, where there are times) and its `group`.

    Raises:
        DataError: A series has fewer rows than a window, or its times have no usual distance.
    """
    order = np.argsort(series.key, kind="stable")
    key = series.key[order]
    ends = np.append(np.flatnonzero(np.diff(key) != 1), len(key) - 1)
    lengths = np.diff(np.concatenate([[-1], ends]))
    if (short := np.flatnonzero(lengths < spec.window)).size:
        name = "" if series.group is None else f" {label(series.group[order[ends[short[0]]]])!r}"
        rows = format_count(int(lengths[short[0]]), "row")
        text = f"the model takes a window of {spec.window} rows, and the series{name} has {rows}"
        raise DataError(text, hint="give more of its past, or leave its rows out of the file")
    starts, last = (ends - spec.window + 1).astype("int32"), order[ends]
    origin: dict[str, np.ndarray] = {}
    if series.time is not None:
        origin["next"] = _next_times(series, order, key, last, spec.horizon)
    if series.group is not None:
        origin["group"] = series.group[last]
    x = RowWindows(part.x[order], starts, spec.window)
    # There are no targets; a step takes some all the same.
    stand_in = RowWindows(np.zeros((len(order), 1), dtype="float32"), starts, 1, is_flat=True)
    prepared = part.target_preparation
    return DataPart(x, stand_in, part.rows[last], origin=origin, target_preparation=prepared)  # type: ignore[arg-type]


def _next_times(series: SeriesRows, order: np.ndarray, key: np.ndarray, last: np.ndarray, horizon: int) -> np.ndarray:
    """Return the times after the last row of each series, as the file writes them: shape (series, horizon)."""
    assert series.time is not None, "called where there are times"  # noqa: S101
    step = infer_step(series.time[order], key, are_dates=series.date_format is not None)
    if step is None:
        raise DataError(
            "the times of the file have no usual distance, so that they cannot be continued",
            hint="give the rows of one distance, such as one a day",
        )
    following = np.concatenate([step.continued(float(time), horizon) for time in series.time[last]])
    return np.array(format_times(following, series.date_format), dtype=object).reshape(len(last), horizon)
