"""Puts what the data teach into parts: `$classes` becomes a number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.spec.part import Part

if TYPE_CHECKING:
    from nnrun.spec.facts import Facts
    from nnrun.spec.graph import Graph, Node


def put_in(part: Part, facts: Facts | None, target: str | None = None) -> Part:
    """Give `part` with the facts that are known put in; unknown ones stay words.

    Args:
        part: The part.
        facts: What the data teach; None where nothing is known.
        target: The target that `$classes` and `$targets` are asked for.
    """
    return replace(part, arguments={key: _value(value, facts, target) for key, value in part.arguments.items()})


def target_of(graph: Graph, node: Node) -> str | None:
    """Give the target that a layer's output is compared with; None where its output does not leave the model."""
    return next((one.target for one in graph.outputs if one.source.name == node.name), None)


def _value(value: Any, facts: Facts | None, target: str | None) -> Any:
    if isinstance(value, Part):
        return put_in(value, facts, target)
    if isinstance(value, list):
        return [_value(item, facts, target) for item in value]
    if isinstance(value, str) and value.startswith("$") and facts is not None:
        found = facts.value(value, target)
        return value if found is None else found
    return value
