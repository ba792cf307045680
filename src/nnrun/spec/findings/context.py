"""What the checks look at: an experiment, what is known of its data, and the shapes of its layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nnrun.spec.compared_output import compared_output
from nnrun.spec.shapes import input_shapes, tensor_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.spec.compared_output import ComparedOutput
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.graph import Graph, ModelOutput
    from nnrun.spec.shapes import NodeShape
    from nnrun.spec.target_values import ValuesByTarget
    from nnrun.spec.training import TrainingSpec


@dataclass(frozen=True)
class CheckContext:
    """One experiment to check.

    Attributes:
        experiment: The experiment.
        facts: What is known of its data; None where nothing is.
        given: The shape of one example at each input according to the data; None where it is not known.
        rows: The shapes of the model's layers.
        target_values: What is known of targets of numbers; empty where nothing is.
    """

    experiment: Experiment
    facts: Facts | None
    given: Mapping[str, Shape | None]
    rows: tuple[NodeShape, ...]
    target_values: ValuesByTarget = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.experiment.graph

    @property
    def training(self) -> TrainingSpec:
        """The section `training:`."""
        return self.experiment.training

    @cached_property
    def input_shapes(self) -> dict[str, Shape | None]:
        """The shape of one example at each input: that of the config's `Input`, else that of the data."""
        return input_shapes(self.graph, self.facts, self.given)

    @property
    def has_validation(self) -> bool:
        """Whether there will be a validation part."""
        split = self.experiment.data.split
        return (split is not None and split.validation is not None) or (
            self.facts is not None and "validation" in self.facts.rows
        )

    def output_shape(self, output: ModelOutput) -> Shape | None:
        """Return the shape of one example at an output; None where it is not known."""
        return tensor_shape(output.source, self.rows, self.input_shapes)

    def compared(self, output: ModelOutput) -> ComparedOutput:
        """Return what decides whether a loss or a metric suits an output."""
        return compared_output(self.experiment, self.target_facts(output), output.name, self.output_shape(output))

    def target_facts(self, output: ModelOutput) -> Facts | TargetFacts | None:
        """Return what is known of the target that an output is compared with."""
        return None if self.facts is None else self.facts.of_target(output.target)
