"""Embeddings of a model's inputs: which inputs must be whole numbers, and below which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.catalog.shapes.names import class_name
from nnrun.spec.facts import substitute_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.errors import Path
    from nnrun.spec.facts import Facts
    from nnrun.spec.graph import Graph, Node

#: Layers whose inputs are whole numbers below a size, with the argument that says it.
_EMBEDDINGS = {"Embedding": "input_dim", "ReversibleEmbedding": "input_dim", "CategoryEncoding": "num_tokens"}
#: Layers whose outputs are values of their inputs, unchanged.
_REORDERING = frozenset({"Cropping1D", "Flatten", "Identity", "Permute", "RepeatVector", "Reshape"})


@dataclass(frozen=True)
class EmbeddedInput:
    """An input whose values are the rows of an embedding's table.

    Attributes:
        input: The input's name in the graph.
        size: The number of rows of the table, or of categories: values must be whole numbers from 0 to `size - 1`.
        layer: The layer's class.
        path: The layer's place in the config.
        size_path: The place of the argument that says the size.
    """

    input: str
    size: int
    layer: str
    path: Path
    size_path: Path

    @property
    def argument(self) -> str:
        """The name of the argument that says the size."""
        return str(self.size_path[-1])


def embedded_inputs(graph: Graph, facts: Facts | None) -> Iterator[EmbeddedInput]:
    """Yield the inputs that embeddings take, directly or through layers that only reorder values."""
    nodes = {node.name: node for node in graph.nodes}
    names = {one.name for one in graph.inputs}
    for node in graph.nodes:
        layer = class_name(node.part.name)
        if layer not in _EMBEDDINGS:
            continue
        size = substitute_facts(node.part, facts).arguments.get(_EMBEDDINGS[layer])
        source = _origin(node, nodes)
        if source in names and isinstance(size, int):
            yield EmbeddedInput(source, size, layer, node.path, (*node.path, _EMBEDDINGS[layer]))


def _origin(node: Node, nodes: dict[str, Node]) -> str:
    """Return the name of the input or layer whose values a layer takes."""
    source = node.sources[0].name
    while source in nodes and class_name(nodes[source].part.name) in _REORDERING:
        source = nodes[source].sources[0].name
    return source
