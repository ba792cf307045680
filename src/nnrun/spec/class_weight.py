"""The weights of classes: which class each is for, and which targets have such classes."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

from nnrun.config.hints import did_you_mean_or_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.spec.facts import Facts, TargetFacts

    #: `balanced`, or a weight for each class by its name or number; 1 for those that are not named.
    ClassWeight: TypeAlias = Literal["balanced"] | Mapping[str, float] | Mapping[int, float]


class ClassWeightError(ValueError):
    """Weights that suit no class, or no target.

    Args:
        text: What is wrong.
        hint: What to write.
    """

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


def weights_by_number(
    names: Sequence[str], class_weight: Mapping[str, float] | Mapping[int, float]
) -> dict[int, float]:
    """Return the weights by the numbers of their classes.

    Args:
        names: The names of the classes in the order of their numbers.
        class_weight: The weights by name; by number where no class has a number as its name.

    Raises:
        ClassWeightError: A class does not exist or is named twice, a weight is negative or not finite, or all are 0.
    """
    by_class: dict[int, float] = {}
    for name, weight in class_weight.items():
        number = _class_number(str(name), names)
        if number in by_class:
            raise ClassWeightError(f"class_weight names the class {names[number]!r} twice", "take one out")
        if not isfinite(weight) or weight < 0:
            text = f"class_weight: expected a number of at least 0 for {name!r}, received {weight:g}"
            raise ClassWeightError(text, "0 leaves a class out, 2 counts it twice")
        by_class[number] = float(weight)
    if by_class and len(by_class) == len(names) and not any(by_class.values()):
        raise ClassWeightError(
            "class_weight: all classes have the weight 0, so no row counts", "leave class_weight out"
        )
    return by_class


def _class_number(name: str, names: Sequence[str]) -> int:
    """Return the number of a class given by name; by number only where no class has a number as its name."""
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names) and not any(known.lstrip("-").isdecimal() for known in names):
        return int(name)
    raise ClassWeightError(f"class_weight: there is no class {name!r}", did_you_mean_or_list(name, names, 8))


def require_classes(about: Facts | TargetFacts, targets: Sequence[str], width: int | None) -> None:
    """Refuse weights of classes for what has not one class an example.

    Args:
        about: The facts of the target.
        targets: The names of all targets that the model is trained on.
        width: The number of columns of the target; None where it is not known.

    Raises:
        ClassWeightError: There are several targets, or the target's examples have numbers, or several classes each.
    """
    if len(targets) > 1:
        # Keras refuses it likewise: one example would have as many weights as outputs.
        raise ClassWeightError(
            f"class_weight suits a model with one output, but there are {len(targets)} ({', '.join(targets)})",
            "weigh the outputs with `weight:`, or the rows with `sample_weight` in `data.source`",
        )
    if about.task == "regression" or about.positions or (about.form == "binary" and (width or 1) > 1):
        what = "is a number" if about.task == "regression" else "has several"
        text = f"class_weight needs a target with one class an example, and this one {what}"
        raise ClassWeightError(text, "weigh the rows themselves with `sample_weight` in `data.source`")
