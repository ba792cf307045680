"""Checks of losses: whether each fits its output's activation and shape, and the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.shapes.layer_call import format_shape
from nnrun.catalog.shapes.names import class_name
from nnrun.catalog.shapes.recurrent import RECURRENT
from nnrun.spec.compared_output import last_layer
from nnrun.spec.finding import Finding
from nnrun.spec.loss_rules import CATEGORICAL, loss_verdict
from nnrun.spec.targets import loss_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.errors import Path
    from nnrun.spec.compared_output import ComparedOutput
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.graph import ModelOutput, Node
    from nnrun.spec.part import Part
    from nnrun.spec.verdict import Verdict

#: Losses whose targets have another shape than the outputs by design: label sequences, classes of embeddings.
_OTHER_SHAPE = ("CTC", "Circle")
#: Losses that Keras computes of one class an example only: of a class a step or pixel it multiplies other shapes.
_ONE_CLASS = ("CategoricalGeneralizedCrossEntropy", "Circle")


def check_losses(context: CheckContext) -> Iterator[Finding]:
    """Find losses that do not fit their outputs."""
    for output in context.graph.outputs:
        compared, shape = context.compared(output), context.output_shape(output)
        last = last_layer(context.graph, output.source.name)
        if last is None:
            continue
        if not context.training.is_perceptron:
            yield from _activation_mismatch(loss_verdict(compared), compared, last)
        if loss_class(compared.loss.name) in _ONE_CLASS and compared.positions:
            text = f"{compared.loss.name} compares one class an example, but the target has one at each position"
            path = (*compared.loss.path, compared.loss.name)
            yield Finding(path, text, "write loss: sparse_categorical_crossentropy", "loss-target-mismatch")
        facts = context.target_facts(output)
        if (
            facts is not None
            and shape is not None
            and _has_shape_of_target(compared.loss)
            and not compared.is_softmax_of_one
        ):
            target = _target_shape(context, output)
            yield from _shape_mismatch(facts, compared.loss, shape, target, _LastLayers(context, last))


def _has_shape_of_target(loss: Part) -> bool:
    """Return whether outputs have the shape of targets; what a loss of the user's own compares, only it knows."""
    entry = lookup.entry("losses", loss.name)
    return loss_class(loss.name) not in _OTHER_SHAPE and (entry is None or entry.origin != "user")


def _activation_mismatch(verdict: Verdict, output: ComparedOutput, last: Node) -> Iterator[Finding]:
    """Yield the finding at the activation, which is what is to be changed."""
    path = (*last.path, "activation") if "activation" in last.part.arguments else last.path
    if verdict.decision == "warned":
        yield Finding(path, verdict.text, verdict.hint, "loss-activation-unusual", "warning")
    elif output.is_softmax_of_one:
        yield Finding(path, verdict.text, verdict.hint, "softmax-of-one-unit")
    elif verdict.decision == "refused":
        yield Finding(path, verdict.text, verdict.hint, "loss-activation-mismatch")


def _target_shape(context: CheckContext, output: ModelOutput) -> Shape | None:
    """Return the shape of one example's target where it is numbers or probabilities; None where it is not known."""
    facts = context.target_facts(output)
    if facts is None:
        return None
    if output.target is not None and output.target.startswith("$"):
        return context.facts.input_shape if context.facts is not None else None
    if facts.form == "integer" or facts.targets is None:
        return None
    if facts.form in ("one_hot", "number"):
        return (*facts.positions, facts.targets)
    return facts.positions or (facts.targets,)


class _LastLayers:
    """The layers that decide an output's shape, for hints and places."""

    def __init__(self, context: CheckContext, last: Node) -> None:
        self.last = last
        self._names = [node.part.name for node in context.graph.nodes]
        self._returns = [bool(node.part.arguments.get("return_sequences")) for node in context.graph.nodes]
        self._is_recurrent = [class_name(name) in RECURRENT for name in self._names]

    @property
    def units(self) -> Path:
        """The place of the last layer's units, else of the layer."""
        return (*self.last.path, "units") if "units" in self.last.part.arguments else self.last.path

    def rank_hint(self, shape: Shape, positions: int) -> str:
        """Return how an output gets as many dimensions as its target, in terms of the layers that there are."""
        if len(shape) > 1 + positions:
            hint = "end with Flatten (or a global pooling) and a Dense"
            if self.last.part.name == "Dense":
                hint = "put Flatten or a global pooling before the last Dense"
            return f"{hint}, or take return_sequences out" if any(self._returns) else hint
        less = [name for name in self._names if name == "Flatten" or name.startswith("Global")]
        hints = [f"remove {less[-1]}"] if less else []
        if any(one and not returns for one, returns in zip(self._is_recurrent, self._returns, strict=True)):
            hints.append("give the last recurrent layer return_sequences: true")
        return ", or ".join(hints) or "end with a layer that outputs as many dimensions, such as Reshape"


def _shape_mismatch(
    facts: Facts | TargetFacts, loss: Part, shape: Shape, target: Shape | None, layers: _LastLayers
) -> Iterator[Finding]:
    units, classes = (shape[-1] if shape else 1), facts.classes
    compared = hint = None
    if loss_class(loss.name) in CATEGORICAL and classes is not None and units is not None and units < classes:
        outputs = "is one output" if units == 1 else f"are {units} outputs"
        hint = "write units: $classes, with activation: softmax"
        if classes == 2 and units == 1:
            hint += "; or activation: sigmoid with loss: binary_crossentropy"
        yield Finding(layers.units, f"the target has {classes} classes, but there {outputs}", hint, "too-few-outputs")
        return
    if facts.form == "integer":
        same_rank = len(shape) == 1 + len(facts.positions)
        if not same_rank or not _is_same((*shape[:-1], None), (*facts.positions, None)):
            compared = (
                f"classes of {format_shape(facts.positions)} an example" if facts.positions else "one class an example"
            )
            hint = f"let the layers keep {format_shape(facts.positions)}, and end with units: $classes"
            if not same_rank:
                hint = layers.rank_hint(shape, len(facts.positions))
    elif target is not None and not _is_same(shape, target):
        compared = f"targets of {format_shape(target)}"
        if len(shape) != len(target):
            hint = layers.rank_hint(shape, len(target) - 1)
        else:
            hint = f"write units: {target[0]}" if len(target) == 1 else f"the target has {format_shape(target)}"
    if compared is not None:
        text = f"the output has the shape {format_shape(shape)}, but is compared with {compared}"
        path = layers.units if hint and hint.startswith("write units") else layers.last.path
        yield Finding(path, text, hint, "output-shape-mismatch")


def _is_same(shape: Shape, target: Shape) -> bool:
    """Return whether Keras compares the two element by element; a last dimension of 1 is optional."""
    one, other = (each[:-1] if each and each[-1] == 1 else each for each in (shape, target))
    return len(one) == len(other) and all(
        None in (left, right) or left == right for left, right in zip(one, other, strict=True)
    )
