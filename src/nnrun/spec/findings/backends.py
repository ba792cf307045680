"""What a config asks of JAX that only TensorFlow can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.case import Case

#: Layers of Keras that look words up in tables of TensorFlow's.
_OF_TENSORFLOW = frozenset(
    ("TextVectorization", "StringLookup", "IntegerLookup", "Hashing", "HashedCrossing", "TFSMLayer")
)


def backends(case: Case) -> Iterator[Finding]:
    """Find layers, data and settings that cannot be with `backend: jax`."""
    if case.experiment.backend != "jax":
        return
    for node in case.graph.nodes:
        if node.part.name in _OF_TENSORFLOW:
            text = f"{node.part.name} is made of TensorFlow's operations, and the backend is jax"
            yield Finding((*node.part.path, node.part.name), text, "leave out backend: jax", "not-on-jax")
    if case.facts is not None and case.facts.streamed:
        text = "data that stay on disk are streamed by TensorFlow, and the backend is jax"
        yield Finding(("backend",), text, "leave out backend: jax, or write stream: false in the source", "not-on-jax")
    if case.training.execution.xla is False:
        text = "JAX compiles everything with XLA, and the config says xla: false"
        yield Finding(("training", "execution", "xla"), text, "leave out xla", "not-on-jax")
