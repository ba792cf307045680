"""How much each example counts in training: weights of its class, beside its own."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from nnrun.config.hints import did_you_mean
from nnrun.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.data.dataset import DataPart
    from nnrun.spec.facts import Facts, TargetFacts

    #: `balanced`, or a weight for each class by its name or number; 1 for those that are not named.
    ClassWeight: TypeAlias = Literal["balanced"] | Mapping[str, float] | Mapping[int, float]


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


def weigh_classes(part: DataPart, facts: Facts, wanted: ClassWeight) -> DataPart:
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
