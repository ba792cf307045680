"""Whether a model is one that the perceptron's rule can train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.errors import Path
    from nnrun.spec.findings.case import Case

_HINT = "write model: [{Dense: {units: 1, activation: binary_step}}], or leave out rule: perceptron"


def perceptron(case: Case) -> Iterator[Finding]:
    """Find what keeps the perceptron's rule from training a model: it knows a single unit with a step."""
    if not case.training.is_perceptron:
        return
    found = _wrong(case)
    if found is not None:
        path, text = found
        yield Finding(path, text, _HINT, "perceptron-of-one-unit")


def _wrong(case: Case) -> tuple[Path, str] | None:
    nodes = case.graph.nodes
    if len(nodes) != 1 or nodes[0].part.name != "Dense" or not case.graph.chain:
        return ("model",), f"rule: perceptron trains a single Dense, and the model has {_told(case)}"
    dense = nodes[0].part
    path, units, activation = (*dense.path, "Dense"), dense.arguments.get("units"), dense.arguments.get("activation")
    if units not in (1, "$targets"):
        return (*path, "units"), f"rule: perceptron trains one unit, and this Dense has {units}"
    said = activation.name if isinstance(activation, Part) else activation
    if said != "binary_step":
        return (*path, "activation"), f"rule: perceptron needs activation: binary_step, received {said or 'none'}"
    return None


def _told(case: Case) -> str:
    names = [node.part.name for node in case.graph.nodes]
    return f"{len(names)} layers" if len(names) > 1 else names[0] if names else "none"
