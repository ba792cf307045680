"""The figures of an epoch: the loss, that of each output, and what each metric returns, which may be several figures.

Their names, their ranges, and whether more of them is better.

A metric with a figure for each class or output (`F1Score`) has names such as `f1_score_setosa`: the name that Keras
gives the metric, and the class, target or threshold. `check` and the engine name them by the functions here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from nnrun.catalog import lookup, metrics
from nnrun.catalog.figures import Figure, figure_of_loss, figure_of_metric

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.graph import ModelOutput
    from nnrun.spec.part import Part


@dataclass(frozen=True)
class LoggedMetric:
    """A metric of one output.

    Attributes:
        name: Its name in Keras' logs, with the output's name in front where there are several outputs.
        part: The metric in the config.
        output: The output.
    """

    name: str
    part: Part
    output: ModelOutput

    @property
    def has_several(self) -> bool:
        """Whether it returns a figure for each class, output or threshold."""
        part = self.part
        return bool(metrics.thresholds_of(part.name, part.arguments)) or metrics.has_figure_by_output(
            part.name, part.arguments
        )

    def labels(self, target: Facts | TargetFacts | None, target_names: Sequence[str]) -> tuple[str, ...]:
        """Return what tells its figures apart, as far as known: thresholds, classes, or the names of target columns.

        Args:
            target: What is known of the target that the output is compared with.
            target_names: The names of that target's columns.
        """
        thresholds = metrics.thresholds_of(self.part.name, self.part.arguments)
        if thresholds or not self.has_several or target is None:
            return tuple(f"{one:g}" for one in thresholds)
        return tuple(target.class_names) if target.form in ("one_hot", "integer") else tuple(target_names)


def logged_metrics(experiment: Experiment) -> tuple[LoggedMetric, ...]:
    """Return all metrics in the order in which Keras makes them, under the names that it gives them.

    A class without a name of its own (`AUC`) is numbered over all outputs; of other metrics of one name Keras numbers
    the second and later ones where it collects results.
    """
    outputs, made, logged = experiment.graph.outputs, Counter[str](), Counter[str]()
    found = []
    for output in outputs:
        for part in experiment.training.metrics if output.metrics is None else output.metrics:
            name, is_numbered = metrics.default_name(part.name)
            given = part.arguments.get("name")
            if given:
                name = str(given)
            elif is_numbered:
                name, base = (f"{name}_{made[name]}" if made[name] else name), name
                made[base] += 1
            if len(outputs) > 1:
                name = f"{output.name}_{name}"
            name, base = (f"{name}_{logged[name]}" if logged[name] else name), name
            logged[base] += 1
            found.append(LoggedMetric(name, part, output))
    return tuple(found)


def figure_labels(experiment: Experiment, facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return the labels of the figures of each metric that returns several, by the metric's name in Keras' logs."""
    return {
        metric.name: metric.labels(*target_of(metric.output, facts))
        for metric in logged_metrics(experiment)
        if metric.has_several
    }


def target_of(output: ModelOutput, facts: Facts) -> tuple[Facts | TargetFacts | None, tuple[str, ...]]:
    """Return what is known of the target that an output is compared with, and the names of its columns."""
    if output.target is None:
        return facts, facts.target_names
    return facts.by_target.get(output.target), (output.target,)


def figure_names(name: str, labels: Sequence[str], size: int, taken: Collection[str]) -> list[str]:
    """Name the figures of a metric: `f1_score_setosa`; a single figure has the metric's own name.

    Args:
        name: The metric's name.
        labels: What tells the figures apart; their numbers are used if these are not as many as figures.
        size: The number of figures.
        taken: Names that are in use.
    """
    if size == 1:
        return [name]
    words = [_word(label) for label in labels] if len(labels) == size else []
    found: list[str] = []
    for index in range(size):
        full = f"{name}_{words[index] if words and words[index] else index}"
        while full in taken or full in found:
            full = f"{full}_{index}"
        found.append(full)
    return found


def _word(label: str) -> str:
    """Return a label without what means something in paths of `expect:` and in file names of checkpoints."""
    return re.sub(r"[^\w-]+", "_", label).strip("_")


def direction_of(experiment: Experiment, monitor: str) -> metrics.Direction | None:
    """Return whether a monitored figure is better when smaller or larger; None where nobody can know it.

    Metrics of the catalog have their side, and what ends in `_loss` is better when less.
    """
    figure = monitor.removeprefix("val_")
    logged = logged_metrics(experiment)
    named = [one for one in logged if one.name == figure]
    of_several = [one for one in logged if one.has_several and figure.startswith(f"{one.name}_")]
    # The longest name is the metric's: `f1_score_1_setosa` is of the second F1Score.
    for one in (*named, *sorted(of_several, key=lambda one: -len(one.name))):
        found = metrics.direction(one.part.name)
        if found is not None:
            return found
    if figure == "loss" or figure.endswith("_loss") or (experiment.training.is_perceptron and figure == "updates"):
        return "min"
    return None


def figures(experiment: Experiment) -> dict[str, Figure]:
    """Return the figures of an experiment whose names do not say what they are: its losses, and metrics it renames."""
    by_output = {name: figure_of_loss(loss.name) for name, loss in experiment.losses.items()}
    low = sum(one.low for one in by_output.values()) if by_output else -inf
    known = {"loss": Figure(low, inf, "smaller"), **{f"{name}_loss": one for name, one in by_output.items()}}
    renamed = (one for one in logged_metrics(experiment) if one.part.arguments.get("name"))
    return known | {one.name: figure_of_metric(one.part.name) for one in renamed}


def has_user_figures(experiment: Experiment) -> bool:
    """Return whether code of the user, which is not run by `check`, may name or add figures."""
    parts = [*experiment.training.metrics, *experiment.training.callbacks]
    parts += [metric for one in experiment.graph.outputs for metric in one.metrics or ()]
    found = (lookup.entry(part.category, part.name) for part in parts)
    return any(entry is not None and entry.origin == "user" for entry in found)
