"""Targets in the form that the loss compares with: class numbers, one-hot rows, 0/1, or plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from nnrun.config.hints import did_you_mean
from nnrun.data.columns import Columns, label, labels
from nnrun.errors import DataError
from nnrun.spec.facts import FIELDS, TargetFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.dataset import DataPart, SourceData
    from nnrun.spec.facts import Facts, TargetForm, TargetForms

    #: `balanced`, or a weight for each class by its name or number; 1 for those that are not named.
    ClassWeight: TypeAlias = Literal["balanced"] | Mapping[str, float] | Mapping[int, float]

#: More classes than rows make sense of: a target of numbers was meant, and the loss is wrong.
_MOST_CLASSES = 10_000


def infer_positions(targets: Sequence[np.ndarray], form: TargetForm) -> tuple[int, ...]:
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
        positions: What `infer_positions` found.

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
        positions: What `infer_positions` found.

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


#: The key of all target columns together, which no column has.
_ALL = ""
#: The word for all target columns together where each target is given a form.
_WHOLE = "target"


@dataclass(frozen=True)
class TargetEncoder:
    """How targets are encoded.

    Attributes:
        names: The names of the target columns.
        facts: Each target's facts by its key.
    """

    names: tuple[str, ...]
    facts: Mapping[str, TargetFacts]

    @classmethod
    def known(cls, facts: Facts) -> TargetEncoder:
        """The targets of a run that is done."""
        alone = TargetFacts(
            facts.form, facts.task, facts.classes, facts.targets, facts.class_names, tuple(facts.positions)
        )
        return cls(facts.target_names, facts.by_target or {_ALL: alone})

    @property
    def alone(self) -> bool:
        """Whether all columns together have one form, so that `y` is one array."""
        return _ALL in self.facts

    @property
    def need_truth(self) -> bool:
        """Whether any target is more than the input itself."""
        return any(key not in FIELDS for key in self.facts)

    def encode(self, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Targets as the losses take them: one array, or one by key.

        Raises:
            DataError: A target is no class, or no number.
        """
        encoded = {key: self._one(key, about, y, x) for key, about in self.facts.items()}
        return encoded[_ALL] if self.alone else encoded

    def _one(self, key: str, about: TargetFacts, y: np.ndarray | Columns | None, x: np.ndarray) -> np.ndarray:
        if key in FIELDS:
            return x.astype("float32", copy=False)
        return encode(_column(y, self.names, key), about.form, about.class_names, about.positions)


def fit_target_encoder(
    raw: SourceData, truths: Sequence[np.ndarray | Columns | None], forms: TargetForms, shape: tuple[int, ...]
) -> TargetEncoder:
    """Learn each target's classes from all parts.

    Args:
        raw: The source's examples.
        truths: Every part's targets.
        forms: One form for all columns together, or one for each target.
        shape: The shape of one prepared example.

    Raises:
        DataError: A target does not exist, or does not suit its form.
    """
    asked = {_ALL: forms} if isinstance(forms, str) else forms
    return TargetEncoder(raw.target_names, {key: _learn(raw, truths, key, form, shape) for key, form in asked.items()})


def _learn(
    raw: SourceData, truths: Sequence[np.ndarray | Columns | None], key: str, form: TargetForm, shape: tuple[int, ...]
) -> TargetFacts:
    if key in FIELDS:
        return TargetFacts("number", "regression", targets=shape[-1] if shape else None)
    if raw.task == "regression" and form != "number":
        raise DataError(
            "the loss compares classes, but this data set's target is a number",
            hint="choose a loss for numbers, such as mean_squared_error",
        )
    columns = [_column(y, raw.target_names, key) for y in truths]
    if form == "number":
        width = columns[0].shape[-1] if columns[0].ndim > 1 else 1
        return TargetFacts(form, "regression", targets=width)
    places = infer_positions(columns, form) if raw.positions is None else raw.positions
    named = raw.class_names if len(raw.target_names) == 1 else ()
    names = raw.target_names if key in {_ALL, _WHOLE} else ()
    classes = named or learn_classes(columns, form, names, places)
    many = columns[0].ndim > 1 and form == "binary" and not places
    width = len(classes) if form == "one_hot" else columns[0].shape[-1] if many else 1
    return TargetFacts(form, "classification", len(classes) or None, width, classes, places)


def _column(y: np.ndarray | Columns | None, names: Sequence[str], key: str) -> np.ndarray:
    """The target of this key; a lone column whatever its shape."""
    if y is None:
        raise DataError("the source has no target", hint="name one, or make the input itself the target: `$input`")
    whole = key == _ALL or (key == _WHOLE and key not in names)
    if not whole and key not in names:
        listed = f"there are: {', '.join([*names, *FIELDS])}"
        raise DataError(f"there is no target {key!r}", hint=did_you_mean(key, [*names, *FIELDS]) or listed)
    if isinstance(y, Columns):
        if whole:
            raise DataError(
                "several target columns that one loss compares must all hold numbers",
                hint="name one target, encode the text as numbers, or give each target an output of its own",
            )
        return np.asarray(y.values[key])
    return y if whole or len(names) == 1 else y[:, list(names).index(key)]


def class_weights(y_classes: np.ndarray, facts: Facts | TargetFacts, wanted: ClassWeight) -> np.ndarray:
    """The weight of each example by its class.

    `balanced` weighs a class by n / (k * count), as scikit-learn's `compute_class_weight` does: with n examples of k
    classes every class counts alike in sum, and the mean weight is 1.

    Args:
        y_classes: Class numbers of any shape, integers.
        facts: What names the classes.
        wanted: `balanced`, or weights by name or number.

    Returns:
        float32 of the shape of `y_classes`.

    Raises:
        DataError: A class does not exist or is named twice, or a weight is negative or not finite.
    """
    by_class = _balanced(y_classes) if isinstance(wanted, str) else _named(facts, wanted)
    table = np.ones(max([int(y_classes.max(initial=0)), *by_class]) + 1, dtype="float32")
    for number, weight in by_class.items():
        table[number] = weight
    weighed: np.ndarray = table[y_classes]
    return weighed


def apply_class_weights(part: DataPart, facts: Facts, wanted: ClassWeight) -> DataPart:
    """The part with its examples' own weights multiplied by their classes' weights.

    Raises:
        DataError: There is not exactly one target of classes with one class an example; or as `class_weights`.
    """
    about, y = _classes_of(part, facts)
    weights = class_weights(y, about, wanted)
    own = part.sample_weight
    return replace(part, sample_weight=weights if own is None else own * weights)


def _classes_of(part: DataPart, facts: Facts) -> tuple[Facts | TargetFacts, np.ndarray]:
    """The facts and class numbers of the one target of classes."""
    about, y = _lone(part, facts)
    if about.task != "classification" or about.positions or (about.form == "binary" and y.shape[-1] > 1):
        raise DataError(
            "class_weight needs a target with one class an example",
            hint="weigh the rows themselves with `sample_weight` in `data.source`",
        )
    return about, y.argmax(axis=-1) if about.form == "one_hot" else y.reshape(len(y)).astype(int)


def _lone(part: DataPart, facts: Facts) -> tuple[Facts | TargetFacts, np.ndarray]:
    if not isinstance(part.y, dict):
        return facts, part.y
    if len(part.y) > 1:
        # Keras refuses it likewise: one example would have as many weights as outputs.
        raise DataError(
            f"class_weight suits a model with one output, but there are {len(part.y)} ({', '.join(part.y)})",
            hint="weigh the outputs with `weight:`, or the rows with `sample_weight` in `data.source`",
        )
    ((key, y),) = part.y.items()
    return facts.by_target[key], y


def _balanced(y: np.ndarray) -> dict[int, float]:
    found, counts = np.unique(y, return_counts=True)
    weights = y.size / (len(found) * counts)
    return dict(zip(found.tolist(), weights.tolist(), strict=True))


def _named(facts: Facts | TargetFacts, wanted: Mapping[str, float] | Mapping[int, float]) -> dict[int, float]:
    """The weights by class number."""
    by_class: dict[int, float] = {}
    for name, weight in wanted.items():
        number = _number(name, facts.class_names)
        if number in by_class:
            raise DataError(f"class_weight names the class {facts.class_names[number]!r} twice", hint="take one out")
        if not isfinite(weight) or weight < 0:
            raise DataError(
                f"class_weight: expected a number of at least 0 for {name!r}, received {weight:g}",
                hint="0 leaves a class out, 2 counts it twice",
            )
        by_class[number] = float(weight)
    return by_class


def _number(name: str | int, names: tuple[str, ...]) -> int:
    """The number of a class that is given by name; by number only where no class is named in numbers itself."""
    if str(name) in names:
        return names.index(str(name))
    if str(name).isdecimal() and int(name) < len(names) and not any(known.lstrip("-").isdecimal() for known in names):
        return int(name)
    listed = f"there are: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    raise DataError(f"class_weight: there is no class {str(name)!r}", hint=did_you_mean(str(name), names) or listed)
