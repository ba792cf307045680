"""Checks of `distribution:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext


def check_distribution(context: CheckContext) -> Iterator[Finding]:
    """Find what cannot be trained on several devices, and batches that cannot be divided over them."""
    experiment, training = context.experiment, context.training
    if experiment.distribution is None:
        return
    devices, size = experiment.distribution.data_parallel, training.batch_size
    split = experiment.data.split
    if experiment.backend != "jax":
        text = f"several devices need JAX, and the backend is {experiment.backend}"
        yield Finding(("distribution",), text, "write backend: jax", "cannot-distribute", at_key=True)
    if training.is_perceptron:
        text = "the perceptron's rule takes a row at a time, which cannot be divided over devices"
        yield Finding(("distribution",), text, "leave out distribution", "cannot-distribute", at_key=True)
    if split is not None and split.k_fold is not None:
        text = "the folds of a cross-validation are trained on one device each"
        yield Finding(
            ("distribution",), text, "leave out distribution, and train with --jobs", "cannot-distribute", at_key=True
        )
    if size % devices:
        text = f"a batch of {size} rows cannot be divided evenly over {devices} devices"
        hint = f"write batch_size: {max(size // devices, 1) * devices}"
        yield Finding(("training", "batch_size"), text, hint, "cannot-distribute")
