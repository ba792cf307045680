"""What a config says and nothing needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding
from nnrun.spec.stack import Repeat, Residual, Use
from nnrun.spec.walk import reached

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.spec.findings.case import Case
    from nnrun.spec.stack import Item


def unused(case: Case) -> Iterator[Finding]:
    """Find inputs, layers and stacks that no output needs."""
    needed = reached(case.graph)
    for one in case.graph.inputs:
        if one.name not in needed:
            text = f"no output of the model depends on the input '{one.name}'"
            hint = "say it in a layer's from:, or take it out"
            yield Finding(one.path, text, hint, "unused-input")
    # A stack that is used several times stands in one place of the file.
    told = {node.part.path for node in case.graph.nodes if node.name in needed}
    for node in case.graph.nodes:
        path = (*node.part.path, node.part.name)
        if node.part.path not in told:
            told.add(node.part.path)
            text = f"no output of the model depends on this {node.part.name}, so that Keras leaves it out"
            yield Finding(path, text, "say its name in a layer's from:, or take it out", "unused-node", "warning")
    yield from _stacks(case)


def _stacks(case: Case) -> Iterator[Finding]:
    model = case.experiment.model
    waiting, used = _uses(model.layers), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _uses(model.stacks.get(name, ()))
    for name in model.stacks:
        if name not in used:
            text = f"the model does not use the stack '{name}'"
            yield Finding(("define", name), text, f"write - {name} among the layers", "unused-define", "warning")


def _uses(items: Sequence[Item]) -> list[str]:
    found: list[str] = []
    for item in items:
        if isinstance(item, Use):
            found.append(item.stack)
        elif isinstance(item, Repeat):
            found += _uses(item.layers)
        elif isinstance(item, Residual):
            found += [*_uses(item.layers), *_uses(item.shortcut)]
    return found
