"""Evaluation of a trained model on a part of the data: loss, metrics, error rate with its interval, predictions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.scoring import metrics, pictures
from nnrun.engine.scoring.intervals import wilson_interval
from nnrun.engine.scoring.label_sequences import greedy_decode, label_scores
from nnrun.engine.scoring.outputs import class_probabilities, is_multi_label, predicted_classes, true_classes
from nnrun.engine.scoring.predictions import Predictions
from nnrun.spec.facts import padded_class_names
from nnrun.spec.targets import output_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from nnrun.data.dataset import DataPart
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part

    #: Turns outputs of shape (rows, steps, classes) into labels, filled up with 0.
    Decode = Callable[[NDArray[Any]], NDArray[Any]]


#: Areas under curves are computed of so many predictions: each class sorts them all.
_MOST_IN_AREAS = 5_000_000


@dataclass(frozen=True)
class Evaluation:
    """The scores and predictions of a model on one part of the data.

    Attributes:
        scores: Loss, metrics, rows; for classification errors, error rate and its interval.
        predictions: The predictions of every output.
    """

    scores: dict[str, Any]
    predictions: tuple[Predictions, ...]

    def task(self, facts: Facts) -> str:
        """Return the task for `scores.json`: that of the target, or what else the outputs are."""
        return next((one.kind for one in self.predictions if one.kind != "predictions"), facts.task)


def evaluate_outputs(
    logs: dict[str, float],
    outputs: Any,
    targets: Any,
    part: DataPart,
    facts: Facts,
    experiment: Experiment,
    *,
    detailed: bool = True,
    masks: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    decode: Decode = greedy_decode,
) -> Evaluation:
    """Score a model's outputs on one part of the data.

    Args:
        logs: The model's loss and metrics.
        outputs: The outputs: an array, or a dict of arrays by the names of the outputs.
        targets: The encoded targets, as the outputs.
        part: The part of the data.
        facts: The facts of the data.
        experiment: The experiment.
        detailed: Whether to add areas under curves, mistakes and the scores of each class.
        masks: Which positions are no padding, by output, of shape (rows, *positions); of padding no figure is made.
        decode: Decodes the outputs of a model with the loss CTC.
    """
    scores: dict[str, Any] = {"rows": len(part.rows), **logs}
    predictions = make_predictions(outputs, facts, experiment, targets, decode)
    for one, (name, loss) in zip(predictions, experiment.losses.items(), strict=True):
        counted = _without_padding(one, masks.get(name))
        more = _error_rate(counted) if one.not_scored is None else {"not_scored": one.not_scored}
        if detailed or one.facts.task == "regression":
            more |= detailed_scores(counted, loss, part.rows if counted is one else part.rows[:0])
        if one.name and more:
            scores.setdefault("outputs", {})[one.name] = more
        else:
            # A metric of the config with the same name stays as Keras computed it.
            scores |= {name: value for name, value in more.items() if name not in scores}
    return Evaluation(scores, predictions)


def _without_padding(one: Predictions, mask: NDArray[Any] | None) -> Predictions:
    """Return the predictions of what is no padding, each position a row of its own."""
    if mask is None or one.truth is None or one.predicted is None or mask.all():
        return one
    return replace(one, outputs=one.outputs[mask], predicted=one.predicted[mask], truth=one.truth[mask])


def make_predictions(
    outputs: Any, facts: Facts, experiment: Experiment, y: Any = None, decode: Decode = greedy_decode
) -> tuple[Predictions, ...]:
    """Turn outputs into predictions, and the encoded targets `y`, if they are known, back into classes.

    Outputs of a model with the loss CTC are decoded by `decode`.
    """
    model_outputs, made = experiment.graph.outputs, []
    for one in model_outputs:
        of_target, loss = facts_of_target(facts, one.target), experiment.losses[one.name]
        array = _computable(outputs[one.name] if isinstance(outputs, dict) else outputs)
        truth = None if y is None else np.asarray(y[one.name] if isinstance(y, dict) else y)
        if truth is not None and of_target.task == "classification":
            truth = true_classes(truth, of_target)
        name, kind = one.name if len(model_outputs) > 1 else "", output_kind(loss)
        made.append(Predictions(name, of_target, array, _predicted(array, of_target, loss, decode), truth, kind))
    return tuple(_without_incomparable(one) for one in made)


def _predicted(outputs: NDArray[Any], facts: Facts, loss: Part, decode: Decode) -> NDArray[Any] | None:
    kind = output_kind(loss)
    if kind == "label_sequences":
        return decode(outputs)
    return None if kind == "embeddings" else predicted_classes(outputs, facts, loss)


def _without_incomparable(one: Predictions) -> Predictions:
    """Leave out predictions of another shape than the truth: what they mean is known to the user's own loss alone."""
    if one.predicted is None or one.kind != "predictions":
        return one
    if one.truth is not None:
        return one if one.predicted.size == one.truth.size else replace(one, predicted=None)
    targets = one.facts.targets
    is_other = one.facts.task == "regression" and targets is not None and one.outputs.shape[-1] != targets
    return replace(one, predicted=None) if is_other else one


def facts_of_target(facts: Facts, target: str | None) -> Facts:
    """Narrow the facts to one target of several."""
    about = facts.by_target.get(target or "")
    if about is None:
        return facts
    of_target = {field.name: getattr(about, field.name) for field in fields(about)}
    return replace(facts, **of_target, target_names=(str(target),))


def _computable(outputs: NDArray[Any]) -> NDArray[Any]:
    """Convert outputs to a type that NumPy computes with, which bfloat16 of mixed precision is not."""
    return outputs if outputs.dtype.kind == "f" and outputs.dtype.itemsize > 2 else outputs.astype(np.float32)


def _error_rate(one: Predictions) -> dict[str, Any]:
    if one.truth is None or one.predicted is None:
        return {}
    if one.kind == "label_sequences":
        wrong_rows, rate = label_scores(one.truth, one.predicted)
        exact = 1 - wrong_rows / len(one.truth)
        return {**error_scores(wrong_rows, len(one.truth)), "exact_match": exact, "label_error_rate": rate}
    if one.facts.task == "regression":
        return {}
    predicted = one.predicted.reshape(one.truth.shape)
    scores = error_scores(int(np.sum(one.truth != predicted)), int(one.truth.size))
    if not pictures.are_masks(one):
        return scores
    # Pixels of one picture are no independent draws, so that an interval of all pixels would be far too narrow.
    scores = {name: value for name, value in scores.items() if "interval" not in name}
    found = pictures.iou_scores(one.truth, predicted, _class_names(one.facts, one.outputs.shape[-1]))
    return {**{name: value for name, value in found.items() if name != "iou"}, **scores}


def error_scores(errors: int, rows: int) -> dict[str, Any]:
    """Return the error rate with its 95 % Wilson score interval, in per cent."""
    low, high = wilson_interval(errors, rows)
    return {
        "errors": errors,
        "error_rate": errors / rows,
        "error_percent": 100 * errors / rows,
        "error_percent_interval_95": [round(100 * low, 4), round(100 * high, 4)],
        "interval": "Wilson",
    }


def detailed_scores(one: Predictions, loss: Part, rows: NDArray[Any]) -> dict[str, Any]:
    """Compute the scores that suit the kind of an output, in addition to the error rate.

    Args:
        one: The predictions; without the truth there are no scores.
        loss: The output's loss, which says whether outputs are logits.
        rows: The row of each example in its source.
    """
    if one.truth is None or one.predicted is None or one.kind != "predictions" or not len(one.truth):
        return {}
    if one.facts.task == "regression":
        more = pictures.picture_scores(one.truth, one.outputs) if pictures.are_pictures(one) else {}
        return metrics.regression_scores(one.outputs, one.truth) | more
    if is_multi_label(one.facts):
        return _multi_label_scores(one, one.truth, one.predicted, loss)
    return _class_scores(one, one.truth.reshape(-1), one.predicted.reshape(-1), loss, rows)


def _class_scores(
    one: Predictions, truth: NDArray[Any], predicted: NDArray[Any], loss: Part, rows: NDArray[Any]
) -> dict[str, Any]:
    outputs = one.outputs.reshape(-1, one.outputs.shape[-1])
    names = _class_names(one.facts, outputs.shape[1])
    scores: dict[str, Any] = {}
    if len(names) <= metrics.MAX_CLASSES:
        scores = metrics.per_class_scores(truth, predicted, names)
        if pictures.are_masks(one):
            for name, share in pictures.iou_scores(truth, predicted, names)["iou"].items():
                scores["per_class"][name]["iou"] = share
        if len(truth) <= _MOST_IN_AREAS:
            scores |= _areas(truth, outputs, len(names))
    probabilities = class_probabilities(outputs, loss)
    if probabilities is None:
        return scores
    confidence = probabilities[np.arange(len(probabilities)), predicted]
    scores["log_loss"] = metrics.log_loss(truth, probabilities)
    scores["expected_calibration_error"] = metrics.expected_calibration_error(truth == predicted, confidence)
    if len(rows) == len(truth):
        scores["worst"] = metrics.worst_mistakes(truth, predicted, confidence, rows, names)
    return scores


def _multi_label_scores(one: Predictions, truth: NDArray[Any], predicted: NDArray[Any], loss: Part) -> dict[str, Any]:
    names = one.facts.target_names
    if len(names) > metrics.MAX_CLASSES:
        return {}
    scores = metrics.per_label_scores(truth, predicted, names)
    scores |= metrics.areas_under_curves(truth == 1, one.outputs)
    probabilities = class_probabilities(one.outputs.reshape(-1, 1), loss)
    return (
        scores if probabilities is None else scores | {"log_loss": metrics.log_loss(truth.reshape(-1), probabilities)}
    )


def _areas(truth: NDArray[Any], outputs: NDArray[Any], count: int) -> dict[str, Any]:
    """Compute the areas of every class against the rest; of two classes those of the second, as is usual."""
    if count > 2:
        return metrics.areas_under_curves(truth[:, None] == np.arange(count), outputs)
    second = outputs[:, -1:] - outputs[:, :1] if outputs.shape[1] == 2 else outputs
    return metrics.areas_under_curves(truth[:, None] == 1, second)


def _class_names(facts: Facts, units: int) -> tuple[str, ...]:
    return padded_class_names(facts.class_names, max(units, 2, len(facts.class_names)))
