"""Whether a loss fits the output it looks at: its activation, how many numbers it has, and what it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes.call import show
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part
from nnrun.spec.targets import class_of_loss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.shapes.call import Shape
    from nnrun.errors import Path
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.findings.case import Case
    from nnrun.spec.graph import Exit
    from nnrun.spec.walk import NodeRow

#: Losses that compare a share for each class: all outputs lie in [0, 1] and sum to 1.
_SHARES = (
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
)
#: Losses that compare a probability for each output, each by itself.
_EACH = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
#: Losses whose targets have another shape than the outputs by design: label sequences, classes of embeddings.
_OTHERWISE = ("CTC", "ctc", "Circle", "circle")
_SIGMOIDS = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
#: Activations whose values are no probabilities.
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
#: Layers that leave the values of their input as they are.
_CARRY = ("Dropout", "Flatten", "Reshape", "Permute", "Identity", "Cropping1D", "Cropping2D", "RepeatVector")
_LAYERS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}


def losses(case: Case) -> Iterator[Finding]:
    """Find losses that do not fit their outputs."""
    for output in case.graph.outputs:
        loss = case.experiment.losses[output.name]
        shape, row = case.output_shape(output), _last(case, output)
        if row is None:
            continue
        activation = _activation(row.part)
        units = shape[-1] if shape else None
        if activation == "softmax" and units == 1:
            yield Finding(
                _place(row),
                "softmax of one unit is always 1, whatever the network learns",
                "write activation: sigmoid with binary_crossentropy, or units: 2",
                "softmax-of-one-unit",
            )
            continue
        mismatch = _mismatch(loss, activation, row)
        if mismatch is not None:
            yield mismatch
        yield from _sizes(case.about(output), loss, shape, _target_shape(case, output), row.path)


def _last(case: Case, output: Exit) -> NodeRow | None:
    """The row of the layer whose values an output has."""
    row = case.by_node.get(output.source.name)
    while row is not None and row.row.class_name in _CARRY:
        row = case.by_node.get(case.graph.nodes[row.row.index].sources[0].name)
    return row


def _activation(part: Part) -> str | None:
    """The name of a layer's activation; None where it has none or its name is not known."""
    if part.name in _LAYERS:
        return _LAYERS[part.name]
    if part.name == "TimeDistributed" and isinstance(part.arguments.get("layer"), Part):
        return _activation(part.arguments["layer"])
    entry = lookup.entry("layers", part.name)
    if entry is None or entry.origin == "user" or "activation" not in entry.parameters:
        return None
    said: Any = part.arguments.get("activation", entry.parameters["activation"].default)
    if said is None:
        return "linear"
    return said.name if isinstance(said, Part) else str(said)


def _place(row: NodeRow) -> Path:
    said = "activation" in row.part.arguments
    return (*row.path, "activation") if said else row.path


def _mismatch(loss: Part, activation: str | None, row: NodeRow) -> Finding | None:
    kind, logits = class_of_loss(loss.name), loss.arguments.get("from_logits") is True
    if activation is None or kind not in (*_SHARES, *_EACH):
        return None
    wanted = "softmax" if kind in _SHARES else "sigmoid"
    if logits and activation in ("softmax", *_SIGMOIDS):
        text = (
            f"{loss.name} with from_logits: true applies {wanted} itself, but the output has been through {activation}"
        )
        hint = "take the activation out, or leave from_logits out"
    elif logits or not (activation in _UNBOUNDED or (kind in _SHARES and activation in _SIGMOIDS)):
        return None
    else:
        text = f"{loss.name} compares {_compares(kind)}, but the output's activation is {activation}"
        hint = f"write activation: {wanted}{_also(kind, activation)}"
    return Finding(_place(row), text, hint, "loss-activation-mismatch")


def _compares(kind: str) -> str:
    return "shares that sum to 1" if kind in _SHARES else "probabilities between 0 and 1"


def _also(kind: str, activation: str) -> str:
    if kind in _SHARES and activation in _SIGMOIDS:
        return ", or loss: binary_crossentropy"
    if activation == "linear":
        return f", or loss: {{{kind}: {{from_logits: true}}}}"
    return ""


def _target_shape(case: Case, output: Exit) -> Shape | None:
    """The shape of one example's target where it is numbers or shares; None where it is not known."""
    about = case.about(output)
    if about is None:
        return None
    if output.target is not None and output.target.startswith("$"):
        return case.facts.input_shape if case.facts is not None else None
    if about.form == "integer" or about.targets is None:
        return None
    if about.form == "one_hot":
        return (*about.positions, about.targets)
    return about.positions or (about.targets,)


def _sizes(
    about: Facts | TargetFacts | None, loss: Part, shape: Shape | None, target: Shape | None, path: Path
) -> Iterator[Finding]:
    if about is None or shape is None or loss.name in _OTHERWISE:
        return
    units, classes = (shape[-1] if shape else 1), about.classes
    by_class = class_of_loss(loss.name) in _SHARES
    if by_class and classes is not None and units is not None and units < classes:
        hint = "write units: $classes, with activation: softmax"
        if classes == 2 and units == 1:
            hint += "; or activation: sigmoid with loss: binary_crossentropy"
        text = (
            f"the target has {classes} classes, but there {'is one output' if units == 1 else f'are {units} outputs'}"
        )
        yield Finding(path, text, hint, "too-few-outputs")
    elif about.form == "integer":
        if len(shape) != 1 + len(about.positions):
            each = "one class an example" if not about.positions else f"classes of {show(about.positions)} an example"
            yield _shape_mismatch(path, shape, each, _rank_hint(shape, len(about.positions)))
    elif target is not None and not _same(shape, target):
        hint = _rank_hint(shape, len(target) - 1) if len(shape) != len(target) else f"the target has {show(target)}"
        hint = _units_hint(shape, target) or hint
        yield _shape_mismatch(path, shape, f"targets of {show(target)}", hint)


def _shape_mismatch(path: Path, shape: Shape, compared: str, hint: str) -> Finding:
    text = f"the output has the shape {show(shape)}, but is compared with {compared}"
    return Finding(path, text, hint, "output-shape-mismatch")


def _rank_hint(shape: Shape, positions: int) -> str:
    if len(shape) > 1 + positions:
        return "put Flatten or a global pooling before the last Dense, or take return_sequences out"
    return "keep a place for each: take out Flatten or the pooling, or give the last recurrent layer return_sequences"


def _units_hint(shape: Shape, target: Shape) -> str | None:
    if len(shape) == len(target) == 1:
        return f"write units: {target[0]}"
    return None


def _same(shape: Shape, target: Shape) -> bool:
    """Whether Keras compares the two place by place: a last dimension of 1 may be there or not."""
    one, other = _squeezed(shape), _squeezed(target)
    return len(one) == len(other) and all(
        None in (left, right) or left == right for left, right in zip(one, other, strict=True)
    )


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if shape and shape[-1] == 1 else shape
