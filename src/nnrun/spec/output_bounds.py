"""The least and the largest value that an output can have, by its last layer."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from nnrun.spec.compared_output import activation_of, last_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.graph import Graph, Node
    from nnrun.spec.part import Part


class Bounds(NamedTuple):
    """The least and the largest value of an output.

    Attributes:
        low: The least one, or the limit that it comes near; -inf where there is none.
        high: The largest one, or the limit that it comes near; inf where there is none.
    """

    low: float = -inf
    high: float = inf

    @property
    def is_open(self) -> bool:
        """Whether any number can be reached."""
        return self == Bounds()


#: The bounds of each activation. Those of gelu, silu, mish and selu are the minima of their curves (selu:
#: -scale * alpha), rounded outward.
ACTIVATION_BOUNDS: Mapping[str, Bounds] = {
    **dict.fromkeys(("softmax", "sparsemax", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "binary_step"), Bounds(0, 1)),
    **dict.fromkeys(("relu", "softplus", "squareplus", "sparse_plus", "exponential"), Bounds(low=0)),
    **dict.fromkeys(("tanh", "hard_tanh", "softsign"), Bounds(-1, 1)),
    **dict.fromkeys(("log_softmax", "log_sigmoid"), Bounds(high=0)),
    **dict.fromkeys(("elu", "celu"), Bounds(low=-1)),
    "relu6": Bounds(0, 6),
    "selu": Bounds(low=-1.7581),
    "gelu": Bounds(low=-0.17),
    "silu": Bounds(low=-0.2785),
    "hard_silu": Bounds(low=-0.375),
    "mish": Bounds(low=-0.3089),
    **dict.fromkeys(
        ("linear", "leaky_relu", "prelu", "glu", "hard_shrink", "soft_shrink", "tanh_shrink", "threshold"), Bounds()
    ),
}
#: Other names of activations.
_ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}


class BoundedOutput(NamedTuple):
    """An output whose bounds are known.

    Attributes:
        bounds: The bounds.
        activation: The activation that decides them.
        layer: The layer that has the activation.
        is_rescaled: Whether a layer after it scales and shifts its values.
    """

    bounds: Bounds
    activation: str
    layer: Node
    is_rescaled: bool = False


def bounded_output(graph: Graph, source: str) -> BoundedOutput | None:
    """Return what bounds the tensor of this name; None where it is not known.

    A `Rescaling` at the end moves the bounds with the values.
    """
    last = last_layer(graph, source)
    if last is None:
        return None
    if last.part.name == "Rescaling":
        scale, offset = last.part.arguments.get("scale"), last.part.arguments.get("offset", 0.0)
        inner = bounded_output(graph, last.sources[0].name) if last.sources else None
        if inner is None or not isinstance(scale, int | float) or not isinstance(offset, int | float) or not scale:
            return None
        low, high = sorted(scale * bound + offset for bound in inner.bounds)
        return BoundedOutput(Bounds(low, high), inner.activation, inner.layer, is_rescaled=True)
    own = _of_layer(last.part)
    if own is not None:
        return BoundedOutput(own, last.part.name, last)
    activation = activation_of(last.part)
    activation = _ALIASES.get(activation or "", activation)
    bounds = ACTIVATION_BOUNDS.get(activation or "")
    return None if activation is None or bounds is None else BoundedOutput(bounds, activation, last)


def _of_layer(part: Part) -> Bounds | None:
    """Return the bounds of a layer that is an activation with arguments of its own."""
    given = part.arguments
    if part.name == "ReLU" and isinstance(given.get("max_value"), int | float):
        return Bounds(-inf if given.get("negative_slope") else 0, float(given["max_value"]))
    if part.name == "ReLU" and given.get("negative_slope"):
        return Bounds()
    if part.name == "ELU" and isinstance(given.get("alpha"), int | float):
        return Bounds(low=-float(given["alpha"]))
    return None
