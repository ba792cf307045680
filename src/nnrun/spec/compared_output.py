"""An output and the target that it is compared with: all that decides whether a loss or a metric suits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog import lookup
from nnrun.spec.part import Part
from nnrun.spec.targets import loss_class, target_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts, TargetFacts, TargetForm
    from nnrun.spec.graph import Graph, Node

#: The values of an activation: rows that sum to 1, [0, 1], exactly 0 or 1, [0, inf), [-1, 1], (-inf, 0], any.
Range = Literal["distribution", "probability", "step", "positive", "symmetric", "nonpositive", "real"]
#: What the values of an output are to its loss: probabilities; logits, whose sigmoid or softmax is a probability;
#: margins around 0, whose sign is the class (hinges); scores, of which the largest is the class; plain numbers; labels
#: of a sequence (CTC); embeddings (Circle). None: not known.
Reading = Literal["probabilities", "logits", "margins", "scores", "numbers", "sequences", "embeddings"]

_RANGES: Mapping[Range, str] = {
    "distribution": "softmax",
    "probability": "sigmoid hard_sigmoid sparse_sigmoid",
    "step": "binary_step",
    # The rows of Keras' sparsemax do not sum to 1, as those of its paper do (a fault of Keras 3.15).
    "positive": "sparsemax relu relu6 softplus squareplus sparse_plus exponential",
    "symmetric": "tanh hard_tanh softsign",
    "nonpositive": "log_softmax log_sigmoid",
    "real": """linear leaky_relu elu selu celu gelu silu hard_silu mish glu hard_shrink soft_shrink tanh_shrink
        threshold prelu""",
}
#: The range of the values of each activation.
ACTIVATION_RANGES: Mapping[str, Range] = {name: kind for kind, names in _RANGES.items() for name in names.split()}
#: Layers that do not change the values of their input, at least when predicting.
_PASS_THROUGH = (
    *("Dropout", "Flatten", "Reshape", "Permute", "Identity", "RepeatVector", "ActivityRegularization"),
    *("Cropping1D", "Cropping2D", "Cropping3D", "GaussianNoise", "GaussianDropout"),
)
_ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
}
#: How losses read outputs where it does not depend on the activation alone.
_READINGS: Mapping[str, Reading] = {
    "CategoricalCrossentropy": "probabilities",
    "SparseCategoricalCrossentropy": "probabilities",
    "CategoricalFocalCrossentropy": "probabilities",
    "CategoricalGeneralizedCrossEntropy": "probabilities",
    "crossentropy": "probabilities",
    "KLDivergence": "probabilities",
    "BinaryCrossentropy": "probabilities",
    "BinaryFocalCrossentropy": "probabilities",
    "Dice": "probabilities",
    "Tversky": "probabilities",
    "Hinge": "margins",
    "SquaredHinge": "margins",
    "CTC": "sequences",
    "Circle": "embeddings",
}


@dataclass(frozen=True)
class ComparedOutput:
    """An output and its target.

    Attributes:
        loss: The output's loss.
        form: How the target is encoded.
        activation: The activation of the last layer that computes values; None where it is not known.
        units: The size of the output's last dimension; None where it is not known.
        classes: The number of classes; None where there are none, or where they are not known.
        positions: The number of dimensions between rows and units: 1 for a class a step, 2 for a class a pixel.
        zero_one: Whether all values of a target of plain numbers are 0 or 1; None where they are not known.
        is_field: Whether the target is the input itself.
    """

    loss: Part
    form: TargetForm
    activation: str | None = None
    units: int | None = None
    classes: int | None = None
    positions: int = 0
    zero_one: bool | None = None
    is_field: bool = False

    @property
    def range(self) -> Range | None:
        """The range of the output's values."""
        return ACTIVATION_RANGES.get(self.activation or "")

    @property
    def reading(self) -> Reading | None:
        """What the output's values are to the loss."""
        return loss_reading(self.loss) or self._reading_by_range()

    def _reading_by_range(self) -> Reading | None:
        if self.range in ("distribution", "probability", "step"):
            return "probabilities"
        if loss_class(self.loss.name) == "CategoricalHinge":
            return "scores"
        return None if self.range is None else "numbers"

    @property
    def is_one_column(self) -> bool:
        """Whether a row (or position) has a single number."""
        return self.units == 1

    @property
    def is_softmax_of_one(self) -> bool:
        """Whether the output is a softmax of one unit, which is always 1."""
        return self.range == "distribution" and self.is_one_column

    @property
    def to_probabilities(self) -> Literal["sigmoid", "softmax"]:
        """The function that turns logits into probabilities, or margins into what 0.5 divides."""
        single = self.form == "binary" or self.is_one_column or compares_singly(self.loss)
        return "sigmoid" if single or self.reading == "margins" else "softmax"


def has_logits(loss: Part) -> bool:
    """Return whether a loss takes outputs for logits."""
    return loss.arguments.get("from_logits") is True


def compares_singly(loss: Part) -> bool:
    """Return whether a loss compares each output by itself, and not a row of outputs that sum to 1."""
    return loss_class(loss.name) in ("BinaryCrossentropy", "BinaryFocalCrossentropy", "Dice", "Tversky")


def divides_at_zero(loss: Part) -> bool:
    """Return whether 0 divides the two classes of an output: it holds logits, or the margins of a hinge."""
    return loss_reading(loss) in ("logits", "margins")


def loss_reading(loss: Part) -> Reading | None:
    """Return what outputs are to a loss, where the loss alone decides it."""
    return "logits" if has_logits(loss) else _READINGS.get(loss_class(loss.name))


def compared_output(
    experiment: Experiment, facts: Facts | TargetFacts | None, name: str, shape: Sequence[int | None] | None
) -> ComparedOutput:
    """Return what is known of an output and its target.

    Args:
        experiment: The experiment.
        facts: What is known of the output's target; None where nothing is.
        name: The output's name.
        shape: Its shape without the batch; None where it is not known.
    """
    graph, loss = experiment.graph, experiment.losses[name]
    output = next(one for one in graph.outputs if one.name == name)
    last = last_layer(graph, output.source.name)
    form = target_form(loss) if facts is None else facts.form
    positions = 0 if facts is None else len(facts.positions)
    if form == "number" and shape:
        # Pictures that are compared with pictures, say: numbers at each position.
        positions = len(shape) - 1
    return ComparedOutput(
        loss,
        form,
        None if last is None else activation_of(last.part),
        shape[-1] if shape else None,
        None if facts is None else facts.classes,
        positions,
        None if facts is None else facts.zero_one,
        is_field=(output.target or "").startswith("$"),
    )


def last_layer(graph: Graph, source: str) -> Node | None:
    """Return the last layer that computes the values of the tensor of this name; None if it is an input."""
    nodes = {node.name: node for node in graph.nodes}
    node = nodes.get(source)
    while node is not None and node.part.name in _PASS_THROUGH:
        node = nodes.get(node.sources[0].name)
    return node


def masks_padding(graph: Graph) -> bool:
    """Return whether a layer masks padded positions, which Keras then leaves out of losses and most metrics."""
    return any(node.part.name == "Masking" or node.part.arguments.get("mask_zero") is True for node in graph.nodes)


def activation_of(part: Part) -> str | None:
    """Return the name of a layer's activation; None where it has none or its name is not known."""
    if part.name in _ACTIVATION_LAYERS:
        return None if part.arguments.get("max_value") is not None else _ACTIVATION_LAYERS[part.name]
    if part.name == "TimeDistributed" and isinstance(part.arguments.get("layer"), Part):
        return activation_of(part.arguments["layer"])
    entry = lookup.entry("layers", part.name)
    if entry is None or entry.origin == "user" or "activation" not in entry.parameters:
        return None
    activation: Any = part.arguments.get("activation", entry.parameters["activation"].default)
    if activation is None:
        return "linear"
    return activation.name if isinstance(activation, Part) else str(activation)
