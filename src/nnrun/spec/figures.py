"""What is known of the losses and metrics of an experiment: their ranges, and whether more is better."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from nnrun.catalog.figures import Figure, figure_of_loss, figure_of_metric

if TYPE_CHECKING:
    from nnrun.spec.experiment import Experiment


def figures(experiment: Experiment) -> dict[str, Figure]:
    """Return the figures of an experiment whose names do not say what they are: its losses, and metrics it renames."""
    by_output = {name: figure_of_loss(loss.name) for name, loss in experiment.losses.items()}
    low = sum(one.low for one in by_output.values()) if by_output else -inf
    known = {"loss": Figure(low, inf, "smaller"), **{f"{name}_loss": one for name, one in by_output.items()}}
    for output in experiment.graph.outputs:
        for part in experiment.training.metrics if output.metrics is None else output.metrics:
            if part.arguments.get("name"):
                name, figure = str(part.arguments["name"]), figure_of_metric(part.name)
                known |= {name: figure, f"{output.name}_{name}": figure}
    return known
