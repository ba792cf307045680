"""What scikit-learn, or the formula where it has none, says of each metric: the reference of `check_metrics.py`.

Each reference takes targets and probabilities (of hinges: outputs) as NumPy arrays in the form in which nnrun lets a
metric see them, and returns the figure or figures that Keras should give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import metrics as sk
from sklearn.metrics.pairwise import cosine_similarity

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Keras cuts probabilities off at this distance from 0 and 1 before it takes logarithms.
EPSILON = 1e-7
#: Of curves Keras takes as many points as thresholds: with 200, areas differ from the exact ones by up to this. Areas
#: under precision-recall curves it interpolates, where scikit-learn adds steps.
CURVE_TOLERANCE = 0.03
#: The relative rounding of float32, over sums of some dozens of rows.
ROUNDING = 2e-4


@dataclass(frozen=True)
class Compared:
    """Targets and outputs that a metric compares.

    Attributes:
        form: The form of the targets.
        truth: The targets: class numbers of shape (rows,), or shape (rows, columns).
        outputs: The outputs as they are, shape (rows, columns).
        seen: Probabilities in place of logits; for others the outputs.
        threshold: What divides two classes in `seen`.
        arguments: The metric's arguments.
    """

    form: str
    truth: Array
    outputs: Array
    seen: Array
    threshold: float
    arguments: dict[str, Any]

    @property
    def one_hot(self) -> Array:
        """The targets as rows."""
        return self.truth if self.truth.ndim > 1 else np.eye(self.seen.shape[-1])[self.truth]

    @property
    def classes(self) -> Array:
        """The true class of each row."""
        return self.truth if self.truth.ndim == 1 else self.truth.argmax(axis=-1)

    def entries(self) -> tuple[Array, Array]:
        """Return the targets and outputs of one class, or of all."""
        column = self.arguments.get("class_id")
        pair = (self.truth, self.seen)
        return tuple(one.ravel() if column is None else one[:, column] for one in pair)  # type: ignore[return-value]

    def decisions(self) -> Array:
        """Return which outputs are above the threshold, or among the largest of their row."""
        top_k = self.arguments.get("top_k")
        if top_k is None:
            given = self.arguments.get("thresholds", self.arguments.get("threshold"))
            # A threshold of 0 is one of the outputs themselves.
            values = self.outputs if given == 0 else self.seen
            above = values > (self.threshold if given is None else given)
        else:
            above = self.seen.argsort(axis=-1).argsort(axis=-1) >= self.seen.shape[-1] - top_k
        column = self.arguments.get("class_id")
        return above.ravel() if column is None else above[:, column]

    @property
    def is_one_of_several(self) -> bool:
        """Whether the largest output of a row is its class."""
        return self.form in ("integer", "one_hot") or (self.form == "number" and self.seen.shape[-1] > 1)


def _accuracy(c: Compared) -> float:
    if c.is_one_of_several and _is_distribution(c):
        return float(sk.accuracy_score(c.classes, c.seen.argmax(axis=-1)))
    return float(sk.accuracy_score(c.truth.ravel(), c.seen.ravel() > c.threshold))


def _is_distribution(c: Compared) -> bool:
    return c.form != "number" or bool(np.allclose(c.seen.sum(axis=-1), 1, atol=1e-3))


def _by_threshold(score: Callable[[Array, Array], float]) -> Callable[[Compared], Any]:
    def reference(c: Compared) -> Any:
        thresholds = c.arguments.get("thresholds")
        truth = c.entries()[0] > 0
        if isinstance(thresholds, list):
            of_each = [{**c.arguments, "thresholds": one} for one in thresholds]
            made = (Compared(c.form, c.truth, c.outputs, c.seen, c.threshold, one) for one in of_each)
            return [score(truth, one.decisions()) for one in made]
        return score(truth, c.decisions())

    return reference


def _auc(c: Compared) -> float:
    curve = sk.average_precision_score if c.arguments.get("curve") == "PR" else sk.roc_auc_score
    if c.arguments.get("multi_label"):
        return float(curve(c.truth, c.seen, average="macro"))
    return float(curve(*c.entries()))


def _on_roc(find: Callable[[Array, Array, float], Array], name: str) -> Callable[[Compared], float]:
    def reference(c: Compared) -> float:
        false_positive, true_positive, _ = sk.roc_curve(*c.entries(), drop_intermediate=False)
        return float(np.max(find(1 - false_positive, true_positive, c.arguments[name]), initial=0))

    return reference


def _on_precisions(find: Callable[[Array, Array, float], Array], name: str) -> Callable[[Compared], float]:
    def reference(c: Compared) -> float:
        precision, recall, _ = sk.precision_recall_curve(*c.entries())
        return float(np.max(find(precision[:-1], recall[:-1], c.arguments[name]), initial=0))

    return reference


def _f_score(c: Compared) -> Any:
    threshold = c.arguments.get("threshold")
    if threshold is None and c.is_one_of_several and _is_distribution(c):
        made = np.eye(c.seen.shape[-1])[c.seen.argmax(axis=-1)]
    else:
        made = c.seen > (c.threshold if threshold is None else threshold)
    average, beta = c.arguments.get("average"), c.arguments.get("beta", 1.0)
    truth, made = c.one_hot.astype(int), made.astype(int)
    scored = [sk.fbeta_score(truth[:, one], made[:, one], beta=beta, zero_division=0) for one in range(truth.shape[1])]
    if average == "micro":
        return sk.fbeta_score(truth.ravel(), made.ravel(), beta=beta, zero_division=0)
    if average == "weighted":
        return float(np.average(scored, weights=truth.sum(axis=0)))
    return float(np.mean(scored)) if average == "macro" else scored


def _iou(c: Compared) -> float:
    ids = c.arguments.get("target_class_ids", range(c.arguments["num_classes"]))
    present = [one for one in ids if (c.classes == one).any() or (c.seen.argmax(axis=-1) == one).any()]
    return float(sk.jaccard_score(c.classes, c.seen.argmax(axis=-1), labels=present, average="macro"))


def _binary_iou(c: Compared) -> float:
    truth, made = c.truth.ravel().astype(int), c.decisions().astype(int)
    ids = c.arguments.get("target_class_ids", [0, 1])
    return float(sk.jaccard_score(truth, made, labels=ids, average="macro", zero_division=0))


def _entry_loss(c: Compared) -> float:
    return float(sk.log_loss(c.truth.ravel(), np.clip(c.seen.ravel(), EPSILON, 1 - EPSILON), labels=[0, 1]))


def _row_loss(c: Compared) -> float:
    seen = np.clip(c.seen / c.seen.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
    return float(np.mean([-np.log(row[true]) for row, true in zip(seen, c.classes, strict=True)]))


def _binary_focal(c: Compared) -> float:
    of_truth = np.where(c.truth > 0, c.seen, 1 - c.seen)
    return float(np.mean((1 - of_truth) ** 2 * -np.log(np.clip(of_truth, EPSILON, 1))))


def _categorical_focal(c: Compared) -> float:
    p = np.clip(c.seen / c.seen.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
    return float(np.mean((c.one_hot * 0.25 * (1 - p) ** 2 * -np.log(p)).sum(axis=-1)))


def _logarithmic(c: Compared) -> float:
    return float(sk.mean_squared_log_error(c.truth, np.maximum(c.seen, EPSILON)))


def _poisson(c: Compared) -> float:
    truth, made = c.truth.ravel(), c.seen.ravel() + EPSILON
    constant = np.where(truth > 0, truth * np.log(np.maximum(truth, EPSILON)), 0) - truth
    return float(sk.mean_poisson_deviance(truth, made) / 2 - constant.mean())


def _divergence(c: Compared) -> float:
    truth, made = (np.clip(one, EPSILON, 1) for one in (c.truth, c.seen))
    return float(np.mean((truth * np.log(truth / made)).sum(axis=-1)))


def _hinge(c: Compared) -> float:
    return float(sk.hinge_loss(c.truth.ravel() * 2 - 1, c.outputs.ravel()))


def _squared_hinge(c: Compared) -> float:
    signs = c.truth * 2 - 1 if np.isin(c.truth, (0, 1)).all() else c.truth
    return float(np.mean(np.maximum(1 - signs * c.outputs, 0) ** 2))


def _categorical_hinge(c: Compared) -> float:
    positive = (c.one_hot * c.outputs).sum(axis=-1)
    return float(np.mean(np.maximum(((1 - c.one_hot) * c.outputs).max(axis=-1) - positive + 1, 0)))


def _huber(c: Compared) -> float:
    error = np.abs(c.seen - c.truth)
    return float(np.mean(np.where(error <= 1, error**2 / 2, error - 0.5)))


def _pearson(c: Compared) -> float:
    pairs = zip(c.truth, c.seen, strict=True)
    return float(np.mean([np.corrcoef(true, made)[0, 1] for true, made in pairs]))


def _concordance(c: Compared) -> float:
    means = [one.mean(axis=-1) for one in (c.truth, c.seen)]
    covariance = ((c.truth - means[0][:, None]) * (c.seen - means[1][:, None])).mean(axis=-1)
    spread = c.truth.var(axis=-1) + c.seen.var(axis=-1) + (means[0] - means[1]) ** 2
    return float(np.mean(2 * covariance / (spread + EPSILON)))


def _cosine(c: Compared) -> float:
    return float(np.mean(np.diag(cosine_similarity(c.truth, c.seen))))


def _top_k(c: Compared) -> float:
    k, labels = c.arguments.get("k", 5), range(c.seen.shape[-1])
    if len(labels) == 2:  # scikit-learn takes a single column of two classes
        return float(sk.accuracy_score(c.classes, c.seen.argmax(axis=-1)))
    return float(sk.top_k_accuracy_score(c.classes, c.seen, k=k, labels=labels))


def _regression(function: Callable[..., float]) -> Callable[[Compared], float]:
    return lambda c: float(function(c.truth.reshape(c.seen.shape), c.seen))


def _count(truth: bool, made: bool) -> Callable[[Array, Array], float]:
    return lambda true, decided: float(np.sum((true == truth) & (decided == made)))


def _precision(true: Array, made: Array) -> float:
    return float(sk.precision_score(true, made, zero_division=0))


def _recall(true: Array, made: Array) -> float:
    return float(sk.recall_score(true, made, zero_division=0))


REFERENCES: dict[str, Callable[[Compared], Any]] = {
    "accuracy": _accuracy,
    "Accuracy": lambda c: float(sk.accuracy_score(c.truth.ravel(), c.outputs.ravel())),
    "BinaryAccuracy": lambda c: float(sk.accuracy_score(c.truth.ravel() > 0, c.decisions())),
    "CategoricalAccuracy": lambda c: float(sk.accuracy_score(c.classes, c.seen.argmax(axis=-1))),
    "SparseCategoricalAccuracy": lambda c: float(sk.accuracy_score(c.classes, c.seen.argmax(axis=-1))),
    "TopKCategoricalAccuracy": _top_k,
    "SparseTopKCategoricalAccuracy": _top_k,
    "Precision": _by_threshold(_precision),
    "Recall": _by_threshold(_recall),
    "TruePositives": _by_threshold(_count(True, True)),
    "TrueNegatives": _by_threshold(_count(False, False)),
    "FalsePositives": _by_threshold(_count(False, True)),
    "FalseNegatives": _by_threshold(_count(True, False)),
    "AUC": _auc,
    "SensitivityAtSpecificity": _on_roc(lambda spec, sens, at: sens[spec >= at], "specificity"),
    "SpecificityAtSensitivity": _on_roc(lambda spec, sens, at: spec[sens >= at], "sensitivity"),
    "PrecisionAtRecall": _on_precisions(lambda precision, recall, at: precision[recall >= at], "recall"),
    "RecallAtPrecision": _on_precisions(lambda precision, recall, at: recall[precision >= at], "precision"),
    "F1Score": _f_score,
    "FBetaScore": _f_score,
    "BinaryIoU": _binary_iou,
    "IoU": _iou,
    "MeanIoU": _iou,
    "OneHotIoU": _iou,
    "OneHotMeanIoU": _iou,
    "BinaryCrossentropy": _entry_loss,
    "CategoricalCrossentropy": _row_loss,
    "SparseCategoricalCrossentropy": _row_loss,
    "binary_focal_crossentropy": _binary_focal,
    "categorical_focal_crossentropy": _categorical_focal,
    "Hinge": _hinge,
    "SquaredHinge": _squared_hinge,
    "CategoricalHinge": _categorical_hinge,
    "MeanSquaredError": _regression(sk.mean_squared_error),
    "RootMeanSquaredError": lambda c: float(np.sqrt(sk.mean_squared_error(c.truth, c.seen))),
    "MeanAbsoluteError": _regression(sk.mean_absolute_error),
    "MeanAbsolutePercentageError": lambda c: 100 * float(sk.mean_absolute_percentage_error(c.truth, c.seen)),
    "MeanSquaredLogarithmicError": _logarithmic,
    "R2Score": _regression(sk.r2_score),
    "LogCoshError": lambda c: float(np.mean(np.log(np.cosh(c.seen - c.truth)))),
    "log_cosh": lambda c: float(np.mean(np.log(np.cosh(c.seen - c.truth)))),
    "huber": _huber,
    "Poisson": _poisson,
    "KLDivergence": _divergence,
    "CosineSimilarity": _cosine,
    "PearsonCorrelation": _pearson,
    "ConcordanceCorrelation": _concordance,
}
#: Metrics that ask which outputs of a row are the largest.
OF_LARGEST = (
    *("accuracy", "CategoricalAccuracy", "TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "F1Score"),
    *("SparseCategoricalAccuracy", "FBetaScore", "Precision", "Recall", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
)
#: Metrics whose figures come from a grid of thresholds.
CURVES = (
    "AUC",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "PrecisionAtRecall",
    "RecallAtPrecision",
)


def tolerance(name: str, arguments: dict[str, Any]) -> float:
    """Return how far Keras' figure may be from the reference, relative to values above 1."""
    if name not in CURVES:
        return ROUNDING
    if name != "AUC" and "num_thresholds" not in arguments:
        return 0.15  # a point between two of 200 thresholds
    is_fine = arguments.get("num_thresholds", 200) > 200 and arguments.get("curve") != "PR"
    return CURVE_TOLERANCE / 10 if is_fine else CURVE_TOLERANCE
