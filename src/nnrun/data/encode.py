"""Targets in the form that the loss compares with: class numbers, one-hot rows, 0/1, or plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.labels import label, labels
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.spec.facts import TargetForm

#: More classes than rows make sense of: a target of numbers was meant, and the loss is wrong.
_MOST_CLASSES = 10_000


def learn_classes(targets: Sequence[np.ndarray], form: TargetForm, target_names: Sequence[str]) -> tuple[str, ...]:
    """The classes' names in the order of their numbers; none where targets are plain numbers.

    Classes are learned from all parts: which labels exist is part of the question, not of the answer.

    Raises:
        DataError: The targets are no classes.
    """
    if form == "number" or (form == "binary" and _is_wide(targets[0])):
        return ()
    if _is_wide(targets[0]):
        width = targets[0].shape[1]
        return tuple(target_names) if len(target_names) == width > 1 else tuple(str(index) for index in range(width))
    for target in targets:
        _refuse_fractions(_flat(target))
    names = labels(value for target in targets for value in np.unique(_flat(target)).tolist())
    if len(names) > _MOST_CLASSES:
        raise DataError(
            f"expected classes, received a target with {len(names)} different values",
            hint="a loss for numbers, such as mean_squared_error, suits it",
        )
    return names


def encode(y: np.ndarray, form: TargetForm, classes: Sequence[str]) -> np.ndarray:
    """Targets in the form that the loss compares with.

    Returns:
        int32 of shape (rows,) for `integer`; float32 of shape (rows, classes) for `one_hot`, else (rows, targets).

    Raises:
        DataError: A target is no class, or no number.
    """
    if form == "number":
        return _numbers(y)
    if form == "binary":
        return _binary(y, classes)
    numbers = _class_numbers(y, classes)
    if form == "integer":
        return numbers
    one_hot = np.zeros((len(y), len(classes)), dtype="float32")
    one_hot[np.arange(len(y)), numbers] = 1
    return one_hot


def decode(encoded: np.ndarray, form: TargetForm, classes: Sequence[str]) -> list[str]:
    """The classes' names of encoded targets (not for plain numbers)."""
    numbers = encoded.argmax(axis=1) if form == "one_hot" else encoded.reshape(-1).astype(int)
    return [classes[number] for number in numbers.tolist()]


def _is_wide(y: np.ndarray) -> bool:
    return y.ndim == 2 and y.shape[1] > 1


def _flat(y: np.ndarray) -> np.ndarray:
    if y.ndim > 2:
        raise DataError(
            f"expected one target an example, received targets of shape {list(y.shape)}",
            hint="save y with one row an example",
        )
    return y.reshape(-1)


def _refuse_fractions(y: np.ndarray) -> None:
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        value = y[y != np.floor(y)][0]
        raise DataError(
            f"the loss compares classes, but the target holds numbers such as {value:g}",
            hint="a loss for numbers, such as mean_squared_error, suits it",
        )


def _class_numbers(y: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The number of each target's class."""
    if _is_wide(y):
        return _from_one_hot(y, classes)
    found, where = np.unique(_flat(y), return_inverse=True)
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
    numbered: np.ndarray = known[where.reshape(-1)]
    return numbered


def _some(classes: Sequence[str]) -> str:
    return ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")


def _is_whole(name: str) -> bool:
    return name.lstrip("-").isdigit()


def _from_one_hot(y: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    values = _numbers(y)
    if not (np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()) or values.shape[1] != len(classes):
        raise DataError(
            f"expected one class an example, received {y.shape[1]} targets that are not one-hot rows",
            hint="name one target column, or choose a loss for numbers",
        )
    numbers: np.ndarray = values.argmax(axis=1).astype("int32")
    return numbers


def _binary(y: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    if _is_wide(y):
        values = _numbers(y)
        if not np.isin(values, (0, 1)).all():
            raise DataError("expected targets of 0 and 1, received other numbers", hint="a loss for numbers suits them")
        return values
    if len(classes) > 2:
        raise DataError(
            f"a binary loss compares with 0 and 1, but the target has {len(classes)} classes ({_some(classes)})",
            hint="write `loss: sparse_categorical_crossentropy` and as many outputs as classes",
        )
    return _class_numbers(y, classes).astype("float32").reshape(-1, 1)


def _numbers(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind not in "?buif":
        raise DataError(
            f"the loss compares numbers, but the target holds text such as {str(y.reshape(-1)[0])!r}",
            hint="choose a loss for classes, such as sparse_categorical_crossentropy",
        )
    values = np.ascontiguousarray(y.reshape(len(y), -1), dtype="float32")
    if not np.isfinite(values).all():
        raise DataError(
            "the target holds numbers that are not finite in float32", hint="correct or leave out those rows"
        )
    return values
