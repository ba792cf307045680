"""From a config's `data:` to arrays: load, split, prepare, encode."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.data.columns import Columns
from nnrun.data.dataset import DataPart, Dataset
from nnrun.data.digest import array_sha256, digests, file_sha256
from nnrun.data.encode import encode, learn_classes
from nnrun.data.one_hot import OneHot
from nnrun.data.prepare import STEPS, fitted_json
from nnrun.data.shares import refuse, shared
from nnrun.data.sources import SOURCES
from nnrun.data.split import split_rows
from nnrun.errors import DataError
from nnrun.spec.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.data.places import Places
    from nnrun.data.raw import Examples, Raw, Source
    from nnrun.data.shares import SpecLike, SplitLike
    from nnrun.data.step import Block, Step
    from nnrun.progress import Progress
    from nnrun.spec.facts import TargetForm
    from nnrun.spec.part import Part


def load(spec: SpecLike, *, form: TargetForm, seed: int, places: Places, progress: Progress) -> Dataset:
    """Load, split, prepare and encode the data of a config.

    Args:
        spec: The config's `data:`.
        form: How the loss takes targets; a step that states an encoding (`OneHot: target`) goes before it.
        seed: The experiment's seed, for the split.
        places: Where files lie.
        progress: Who is told.

    Raises:
        DataError: The data cannot be used; with file, row and column where there are any.
    """
    raw = make_source(spec.source).load(places, progress)
    parts, rows = deal(raw, spec.split, seed)
    return assemble(raw, parts, rows, spec, form=form, progress=progress)


def deal(raw: Raw, split: SplitLike | None, seed: int) -> tuple[dict[str, Examples], dict[str, np.ndarray]]:
    """The examples of `train`, and of `validation` and `test` where there are such, and their rows in the source."""
    try:
        refuse(0 if raw.test is None else len(raw.test), split)
        by = _classes_to_stratify(raw, split)
        rows = split_rows(len(raw.train), split, by, seed)
    except ValueError as error:
        raise DataError(f"split: {error}") from None
    whole = len(rows["train"]) == len(raw.train)
    parts = {part: raw.train if whole else raw.train.take(index) for part, index in rows.items()}
    if raw.test is not None:
        parts["test"], rows["test"] = raw.test, np.arange(len(raw.test))
    return parts, rows


def assemble(
    raw: Raw,
    parts: Mapping[str, Examples],
    rows: Mapping[str, np.ndarray],
    spec: SpecLike,
    *,
    form: TargetForm,
    progress: Progress,
) -> Dataset:
    """Prepare and encode parts that are already dealt out; the preparation is fitted on `parts["train"]` alone."""
    steps = make_steps(spec.prepare)
    form = stated_form(steps, form)
    if raw.task == "regression" and form != "number":
        raise DataError(
            "the loss compares classes, but this data set's target is a number",
            hint="choose a loss for numbers, such as mean_squared_error",
        )
    x = _prepare(parts, steps, spec.prepare, progress)
    targets = {name: part.y for name, part in parts.items() if part.y is not None}
    classes = (
        () if form == "number" else raw.class_names or learn_classes(list(targets.values()), form, raw.target_names)
    )
    names, arrays = _arrays(x)
    done = {name: DataPart(array, encode(targets[name], form, classes), rows[name]) for name, array in arrays.items()}
    twice = shared(spec.split)
    for part, other in twice.items():
        done[part] = done[other]
    fitted = tuple(fitted_json(part.name, part.arguments, step) for part, step in zip(spec.prepare, steps, strict=True))
    layout = ({"source": spec.source.name, "layout": dict(raw.layout)},) if raw.layout else ()
    return Dataset(
        done["train"],
        done.get("validation"),
        done.get("test"),
        _facts(raw, done, form, classes, names),
        _digests(raw, {name: part for name, part in done.items() if name not in twice}),
        (*layout, *fitted),
        twice,
    )


def make_steps(prepare: Sequence[Part]) -> list[Step]:
    """The steps of a config, not fitted yet.

    Raises:
        DataError: A step's arguments contradict each other.
    """
    return [_made(STEPS, part) for part in prepare]


def stated_form(steps: Sequence[Step], form: TargetForm) -> TargetForm:
    """The targets' form: `one_hot` where a step says so, else the loss's."""
    return "one_hot" if any(isinstance(step, OneHot) and step.target for step in steps) else form


def apply_steps(x: Block, steps: Sequence[Step]) -> tuple[tuple[str, ...], np.ndarray]:
    """Prepare examples with fitted steps: the columns' names, and the array that the model takes.

    Raises:
        DataError: The examples do not suit the steps.
    """
    for step in steps:
        with _refusing(type(step).__name__):
            x = step.apply(x)
    names, arrays = _arrays({"file": x})
    return names, arrays["file"]


def make_source(part: Part) -> Source:
    """The source that a config names.

    Raises:
        DataError: Its arguments contradict each other.
    """
    return _made(SOURCES, part)  # type: ignore[no-any-return]


def _made(table: Mapping[str, type], part: Part) -> Any:
    try:
        return table[part.name](**part.arguments)
    except (TypeError, ValueError) as error:
        raise DataError(f"{part.name}: {error}") from None


def _classes_to_stratify(raw: Raw, split: SplitLike | None) -> np.ndarray | None:
    """One class number a row, where the split is stratified."""
    if split is None or not split.stratify:
        return None
    y = np.asarray(raw.train.y)
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
) -> dict[str, Block]:
    """The parts' examples after all steps; each step learns from the training part only."""
    x = {name: part.x for name, part in parts.items()}
    for step, part in zip(steps, said, strict=True):
        with _refusing(part.name):
            for note in step.fit(x["train"]):
                progress.say(note)
            x = {name: step.apply(block) for name, block in x.items()}
    return x


@contextmanager
def _refusing(step: str) -> Iterator[None]:
    """Turn a step's refusal into a data error that names the step."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"prepare: {step}: {error}") from None


def _arrays(x: Mapping[str, Block]) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """The columns' names, and every part as float32, row after row in memory."""
    first = next(iter(x.values()))
    names = first.names if isinstance(first, Columns) else ()
    try:
        arrays = {
            name: block.matrix() if isinstance(block, Columns) else np.ascontiguousarray(block, dtype="float32")
            for name, block in x.items()
        }
    except ValueError as error:
        raise DataError(str(error)) from None
    for name, array in arrays.items():
        _refuse_infinite(name, array)
    return names, arrays


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
    raw: Raw, parts: Mapping[str, DataPart], form: TargetForm, classes: tuple[str, ...], names: tuple[str, ...]
) -> Facts:
    shape = parts["train"].x.shape[1:]
    y = parts["train"].y
    return Facts(
        task="regression" if form == "number" else "classification",
        form=form,
        input_shape=shape,
        classes=len(classes) or None,
        features=shape[-1] if shape else None,
        targets=y.shape[1] if y.ndim > 1 else 1,
        class_names=classes,
        columns=names if len(shape) == 1 else (),
        target_names=raw.target_names,
        rows={name: len(parts[name]) for name in ("train", "validation", "test") if name in parts},
    )


def _digests(raw: Raw, parts: Mapping[str, DataPart]) -> dict[str, str]:
    arrays = {f"{name}.{axis}": getattr(part, axis) for name, part in parts.items() for axis in ("x", "y")}
    return digests({f"file:{name}": file for name, file in raw.files.items()}, file_sha256) | digests(
        arrays, array_sha256
    )
