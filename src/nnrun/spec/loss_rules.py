"""Which losses fit which outputs: one rule for all losses and activations of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.compared_output import has_logits
from nnrun.spec.targets import loss_class
from nnrun.spec.verdict import RIGHT, UNDECIDED, Verdict, refused, warned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nnrun.spec.compared_output import ComparedOutput

    Rule = Callable[[ComparedOutput], Verdict]

#: Losses that expect a probability for each class: all outputs are in [0, 1] and sum to 1.
CATEGORICAL = (
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "KLDivergence",
    "crossentropy",
)
#: Losses that expect a probability for each output, independent of the others.
BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "Dice", "Tversky")


def loss_verdict(output: ComparedOutput) -> Verdict:
    """Decide whether a loss fits the activation, the number and the target of an output."""
    if output.is_softmax_of_one:
        return refused(
            f"{output.activation} of one unit is always 1, so the network cannot learn",
            "write activation: sigmoid with binary_crossentropy, or units: 2",
        )
    if output.range == "step":
        text = f"{output.activation} has no gradient, so the network cannot learn"
        return refused(text, "write activation: sigmoid, or rule: perceptron for a single layer")
    name = loss_class(output.loss.name)
    rule = _logits if has_logits(output.loss) else _rule(name)
    # What a cosine says depends on the number of outputs alone.
    return UNDECIDED if output.range is None and rule is not _cosine else rule(output)


def _rule(name: str) -> Rule:
    if name in CATEGORICAL:
        return _categorical
    return _binary if name in BINARY else _RULES.get(name, _any_output)


def _any_output(_: ComparedOutput) -> Verdict:
    return RIGHT


def _cosine(output: ComparedOutput) -> Verdict:
    if output.is_one_column and output.loss.arguments.get("axis", -1) == -1:
        text = f"{output.loss.name} of a single number is always 1 or -1, so the network cannot learn"
        return refused(text, "write loss: mean_squared_error, or more units")
    return RIGHT


def _logits(output: ComparedOutput) -> Verdict:
    loss, activation, values = output.loss, output.activation, output.range
    binary = loss_class(loss.name) in BINARY
    wanted = "sigmoid" if binary else "softmax"
    if values in ("distribution", "probability"):
        text = f"{loss.name} with from_logits: true applies {wanted} itself, but the output's activation is "
        return refused(f"{text}{activation}", "leave out the activation, or leave out from_logits")
    if binary and values in ("positive", "nonpositive"):
        side = "below" if values == "positive" else "above"
        text = f"logits are on both sides of 0, but {activation} has no values {side} 0"
        return refused(text, "leave out the activation")
    if values == "symmetric":
        text = f"{activation} limits logits to between -1 and 1, so no probability comes near 0 or 1"
        return warned(text, "leave out the activation")
    return RIGHT


def _categorical(output: ComparedOutput) -> Verdict:
    if output.range == "distribution":
        return RIGHT
    name, hint = output.loss.name, "write activation: softmax"
    if output.range == "probability":
        hint += ", or loss: binary_crossentropy"
    elif output.activation == "linear" and "from_logits" in _parameters(name):
        hint += f", or loss: {{{loss_class(name)}: {{from_logits: true}}}}"
    text = f"{name} expects probabilities that sum to 1, but the output's activation is {output.activation}"
    return refused(text, hint)


def _binary(output: ComparedOutput) -> Verdict:
    name = output.loss.name
    if output.range == "probability":
        return RIGHT
    if output.range == "distribution" and loss_class(name) in ("Dice", "Tversky"):
        return RIGHT
    if output.range == "distribution":
        # Of a softmax Keras on TensorFlow takes the logits, and computes their sigmoid.
        text = f"{name} compares each output by itself, but the outputs of {output.activation} sum to 1"
        return refused(text, "write activation: sigmoid, or loss: categorical_crossentropy")
    hint = "write activation: sigmoid"
    if output.activation == "linear" and "from_logits" in _parameters(name):
        hint += f", or loss: {{{loss_class(name)}: {{from_logits: true}}}}"
    text = f"{name} expects probabilities between 0 and 1, but the output's activation is {output.activation}"
    return refused(text, hint)


def _parameters(name: str) -> Mapping[str, object]:
    from nnrun.catalog import lookup

    entry = lookup.entry("losses", loss_class(name))
    return {} if entry is None else entry.parameters


def _hinge(output: ComparedOutput) -> Verdict:
    if output.range in ("real", "symmetric"):
        return RIGHT
    text = f"{output.loss.name} expects outputs around 0, whose sign is the class, but the output's activation is "
    return refused(f"{text}{output.activation}", "write activation: tanh, or leave out the activation")


def _poisson(output: ComparedOutput) -> Verdict:
    if output.range in ("positive", "probability", "distribution"):
        return RIGHT
    text = f"{output.loss.name} takes the logarithm of the outputs, but {output.activation} has values below 0"
    return refused(text, "write activation: exponential, or activation: softplus")


def _logarithmic(output: ComparedOutput) -> Verdict:
    if output.range in ("positive", "probability", "distribution"):
        return RIGHT
    text = f"{output.loss.name} counts outputs below 0 as 0, where it has no gradient, and the output's activation is "
    return warned(f"{text}{output.activation}", "write activation: softplus, or activation: relu")


def _ctc(output: ComparedOutput) -> Verdict:
    if output.range in ("distribution", "probability"):
        text = f"{output.loss.name} applies softmax itself, but the output's activation is {output.activation}"
        return refused(text, "leave out the activation")
    return RIGHT


def _circle(output: ComparedOutput) -> Verdict:
    text = f"{output.loss.name} expects embeddings of length 1, but the last layer does not normalize its outputs"
    return warned(text, "add a layer UnitNormalization at the end")


_RULES: Mapping[str, Rule] = {
    "CosineSimilarity": _cosine,
    "Hinge": _hinge,
    "SquaredHinge": _hinge,
    "Poisson": _poisson,
    "MeanSquaredLogarithmicError": _logarithmic,
    "CTC": _ctc,
    "Circle": _circle,
}
