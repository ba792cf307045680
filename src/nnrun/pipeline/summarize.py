"""A config's model layer by layer, without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.stack import Row, walk
from nnrun.errors import Problem
from nnrun.pipeline.check import examine
from nnrun.spec.known import put_in, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from nnrun.catalog.shapes.call import Shape
    from nnrun.pipeline.check import Examined
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part

_NO_INPUT = (
    "The shape of the input is not known, so that no layer's shape can be told. Begin with Input: {shape: [...]}."
)


@dataclass(frozen=True)
class Summary:
    """A model's layers with their shapes and parameters, as far as they can be told.

    Attributes:
        name: The experiment's name.
        input_shape: The shape of one example; None where unknown.
        rows: One for each layer, up to the first that cannot be.
        reason: Why rows are missing or undecided; None where all is told.
        problems: Everything that was found in the config.
    """

    name: str
    input_shape: Shape | None
    rows: tuple[Row, ...]
    reason: str | None
    problems: tuple[Problem, ...]

    @property
    def parameters(self) -> int | None:
        """How many numbers the model holds; None where a layer is undecided."""
        return _sum([row.parameters for row in self.rows])

    @property
    def trainable(self) -> int | None:
        """How many of them are trained; None where a layer is undecided."""
        return _sum([row.trainable for row in self.rows])

    @property
    def refused(self) -> bool:
        """Whether a layer cannot take its input."""
        return any(row.error is not None for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        layers = [
            {
                "name": row.name,
                "class": row.class_name,
                "output_shape": row.output_shape,
                "parameters": row.parameters,
                "trainable": row.trainable,
            }
            for row in self.rows
        ]
        return {
            "name": self.name,
            "input_shape": self.input_shape,
            "parameters": self.parameters,
            "trainable": self.trainable,
            "layers": layers,
            "reason": self.reason,
        }


def summarize(file: FilePath, sets: Sequence[str], data_dir: FilePath | None) -> Summary:
    """Tell the shapes and parameters of a config's model.

    Raises:
        ConfigError: Where the language itself is broken.
    """
    examined = examine(file, sets, data_dir)
    experiment, facts = examined.experiment, examined.facts
    graph = experiment.graph
    first = [entrance.part for entrance in graph.inputs if entrance.part is not None]
    parts = [*first, *(put_in(node.part, facts, target_of(graph, node)) for node in graph.nodes)]
    shape = _input_shape(parts, facts)
    if shape is None:
        return Summary(experiment.name, None, (), _NO_INPUT, examined.problems)
    rows = tuple(walk(parts, shape, data_format=experiment.keras.image_data_format))
    problems = [*examined.problems, *_refusals(rows, parts, examined)]
    return Summary(experiment.name, shape, rows, _reason(rows), tuple(problems))


def _input_shape(parts: Sequence[Part], facts: Facts | None) -> Shape | None:
    """Give the shape that the data have, else the one that a first `Input` states."""
    if facts is not None and facts.input_shape is not None:
        return tuple(facts.input_shape)
    stated = parts[0].arguments if parts[0].name in ("Input", "InputLayer") else {}
    shape = stated.get("shape") or (stated.get("batch_shape") or [None])[1:]
    return tuple(shape) if shape else None


def _refusals(rows: Sequence[Row], parts: Sequence[Part], examined: Examined) -> list[Problem]:
    """Give what a layer refuses as problems, unless that was found at its place already."""
    found = []
    for row in rows:
        if row.error is not None:
            path = parts[row.index].path
            mark = examined.document.mark((*path, parts[row.index].name))
            if all(problem.mark is None or problem.mark.line != mark.line for problem in examined.problems):
                found.append(Problem(mark, row.error.text, row.error.hint, "shape"))
    return found


def _reason(rows: Sequence[Row]) -> str | None:
    undecided = [row for row in rows if row.undecided is not None]
    return f"Undecided from {undecided[0].name} on: {undecided[0].undecided}." if undecided else None


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if numbers and len(known) == len(numbers) else None
