"""Checks of the cells of recurrent layers: what Keras cannot do inside of the loop over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.names import class_name
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext


def check_cells(context: CheckContext) -> Iterator[Finding]:
    """Find regularizers of a cell's output, and stacks of one cell that Keras cannot run."""
    known: set[Path] = set()
    for node in context.graph.nodes:
        # The layers of a stack that is used several times have one place in the file.
        if node.part.path in known:
            continue
        known.add(node.part.path)
        for layer in (node.part, *node.part.inner("layers")):
            if class_name(layer.name).endswith("Cell") and layer.arguments.get("activity_regularizer") is not None:
                text = (
                    f"Keras cannot add what a regularizer makes of the output of {layer.name} at each step to the loss"
                )
                hint = "put ActivityRegularization after the RNN instead"
                yield Finding((*layer.path, layer.name, "activity_regularizer"), text, hint, "cannot-combine")
            if class_name(layer.name) == "RNN":
                yield from _stack_of_one(context, layer)


def _stack_of_one(context: CheckContext, layer: Part) -> Iterator[Finding]:
    """Find a stack of one cell, whose state Keras packs as that of a cell without a stack."""
    cell = layer.arguments.get("cell")
    if isinstance(cell, Part) and class_name(cell.name) == "StackedRNNCells":
        cell = cell.arguments.get("cells")
    if not isinstance(cell, list) or len(cell) != 1 or not isinstance(cell[0], Part):
        return
    unrolled = layer.arguments.get("unroll") is True
    if context.experiment.backend == "jax" or (unrolled and class_name(cell[0].name) == "LSTMCell"):
        where = "on JAX" if context.experiment.backend == "jax" else "with unroll: true"
        text = f"Keras cannot run a stack of one cell {where} (a fault of Keras')"
        hint = f"write cell: {{{cell[0].name}: ...}} without the list"
        yield Finding((*layer.path, layer.name, "cell"), text, hint, "cannot-combine")
