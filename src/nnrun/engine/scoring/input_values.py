"""What the values of inputs and targets must be for layers and losses that would compute something else of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.spec.embeddings import embedded_inputs
from nnrun.spec.targets import output_kind

if TYPE_CHECKING:
    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment


def require_labels(builder: Builder, experiment: Experiment, model: Any, y: Any) -> None:
    """Check that CTC can align targets with its outputs; Keras would give an infinite loss, or leave labels out.

    Raises:
        BuildError: At the loss.
    """
    for one, loss in experiment.losses.items():
        outputs = model.output[one] if isinstance(model.output, dict) else model.output
        values = y[one] if isinstance(y, dict) else y
        if output_kind(loss) != "label_sequences" or not isinstance(values, np.ndarray):
            continue
        from nnrun.engine.scoring.label_sequences import unusable_labels

        if reason := unusable_labels(values, steps=outputs.shape[1], classes=outputs.shape[2]):
            hint = "labels are 1, 2, ..., filled up with 0; the last layer has an output more than there are labels"
            raise builder.error((*loss.path, loss.name), f"{loss.name} {reason}", hint)


def require_token_ids(builder: Builder, experiment: Experiment, x: Any) -> None:
    """Check that what embeddings receive is whole numbers within their tables.

    TensorFlow would stop in the first step with an error of its own, or take other rows where XLA compiles it.

    Raises:
        BuildError: At the embedding's size.
    """
    for one in embedded_inputs(experiment.graph, builder.facts):
        values = x[one.input] if isinstance(x, dict) else x
        if isinstance(values, np.ndarray) and (text := _no_token_ids(values, one.size)):
            expected = f"whole numbers from 0 to {one.size - 1} (`{one.argument}` less 1)"
            text = f"{one.layer} expects {expected}, received {text}"
            raise builder.error(
                one.size_path, text, f"write a larger {one.argument}, or encode the data as whole numbers"
            )


def _no_token_ids(values: np.ndarray, size: int) -> str | None:
    """Return the first value that is not a whole number from 0 to `size - 1`."""
    wrong = (values < 0) | (values >= size)
    if values.dtype.kind == "f":
        wrong |= values != np.floor(values)
    return f"{values[wrong].flat[0]:g}" if wrong.any() else None
