"""From a config's `data:` to arrays: load, split, prepare, encode."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nnrun.data.all_sources import new_source
from nnrun.data.columns import Columns
from nnrun.data.dataset import DataPart, Dataset
from nnrun.data.files.digests import array_sha256, digests, file_sha256
from nnrun.data.prepare.categories import OneHot
from nnrun.data.prepare.registry import allow_missing, fitted_json, new_step
from nnrun.data.prepare.step import RAGGED_LEFT, UnseenCategoryError
from nnrun.data.sources.images import Images
from nnrun.data.splits.groups import grouped
from nnrun.data.splits.parts import refuse, shared, split_rows
from nnrun.data.streaming.fit import fit_stream
from nnrun.data.streaming.streams import Stream
from nnrun.data.target_encoding import encode, fit_target_encoder, learn_classes
from nnrun.data.text.load_text import load_text
from nnrun.data.text.text_source import TextSource
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS, Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Examples, Source, SourceData
    from nnrun.data.prepare.step import ArrayOrTable, Step
    from nnrun.data.target_encoding import TargetEncoder
    from nnrun.progress import Progress
    from nnrun.spec.data import DataSpec, Split
    from nnrun.spec.facts import TargetForm, TargetForms
    from nnrun.spec.part import Part

    #: Examples between two steps, in memory or on disk.
    Held: TypeAlias = ArrayOrTable | Stream


def load(spec: DataSpec, *, form: TargetForms, seed: int, paths: DataPaths, progress: Progress) -> Dataset:
    """Load, split, prepare and encode the data of a config.

    Args:
        spec: The config's `data:`.
        form: How the loss takes targets, or how each output's loss takes its own: by the target column's name, or by
            the word of a field (`$image`), which is then the prepared input itself. A step that states an encoding
            (`OneHot: target`) goes before it.
        seed: The experiment's seed, for the split.
        paths: Where files lie.
        progress: Who is told.

    Returns:
        All parts; of a cross-validation what its final fit takes, all rows (a fold's come from `load_folded`).

    Raises:
        DataError: The data cannot be used; with file, row and column where there are any.
    """
    source = make_source(spec.source, spec.prepare)
    if isinstance(source, TextSource):
        return load_text(source, spec, form=form, paths=paths, progress=progress)
    raw = separate_groups(read(source, paths, progress), spec.split)
    parts, rows = split_parts(raw, spec.split, seed)
    return prepare_dataset(raw, parts, rows, spec, form=form, progress=progress)


def read(source: Source, paths: DataPaths, progress: Progress) -> SourceData:
    """A source's examples; says whether they stay on disk.

    Raises:
        DataError: They cannot be read.
    """
    raw = source.load(paths, progress)
    if isinstance(raw.train.x, Stream):
        progress.say(f"The {len(raw.train):,} examples stay on disk, and are read while they are trained on.")
    return raw


def split_parts(raw: SourceData, split: Split | None, seed: int) -> tuple[dict[str, Examples], dict[str, np.ndarray]]:
    """The examples of `train`, and of `validation` and `test` where there are such, and their rows in the source."""
    try:
        refuse(0 if raw.test is None else len(raw.test), split)
        by = classes_to_stratify(raw) if split is not None and split.stratify else None
        rows = split_rows(len(raw.train), split, by, seed, raw.groups)
    except ValueError as error:
        raise DataError(f"split: {error}") from None
    whole = len(rows["train"]) == len(raw.train)
    parts = {part: raw.train if whole else raw.train.take(index) for part, index in rows.items()}
    if raw.test is not None:
        parts["test"], rows["test"] = raw.test, np.arange(len(raw.test))
    return parts, rows


def prepare_dataset(
    raw: SourceData,
    parts: Mapping[str, Examples],
    rows: Mapping[str, np.ndarray],
    spec: DataSpec,
    *,
    form: TargetForms,
    progress: Progress,
) -> Dataset:
    """Prepare and encode parts that are already dealt out; the preparation is fitted on `parts["train"]` alone."""
    steps = make_steps(spec.prepare)
    x = _prepare(parts, steps, spec.prepare, progress)
    names, arrays = _arrays(x, codes=raw.vocabulary is not None)
    targets = fit_target_encoder(
        raw, [part.y for part in parts.values()], stated_forms(steps, form), arrays["train"].shape[1:]
    )
    done = {
        name: DataPart(array, targets.encode(parts[name].y, array), rows[name], weights(parts[name], name))
        for name, array in arrays.items()
    }
    twice = shared(spec.split)
    for part, other in twice.items():
        done[part] = done[other]
    fitted = tuple(fitted_json(part.name, part.arguments, step) for part, step in zip(spec.prepare, steps, strict=True))
    layout = ({"source": spec.source.name, "layout": dict(raw.layout)},) if raw.layout else ()
    return Dataset(
        done["train"],
        done.get("validation"),
        done.get("test"),
        _facts(raw, done, targets, names, arrays["train"].shape[1:]),
        _digests(raw, arrays, {name: part for name, part in done.items() if name not in twice}),
        (*layout, *fitted),
        twice,
    )


def make_steps(prepare: Sequence[Part]) -> list[Step]:
    """The steps of a config, not fitted yet.

    Raises:
        DataError: A step's arguments contradict each other.
    """
    return [_created(new_step, part) for part in prepare]


def stated_forms(steps: Sequence[Step], form: TargetForms) -> TargetForms:
    """The targets' forms: `one_hot` where a step says so, else the losses'; beside others, numbers stay numbers."""
    if not any(isinstance(step, OneHot) and step.target for step in steps):
        return form
    if isinstance(form, str):
        return "one_hot"
    lone = sum(key not in FIELDS for key in form) == 1
    stated: dict[str, TargetForm] = {
        key: "one_hot" if key not in FIELDS and (lone or one != "number") else one for key, one in form.items()
    }
    return stated


def apply_steps(x: ArrayOrTable, steps: Sequence[Step], *, codes: bool = False) -> tuple[tuple[str, ...], np.ndarray]:
    """Prepare examples with fitted steps: the columns' names, and the array that the model takes.

    Args:
        x: The examples as their source has them.
        steps: The fitted steps, in order.
        codes: Whether integers stay integers.

    Raises:
        DataError: The examples do not suit the steps.
    """
    for step in steps:
        with _refusing(type(step).__name__):
            x = step.apply(x)
    names, arrays = _arrays({"file": x}, codes=codes)
    return names, arrays["file"]


def make_source(part: Part, prepare: Sequence[Part] = ()) -> Source:
    """The source that a config names; a table keeps its missing features where a step of `prepare` fills them in.

    Raises:
        DataError: Its arguments contradict each other.
    """
    source: Source = _created(new_source, part)
    allow_missing(source, prepare)
    return source


def _created(create: Callable[[Part], Any], part: Part) -> Any:
    try:
        return create(part)
    except (TypeError, ValueError) as error:
        raise DataError(f"{part.name}: {error}") from None


def separate_groups(raw: SourceData, split: Split | None) -> SourceData:
    """The source's examples without the column that rows are grouped by, which is kept beside them.

    Raises:
        DataError: There is no such column.
    """
    try:
        return grouped(raw, split)
    except ValueError as error:
        raise DataError(f"split: {error}") from None


def classes_to_stratify(raw: SourceData) -> np.ndarray:
    """One class number a row.

    Raises:
        ValueError: The target is not one column of classes.
    """
    if isinstance(raw.train.y, Columns) or raw.train.y is None:
        raise ValueError("`stratify: true` needs a single target column")
    y = raw.train.y
    if y.ndim > 1 and y.shape[1] > 1:
        raise ValueError("`stratify: true` needs a single target column")
    if raw.task == "regression":
        raise ValueError("`stratify: true` needs classes, but this data set's target is a number")
    classes = learn_classes([y], "integer", raw.target_names)
    if len(classes) > len(y) / 2:
        raise ValueError(f"`stratify: true` needs classes, but {len(y)} rows have {len(classes)} different targets")
    return encode(y, "integer", classes)


def _prepare(
    parts: Mapping[str, Examples],
    steps: Sequence[Step],
    said: Sequence[Part],
    progress: Progress,
) -> dict[str, Held]:
    """The parts' examples after all steps; each step learns from the training part only."""
    x: dict[str, Held] = {name: part.x for name, part in parts.items()}
    for step, part in zip(steps, said, strict=True):
        with _refusing(part.name):
            train = x["train"]
            for note in fit_stream(step, train) if isinstance(train, Stream) else step.fit(train):
                progress.say(note)
            x = {name: _applied(step, name, block) for name, block in x.items()}
    return x


def _applied(step: Step, part: str, block: Held) -> Held:
    if isinstance(block, Stream):
        return block.then(step)
    try:
        return step.apply(block)
    except UnseenCategoryError as error:
        raise error.at(f"example {error.example} of the {part} part") from None


@contextmanager
def _refusing(step: str) -> Iterator[None]:
    """Turn a step's refusal into a data error that names the step."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"prepare: {step}: {error}") from None


def weights(examples: Examples, part: str) -> np.ndarray | None:
    """The examples' weights as training takes them: float32 of shape (rows,).

    Raises:
        DataError: A weight is negative or not finite, or all are 0.
    """
    if examples.weight is None:
        return None
    wrong = np.flatnonzero(~(np.isfinite(examples.weight) & (examples.weight >= 0)))
    if len(wrong):
        raise DataError(
            f"sample_weight: expected numbers of at least 0, received {examples.weight[wrong[0]]:g} "
            f"(example {wrong[0]} of the {part} part)",
            hint="correct it, or name another column",
        )
    if not examples.weight.any():
        raise DataError(
            f"sample_weight: all weights of the {part} part are 0, so that nothing counts",
            hint="name another column",
        )
    return examples.weight.astype("float32")


def _arrays(x: Mapping[str, Held], *, codes: bool = False) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The columns' names, and every part as float32 (codes as int32), row after row in memory, or a stream of such."""
    first = next(iter(x.values()))
    names = first.names if isinstance(first, Columns | Stream) else ()
    try:
        arrays = {name: _array(block, codes=codes) for name, block in x.items()}
    except ValueError as error:
        raise DataError(str(error)) from None
    for name, array in arrays.items():
        if not isinstance(array, Stream):
            _refuse_infinite(name, array)
    return names, arrays


def _array(block: Held, *, codes: bool) -> np.ndarray | Stream:
    if isinstance(block, Stream):
        return block.finished()
    if isinstance(block, Columns):
        return block.matrix()
    if block.dtype == object:
        raise ValueError(f"{RAGGED_LEFT}; add a step such as PadSequences: 100")
    return np.ascontiguousarray(block, dtype="int32" if codes and block.dtype.kind in "iu" else "float32")


def _refuse_infinite(part: str, array: np.ndarray) -> None:
    """A number that is not finite would silently turn every weight into NaN."""
    # The sum of a finite array is finite unless it overflows: one quick pass decides nearly always.
    with np.errstate(over="ignore", invalid="ignore"):
        quick = np.isfinite(np.sum(array, dtype="float64"))
    if not quick and not np.isfinite(array).all():
        row, *place = (int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise DataError(
            f"example {row} of the {part} part holds a number that is not finite or too large for float32, at {place}",
            hint="correct or leave out that example",
        )


def _facts(
    raw: SourceData,
    parts: Mapping[str, DataPart],
    targets: TargetEncoder,
    names: tuple[str, ...],
    shape: tuple[int, ...],
) -> Facts:
    first = next(iter(targets.facts.values()))
    return Facts(
        task=first.task,
        form=first.form,
        input_shape=shape,
        classes=first.classes,
        features=shape[-1] if shape else None,
        targets=first.targets,
        class_names=first.class_names,
        columns=names if len(shape) == 1 else (),
        target_names=raw.target_names,
        rows={name: len(parts[name]) for name in ("train", "validation", "test") if name in parts},
        vocabulary=raw.vocabulary,
        window=shape[0] if raw.vocabulary and shape else None,
        positions=first.positions,
        by_target={} if targets.alone else targets.facts,
        streamed=isinstance(raw.train.x, Stream),
    )


def _digests(raw: SourceData, x: Mapping[str, Any], parts: Mapping[str, DataPart]) -> dict[str, str]:
    arrays = {f"{name}.x": x[name] for name in parts if not isinstance(x[name], Stream)}
    arrays |= {f"{name}.{axis}": array for name, part in parts.items() for axis, array in _more_arrays(part)}
    streams = {f"{name}.stream": x[name].digest() for name in parts if isinstance(x[name], Stream)}
    return file_digests(raw) | digests(arrays, array_sha256) | streams


def _more_arrays(part: DataPart) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of a part beside `x`; targets that are the input itself are not told twice."""
    if isinstance(part.y, dict):
        yield from ((f"y.{key}", array) for key, array in part.y.items() if key not in FIELDS)
    else:
        yield "y", part.y
    if part.sample_weight is not None:
        yield "sample_weight", part.sample_weight


def file_digests(raw: SourceData) -> dict[str, str]:
    """The digests of the files that were read, each as `file:NAME`."""
    return named(raw.files, raw.digests)


def current_file_digests(source: Source, paths: DataPaths, progress: Progress) -> dict[str, str]:
    """The same of a source, which is read only where its files are not known without reading it.

    Raises:
        DataError: They are not there, or cannot be read.
    """
    # A text and pictures need not be read to be known: their files say all.
    if isinstance(source, TextSource):
        return named(source.files(paths, progress), {})
    if isinstance(source, Images):
        return named(source.files(paths), source.digests(paths))
    return file_digests(source.load(paths, progress))


def named(files: Mapping[str, Path], taken: Mapping[str, str]) -> dict[str, str]:
    """The digests of files, and those that a source has taken itself, under the names that a run keeps them by."""
    return digests({f"file:{name}": file for name, file in files.items()}, file_sha256) | {
        f"file:{name}": digest for name, digest in taken.items()
    }
