"""The range of each loss and metric, and whether more of it is better, by the names in `scores.json`."""

from __future__ import annotations

import re
from functools import cache
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from nnrun.catalog import lookup
from nnrun.catalog.shapes.names import snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping


class Figure(NamedTuple):
    """What is known of a figure.

    Attributes:
        low: The smallest possible value.
        high: The largest possible value.
        better: Whether a larger or a smaller value is better; None where that is unknown, or neither is.
    """

    low: float = -inf
    high: float = inf
    better: Literal["larger", "smaller"] | None = None


UNKNOWN = Figure()
_SHARE = Figure(0, 1, "larger")
_CORRELATION = Figure(-1, 1, "larger")
_ERROR = Figure(0, inf, "smaller")

#: Metrics of Keras by class.
_METRICS: dict[Figure, str] = {
    _SHARE: """AUC Accuracy BinaryAccuracy BinaryIoU CategoricalAccuracy F1Score FBetaScore IoU MeanIoU OneHotIoU
        OneHotMeanIoU Precision PrecisionAtRecall Recall RecallAtPrecision SensitivityAtSpecificity
        SparseCategoricalAccuracy SparseTopKCategoricalAccuracy SpecificityAtSensitivity TopKCategoricalAccuracy""",
    _CORRELATION: "ConcordanceCorrelation CosineSimilarity PearsonCorrelation",
    Figure(-inf, 1, "larger"): "R2Score",
    _ERROR: """BinaryCrossentropy CategoricalCrossentropy CategoricalHinge Hinge KLDivergence LogCoshError
        MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError
        LogCosh RootMeanSquaredError SparseCategoricalCrossentropy SquaredHinge BinaryFocalCrossentropy
        CategoricalFocalCrossentropy Huber FalsePositives FalseNegatives""",
    Figure(0, inf, "larger"): "TruePositives TrueNegatives",
    # Of a Poisson distribution the constant part of the logarithm is left out, so that it may be negative.
    Figure(better="smaller"): "Poisson",
}
#: Losses of Keras whose range is not that of an error.
_LOSSES: dict[str, Figure] = {
    "cosinesimilarity": Figure(-1, inf, "smaller"),
    "poisson": Figure(better="smaller"),
}
#: Scores that nnrun adds.
_SCORES: dict[str, Figure] = {
    "error_rate": Figure(0, 1, "smaller"),
    "error_percent": Figure(0, 100, "smaller"),
    "errors": _ERROR,
    "label_error_rate": _ERROR,
    "mean_absolute_scaled_error": _ERROR,
    "exact_match": _SHARE,
    "psnr": Figure(better="larger"),
    "token_error_rate": _ERROR,
    "bleu": Figure(0, 100, "larger"),
    "chrf": Figure(0, 100, "larger"),
    "roc_auc": _SHARE,
    "pr_auc": _SHARE,
    "f1": _SHARE,
    "log_loss": _ERROR,
    "expected_calibration_error": Figure(0, 1, "smaller"),
    "r2": Figure(-inf, 1, "larger"),
    "bits_per_character": _ERROR,
    "nats_per_character": _ERROR,
    "perplexity": Figure(1, inf, "smaller"),
}


def figure_of(name: str, known: Mapping[str, Figure] = MappingProxyType({})) -> Figure:
    """Return what is known of a figure; `UNKNOWN` of a metric of the user's own.

    Args:
        name: Its name in `metrics.jsonl` or `scores.json`: `val_accuracy`, `price_mean_squared_error` of an output,
            `f1_score_yes` of a class, `precision_1` of a second object.
        known: Figures of the config, which have names of their own.
    """
    bare = re.sub(r"_\d+$", "", name.removeprefix("val_"))
    for one in (name, name.removeprefix("val_"), bare):
        if one in known:
            return known[one]
    by_name = _by_name()
    words = bare.split("_")
    # An output's name may stand before it and a class's behind it.
    runs = (
        words[start : start + size] for size in range(len(words), 0, -1) for start in range(len(words) - size, -1, -1)
    )
    found = next((by_name[one] for run in runs if (one := "".join(run)) in by_name), None)
    if found is not None:
        return found
    return Figure(better="smaller") if words[-1] == "loss" else UNKNOWN


def figure_of_loss(class_name: str) -> Figure:
    """Return what is known of a loss of Keras, to which regularizers may add; the user's own has any range."""
    entry = lookup.entry("losses", class_name)
    if entry is None or entry.origin == "user":
        return Figure(better="smaller")
    return _LOSSES.get(_plain(entry.name), _ERROR)


def figure_of_metric(class_name: str) -> Figure:
    """Return what is known of a metric by its class in Keras; `UNKNOWN` of the user's own."""
    return _by_name().get(_plain(class_name), UNKNOWN)


@cache
def _by_name() -> Mapping[str, Figure]:
    """Return figures by their names without underscores, as Keras writes `io_u` and `fbeta`."""
    of_metrics = {_plain(name): figure for figure, names in _METRICS.items() for name in names.split()}
    return MappingProxyType(of_metrics | {_plain(name): figure for name, figure in _SCORES.items()})


def _plain(name: str) -> str:
    return snake_case(name).replace("_", "")
