"""Check of the loss CTC: scores of labels and a blank at each step, compared with shorter sequences of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.layer_call import format_shape
from nnrun.spec.finding import Finding
from nnrun.spec.targets import output_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext


def check_label_sequences(context: CheckContext) -> Iterator[Finding]:
    """Find outputs that are no scores at each step, and targets with more labels than there are steps."""
    for output in context.graph.outputs:
        loss, shape = context.experiment.losses[output.name], context.output_shape(output)
        if shape is None or output_kind(loss) != "label_sequences":
            continue
        path, facts = (*loss.path, loss.name), context.target_facts(output)
        labels = None if facts is None else facts.positions[0] if facts.positions else facts.targets
        if len(shape) != 2:
            text = f"{loss.name} expects scores of each label at each step, received outputs of {format_shape(shape)}"
            hint = (
                "give the last recurrent layer return_sequences: true, and let a Dense of all labels and a blank follow"
            )
            yield Finding(path, text, hint, "label-sequence-mismatch")
        elif shape[1] == 1:
            text = f"{loss.name} expects a score of the blank (0) and of each label, received one output a step"
            yield Finding(path, text, "write units: the largest label and 1 more", "label-sequence-mismatch")
        elif labels is not None and shape[0] is not None and labels > shape[0]:
            text = f"{loss.name} expects at least as many steps as labels, received {shape[0]} steps, {labels} labels"
            hint = "remove pooling or strides before the output, or shorten the targets"
            yield Finding(path, text, hint, "label-sequence-mismatch")
