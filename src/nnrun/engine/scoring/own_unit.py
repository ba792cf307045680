"""Outputs, targets and metrics in the own unit of targets that were prepared (`data: prepare_target:`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.model.failures import errors_at_parts
from nnrun.engine.model.metrics import make_metrics

if TYPE_CHECKING:
    from nnrun.data.dataset import DataPart, PreparedTargets
    from nnrun.engine.model.build import Builder
    from nnrun.spec.experiment import Experiment


def scored(
    builder: Builder, part: DataPart, values: tuple[dict[str, float], Any, Any], experiment: Experiment
) -> tuple[dict[str, float], Any, Any]:
    """Return metrics, outputs and targets of a part in the own unit of its targets; the loss stays as it is.

    Args:
        builder: Builds the metrics again.
        part: The part.
        values: The loss and metrics, the outputs and the targets, as the model has them.
        experiment: The experiment.
    """
    preparation = part.target_preparation
    if preparation is None or part.own_y is None:
        return values
    outputs = _outputs(preparation, values[1], experiment)
    targets = _targets(part, outputs, experiment)
    with errors_at_parts(builder):
        return _metrics(builder, preparation, values[0], outputs, targets, experiment), outputs, targets


def predicted(part: DataPart, outputs: Any, experiment: Experiment) -> Any:
    """Return the outputs for a part in the own unit of its targets."""
    return outputs if part.target_preparation is None else _outputs(part.target_preparation, outputs, experiment)


def _outputs(preparation: PreparedTargets, outputs: Any, experiment: Experiment) -> Any:
    """Return a model's outputs with those of prepared targets in the targets' own unit."""
    found = {
        one.name: preparation.invert(one.target or "", np.asarray(_of(outputs, one.name)))
        for one in experiment.graph.outputs
    }
    return found if isinstance(outputs, dict) else next(iter(found.values()))


def _targets(part: DataPart, outputs: Any, experiment: Experiment) -> Any:
    """Return the targets of a part as its source has them, in the form of the outputs."""
    y = part.own_y
    found = {one.name: y[str(one.target)] if isinstance(y, dict) else y for one in experiment.graph.outputs}
    return found if isinstance(outputs, dict) else next(iter(found.values()))


def _metrics(
    builder: Builder,
    preparation: PreparedTargets,
    logs: dict[str, float],
    outputs: Any,
    targets: Any,
    experiment: Experiment,
) -> dict[str, float]:
    """Return the loss and metrics of a part, the metrics of prepared targets computed again in their own unit.

    The loss stays what was minimized, of prepared targets.
    """
    graph, scores = experiment.graph, dict(logs)
    for one in graph.outputs:
        if not preparation.columns(one.target or ""):
            continue
        truth, predicted = np.asarray(_of(targets, one.name)), np.asarray(_of(outputs, one.name), dtype="float32")
        for metric in make_metrics(builder, experiment, one, predicted.shape[1:], refuse=False):
            made = metric if hasattr(metric, "update_state") else builder.keras.metrics.MeanMetricWrapper(metric)
            name = made.name if len(graph.outputs) == 1 else f"{one.name}_{made.name}"
            made.update_state(truth.astype("float32"), predicted)
            value = np.asarray(made.result())
            if value.size == 1 and name in scores:
                scores[name] = float(value)
    return scores


def _of(values: Any, name: str) -> Any:
    return values[name] if isinstance(values, dict) else values
