"""Checks of `distribution:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.part import Part


#: Layers that compute with the whole batch while they are trained, and those that add a mean over it to the loss.
_WHEN_TRAINED, _ADD_LOSSES = ("BatchNormalization", "SpectralNormalization"), ("ActivityRegularization", "Sampling")


def check_distribution(context: CheckContext) -> Iterator[Finding]:
    """Find what cannot be trained on several devices, and batches that cannot be divided over them."""
    experiment, training = context.experiment, context.training
    if experiment.distribution is None:
        return
    devices, size = experiment.distribution.data_parallel, training.batch_size
    split = experiment.data.split
    if experiment.backend != "jax":
        yield from _on_tensorflow(context)
    if training.is_perceptron:
        text = "the perceptron's rule takes a row at a time, which cannot be divided over devices"
        yield Finding(("distribution",), text, "leave out distribution", "cannot-distribute", at_key=True)
    if split is not None and split.cross_validation is not None:
        text = "the folds of a cross-validation are trained on one device each"
        yield Finding(
            ("distribution",), text, "leave out distribution, and train with --jobs", "cannot-distribute", at_key=True
        )
    if size % devices:
        text = f"a batch of {size} rows cannot be divided evenly over {devices} devices"
        hint = f"write batch_size: {max(size // devices, 1) * devices}"
        yield Finding(("training", "batch_size"), text, hint, "cannot-distribute")


def _on_tensorflow(context: CheckContext) -> Iterator[Finding]:
    """Find what needs the whole batch at once: TensorFlow computes the model on each device's share by itself."""
    if context.training.execution.xla is True:
        text = "TensorFlow does not compile steps with XLA whose batches are divided over devices"
        hint = "leave out xla, or write backend: jax"
        yield Finding(("training", "execution", "xla"), text, hint, "cannot-distribute")
    # Phases freeze layers by patterns, which are applied to the model itself before its first step.
    is_trained = not context.training.phases
    for node in context.graph.nodes:
        parts = (node.part, *node.part.inner("layers"))
        averages = node.call.get("training") is False or any(one.arguments.get("trainable") is False for one in parts)
        for part in parts:
            reason = _whole_batch_reason(part, is_trained=is_trained and not averages)
            if reason is not None:
                text = f"{part.name} {reason}, and TensorFlow gives each device a share of it"
                hint = "write backend: jax, or leave out distribution"
                yield Finding(("distribution",), text, hint, "cannot-distribute", at_key=True)
                return


def _whole_batch_reason(part: Part, *, is_trained: bool) -> str | None:
    if part.name in _WHEN_TRAINED and is_trained:
        return "computes with the whole batch while it is trained"
    if part.name in _ADD_LOSSES or part.arguments.get("activity_regularizer") is not None:
        return "adds a mean over the batch to the loss"
    return "keeps a state for each row of the batch" if part.arguments.get("stateful") is True else None
