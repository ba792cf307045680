"""Metrics as the rule of `nnrun.spec.metric_rules` has them: some see other outputs than the model returns.

A model of logits, say, is scored by its probabilities. The model itself is not changed, and neither are the names of
its metrics nor what Keras writes into a `.keras` file, which loads without nnrun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.spec.compared_output import compared_output, masks_padding
from nnrun.spec.facts import substitute_facts
from nnrun.spec.metric_rules import metric_verdict
from nnrun.spec.verdict import MetricTranslation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.graph import ModelOutput
    from nnrun.spec.part import Part


def make_metrics(
    builder: Builder, experiment: Experiment, output: ModelOutput, shape: Sequence[int | None] | None, *, refuse: bool
) -> list[Any]:
    """Make the metrics of one output.

    Args:
        builder: Builds Keras objects from parts of the config.
        experiment: The experiment.
        output: The output.
        shape: Its shape without the batch; None where it is not known.
        refuse: Whether metrics that cannot mean what they say are refused. Those of a run that exists are not, so that
            it can be evaluated as it was trained.

    Raises:
        BuildError: A metric is refused, by the rule or by Keras, at its place in the config.
    """
    facts, masked = builder.facts, masks_padding(experiment.graph)
    compared = compared_output(experiment, facts.of_target(output.target), output.name, shape)
    made = []
    for part in experiment.training.metrics if output.metrics is None else output.metrics:
        metric = substitute_facts(part, facts, output.target)
        verdict = metric_verdict(metric, compared)
        if refuse and verdict.decision == "refused":
            raise builder.error((*part.path, part.name), verdict.text, verdict.hint or "leave it out")
        made.append(_make(builder, verdict.translation or MetricTranslation(metric), masked=masked))
    return made


def _make(builder: Builder, translation: MetricTranslation, *, masked: bool) -> Any:
    metric = builder.make(translation.metric)
    if getattr(metric, "num_regressors", 0) and isinstance(metric, builder.keras.metrics.R2Score):
        _adjust_in_a_graph(builder.keras, metric)
    if masked and _ignores_masks(builder.keras, metric):
        _leave_out_padding(builder.keras, metric)
    if translation.outputs == "unchanged" and not translation.positions_are_rows:
        return metric
    if not hasattr(metric, "update_state"):
        metric = _wrapped(builder, translation.metric, metric)
    _see_translated(builder.keras, metric, translation)
    return metric


def _adjust_in_a_graph(keras: Any, metric: Any) -> None:
    """Let an adjusted R2 be computed inside a compiled step, and from the number of rows.

    1 - (1 - R2) (n - 1) / (n - p - 1) for n rows and p regressors, and R2 itself where n - p - 1 is not positive, as
    Keras documents it. Keras 3.15 compares n with p by a Python `if`, which a compiled step cannot, and counts the
    values of all columns for n.
    """
    ops, result, regressors = keras.ops, metric.result, metric.num_regressors

    def adjusted() -> Any:
        metric.num_regressors = 0
        try:
            plain = result()
        finally:
            metric.num_regressors = regressors
        rows = ops.cast(metric.num_samples, plain.dtype) / metric.count.shape[0]
        left = rows - regressors - 1
        return ops.where(left > 0, 1 - (1 - plain) * (rows - 1) / ops.maximum(left, 1), plain)

    metric.result = adjusted


def _wrapped(builder: Builder, part: Part, function: Any) -> Any:
    """Return the metric that Keras makes of a function when it compiles."""
    function = builder.keras.metrics.get(function) if isinstance(function, str) else function
    return builder.keras.metrics.MeanMetricWrapper(function, name=part.name)


def _ignores_masks(keras: Any, metric: Any) -> bool:
    """Return whether a metric is a class of Keras that counts padding; what a user's own counts is the user's."""
    is_class = isinstance(metric, keras.metrics.Metric) and type(metric).__module__.startswith("keras.")
    return is_class and not isinstance(metric, keras.metrics.MeanMetricWrapper)


def _leave_out_padding(keras: Any, metric: Any) -> None:
    """Let a metric leave out masked positions, as Keras lets losses and means over rows."""
    update_state = metric.update_state

    def update(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        mask = keras.src.backend.get_keras_mask(y_pred)
        if mask is not None and sample_weight is None:
            sample_weight = keras.ops.cast(mask, "float32")
        return update_state(y_true, y_pred, sample_weight=sample_weight)

    metric.update_state = update


def _see_translated(keras: Any, metric: Any, translation: MetricTranslation) -> None:
    """Let a metric see translated outputs; of padded sequences they keep Keras' mask."""
    # Keras has no public name for the mask that it attaches to tensors.
    update_state, ops, masking = metric.update_state, keras.ops, keras.src.backend
    functions = {"unchanged": lambda one: one, "sigmoid": ops.sigmoid, "softmax": ops.softmax}
    function = functions[translation.outputs]

    def update(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # Probabilities of half precision would lie on a coarser grid than thresholds do.
        precise = "float64" if masking.standardize_dtype(y_pred.dtype) == "float64" else "float32"
        mask, seen = masking.get_keras_mask(y_pred), function(ops.cast(y_pred, precise))
        if translation.positions_are_rows:
            y_true, seen = (ops.reshape(one, (-1, one.shape[-1])) for one in (y_true, seen))
            mask = None if mask is None else ops.reshape(mask, (-1,))
        if mask is not None:
            masking.set_keras_mask(seen, mask)
        return update_state(y_true, seen, sample_weight=sample_weight)

    metric.update_state = update
