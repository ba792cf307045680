"""Targets in the form that the loss compares with: class numbers, one-hot rows, 0/1, or plain numbers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.labels import label, labels
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.facts import TargetForm

#: More classes than rows make sense of: a target of numbers was meant, and the loss is wrong.
_MOST_CLASSES = 10_000


def find_positions(targets: Sequence[np.ndarray], form: TargetForm) -> tuple[int, ...]:
    """The shape of one example's classes where each has several: one a step of a sequence, one a pixel.

    Rows of whole numbers are such classes unless they are one-hot; two-dimensional floats are columns of a table.

    Raises:
        DataError: Targets of several dimensions are neither classes nor one-hot.
    """
    first = targets[0]
    if form in ("number", "binary") or not _is_wide(first):
        return ()
    one_hot = all(_is_one_hot(target) for target in targets)
    if first.ndim == 2 and (one_hot or first.dtype.kind not in "iub"):
        return ()
    if not one_hot:
        for target in targets:
            _refuse_fractions(target.reshape(-1))
    places = first.shape[1:-1] if one_hot or first.shape[-1] == 1 else first.shape[1:]
    return tuple(places)


def learn_classes(
    targets: Sequence[np.ndarray], form: TargetForm, target_names: Sequence[str], positions: Sequence[int | None] = ()
) -> tuple[str, ...]:
    """The classes' names in the order of their numbers; none where targets are plain numbers.

    Classes are learned from all parts: which labels exist is part of the question, not of the answer.

    Args:
        targets: Every part's targets.
        form: How the loss takes them.
        target_names: The names of the target columns, which name the classes of one-hot rows.
        positions: What `find_positions` found.

    Raises:
        DataError: The targets are no classes.
    """
    first = targets[0]
    spread = first.ndim > 1 + len(positions) and first.shape[-1] > 1
    if form == "number" or (form == "binary" and spread):
        return ()
    if spread:
        width = first.shape[-1]
        return tuple(target_names) if len(target_names) == width > 1 else tuple(str(index) for index in range(width))
    for target in targets:
        _refuse_fractions(target.reshape(-1))
    names = labels(value for target in targets for value in np.unique(target).tolist())
    if len(names) > _MOST_CLASSES:
        raise DataError(
            f"expected classes, received a target with {len(names)} different values",
            hint="a loss for numbers, such as mean_squared_error, suits it",
        )
    return names


def encode(y: np.ndarray, form: TargetForm, classes: Sequence[str], positions: Sequence[int | None] = ()) -> np.ndarray:
    """Targets in the form that the loss compares with.

    Args:
        y: Targets as the source has them.
        form: How the loss takes them.
        classes: What `learn_classes` learned.
        positions: What `find_positions` found.

    Returns:
        int32 of shape (rows, *positions) for `integer`; float32 of shape (rows, *positions, classes) for `one_hot`,
        else (rows, targets), or the shape of `y` where that has more dimensions.

    Raises:
        DataError: A target is no class, or no number.
    """
    if form == "number":
        return _numbers(y)
    if form == "binary":
        return _binary(y, classes, positions)
    numbers = _class_numbers(y, classes, positions)
    if form == "integer":
        return numbers
    one_hot = np.zeros((*numbers.shape, len(classes)), dtype="float32")
    np.put_along_axis(one_hot, numbers[..., None], 1, axis=-1)
    return one_hot


def decode(encoded: np.ndarray, form: TargetForm, classes: Sequence[str]) -> list[str]:
    """The classes' names of encoded targets, position after position (not for plain numbers)."""
    numbers = encoded.argmax(axis=-1) if form == "one_hot" else encoded
    return [classes[number] for number in numbers.reshape(-1).astype(int).tolist()]


def _is_wide(y: np.ndarray) -> bool:
    return y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1)


def _is_one_hot(y: np.ndarray) -> bool:
    if y.shape[-1] < 2 or y.dtype.kind not in "?buif":
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=-1) == 1).all())


def _same_positions(y: np.ndarray, positions: Sequence[int | None]) -> tuple[int, ...]:
    """The positions of these targets; a size that is not known yet is theirs."""
    there = y.shape[1 : 1 + len(positions)]
    if len(there) < len(positions) or any(
        known not in {None, size} for size, known in zip(there, positions, strict=True)
    ):
        raise DataError(
            f"expected targets of shape {['rows', *positions]}, received {['rows', *y.shape[1:]]}",
            hint="give targets as the run's own data have them",
        )
    return tuple(there)


def _refuse_fractions(y: np.ndarray) -> None:
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        value = y[y != np.floor(y)][0]
        raise DataError(
            f"the loss compares classes, but the target holds numbers such as {value:g}",
            hint="a loss for numbers, such as mean_squared_error, suits it",
        )


def _class_numbers(y: np.ndarray, classes: Sequence[str], positions: Sequence[int | None]) -> np.ndarray:
    """The number of each class: int32 of shape (rows, *positions)."""
    shape = (len(y), *_same_positions(y, positions))
    if y.size != prod(shape):
        return _from_one_hot(y, classes)
    found, where = np.unique(y, return_inverse=True)
    numbers = {name: number for number, name in enumerate(classes)}
    if not any(_is_whole(name) for name in classes):
        # Classes named in words (`setosa`) may also be given by number, as scikit-learn's own arrays do.
        numbers |= {str(number): number for number in range(len(classes))}
    for value in found.tolist():
        if label(value) not in numbers:
            raise DataError(
                f"expected a class of the training data ({_some(classes)}), received {label(value)!r}",
                hint="is it the right target column?",
            )
    known = np.array([numbers[label(value)] for value in found.tolist()], dtype="int32")
    numbered: np.ndarray = known[where.reshape(shape)]
    return numbered


def _some(classes: Sequence[str]) -> str:
    return ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")


def _is_whole(name: str) -> bool:
    return name.lstrip("-").isdigit()


def _from_one_hot(y: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    if y.shape[-1] != len(classes) or not _is_one_hot(y):
        raise DataError(
            f"expected one class an example, received {y.shape[-1]} targets that are not one-hot rows",
            hint="name one target column, or choose a loss for numbers",
        )
    numbers: np.ndarray = y.argmax(axis=-1).astype("int32")
    return numbers


def _binary(y: np.ndarray, classes: Sequence[str], positions: Sequence[int | None]) -> np.ndarray:
    if not positions and _is_wide(y):
        values = _numbers(y)
        if not np.isin(values, (0, 1)).all():
            raise DataError("expected targets of 0 and 1, received other numbers", hint="a loss for numbers suits them")
        return values
    if len(classes) > 2:
        raise DataError(
            f"a binary loss compares with 0 and 1, but the target has {len(classes)} classes ({_some(classes)})",
            hint="write `loss: sparse_categorical_crossentropy` and as many outputs as classes",
        )
    # A last dimension of 1, as a sigmoid has: Keras would else take the positions for the dimension to average over.
    return _class_numbers(y, classes, positions).astype("float32")[..., None]


def _numbers(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind not in "?buif":
        raise DataError(
            f"the loss compares numbers, but the target holds text such as {str(y.reshape(-1)[0])!r}",
            hint="choose a loss for classes, such as sparse_categorical_crossentropy",
        )
    shaped = y if y.ndim > 2 else y.reshape(len(y), -1)
    values = np.ascontiguousarray(shaped, dtype="float32")
    if not np.isfinite(values).all():
        raise DataError(
            "the target holds numbers that are not finite in float32", hint="correct or leave out those rows"
        )
    return values
