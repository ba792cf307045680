"""From the `data:` of a config to arrays: load, split, prepare, encode."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.all_sources import new_source
from nnrun.data.columns import Columns
from nnrun.data.dataset import ALL_TARGETS, DataPart, Dataset, Examples, add_shared, as_data_error, build_facts
from nnrun.data.files.digests import array_sha256, digests, file_sha256
from nnrun.data.missing_targets import dropped_note
from nnrun.data.prepare import table_arrays
from nnrun.data.prepare.registry import (
    allow_missing,
    fills_missing,
    fitted_json,
    new_step,
    stream_error,
    vocabulary_size,
)
from nnrun.data.prepare.step import RAGGED_EXAMPLES, ExampleError, naming_step
from nnrun.data.sources.labelled_files import LabelledFiles
from nnrun.data.sources.table import note_named_columns
from nnrun.data.splits.forward import cut_in_order, time_order
from nnrun.data.splits.groups import separate_groups
from nnrun.data.splits.parts import STRATIFIED_NUMBERS, STRATIFIED_TARGETS, check_split, shared_parts, split_rows
from nnrun.data.splits.window_parts import (
    cut_rows,
    fill_missing,
    require_horizon,
    require_split_in_time,
    window_parts,
    windowed_facts,
)
from nnrun.data.streaming.streams import Stream, check_finite
from nnrun.data.streaming.table_arrays import array_shapes, on_disk, side_by_side
from nnrun.data.target_encoding import (
    WHOLE_TARGET,
    encode_targets,
    encoded_forms,
    fit_target_encoder,
    forms_by_target,
    learn_classes,
)
from nnrun.data.target_preparation import fit_target_preparation
from nnrun.data.text.load_text import load_text
from nnrun.data.text.text_source import TextSource
from nnrun.data.token_facts import NO_WINDOWS, NO_WINDOWS_HINT, makes_tokens
from nnrun.data.token_targets import fit_token_target
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Source, SourceData
    from nnrun.data.prepare.step import ArrayOrTable, Step
    from nnrun.data.target_encoding import TargetEncoder
    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec, Split
    from nnrun.spec.facts import TargetForms
    from nnrun.spec.part import Part


def load(
    spec: DataSpec,
    *,
    form: TargetForms,
    seed: int,
    paths: DataPaths,
    progress: Progress,
    examine: Callable[[SourceData], object] = lambda _: None,
) -> Dataset:
    """Load, split, prepare and encode the data of a config.

    Args:
        spec: The config's `data:`.
        form: The form in which the loss takes targets, or one for each target: by the name of its column, or by the
            word of a field (`$image`), which is then the prepared input itself. A step that encodes the target
            (`OneHot: target`) goes before it.
        seed: The seed of the experiment, for the split.
        paths: Where files are found.
        progress: Receives notes, warnings and progress.
        examine: Receives the examples as the source has them, before anything is done with them; not those of a text.

    Returns:
        All parts; of a cross-validation the data set of its final fit, all rows (`load_folded` returns the folds).

    Raises:
        DataError: The data cannot be used; with file, row and column where there are any.
    """
    source = make_source(spec.source, spec.prepare, spec.split, spec.prepare_target)
    if isinstance(source, TextSource):
        return load_text(source, spec, form=form, paths=paths, progress=progress)
    data = read_source(source, spec.split, paths, progress)
    examine(data)
    parts = split_parts(data, spec.split, seed)
    with data.naming_file():
        return prepare_dataset(data, parts, spec, form=form, seed=seed, progress=progress)


def make_source(
    part: Part, prepare: Sequence[Part] = (), split: Split | None = None, prepare_target: Sequence[Part] = ()
) -> Source | TextSource:
    """Return the source that a config names; a table keeps missing features where a step of `prepare` fills them in.

    A table also knows the columns that `prepare` and `split` name, and whether steps take its target for text.

    Raises:
        DataError: Its arguments contradict each other.
    """
    source: Source | TextSource = _created(new_source, part)
    allow_missing(source, prepare)
    with as_data_error("split"):
        note_named_columns(source, prepare, split, prepare_target)
    return source


def _created(create: Callable[[Part], Any], part: Part) -> Any:
    try:
        return create(part)
    except (TypeError, ValueError) as error:
        raise DataError(f"{part.name}: {error}") from None


def read_source(source: Source, split: Split | None, paths: DataPaths, progress: Progress) -> SourceData:
    """Return the examples of a source, with the column of groups apart; note which rows are left out or stay on disk.

    Raises:
        DataError: They cannot be read, or there is no such column.
    """
    data = source.load(paths, progress)
    if on_disk(data.train.x):
        progress.say(f"The {len(data.train):,} examples stay on disk and are read while they are trained on.")
    for name, count in data.dropped.items():
        progress.say(dropped_note(name, count))
    with as_data_error("split"):
        return separate_groups(data, split)


def split_parts(data: SourceData, split: Split | None, seed: int) -> dict[str, Examples]:
    """Return the examples of `train`, and of `validation` and `test` where there are any.

    Raises:
        DataError: The split is impossible.
    """
    rows = part_rows(data, split, seed)
    whole = len(rows["train"]) == len(data.train)
    parts = {part: data.train if whole else data.train.take(index) for part, index in rows.items()}
    return {**parts, **own_parts(data, split)}


def part_rows(data: SourceData, split: Split | None, seed: int) -> dict[str, np.ndarray]:
    """Return the rows of the source's training part that each part of a split takes.

    Raises:
        DataError: The split is impossible.
    """
    own_test, own_validation = (0 if part is None else len(part) for part in (data.test, data.validation))
    with as_data_error("split"):
        check_split(own_test, split, own_validation)
        if data.windows is not None or (split is not None and split.forward is not None):
            check_independent(data, split)
        if data.windows is not None and data.train.series is not None:
            return cut_rows(data.train.series, data.times, split)
        if split is not None and split.forward is not None:
            return cut_in_order(time_order(len(data.train), data.times), split)
        classes = classes_to_stratify(data) if split is not None and split.stratify else None
        return split_rows(len(data.train), split, classes, seed, data.groups)


def check_independent(data: SourceData, split: Split | None) -> None:
    """Refuse to cut rows by time that stay together in groups, and windows that are to be split in another way.

    Raises:
        ValueError: They do, or are.
    """
    if data.windows is not None:
        require_split_in_time(split, has_groups=data.groups is not None)
    elif data.groups is not None:
        raise ValueError("`forward` cuts rows by time, which separates rows of one group; leave out `group`")


def own_parts(data: SourceData, split: Split | None) -> dict[str, Examples]:
    """Return the source's own test and validation part; of a cross-validation the test part alone."""
    is_folded = split is not None and split.cross_validation is not None
    own = {"test": data.test, "validation": None if is_folded else data.validation}
    return {name: part for name, part in own.items() if part is not None}


def classes_to_stratify(data: SourceData) -> np.ndarray:
    """Return one class number a row.

    Raises:
        ValueError: The target is not one column of classes.
    """
    y = data.train.y
    if y is None or isinstance(y, Columns) or (y.ndim > 1 and y.shape[1] > 1):
        raise ValueError(STRATIFIED_TARGETS)
    if data.task == "regression":
        raise ValueError(STRATIFIED_NUMBERS)
    classes = learn_classes([y], "integer", data.target_names)
    if len(classes) > len(y) / 2:
        raise ValueError(f"`stratify: true` needs classes, but {len(y)} rows have {len(classes)} different targets")
    return encode_targets(y, "integer", classes)


def prepare_dataset(
    data: SourceData,
    parts: Mapping[str, Examples],
    spec: DataSpec,
    *,
    form: TargetForms,
    seed: int,
    progress: Progress,
) -> Dataset:
    """Prepare and encode the parts of a split; the preparation is fitted to `parts["train"]` alone.

    Raises:
        DataError: The parts do not suit the preparation or the loss.
    """
    steps = [_created(partial(new_step, seed=seed), part) for part in spec.prepare]
    parts, complete = _complete(data, parts, spec)
    places = {name: partial(part.place, part=name) for name, part in parts.items()}
    tokens, data, parts = fit_token_target(spec.prepare_target, data, parts, steps, progress)
    x = _prepare(parts, spec.prepare, steps, progress, None if complete is None else complete["train"])
    if tokens is not None:
        x = {name: tokens.with_decoder_input(block, parts[name].y) for name, block in x.items()}
    _check_written(data, x["train"], encoded_forms(form, steps))
    whole = data.vocabulary is not None
    arrays = {name: model_array(block, places[name], keep_integers=whole) for name, block in x.items()}
    shape = arrays["train"].shape[1:]
    encoder = None if tokens is None else tokens.encoder(data.target_names, form)
    encoder = encoder or fit_target_encoder(
        data, [part.y for part in parts.values()], encoded_forms(form, steps), shape
    )
    numbers = () if tokens is not None else spec.prepare_target
    y, horizon = _known_targets(parts["train"], complete), 1 if data.windows is None else data.windows.horizon
    target = fit_target_preparation(numbers, y, data.target_names, form, progress, horizon)
    done = {
        name: replace(_data_part(parts[name], name, array, encoder, target), token_target=tokens)
        for name, array in arrays.items()
    }
    shared = shared_parts(spec.split)
    array_digests = _array_digests({name: part for name, part in done.items() if name not in shared})
    target_facts = encoder.facts
    if data.windows is not None:
        require_horizon(target_facts, data.windows)
        target_facts = windowed_facts(target_facts, data.windows)
        done = window_parts(data, parts, done, complete, progress)
    fitted = [fitted_json(part, step) for part, step in zip(spec.prepare, steps, strict=True)]
    fitted += [] if (known := target or tokens) is None else known.state(spec.prepare_target)
    layout = [{"source": spec.source.name, "layout": dict(data.layout)}] if data.layout else []
    facts = build_facts(
        target_facts,
        shape,
        columns=x["train"].names if isinstance(x["train"], Columns | Stream) else (),
        arrays=array_shapes(x["train"]),
        target_names=data.target_names,
        rows=add_shared({name: len(part) for name, part in done.items()}, shared),
        vocabulary=vocabulary_size(steps) or data.vocabulary,
        streamed=on_disk(data.train.x),
        windows=data.windows,
        sample_rate=data.sample_rate,
    )
    found = file_digests(data) | array_digests
    return Dataset.from_parts(done, shared, facts=facts, digests=found, fitted=(*layout, *fitted), dropped=data.dropped)


def _known_targets(train: Examples, complete: Mapping[str, np.ndarray] | None) -> np.ndarray | Columns | None:
    """Return the targets of the training part, or of those of its rows that are complete."""
    return train.y if train.y is None or complete is None else train.y[complete["train"]]


def _complete(
    data: SourceData, parts: Mapping[str, Examples], spec: DataSpec
) -> tuple[Mapping[str, Examples], dict[str, np.ndarray] | None]:
    """Return parts whose missing values are filled, and which of their rows have none; None where all have.

    Raises:
        DataError: The target of windows is to become tokens or labels.
    """
    if makes_tokens(spec.prepare_target) and data.windows is not None:
        raise DataError(NO_WINDOWS, hint=NO_WINDOWS_HINT)
    if data.windows is None or not data.windows.drop_missing:
        return parts, None
    fills = fills_missing(spec.prepare)
    filled = {name: fill_missing(part, keep_features=fills) for name, part in parts.items()}
    return {name: one.examples for name, one in filled.items()}, {name: one.usable for name, one in filled.items()}


def _data_part(
    examples: Examples, name: str, array: Any, encoder: TargetEncoder, target: TargetPreparation | None
) -> DataPart:
    """Return a part whose targets are encoded, and prepared where the config says so."""
    own, y = encoder.encode(examples.y, array), None
    if target is not None and examples.y is not None:
        y = encoder.encode(target.apply(examples.y), array)
    return DataPart(
        array,
        own if y is None else y,
        np.arange(len(examples)) if examples.rows is None else examples.rows,
        sample_weights(examples, name),
        examples.origin,
        own_y=None if y is None else own,
        target_preparation=None if y is None else target,
    )


def _check_written(data: SourceData, x: ArrayOrTable | Stream, forms: TargetForms) -> None:
    """Refuse columns of text that hold numbers or dates where the model or the loss needs numbers, as `check` does.

    Raises:
        DataError: The line that reads the first of them.
    """
    numbers = {key for key, form in forms_by_target(forms).items() if form == "number"}
    targets = data.target_names if numbers & {ALL_TARGETS, WHOLE_TARGET} else numbers & {*data.target_names}
    names = [*(x.text() if isinstance(x, Columns) else ()), *targets]
    finding = next(data.written.findings(names, ()), None)
    if finding is not None:
        raise DataError(finding.text, hint=finding.hint)


def _prepare(
    parts: Mapping[str, Examples],
    prepare: Sequence[Part],
    steps: Sequence[Step],
    progress: Progress,
    complete: np.ndarray | None = None,
) -> dict[str, ArrayOrTable | Stream]:
    """Fit every step to the training part, or to those of its rows that are complete, and apply it to all parts."""
    x: dict[str, ArrayOrTable | Stream] = {name: part.x for name, part in parts.items()}
    for part, step in zip(prepare, steps, strict=True):
        with naming_step(part.name):
            train, y = x["train"], parts["train"].y
            if complete is not None:
                train, y = train[complete], None if y is None else y[complete]
            try:
                notes = fit_step(part.name, step, train, y)
            except ExampleError as error:
                raise error.at(parts["train"].place(error.example, "train")) from None
            for note in notes:
                progress.say(note)
            x = {name: _applied(step, block, name, parts[name]) for name, block in x.items()}
    return x


def fit_step(name: str, step: Step, x: ArrayOrTable | Stream, y: np.ndarray | Columns | None = None) -> list[str]:
    """Fit a step to the training part, whose targets are `y`; return notes for the user.

    Raises:
        ValueError: The examples do not suit the step, or it cannot be fitted to a stream.
        DataError: An example cannot be read.
    """
    if not isinstance(x, Stream):
        return table_arrays.fit_step(step, x, None if isinstance(y, Columns) else y)
    error = stream_error(name, step, table=isinstance(x.head, Columns))
    if error is not None:
        raise ValueError(error)
    return step.fit_blocks(x)


def _applied(step: Step, block: ArrayOrTable | Stream, part: str, examples: Examples) -> ArrayOrTable | Stream:
    """Apply a fitted step to the examples of a part."""
    if isinstance(block, Stream):
        return block.with_step(step)
    try:
        return table_arrays.apply_step(step, block, to_training=part == "train")
    except ExampleError as error:
        raise error.at(examples.place(error.example, part)) from None


def apply_steps(
    x: ArrayOrTable, steps: Sequence[Step], place: Callable[[int], str] | None = None, *, keep_integers: bool = False
) -> np.ndarray:
    """Prepare new examples in memory with fitted steps; return the array that the model takes.

    Args:
        x: The examples as their source has them.
        steps: The fitted steps, in order.
        place: Returns in words where an example comes from; None: counted from 0.
        keep_integers: Whether integers stay integers.

    Raises:
        DataError: The examples do not suit the steps.
    """
    for step in steps:
        with naming_step(step.name):
            x = table_arrays.apply_step(step, x)
    array: np.ndarray = model_array(x, place or _counted, keep_integers=keep_integers)
    return array


def _counted(row: int) -> str:
    return f"example {row} (counted from 0)"


def model_array(x: ArrayOrTable | Stream, place: Callable[[int], str], *, keep_integers: bool) -> Any:
    """Return prepared examples as the model takes them: float32, C-contiguous; a stream of such.

    Args:
        x: The prepared examples.
        place: Returns in words where an example comes from, for messages.
        keep_integers: Whether integers become int32 instead.

    Raises:
        DataError: They hold text, have different lengths, or hold a number that is not finite.
    """
    if isinstance(x, Stream):
        return x.finalized()
    if isinstance(x, Columns):
        try:
            array = side_by_side(x)
        except ValueError as error:
            raise DataError(str(error)) from None
        if isinstance(array, Stream):
            return array.finalized()
    elif x.dtype == object:
        raise DataError(f"{RAGGED_EXAMPLES}; add a step such as PadSequences: 100")
    else:
        array = np.ascontiguousarray(x, dtype="int32" if keep_integers and x.dtype.kind in "iu" else "float32")
    check_finite(array, place)
    return array


def sample_weights(examples: Examples, part: str) -> np.ndarray | None:
    """Return the weights of the examples as training takes them: float32 of shape (rows,).

    Raises:
        DataError: A weight is negative or not finite, or all are 0.
    """
    if examples.weight is None:
        return None
    wrong = np.flatnonzero(~(np.isfinite(examples.weight) & (examples.weight >= 0)))
    if len(wrong):
        raise DataError(
            f"sample_weight: expected numbers of at least 0, received {examples.weight[wrong[0]]:g} "
            f"in {examples.place(int(wrong[0]), part)}",
            hint="correct it, or name another column",
        )
    if not examples.weight.any():
        raise DataError(
            f"sample_weight: all weights of the {part} part are 0, so that no example counts",
            hint="name another column",
        )
    return examples.weight.astype("float32")


def _array_digests(parts: Mapping[str, DataPart]) -> dict[str, str]:
    x: dict[str, Any] = {name: part.x for name, part in parts.items()}
    arrays = {f"{name}.x": array for name, array in x.items() if not isinstance(array, Stream)}
    arrays |= {f"{name}.{axis}": array for name, part in parts.items() for axis, array in _target_arrays(part)}
    streams = {f"{name}.stream": stream.digest() for name, stream in x.items() if isinstance(stream, Stream)}
    return digests(arrays, array_sha256) | streams


def _target_arrays(part: DataPart) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array of a part except `x`; targets that are the input itself are left out."""
    if isinstance(part.y, dict):
        yield from ((f"y.{key}", array) for key, array in part.y.items() if key not in FIELDS)
    else:
        yield "y", part.y
    if part.sample_weight is not None:
        yield "sample_weight", part.sample_weight


def file_digests(data: SourceData) -> dict[str, str]:
    """Return the digests of the files that were read, each as `file:NAME`."""
    return _file_digests(data.files, data.digests)


def current_file_digests(source: Source | TextSource, paths: DataPaths, progress: Progress) -> dict[str, str]:
    """Return the digests of the files of a source as they are now, each as `file:NAME`.

    The source is read only where its files are not known without.

    Raises:
        DataError: The files are missing, or cannot be read.
    """
    if isinstance(source, TextSource):
        return _file_digests(source.files(paths, progress), {})
    if isinstance(source, LabelledFiles):
        return _file_digests(source.files(paths), source.digests(paths))
    return file_digests(source.load(paths, progress))


def _file_digests(files: Mapping[str, Path], computed: Mapping[str, str]) -> dict[str, str]:
    found = digests({f"file:{name}": file for name, file in files.items()}, file_sha256)
    return found | {f"file:{name}": digest for name, digest in computed.items()}
