"""Targets in the form that the loss compares with: class numbers, one-hot rows, 0 and 1, or plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nnrun.config.hints import did_you_mean_or_list
from nnrun.data.columns import Columns, label, labels
from nnrun.data.dataset import ALL_TARGETS
from nnrun.data.prepare.categories import OneHot
from nnrun.errors import DataError
from nnrun.formatting import format_names
from nnrun.spec.class_weight import ClassWeightError, require_classes, weights_by_number
from nnrun.spec.facts import FIELDS, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from nnrun.data.dataset import DataPart, SourceData, TargetArray
    from nnrun.data.prepare.step import Step
    from nnrun.errors import Path as ConfigPath
    from nnrun.spec.class_weight import ClassWeight
    from nnrun.spec.facts import Facts, TargetForm, TargetForms

    #: Where the loss of each target and its name are written; None is all targets together.
    LossPlaces: TypeAlias = Mapping[str | None, tuple[ConfigPath, ConfigPath]]

#: The word for all target columns together where each target is given a form.
WHOLE_TARGET = "target"
#: What to write where the loss does not suit the target.
ONE_CLASS = "name one target column, or write `loss: binary_crossentropy`, where a row may have several classes"
NUMBER_LOSS = "choose a loss for numbers, such as mean_squared_error"
CLASS_LOSS = "choose a loss for classes, such as sparse_categorical_crossentropy"
MANY_CLASSES_LOSS = "write `loss: sparse_categorical_crossentropy` and as many outputs as classes"
#: More classes than this are taken for numbers: the loss is wrong.
_MOST_CLASSES = 10_000


class UnknownClassError(DataError):
    """A class that the training data do not have.

    Args:
        classes: The classes of the training data.
        received: The class.
        example: The position of the first example that has it, counted from 0.
    """

    def __init__(self, classes: Sequence[str], received: str, *, example: int) -> None:
        self.example = example
        text = f"expected a class of the training data ({format_names(classes)}), received {received!r}"
        super().__init__(text, hint="is it the right target column?")

    def in_file(self, file: Path, lines: np.ndarray | None) -> DataError:
        """Return the same error with the place of the example: its line where the file has lines, else its row."""
        if lines is not None:
            return DataError(self.text, file=file, row=int(lines[self.example]), hint=self.hint)
        return DataError(f"{self.text} in row {self.example} (counted from 0)", file=file, hint=self.hint)


def forms_by_target(forms: TargetForms) -> Mapping[str, TargetForm]:
    """Return the form of each target by its key; `ALL_TARGETS` where one loss compares all columns."""
    return {ALL_TARGETS: forms} if isinstance(forms, str) else forms


def loss_place(places: LossPlaces, key: str) -> ConfigPath:
    """Return where the loss of a target is written, by the key of the target."""
    return places.get(None if key == ALL_TARGETS else key, (("training", "loss"), ()))[0]


def class_positions(array: TargetArray, form: TargetForm) -> tuple[int | None, ...]:
    """Return the shape of one example's classes where a target's array has several."""
    if array.parts:
        try:
            return infer_positions(array.parts, form)
        except DataError:
            return ()  # training says what is wrong with them
    if form in ("number", "binary") or len(array.shape) < 2:
        return ()
    return array.shape[:-1] if array.shape[-1] == 1 else array.shape


def encoded_forms(forms: TargetForms, steps: Iterable[Step]) -> TargetForms:
    """Return the forms after the preparation: `OneHot: target` makes classes one-hot whatever the loss.

    Of several targets those that a loss compares as numbers stay numbers.
    """
    if not any(isinstance(step, OneHot) and step.target for step in steps):
        return forms
    if isinstance(forms, str):
        return "one_hot"
    alone = sum(key not in FIELDS for key in forms) == 1
    return {
        key: "one_hot" if key not in FIELDS and (alone or form != "number") else form for key, form in forms.items()
    }


def infer_positions(targets: Sequence[np.ndarray], form: TargetForm) -> tuple[int, ...]:
    """Return the shape of one example's classes where each has several: one a step of a sequence, one a pixel.

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
            _check_whole_numbers(target)
    positions = first.shape[1:-1] if one_hot or first.shape[-1] == 1 else first.shape[1:]
    return tuple(positions)


def array_form(form: TargetForm, shape: Sequence[int], kind: str) -> tuple[TargetForm, tuple[int, ...]]:
    """Return the form of arrays as targets, such as pictures, and the dimensions before their last one.

    A binary loss compares classes where each position has one whole number, as the pixels of a mask of shape
    (height, width, 1) have; in all other arrays it compares numbers from 0 to 1.

    Args:
        form: The form that the loss takes.
        shape: The shape of one example's target.
        kind: The kind of its values, as NumPy's `dtype.kind`.

    Returns:
        The form itself, and nothing, for targets of at most one dimension an example and for classes.
    """
    if len(shape) < 2 or form not in ("number", "binary"):
        return form, ()
    of_classes = form == "binary" and kind in "iub" and shape[-1] == 1
    return "binary" if of_classes else "number", tuple(shape[:-1])


def learn_classes(
    targets: Sequence[np.ndarray], form: TargetForm, target_names: Sequence[str], positions: Sequence[int | None] = ()
) -> tuple[str, ...]:
    """Return the names of the classes in the order of their numbers; none where targets are plain numbers.

    Classes are learned from all parts: which labels exist is part of the question, not of the answer.

    Args:
        targets: The targets of every part.
        form: The form that the loss takes.
        target_names: The names of the target columns, which name the classes of one-hot rows.
        positions: What `infer_positions` returned.

    Raises:
        DataError: The targets are no classes.
    """
    first = targets[0]
    wide = first.ndim > 1 + len(positions) and first.shape[-1] > 1
    if form == "binary" and wide and not positions:
        for target in targets:
            check_zero_one(target)
    if form == "number" or (form == "binary" and wide):
        return ()
    if wide:
        width = first.shape[-1]
        return tuple(target_names) if len(target_names) == width else tuple(map(str, range(width)))
    for target in targets:
        _check_whole_numbers(target)
    names = labels(value for target in targets for value in np.unique(target).tolist())
    if form == "binary":
        names = binary_names(names)
    if len(names) > _MOST_CLASSES:
        raise DataError(f"expected classes, received a target with {len(names)} different values", hint=NUMBER_LOSS)
    return names


def binary_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the two classes of a target of which one alone occurs: 0 and 1 keep their meaning, and so do -1 and 1."""
    if names in (("0",), ("1",)):
        return "0", "1"
    return ("-1", "1") if names == ("-1",) else names


def encode_targets(
    y: np.ndarray, form: TargetForm, classes: Sequence[str], positions: Sequence[int | None] = ()
) -> np.ndarray:
    """Return targets in the form that the loss compares with.

    Args:
        y: Targets as the source has them.
        form: The form that the loss takes.
        classes: What `learn_classes` returned.
        positions: What `infer_positions` returned.

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


def _is_wide(y: np.ndarray) -> bool:
    return y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1)


def _is_one_hot(y: np.ndarray) -> bool:
    """Return whether each row has a 1 for one class and 0 for all others."""
    if y.shape[-1] < 2 or y.dtype.kind not in "?buif":
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=-1) == 1).all())


def _check_whole_numbers(y: np.ndarray) -> None:
    if y.dtype.kind == "f" and (fractions := y[y != np.floor(y)]).size:
        raise DataError(fractions_error(f"{fractions[0]:g}"), hint=NUMBER_LOSS)


def check_one_hot(y: np.ndarray) -> None:
    """Check that each row of several columns has a 1 for one class and 0 for all others.

    Raises:
        DataError: One does not.
    """
    if not _is_one_hot(y):
        raise DataError(_not_one_hot(y), hint=ONE_CLASS)


def _not_one_hot(y: np.ndarray) -> str:
    return f"expected one class an example, received {y.shape[-1]} targets that are not one-hot rows"


def fractions_error(value: str) -> str:
    """Return the error for a target with fractions under a loss for classes."""
    return f"the loss compares classes, but the target holds numbers such as {value}"


def _class_numbers(y: np.ndarray, classes: Sequence[str], positions: Sequence[int | None]) -> np.ndarray:
    """Return the number of each class: int32 of shape (rows, *positions)."""
    shape = y.shape[: 1 + len(positions)]
    if len(shape) <= len(positions) or any(
        known not in {None, size} for size, known in zip(shape[1:], positions, strict=True)
    ):
        raise DataError(
            f"expected targets of shape {['rows', *positions]}, received {['rows', *y.shape[1:]]}",
            hint="give targets the shape that the run's own data have",
        )
    if y.size != prod(shape):
        if y.shape[-1] != len(classes):
            raise DataError(_not_one_hot(y), hint=ONE_CLASS)
        check_one_hot(y)
        return np.asarray(y.argmax(axis=-1).astype("int32"))
    values, inverse = np.unique(y, return_inverse=True)
    numbers = {name: number for number, name in enumerate(classes)}
    if not any(name.lstrip("-").isdigit() for name in classes):
        # Classes named in words (`setosa`) may also be given by number, as in scikit-learn's own arrays.
        numbers |= {str(number): number for number in range(len(classes))}
    found = [label(value) for value in values.tolist()]
    unknown = next((name for name in found if name not in numbers), None)
    if unknown is not None:
        wrong = inverse.reshape(len(y), -1) == found.index(unknown)
        raise UnknownClassError(classes, unknown, example=int(wrong.any(axis=1).argmax()))
    return np.asarray(np.array([numbers[name] for name in found], dtype="int32")[inverse.reshape(shape)])


def _binary(y: np.ndarray, classes: Sequence[str], positions: Sequence[int | None]) -> np.ndarray:
    if not positions and _is_wide(y):
        check_zero_one(y)
        return _numbers(y)
    if len(classes) > 2:
        raise DataError(f"{binary_error(len(classes))} ({format_names(classes)})", hint=MANY_CLASSES_LOSS)
    # A last dimension of 1, as a sigmoid has: Keras would else take the positions for the dimension to average over.
    return _class_numbers(y, classes, positions).astype("float32")[..., None]


def check_zero_one(y: np.ndarray) -> None:
    """Check that columns for a binary loss hold 0 and 1 alone; text is found where numbers are made of it.

    Raises:
        DataError: They hold another number.
    """
    if y.dtype.kind in "?buif" and not (is_label := (y == 0) | (y == 1)).all():
        other = y[~is_label][0]
        raise DataError(f"a binary loss compares with 0 and 1, but the target holds {other:g}", hint=NUMBER_LOSS)


def values_error(numbers: int, rows: int) -> str:
    """Return the error for a target of numbers, most of them different, under a loss for classes."""
    return f"the loss compares classes, but the target holds {numbers:,} different numbers in {rows:,} rows"


def binary_error(classes: int) -> str:
    """Return the error for a target of more than two classes under a binary loss."""
    return f"a binary loss compares with 0 and 1, but the target has {classes} classes"


def _numbers(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind not in "?buif":
        raise DataError(text_error(str(y.reshape(-1)[0])), hint=CLASS_LOSS)
    values = np.ascontiguousarray(y if y.ndim > 2 else y.reshape(len(y), -1), dtype="float32")
    if not np.isfinite(values).all():
        raise DataError(
            "the target holds numbers that are not finite in float32", hint="correct or leave out those rows"
        )
    return values


def text_error(value: str) -> str:
    """Return the error for a target of text under a loss for numbers."""
    return f"the loss compares numbers, but the target holds text such as {value!r}"


@dataclass(frozen=True)
class TargetEncoder:
    """How targets are encoded.

    Attributes:
        names: The names of the target columns.
        facts: The facts of each target by its key.
    """

    names: tuple[str, ...]
    facts: Mapping[str, TargetFacts]

    @classmethod
    def from_facts(cls, facts: Facts) -> TargetEncoder:
        """Return the encoder of a finished run."""
        single = TargetFacts(
            facts.form, facts.task, facts.classes, facts.targets, facts.class_names, tuple(facts.positions)
        )
        return cls(facts.target_names, facts.by_target or {ALL_TARGETS: single})

    @property
    def needs_targets(self) -> bool:
        """Whether any target is more than the input itself."""
        return any(key not in FIELDS for key in self.facts)

    def encode(self, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Return targets as the losses take them: one array, or one by key.

        Raises:
            DataError: A target is no class, or no number.
        """
        encoded = {
            key: x.astype("float32", copy=False)
            if key in FIELDS
            else encode_targets(target_column(y, self.names, key), about.form, about.class_names, about.positions)
            for key, about in self.facts.items()
        }
        return encoded.get(ALL_TARGETS, encoded)


def fit_target_encoder(
    data: SourceData, targets: Sequence[np.ndarray | Columns | None], forms: TargetForms, shape: tuple[int, ...]
) -> TargetEncoder:
    """Learn the classes of each target from all parts.

    Args:
        data: The data of the source.
        targets: The targets of every part.
        forms: One form for all columns together, or one for each target.
        shape: The shape of one prepared example.

    Raises:
        DataError: A target does not exist, or does not suit its form.
    """
    facts = {
        key: TargetFacts("number", "regression", targets=shape[-1] if shape else None)
        if key in FIELDS
        else _learn(data, [target_column(y, data.target_names, key) for y in targets], key, form)
        for key, form in forms_by_target(forms).items()
    }
    return TargetEncoder(data.target_names, facts)


def _learn(data: SourceData, columns: Sequence[np.ndarray], key: str, form: TargetForm) -> TargetFacts:
    first = columns[0]
    width = first.shape[-1] if first.ndim > 1 else 1
    kept, dimensions = array_form(form, first.shape[1:], first.dtype.kind)
    if data.positions is not None:
        kept, dimensions = form, ()
    if kept == "number":
        if form == "binary":
            _require_shares(columns)
        zero_one = all(column.dtype.kind in "?buif" and np.isin(column, (0, 1)).all() for column in columns)
        return TargetFacts(kept, "regression", targets=width, positions=dimensions, zero_one=bool(zero_one))
    if data.task == "regression":
        raise DataError("the loss compares classes, but this data set's target is a number", hint=NUMBER_LOSS)
    positions = (dimensions or infer_positions(columns, form)) if data.positions is None else data.positions
    names = data.target_names if key in {ALL_TARGETS, WHOLE_TARGET} else ()
    named = data.class_names if len(data.target_names) == 1 else ()
    classes = named or learn_classes(columns, form, names, positions)
    width = len(classes) if form == "one_hot" else width if form == "binary" and not positions else 1
    return TargetFacts(form, "classification", len(classes) or None, width, classes, positions)


def _require_shares(columns: Sequence[np.ndarray]) -> None:
    """Refuse numbers that no probability can be."""
    for column in columns:
        wrong = column[(column < 0) | (column > 1)] if column.dtype.kind in "?buif" else column[:0]
        if wrong.size:
            raise DataError(
                f"a binary loss compares with numbers from 0 to 1, but the target holds {wrong.flat[0]:g}",
                hint="save the target divided by its largest value, or write loss: mean_squared_error",
            )


def target_column(y: np.ndarray | Columns | None, names: Sequence[str], key: str) -> np.ndarray:
    """Return the target of this key; a single column whatever its shape.

    Raises:
        DataError: The source has no target, or none of this key, or the targets as a whole are text.
    """
    if y is None:
        raise DataError("the source has no target", hint="name one, or make the input itself the target: `$input`")
    whole = key == ALL_TARGETS or (key == WHOLE_TARGET and key not in names)
    if not whole and key not in names:
        raise DataError(f"there is no target {key!r}", hint=did_you_mean_or_list(key, [*names, *FIELDS]))
    if isinstance(y, Columns):
        if whole and not y.text():
            return np.column_stack([column.astype("float64") for column in y.values.values()])
        if whole:
            raise DataError(
                "several target columns that one loss compares must all hold numbers",
                hint="name one target, encode the text as numbers, or give each target an output of its own",
            )
        return np.asarray(y.values[key])
    return y if whole or len(names) == 1 else y[:, list(names).index(key)]


def class_weights(y_classes: np.ndarray, facts: Facts | TargetFacts, class_weight: ClassWeight) -> np.ndarray:
    """Return the weight of each example by its class.

    `balanced` gives a class the weight n / (k * count), as scikit-learn's `compute_class_weight` does: with n examples
    of k classes every class has the same total weight, and the mean weight is 1.

    Args:
        y_classes: Class numbers of any shape, integers.
        facts: The facts that name the classes.
        class_weight: `balanced`, or weights by name or number.

    Returns:
        float32 of the shape of `y_classes`.

    Raises:
        DataError: A class does not exist or is named twice, or a weight is negative or not finite.
    """
    if isinstance(class_weight, str):
        found, counts = np.unique(y_classes, return_counts=True)
        by_class = dict(zip(found.tolist(), (y_classes.size / (len(found) * counts)).tolist(), strict=True))
    else:
        try:
            by_class = weights_by_number(facts.class_names, class_weight)
        except ClassWeightError as error:
            raise DataError(str(error), hint=error.hint) from None
    table = np.ones(max([int(y_classes.max(initial=0)), *by_class]) + 1, dtype="float32")
    for number, weight in by_class.items():
        table[number] = weight
    return np.asarray(table[y_classes])


def apply_class_weights(part: DataPart, facts: Facts, class_weight: ClassWeight) -> DataPart:
    """Return the part with the weights of its examples multiplied by the weights of their classes.

    Raises:
        DataError: There is not exactly one target of classes with one class an example; or as `class_weights`.
    """
    about: Facts | TargetFacts = facts
    y = part.y
    keys = list(y) if isinstance(y, dict) else [""]
    if isinstance(y, dict):
        about, y = facts.by_target[keys[0]], y[keys[0]]
    y = np.asarray(y)
    try:
        require_classes(about, keys, y.shape[-1])
    except ClassWeightError as error:
        raise DataError(str(error), hint=error.hint) from None
    numbers = y.argmax(axis=-1) if about.form == "one_hot" else y.reshape(len(y)).astype(int)
    weights = class_weights(numbers, about, class_weight)
    own = part.sample_weight
    return replace(part, sample_weight=weights if own is None else own * weights)
