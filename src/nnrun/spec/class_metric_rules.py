"""The rules of metrics that compare classes: accuracies, counts above thresholds, curves, F scores, IoU, hinges."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING, Any

from nnrun.spec.part import Part
from nnrun.spec.verdict import RIGHT, UNDECIDED, MetricTranslation, Verdict, refused, warned

if TYPE_CHECKING:
    from nnrun.spec.compared_output import ComparedOutput

#: What to write for a target of numbers.
NO_CLASSES = "write mean_absolute_error or R2Score, or choose a loss for classes"
#: The metric for one-hot rows that compares like each metric for class numbers, and the other way round.
_COUNTERPARTS = {
    "CategoricalAccuracy": "sparse_categorical_accuracy",
    "TopKCategoricalAccuracy": "SparseTopKCategoricalAccuracy",
    "CategoricalHinge": None,
    "SparseCategoricalAccuracy": "categorical_accuracy",
    "SparseTopKCategoricalAccuracy": "TopKCategoricalAccuracy",
}


def one_hot_loss(loss: Part) -> str:
    """Return the line of the loss that compares the same outputs with one-hot rows."""
    if loss.arguments.get("from_logits") is True:
        return "loss: {CategoricalCrossentropy: {from_logits: true}}"
    return "loss: categorical_crossentropy"


def needs_rows(metric: Part, output: ComparedOutput) -> Verdict:
    """Return the refusal of a metric that compares outputs one by one with class numbers."""
    text = f"{metric.name} compares each output with 0 or 1, but {output.loss.name} takes class numbers"
    return refused(text, f"write {one_hot_loss(output.loss)}, which makes one-hot rows")


def no_classes(metric: Part, output: ComparedOutput) -> Verdict | None:
    """Return the verdict on a metric of classes where the target is plain numbers; None where these are 0 and 1."""
    if output.form != "number" or output.zero_one:
        return None
    if output.zero_one is None:
        return UNDECIDED
    return refused(f"{metric.name} compares classes, but the target is numbers", NO_CLASSES)


def translated(metric: Part, outputs: Any = "unchanged", **arguments: Any) -> Verdict:
    """Return the verdict that a metric is computed with other arguments, or after a function of the outputs."""
    return Verdict("translated", translation=MetricTranslation(changed(metric, **arguments), outputs))


def changed(metric: Part, **arguments: Any) -> Part:
    """Return a metric with other arguments."""
    return replace(metric, arguments={**metric.arguments, **arguments}) if arguments else metric


def accuracy(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide what `accuracy` means, which Keras infers from shapes alone."""
    if output.form == "number" and output.is_field and not output.zero_one:
        text = "accuracy compares classes, but the target is the input itself"
        return refused(text, "write mean_absolute_error, or binary_accuracy where all values are 0 or 1")
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    around_zero = output.reading in ("logits", "margins")
    of_one_class = output.form in ("integer", "one_hot") or (output.form == "number" and _is_distribution(output))
    if of_one_class or (output.is_one_column and not around_zero):
        return RIGHT
    if output.units is None:
        return UNDECIDED
    name = {"name": metric.arguments.get("name", metric.name), "threshold": 0.0 if around_zero else 0.5}
    return Verdict("translated", translation=MetricTranslation(Part("metrics", "BinaryAccuracy", name, metric.path)))


def _is_distribution(output: ComparedOutput) -> bool:
    return output.range == "distribution" and not output.is_one_column


def exact_equality(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on `Accuracy`, which asks whether outputs equal targets to the last bit."""
    if output.range == "step" and output.form in ("binary", "number"):
        return RIGHT
    if output.range is None and output.reading is None:
        return UNDECIDED
    text = f"{metric.name} asks whether outputs equal targets exactly, which probabilities and other fractions never do"
    numeric = output.form == "number" and not output.zero_one
    return refused(text, NO_CLASSES if numeric else "write accuracy")


def binary_accuracy(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the share of outputs on the right side of a threshold."""
    if output.form == "integer":
        return refused(f"{metric.name} compares each output with 0 or 1, but the target is class numbers", _ACCURACY)
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    verdict = _threshold_verdict(metric, output, "threshold", native=True)
    if output.form != "one_hot" or verdict.decision == "refused":
        return verdict
    text = f"{metric.name} counts every class of a row, so it is high for any model"
    return warned(text, _ACCURACY, verdict.translation)


_ACCURACY = "write accuracy"


def _threshold_verdict(metric: Part, output: ComparedOutput, key: str, *, native: bool = False) -> Verdict:
    """Decide on a threshold between 0 and 1 where outputs lie around 0; `native` ones may be any number in Keras."""
    given = metric.arguments.get(key)
    around_zero = output.reading in ("logits", "margins")
    if not around_zero or given in (0, [0]):
        return RIGHT
    if given is None:
        native = native and output.to_probabilities == "sigmoid"
        return translated(metric, **{key: 0.0}) if native else translated(metric, output.to_probabilities)
    inside = all(0 < one < 1 for one in (given if isinstance(given, list) else [given]))
    if output.reading == "logits":
        return translated(metric, output.to_probabilities) if inside else RIGHT
    text = f"the outputs of {output.loss.name} are no probabilities: 0 divides the two classes, not {given}"
    return warned(text, f"leave out {key}")


def _entries(metric: Part, output: ComparedOutput) -> Verdict | None:
    """Return the verdict on a metric of outputs that are compared with 0 and 1 one by one, if the target decides it."""
    if output.form == "integer":
        return needs_rows(metric, output)
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    class_id, top_k, units = metric.arguments.get("class_id"), metric.arguments.get("top_k"), output.units
    if isinstance(class_id, int) and units is not None and class_id >= units:
        text = f"there is no class {class_id} among {_outputs(units)}, which are counted from 0"
        return refused(text, f"write class_id: {units - 1}, or leave it out")
    if isinstance(top_k, int) and units is not None and top_k >= units:
        text = f"top_k: {top_k} takes every one of {_outputs(units)}"
        return refused(text, "leave out top_k" if units == 1 else f"write top_k: {units - 1}, or leave it out")
    return None


def _outputs(units: int) -> str:
    return "1 output" if units == 1 else f"{units} outputs"


def counts(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on counts of outputs above thresholds."""
    if (verdict := _entries(metric, output)) is not None:
        return verdict
    top_k = metric.arguments.get("top_k") is not None
    if top_k and "thresholds" not in metric.arguments:
        return RIGHT
    if output.reading == "scores":
        text = f"of the outputs of {output.loss.name} the largest is the class; no threshold divides them"
        of_one = metric.name in ("Precision", "Recall")
        return refused(text, f"write {metric.name}: {{top_k: 1}}" if of_one else "write accuracy")
    verdict = _threshold_verdict(metric, output, "thresholds")
    return _both_classes(metric, output, verdict)


def _both_classes(metric: Part, output: ComparedOutput, verdict: Verdict) -> Verdict:
    """Warn where both columns of two classes are counted, which are each other's complement."""
    two = output.form == "one_hot" and 2 in (output.units, output.classes)
    if not two or metric.arguments.get("class_id") is not None or verdict.decision in ("refused", "warned"):
        return verdict
    text = f"{metric.name} counts both classes of a row, one of which is the complement of the other"
    if metric.name in ("Precision", "Recall", *_AT):
        hint = f"write {metric.name}: {{{_given(metric)}class_id: 1}} for the second class"
    else:
        hint = "write one unit with activation: sigmoid and loss: binary_crossentropy"
    return warned(text, hint, verdict.translation)


#: Metrics of a point of a curve.
_AT = ("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity")


def _given(metric: Part) -> str:
    plain = (int, float, str)
    return "".join(f"{key}: {value}, " for key, value in metric.arguments.items() if isinstance(value, plain))


def curves(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on areas and points of curves over thresholds between 0 and 1."""
    if (verdict := _entries(metric, output) or _label_weights(metric, output) or _uneven(metric)) is not None:
        return verdict
    own_logits = metric.arguments.get("from_logits") is True
    if own_logits and output.reading == "probabilities":
        text = f"{metric.name} with from_logits: true expects logits, but the outputs are probabilities already"
        return refused(text, "leave out from_logits")
    labels = metric.arguments.get("num_labels")
    if isinstance(labels, int) and output.units is not None and labels != output.units:
        text = f"num_labels is {labels}, but the model has {_outputs(output.units)}"
        return refused(text, f"write num_labels: {output.units}")
    if output.reading in ("numbers", "scores"):
        text = f"{metric.name} cuts outputs off at 0 and 1, but {_source(output)} has others"
        return refused(text, "write activation: sigmoid or softmax, or leave it out")
    if output.reading not in ("logits", "margins") or (own_logits and output.to_probabilities == "sigmoid"):
        return _both_classes(metric, output, RIGHT)
    arguments = {"from_logits": False} if own_logits else {}
    return _both_classes(metric, output, translated(metric, output.to_probabilities, **arguments))


def _label_weights(metric: Part, output: ComparedOutput) -> Verdict | None:
    """Return the refusal of weights of labels that are not one for each output, or are all 0."""
    weights, units = metric.arguments.get("label_weights"), output.units
    if not isinstance(weights, list):
        return None
    if units is not None and len(weights) != units:
        text = f"there are {len(weights)} label_weights, but the model has {_outputs(units)}"
        return refused(text, "leave out label_weights" if units == 1 else f"write {units} label_weights")
    if not any(weights):
        return refused("all label_weights are 0, so that nothing counts", "leave out label_weights")
    return None


def _uneven(metric: Part) -> Verdict | None:
    """Return the refusal of thresholds for which Keras cannot compute the AUC of each label in a compiled step."""
    given = metric.arguments.get("thresholds")
    if metric.arguments.get("multi_label") is not True or not isinstance(given, list):
        return None
    steps = len(given) + 1
    if all(isclose(one, index / steps, rel_tol=1e-5) for index, one in enumerate(sorted(given), 1)):
        return None
    text = f"Keras computes {metric.name} with multi_label: true for thresholds at equal distances from 0 to 1 alone"
    return refused(text, f"write num_thresholds: {steps + 1} instead of thresholds")


def _source(output: ComparedOutput) -> str:
    return output.loss.name if output.reading == "scores" else str(output.activation)


def f_scores(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on F scores, which without a threshold take the largest output of a row as its class."""
    if (verdict := _entries(metric, output)) is not None:
        return verdict
    to_probabilities = "unchanged" if output.reading in ("probabilities", "numbers", None) else output.to_probabilities
    if metric.arguments.get("threshold") is not None:
        if output.reading in ("margins", "scores"):
            text = f"the outputs of {output.loss.name} are no probabilities, and threshold expects one"
            return refused(text, "leave out threshold")
        return RIGHT if to_probabilities == "unchanged" else translated(metric, to_probabilities)
    one_of_several = output.form == "one_hot" or (output.form == "number" and _is_distribution(output))
    if one_of_several and not output.is_one_column:
        return RIGHT if to_probabilities == "unchanged" else translated(metric, to_probabilities)
    # The largest of one output is always that one, and of several labels more than one may hold.
    return translated(metric, to_probabilities, threshold=0.5)


def binary_iou(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the intersection over union of 0 and 1."""
    of_classes = "MeanIoU" if output.form == "integer" else "OneHotMeanIoU"
    instead = f"write {of_classes}: {{num_classes: $classes}}"
    if output.form == "integer":
        return refused(f"{metric.name} compares each output with 0 or 1, but the target is class numbers", instead)
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    if output.reading == "scores":
        return refused(f"no threshold divides the outputs of {output.loss.name}", instead)
    verdict = _threshold_verdict(metric, output, "threshold")
    if output.form != "one_hot":
        return verdict
    return warned(f"{metric.name} counts every class of a row by itself", instead, verdict.translation)


def iou(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the intersection over union of classes, whose outputs are one number for each class."""
    if output.form == "binary" or (output.form == "number" and output.zero_one):
        text = f"{metric.name} compares the classes of several outputs, but each output is 0 or 1 by itself"
        return refused(text, "write BinaryIoU: {target_class_ids: [0, 1]}")
    if (verdict := no_classes(metric, output) or _iou_classes(metric, output)) is not None:
        return verdict
    given, sparse = metric.arguments, output.form == "integer"
    if metric.name.startswith("OneHot"):
        if not sparse:
            return RIGHT
        name = metric.name.removeprefix("OneHot")
        text = f"{metric.name} compares one-hot rows, but {output.loss.name} takes class numbers"
        return refused(text, f"write {name}: {{num_classes: $classes}}")
    exact = given.get("sparse_y_pred") is False and (sparse or given.get("sparse_y_true") is False)
    return RIGHT if exact else translated(metric, sparse_y_true=sparse, sparse_y_pred=False)


def _iou_classes(metric: Part, output: ComparedOutput) -> Verdict | None:
    """Return the refusal of arguments that say something else of the classes than is so."""
    given, count, sparse = metric.arguments, metric.arguments.get("num_classes"), output.form == "integer"
    text = hint = ""
    if isinstance(count, int) and output.classes is not None and count < output.classes:
        text = f"num_classes is {count}, but there are {output.classes} classes, and rows of the others do not count"
        hint = "write num_classes: $classes"
    elif sparse and given.get("sparse_y_true") is False:
        text, hint = "sparse_y_true is false, but the target is class numbers", "write sparse_y_true: true"
    elif metric.name.startswith("OneHot") and given.get("sparse_y_pred") is True:
        text = "sparse_y_pred: true expects class numbers as outputs, but they are a number for each class"
        hint = "leave out sparse_y_pred"
    # True is Keras' default of both, which a resolved config writes out; it is translated where outputs are rows.
    return refused(text, hint) if text else None


def one_hot_metrics(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on metrics that compare the largest output of a row with a one-hot row."""
    if output.form == "integer":
        instead = _COUNTERPARTS[metric.name]
        text = f"{metric.name} compares one-hot rows, but {output.loss.name} takes class numbers"
        rows = f"{one_hot_loss(output.loss)}, which makes one-hot rows"
        return refused(text, f"write {instead}" if instead else f"write {rows}")
    return _largest(metric, output)


def sparse_metrics(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on metrics that compare the largest output of a row with a class number."""
    if output.form == "one_hot":
        text = f"{metric.name} compares class numbers, but {output.loss.name} takes one-hot rows"
        return refused(text, f"write {_COUNTERPARTS[metric.name]}")
    if metric.arguments.get("from_sorted_ids") is True:
        text = "from_sorted_ids: true expects class numbers as outputs, but they are a number for each class"
        return refused(text, "leave out from_sorted_ids")
    return _largest(metric, output)


def _largest(metric: Part, output: ComparedOutput) -> Verdict:
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    by_itself = output.form == "binary" or (output.form == "number" and output.range != "distribution")
    if by_itself or output.is_one_column:
        several = output.units is not None and output.units > 1
        text = f"{metric.name} takes the largest output of a row for its class, but "
        text += "several labels may hold at once" if several else "a row has a single output"
        return refused(text, "write binary_accuracy" if several else _ACCURACY)
    if output.form == "number" and metric.name.startswith("Sparse"):
        text = f"{metric.name} compares class numbers, but the target is rows of 0 and 1"
        return refused(text, f"write {_COUNTERPARTS[metric.name]}")
    k, count = metric.arguments.get("k", 5), output.classes or output.units
    if "TopK" in metric.name and isinstance(k, int) and count is not None and k >= count:
        text = f"the class is always among the {k} largest of {_outputs(count)}"
        return refused(text, f"write {metric.name}: {{k: {max(1, min(k, count) // 2)}}}" if count > 2 else _ACCURACY)
    return RIGHT


def hinges(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on hinges, which compare outputs around 0 with -1 and 1."""
    if output.form == "integer":
        return needs_rows(metric, output)
    outside = output.range in ("probability", "distribution", "positive", "nonpositive", "step")
    if output.reading == "probabilities" or (output.reading == "numbers" and outside):
        text = f"{metric.name} compares outputs around 0 with -1 and 1, but these outputs are "
        text += "probabilities" if output.reading == "probabilities" else f"those of {output.activation}"
        rows = output.form == "one_hot" and output.reading == "probabilities"
        return refused(text, f"write {'categorical_hinge' if rows else 'mean_squared_error'}, or leave it out")
    if output.form == "number":
        # Numbers may be -1 and 1, which is what a hinge takes.
        return RIGHT if output.zero_one else UNDECIDED
    return RIGHT
