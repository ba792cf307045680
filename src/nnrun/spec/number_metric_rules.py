"""The rules of metrics that compare numbers: crossentropies, errors, divergences, similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.class_metric_rules import needs_rows, no_classes, one_hot_loss, translated
from nnrun.spec.verdict import RIGHT, UNDECIDED, Verdict, refused, warned

if TYPE_CHECKING:
    from nnrun.spec.compared_output import ComparedOutput
    from nnrun.spec.part import Part


def binary_crossentropies(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on crossentropies of single probabilities."""
    if output.form == "integer":
        text = f"{metric.name} compares each output with 0 or 1, but the target is class numbers"
        return refused(text, "write sparse_categorical_crossentropy")
    if output.form == "one_hot" or output.range == "distribution":
        # Of a softmax Keras on TensorFlow takes the logits, and computes their sigmoid.
        text = f"{metric.name} compares each output by itself, but the outputs of a row are the classes of one choice"
        return refused(text, "write categorical_crossentropy")
    if output.form == "number" and output.zero_one is False:
        text = f"{metric.name} compares probabilities with 0 and 1, but the target holds other numbers"
        decide = refused if metric.name.islower() else warned
        return decide(text, "write mean_absolute_error, or leave it out")
    return _crossentropy(metric, output, "sigmoid")


def categorical_crossentropies(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on crossentropies of rows of probabilities."""
    sparse = metric.name.startswith("Sparse")
    if output.form == "binary" or (output.form in ("integer", "one_hot") and sparse != (output.form == "integer")):
        return _other_form(metric, output, sparse=sparse)
    if (verdict := no_classes(metric, output)) is not None:
        return verdict
    if (output.form == "number" and (sparse or output.is_one_column)) or _are_single(output):
        text = f"{metric.name} compares rows of probabilities that sum to 1, which these targets and outputs are not"
        return refused(text, "write binary_crossentropy, or leave it out")
    return _crossentropy(metric, output, "softmax")


def _are_single(output: ComparedOutput) -> bool:
    """Return whether the outputs of a row are known not to sum to 1, each being a probability by itself."""
    if output.reading == "logits":
        return output.to_probabilities == "sigmoid"
    return output.reading == "probabilities" and output.range not in ("distribution", None)


def _other_form(metric: Part, output: ComparedOutput, *, sparse: bool) -> Verdict:
    text = f"{metric.name} compares {'class numbers' if sparse else 'one-hot rows'}, but {output.loss.name} takes "
    if output.form == "binary":
        return refused(f"{text}0 and 1", "write binary_crossentropy")
    if sparse:
        return refused(f"{text}one-hot rows", "write categorical_crossentropy")
    instead = "sparse_categorical_crossentropy" if metric.name == "CategoricalCrossentropy" else ""
    hint = f"write {instead}" if instead else f"write {one_hot_loss(output.loss)}, which makes one-hot rows"
    return refused(f"{text}class numbers", hint)


def _crossentropy(metric: Part, output: ComparedOutput, function: str) -> Verdict:
    """Decide on a crossentropy by what the outputs are; `function` turns its logits into probabilities."""
    own_logits = metric.arguments.get("from_logits") is True
    if output.reading == "logits":
        return _crossentropy_of_logits(metric, output, function, own_logits=own_logits)
    if output.reading == "probabilities" and own_logits:
        text = f"{metric.name} with from_logits: true expects logits, but the outputs are probabilities already"
        return refused(text, "leave out from_logits")
    any_number = own_logits and output.range in ("real", "symmetric")
    if output.reading in ("margins", "scores", "numbers") and not any_number:
        source = output.activation if output.reading == "numbers" else output.loss.name
        text = f"{metric.name} expects probabilities, but the outputs of {source} are none"
        return refused(text, f"leave out {metric.name}, or write activation: {function} with a loss of probabilities")
    return UNDECIDED if output.reading is None else RIGHT


def _crossentropy_of_logits(metric: Part, output: ComparedOutput, function: str, *, own_logits: bool) -> Verdict:
    if function == output.to_probabilities and not metric.name.islower():
        return RIGHT if own_logits else translated(metric, from_logits=True)
    return translated(metric, output.to_probabilities, **({"from_logits": False} if own_logits else {}))


def errors(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on errors between outputs and targets, which of classes are 0 and 1 and probabilities."""
    if output.form == "integer":
        return needs_rows(metric, output)
    if output.form == "number":
        return RIGHT
    if output.reading in ("margins", "scores"):
        text = f"{metric.name} compares outputs with 0 and 1, but those of {output.loss.name} are no probabilities"
        hinge = {"Hinge": "hinge", "SquaredHinge": "squared_hinge"}.get(output.loss.name, output.loss.name)
        return refused(text, f"leave out {metric.name}; the loss {hinge} itself is shown")
    return translated(metric, output.to_probabilities) if output.reading == "logits" else RIGHT


def percentage_error(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on errors divided by the target."""
    if output.form == "integer":
        return needs_rows(metric, output)
    if output.form != "number" or output.zero_one:
        text = f"{metric.name} divides by the target, which is 0 in some rows"
        return refused(text, "write mean_absolute_error")
    return RIGHT


def poisson(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the Poisson loss, which takes the logarithm of outputs."""
    verdict = errors(metric, output)
    if output.reading == "numbers" and output.range in ("real", "symmetric", "nonpositive"):
        text = f"{metric.name} takes the logarithm of the outputs, but {output.activation} has values below 0"
        return warned(text, "write activation: exponential, or activation: softplus")
    return verdict


def divergence(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the divergence between two rows that each sum to 1."""
    text, hint = f"{metric.name} compares rows that sum to 1, ", "leave it out"
    if output.form == "integer":
        text += f"but {output.loss.name} takes class numbers"
        return refused(text, f"write sparse_categorical_crossentropy, or {one_hot_loss(output.loss)}")
    if output.form == "binary" or output.is_one_column:
        binary = output.form == "binary"
        return refused(f"{text}and leaves out what is 0 in the target", "write binary_crossentropy" if binary else hint)
    if output.reading == "logits":
        single = _are_single(output)
        return refused(f"{text}but these do not", hint) if single else translated(metric, "softmax")
    if output.reading in ("margins", "scores") or output.range in ("real", "symmetric", "nonpositive"):
        return refused(f"{text}but these outputs are no probabilities", f"{hint}, or write activation: softmax")
    if output.range not in ("distribution", None):
        return warned(f"{text}but those of {output.activation} do not", "write activation: softmax")
    return UNDECIDED if output.reading is None else RIGHT


def similarities(metric: Part, output: ComparedOutput) -> Verdict:
    """Decide on the similarity of rows; of single numbers it says nothing."""
    if output.form == "integer":
        return needs_rows(metric, output)
    if metric.name != "CosineSimilarity" and metric.arguments.get("axis", -1) != -1:
        text = f"{metric.name} over the rows is that of each batch, and their mean is not that of all rows"
        return warned(text, "write R2Score")
    if output.is_one_column:
        fixed = "1, 0 or -1" if metric.name == "CosineSimilarity" else "NaN or 0"
        text = f"{metric.name} compares the columns of each row, and of a single column it is always {fixed}"
        return refused(text, "write R2Score" if output.form == "number" else "write mean_squared_error")
    verdict = errors(metric, output)
    if output.form == "binary" and metric.name != "CosineSimilarity" and verdict.decision != "refused":
        text = f"{metric.name} divides by the spread of a row's labels, which is 0 where all are equal"
        return refused(text, "write mean_squared_error")
    return verdict
