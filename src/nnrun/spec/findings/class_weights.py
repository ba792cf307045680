"""Check of `class_weight`: that its classes exist, and that the target has one class an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.class_weight import ClassWeightError, require_classes, weights_by_number
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext

_PATH = ("training", "class_weight")


def check_class_weights(context: CheckContext) -> Iterator[Finding]:
    """Find weights of classes that do not exist, and of targets that are no single class."""
    weights, outputs = context.training.class_weight, context.graph.outputs
    about = context.target_facts(outputs[0])
    if weights is None or about is None:
        return
    try:
        require_classes(about, [one.name for one in outputs], about.targets)
    except ClassWeightError as error:
        yield Finding(_PATH, str(error), error.hint, "class-weight-unsuitable", at_key=True)
        return
    if isinstance(weights, str) or not about.class_names:
        return
    wrong = False
    for name, weight in weights.items():
        try:
            weights_by_number(about.class_names, {name: weight})
        except ClassWeightError as error:
            wrong = True
            yield Finding((*_PATH, name), str(error), error.hint, "class-weight-unknown", at_key=True)
    if not wrong:
        try:
            weights_by_number(about.class_names, weights)
        except ClassWeightError as error:
            yield Finding(_PATH, str(error), error.hint, "class-weight-unknown", at_key=True)
