"""A model as a graph: what enters, the layers in the order in which they are applied, and what leaves.

A chain is a graph whose every layer takes the one before. `repeat:`, `residual:`, `use:` and `define:` are spelled out
here into plain layers, so that nothing below knows of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Path
    from nnrun.spec.part import Part

#: The name of a chain's only input, which `from:` may say.
INPUT = "input"


@dataclass(frozen=True)
class Ref:
    """One tensor: an input's, or one output of a layer.

    Attributes:
        name: The name of an `Entrance` or a `Node`.
        output: Which of the layer's outputs, from 0 (`from: name.1` is the second).
    """

    name: str
    output: int = 0


@dataclass(frozen=True)
class Entrance:
    """One input of the model.

    Attributes:
        name: What `from:` calls it.
        columns: The feature columns that it takes, in order; None takes a field or all there is.
        field: The word of a field (`$image`, `$row`, `$codes`), or None.
        part: The `Input` that the config says, with its shape; None leaves the shape to the data.
        path: Its place in the config.
    """

    name: str
    columns: tuple[str, ...] | None = None
    field: str | None = None
    part: Part | None = None
    path: Path = ()


@dataclass(frozen=True)
class Node:
    """One application of a layer.

    Attributes:
        name: What `from:` calls its output: the config's `name`, else a name of the graph's own making that starts
            with a digit, which no config can say.
        part: The layer, without `from` and `call`.
        sources: The tensors it takes.
        listed: Whether it takes them as one list (`Add`) and not as separate arguments (`MultiHeadAttention`).
        call: Further arguments of its call; tensors among them are `Ref`s.
        layer: The layer's identity: nodes that name the same one share one layer and its weights.
    """

    name: str
    part: Part
    sources: tuple[Ref, ...]
    listed: bool
    call: Mapping[str, Any]
    layer: str


@dataclass(frozen=True)
class Exit:
    """One output of the model.

    Attributes:
        name: What its loss and metrics are called after.
        source: The tensor that leaves.
        target: The target column or the field (`$image`) it is compared with; None: the only target there is.
        loss: Its own loss; None takes `training.loss`.
        weight: The weight of its loss in the sum.
        metrics: Its own metrics; None takes `training.metrics`.
        path: Its place in the config.
    """

    name: str
    source: Ref
    target: str | None = None
    loss: Part | None = None
    weight: float = 1.0
    metrics: tuple[Part, ...] | None = None
    path: Path = ()


@dataclass(frozen=True)
class Graph:
    """A model.

    Attributes:
        inputs: What enters.
        nodes: The layers in the order in which they are applied.
        outputs: What leaves.
        chain: Whether the config says a list of layers, so that names of inputs and outputs are nnrun's own.
    """

    inputs: tuple[Entrance, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Exit, ...]
    chain: bool
