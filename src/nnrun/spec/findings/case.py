"""One config as the findings see it: what it says, what is known of its data, and its layers' shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.walk import input_shapes, shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.shapes.call import Shape
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts, TargetFacts
    from nnrun.spec.graph import Exit
    from nnrun.spec.walk import NodeRow


class Case:
    """One config to find something in.

    Args:
        experiment: What the config says.
        facts: What is known of its data; None where nothing is.
        given: The shape of one example at each input as the data give it; None where it is not known.
        rows: The model's layers, walked.
    """

    def __init__(
        self,
        experiment: Experiment,
        facts: Facts | None,
        given: Mapping[str, Shape | None],
        rows: tuple[NodeRow, ...],
    ) -> None:
        self.experiment, self.facts, self.given, self.rows = experiment, facts, given, rows
        self.graph, self.training = experiment.graph, experiment.training
        self.entered = input_shapes(self.graph, facts, given)
        self.by_node = {row.node: row for row in rows}

    @property
    def has_validation(self) -> bool:
        """Whether there will be a validation part."""
        split = self.experiment.data.split
        return split is not None and split.validation is not None

    def output_shape(self, output: Exit) -> Shape | None:
        """The shape of one example at an output; None where it is not known."""
        return shape_of(output.source, self.rows, self.entered)

    def about(self, output: Exit) -> Facts | TargetFacts | None:
        """What is known of the target that an output is compared with."""
        if self.facts is None or output.target is None:
            return self.facts
        return self.facts.by_target.get(output.target)
