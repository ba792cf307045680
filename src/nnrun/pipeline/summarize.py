"""Summarize the model of a config layer by layer, without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.config.dotted import join_path
from nnrun.pipeline.check import examine
from nnrun.spec.memory import Memory, estimate
from nnrun.spec.shapes import input_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.errors import Problem
    from nnrun.spec.shapes import NodeShape

_NO_INPUT = "The shape of the input is unknown, and so are the shapes of the layers. Begin with Input: {shape: [...]}."


@dataclass(frozen=True)
class ModelSummary:
    """The layers of a model with their shapes and parameters, as far as they are known.

    Attributes:
        name: The experiment's name.
        inputs: The shape of one example at each input, by Keras' name of the input; None if unknown.
        rows: One for each call of a layer that an output depends on; none after a layer with an error.
        outputs: The shape of each output by its name; None if unknown.
        memory: The least memory that training needs.
        reason: Why some shapes are unknown; None if all are known.
        problems: The findings in the config.
    """

    name: str
    inputs: Mapping[str, Shape | None]
    rows: tuple[NodeShape, ...]
    outputs: Mapping[str, Shape | None]
    memory: Memory
    reason: str | None
    problems: tuple[Problem, ...]

    @property
    def parameters(self) -> int | None:
        """The number of parameters, shared ones counted once; None if a layer is undecided."""
        return _sum([row.parameters for row in self.rows if row.first])

    @property
    def trainable(self) -> int | None:
        """The number of trainable parameters; None if a layer is undecided."""
        return _sum([row.trainable for row in self.rows if row.first])

    @property
    def refused(self) -> bool:
        """Whether a layer does not accept its input."""
        return any(row.error is not None for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        shapes = list(self.inputs.values())
        return {
            "name": self.name,
            "input_shape": shapes[0] if len(shapes) == 1 else None,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "parameters": self.parameters,
            "trainable": self.trainable,
            "layers": [_layer_json(row) for row in self.rows],
            "memory": self.memory.as_json(),
            "reason": self.reason,
        }


def _layer_json(row: NodeShape) -> dict[str, Any]:
    return {
        "name": row.name,
        "class": row.class_name,
        "output_shape": row.output_shape,
        "parameters": row.parameters,
        "trainable": row.trainable,
        "shared": not row.first,
        "from": list(row.sources),
        "path": join_path(row.path),
    }


def summarize(file: FilePath, sets: Sequence[str], data_dir: FilePath | None) -> ModelSummary:
    """Summarize the model of a config.

    Raises:
        ConfigError: The config is no valid experiment.
    """
    examined = examine(file, sets, data_dir)
    context, graph = examined.context, examined.experiment.graph
    names = input_names(graph)
    return ModelSummary(
        examined.experiment.name,
        {names[name]: shape for name, shape in context.input_shapes.items()},
        tuple(row for row in context.rows if row.used or row.error is not None),
        {output.name: context.output_shape(output) for output in graph.outputs},
        estimate(context),
        _NO_INPUT if all(shape is None for shape in context.input_shapes.values()) else _reason(context.rows),
        examined.problems,
    )


def _reason(rows: Sequence[NodeShape]) -> str | None:
    undecided = [row for row in rows if row.undecided is not None]
    return f"Undecided from {undecided[0].name} on: {undecided[0].undecided}." if undecided else None


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if numbers and len(known) == len(numbers) else None
