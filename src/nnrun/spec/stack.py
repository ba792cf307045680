"""What a config says under `model:` and `define:`, as a tree: layers, repetitions, residuals, uses of named stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.errors import Path
    from nnrun.spec.graph import Entrance
    from nnrun.spec.part import Part


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        part: The layer with Keras' arguments, `name` among them.
        takes: The tensors that `from:` names; None takes the one before.
        call: The arguments of its call.
        path: Its place in the config.
    """

    part: Part
    takes: tuple[str, ...] | None
    call: Mapping[str, Any]
    path: Path

    @property
    def name(self) -> str | None:
        """What the config calls its output."""
        return self.part.arguments.get("name")


@dataclass(frozen=True)
class Repeat:
    """The same layers several times in a row, each time with weights of their own."""

    times: int
    layers: tuple[Item, ...]
    takes: tuple[str, ...] | None
    name: str | None
    path: Path


@dataclass(frozen=True)
class Residual:
    """Layers whose output is added to their input, or to what `shortcut` makes of it."""

    layers: tuple[Item, ...]
    shortcut: tuple[Item, ...]
    takes: tuple[str, ...] | None
    name: str | None
    path: Path


@dataclass(frozen=True)
class Use:
    """A stack of `define:`; with `share`, all such uses of it share one set of weights."""

    stack: str
    share: bool
    takes: tuple[str, ...] | None
    name: str | None
    path: Path


Item = Layer | Repeat | Residual | Use


@dataclass(frozen=True)
class Output:
    """One entry of `outputs:`, as the config says it; see `nnrun.spec.graph.Exit`."""

    name: str
    takes: str | None
    target: str | None
    loss: Part | None
    weight: float
    metrics: tuple[Part, ...] | None
    path: Path


@dataclass(frozen=True)
class Model:
    """All of `model:`, with the stacks of `define:` that it may use.

    Attributes:
        inputs: What enters.
        layers: The layers, in order.
        outputs: What leaves; empty where the last layer is the only output.
        chain: Whether the config says a list of layers and nothing else.
        stacks: The stacks of `define:`.
    """

    inputs: tuple[Entrance, ...]
    layers: tuple[Item, ...]
    outputs: tuple[Output, ...]
    chain: bool
    stacks: Mapping[str, tuple[Item, ...]]
