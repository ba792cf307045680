"""Steps of tables that have arrays next to their columns, such as pictures: columns are prepared as without them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nnrun.data.columns import Columns
from nnrun.data.prepare.step import as_table

if TYPE_CHECKING:
    import numpy as np

    from nnrun.data.prepare.step import ArrayOrTable, ExampleSpec, Step
    from nnrun.spec.part import Part


def fit_step(step: Step, x: ArrayOrTable, y: np.ndarray | None) -> list[str]:
    """Fit a step to the training part in memory; return notes for the user.

    Args:
        step: The step.
        x: The examples; of a table with arrays, a step that takes none is fitted to the columns.
        y: Their targets.

    Raises:
        ValueError: The examples do not suit the step.
    """
    return step.fit(_taken(step, x), y)


def apply_step(step: Step, x: ArrayOrTable, *, to_training: bool = False) -> ArrayOrTable:
    """Return the examples after a fitted step, with the arrays that it does not take.

    Args:
        step: The step.
        x: The examples.
        to_training: Whether they are the training part, just after the fit to it.

    Raises:
        ValueError: The examples do not suit the step.
    """
    taken = _taken(step, x)
    found = step.apply_to_training(taken) if to_training else step.apply(taken)
    if taken is x or not isinstance(x, Columns):
        return found
    return replace(as_table(found), arrays=x.arrays)


def output_spec(part: Part, step: Step, spec: ExampleSpec) -> ExampleSpec | None:
    """Return the spec of the examples after a step; None where it is known only after the step has run.

    Args:
        part: The step in the config.
        step: The step.
        spec: The spec of the examples before it.

    Raises:
        ValueError: The step cannot be applied to such examples.
    """
    if not spec.arrays or step.takes_arrays:
        return step.compute_output_spec(spec)
    if spec.shape == (0,):
        raise ValueError(_no_columns(step))
    columns = part.arguments.get("columns")
    named = [name for name in columns if name in spec.arrays] if isinstance(columns, list) else []
    if named:
        text = f"{part.name} takes columns of numbers or text, and {named[0]!r} is one of pictures"
        raise ValueError(f"{text}; `Rescale: {{columns: [{named[0]}], divide_by: 255}}` scales these")
    found = step.compute_output_spec(replace(spec, arrays={}))
    if found is not None and len(found.shape) != 1:
        text = f"{part.name} makes arrays of columns that stand next to pictures"
        raise ValueError(f"{text}; put a Reshape layer after the input instead")
    return None if found is None else replace(found, arrays=spec.arrays)


def _taken(step: Step, x: ArrayOrTable) -> ArrayOrTable:
    """Return what a step takes of the examples: of a table with arrays the columns, unless it takes arrays too."""
    if step.takes_arrays or not isinstance(x, Columns) or not x.arrays:
        return x
    if not x.values:
        raise ValueError(_no_columns(step))
    return Columns(x.values)


def _no_columns(step: Step) -> str:
    return f"{step.name} takes columns, and these examples are pictures alone"
