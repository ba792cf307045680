"""What a metric means for an output: one rule for all metrics, losses, activations and targets of the catalog.

A metric of Keras takes what the last layer returns. Where that is no probability (`from_logits: true`, a hinge), where
classes have another form than the metric takes, or where Keras infers the meaning of `accuracy` from shapes, its figure
would say something else than its name. Such a metric is translated, so that it agrees with nnrun's own figures (error
rate, confusion matrix, log loss), or refused with the line to write. Nothing here imports Keras.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.spec import class_metric_rules as classes
from nnrun.spec import number_metric_rules as numbers
from nnrun.spec.verdict import UNDECIDED, MetricTranslation, Verdict, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.spec.compared_output import ComparedOutput
    from nnrun.spec.part import Part

    Rule = Callable[[Part, ComparedOutput], Verdict]

_FAMILIES: Mapping[Rule, str] = {
    classes.accuracy: "accuracy",
    classes.exact_equality: "Accuracy",
    classes.binary_accuracy: "BinaryAccuracy",
    classes.counts: "TruePositives TrueNegatives FalsePositives FalseNegatives Precision Recall",
    classes.curves: """AUC PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity
        SpecificityAtSensitivity""",
    classes.f_scores: "F1Score FBetaScore",
    classes.binary_iou: "BinaryIoU",
    classes.iou: "IoU MeanIoU OneHotIoU OneHotMeanIoU",
    classes.one_hot_metrics: "CategoricalAccuracy TopKCategoricalAccuracy CategoricalHinge",
    classes.sparse_metrics: "SparseCategoricalAccuracy SparseTopKCategoricalAccuracy",
    classes.hinges: "Hinge SquaredHinge",
    numbers.binary_crossentropies: "BinaryCrossentropy binary_focal_crossentropy",
    numbers.categorical_crossentropies: """CategoricalCrossentropy SparseCategoricalCrossentropy
        categorical_focal_crossentropy""",
    numbers.errors: """MeanSquaredError RootMeanSquaredError MeanAbsoluteError MeanSquaredLogarithmicError LogCoshError
        R2Score huber log_cosh""",
    numbers.percentage_error: "MeanAbsolutePercentageError",
    numbers.poisson: "Poisson",
    numbers.divergence: "KLDivergence",
    numbers.similarities: "CosineSimilarity PearsonCorrelation ConcordanceCorrelation",
}
#: The rule of each metric by its name in the catalog.
RULES: Mapping[str, Rule] = {name: rule for rule, names in _FAMILIES.items() for name in names.split()}
#: Metrics that Keras computes of two dimensions only: rows, and classes or columns.
_OF_ROWS = ("F1Score", "FBetaScore", "R2Score")


def metric_verdict(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide what a metric means for an output.

    Args:
        metric: The metric; those of the user are undecided.
        output: The output, and what is known of its target.
    """
    entry = lookup.entry("metrics", metric.name)
    rule = None if entry is None or entry.origin == "user" else RULES.get(metric.name)
    if rule is None:
        return UNDECIDED
    if output.reading in ("sequences", "embeddings"):
        what = "sequences of labels" if output.reading == "sequences" else "embeddings"
        text = f"{metric.name} cannot compare {what}, which {output.loss.name} takes"
        return refused(text, f"leave out {metric.name}; the loss itself is shown")
    return _by_rows(metric, output, rule(metric, output))


def _by_rows(metric: Part, output: ComparedOutput, found: Verdict) -> Verdict:
    """Let each position be a row for metrics that take two dimensions only."""
    by_rows = metric.name in _OF_ROWS or (metric.name == "AUC" and metric.arguments.get("multi_label") is True)
    if found.decision == "refused" or not by_rows or not output.positions:
        return found
    translation = replace(found.translation or MetricTranslation(metric), positions_are_rows=True)
    decision: Any = "translated" if found.decision == "right" else found.decision
    return replace(found, decision=decision, translation=translation)
