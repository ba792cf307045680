"""Checks of losses: whether each fits its output's activation and shape, and the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.layer_call import format_shape
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part
from nnrun.spec.targets import loss_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.errors import Path
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.graph import ModelOutput
    from nnrun.spec.shapes import NodeShape

#: Losses that expect a probability for each class: all outputs are in [0, 1] and sum to 1.
_CATEGORICAL = (
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
)
#: Losses that expect a probability for each output, independent of the others.
_BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
#: Losses whose targets have another shape than the outputs by design: label sequences, classes of embeddings.
_OTHER_SHAPE = ("CTC", "ctc", "Circle", "circle")
_SIGMOIDS = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
#: Activations whose values are not probabilities.
_UNBOUNDED = (
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "squareplus",
    "exponential",
    "tanh",
    "hard_tanh",
    "softsign",
    "log_softmax",
    "log_sigmoid",
)
#: Layers that do not change the values of their input.
_PASS_THROUGH = ("Dropout", "Flatten", "Reshape", "Permute", "Identity", "Cropping1D", "Cropping2D", "RepeatVector")
_ACTIVATION_LAYERS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}


def check_losses(context: CheckContext) -> Iterator[Finding]:
    """Find losses that do not fit their outputs."""
    for output in context.graph.outputs:
        loss, shape, row = context.experiment.losses[output.name], context.output_shape(output), _last(context, output)
        if row is None:
            continue
        activation = _activation(row.part)
        if activation == "softmax" and shape and shape[-1] == 1:
            text = "softmax of one unit is always 1, so the network cannot learn"
            hint = "write activation: sigmoid with binary_crossentropy, or units: 2"
            yield Finding(_activation_path(row), text, hint, "softmax-of-one-unit")
            continue
        yield from _activation_mismatch(loss, activation, row)
        facts = context.target_facts(output)
        if facts is not None and shape is not None and loss.name not in _OTHER_SHAPE:
            yield from _shape_mismatch(facts, loss, shape, _target_shape(context, output), row.path)


def _last(context: CheckContext, output: ModelOutput) -> NodeShape | None:
    """Return the last layer that computes the values of an output."""
    row = context.row_by_node.get(output.source.name)
    while row is not None and row.class_name in _PASS_THROUGH:
        row = context.row_by_node.get(context.graph.nodes[row.index].sources[0].name)
    return row


def _activation(part: Part) -> str | None:
    """Return the name of a layer's activation; None where it has none or its name is not known."""
    if part.name in _ACTIVATION_LAYERS:
        return _ACTIVATION_LAYERS[part.name]
    if part.name == "TimeDistributed" and isinstance(part.arguments.get("layer"), Part):
        return _activation(part.arguments["layer"])
    entry = lookup.entry("layers", part.name)
    if entry is None or entry.origin == "user" or "activation" not in entry.parameters:
        return None
    activation: Any = part.arguments.get("activation", entry.parameters["activation"].default)
    if activation is None:
        return "linear"
    return activation.name if isinstance(activation, Part) else str(activation)


def _activation_path(row: NodeShape) -> Path:
    return (*row.path, "activation") if "activation" in row.part.arguments else row.path


def _activation_mismatch(loss: Part, activation: str | None, row: NodeShape) -> Iterator[Finding]:
    name, logits = loss_class(loss.name), loss.arguments.get("from_logits") is True
    categorical = name in _CATEGORICAL
    if activation is None or not (categorical or name in _BINARY):
        return
    wanted = "softmax" if categorical else "sigmoid"
    if logits and activation in ("softmax", *_SIGMOIDS):
        text = (
            f"{loss.name} with from_logits: true applies {wanted} itself, but the output's activation is {activation}"
        )
        hint = "leave out the activation, or leave out from_logits"
    elif not logits and (activation in _UNBOUNDED or (categorical and activation in _SIGMOIDS)):
        expected = "probabilities that sum to 1" if categorical else "probabilities between 0 and 1"
        text = f"{loss.name} expects {expected}, but the output's activation is {activation}"
        hint = f"write activation: {wanted}"
        if categorical and activation in _SIGMOIDS:
            hint += ", or loss: binary_crossentropy"
        elif activation == "linear":
            hint += f", or loss: {{{name}: {{from_logits: true}}}}"
    else:
        return
    yield Finding(_activation_path(row), text, hint, "loss-activation-mismatch")


def _target_shape(context: CheckContext, output: ModelOutput) -> Shape | None:
    """Return the shape of one example's target where it is numbers or probabilities; None where it is not known."""
    facts = context.target_facts(output)
    if facts is None:
        return None
    if output.target is not None and output.target.startswith("$"):
        return context.facts.input_shape if context.facts is not None else None
    if facts.form == "integer" or facts.targets is None:
        return None
    if facts.form == "one_hot":
        return (*facts.positions, facts.targets)
    return facts.positions or (facts.targets,)


def _shape_mismatch(
    facts: Facts | TargetFacts, loss: Part, shape: Shape, target: Shape | None, path: Path
) -> Iterator[Finding]:
    units, classes = (shape[-1] if shape else 1), facts.classes
    compared = hint = None
    if loss_class(loss.name) in _CATEGORICAL and classes is not None and units is not None and units < classes:
        outputs = "is one output" if units == 1 else f"are {units} outputs"
        hint = "write units: $classes, with activation: softmax"
        if classes == 2 and units == 1:
            hint += "; or activation: sigmoid with loss: binary_crossentropy"
        yield Finding(path, f"the target has {classes} classes, but there {outputs}", hint, "too-few-outputs")
        return
    if facts.form == "integer":
        if len(shape) != 1 + len(facts.positions):
            compared = (
                f"classes of {format_shape(facts.positions)} an example" if facts.positions else "one class an example"
            )
            hint = _rank_hint(shape, len(facts.positions))
    elif target is not None and not _is_same(shape, target):
        compared = f"targets of {format_shape(target)}"
        if len(shape) != len(target):
            hint = _rank_hint(shape, len(target) - 1)
        else:
            hint = f"write units: {target[0]}" if len(target) == 1 else f"the target has {format_shape(target)}"
    if compared is not None:
        text = f"the output has the shape {format_shape(shape)}, but is compared with {compared}"
        yield Finding(path, text, hint, "output-shape-mismatch")


def _rank_hint(shape: Shape, positions: int) -> str:
    if len(shape) > 1 + positions:
        return "put Flatten or a global pooling before the last Dense, or take return_sequences out"
    return "remove Flatten or the pooling, or give the last recurrent layer return_sequences: true"


def _is_same(shape: Shape, target: Shape) -> bool:
    """Return whether Keras compares the two element by element; a last dimension of 1 is optional."""
    one, other = (each[:-1] if each and each[-1] == 1 else each for each in (shape, target))
    return len(one) == len(other) and all(
        None in (left, right) or left == right for left, right in zip(one, other, strict=True)
    )
