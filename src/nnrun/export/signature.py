"""What an exported model takes and returns, as the document `signature.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.engine.scoring.evaluate import facts_of_target
from nnrun.engine.scoring.outputs import is_multi_label
from nnrun.export.operations import target_operations
from nnrun.spec.compared_output import compares_singly, divides_at_zero, has_logits
from nnrun.spec.facts import padded_class_names
from nnrun.spec.targets import output_kind, takes_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.data.target_preparation import TargetPreparation
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


@dataclass(frozen=True)
class ModelSignature:
    """What an exported model takes and returns.

    Attributes:
        run: The id of the run.
        form: The format's name.
        inside: Whether the model takes raw rows and returns labels, probabilities and numbers in the unit of targets.
        inputs: The dtype and shape of each input by name.
        results: The dtype and shape of each output of the file by name.
        outputs: What each output of the Keras model means, as `nnrun.export.preparation.interpret` reads it.
        columns: The column of each input that has another name.
    """

    run: str
    form: str
    inside: bool
    inputs: Mapping[str, tuple[str, Sequence[int | None]]]
    results: Mapping[str, tuple[str, Sequence[int | None]]]
    outputs: Sequence[Mapping[str, Any]]
    columns: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the document."""
        inputs = [
            {"name": name, "dtype": dtype, "shape": list(shape), "column": self.columns.get(name)}
            for name, (dtype, shape) in self.inputs.items()
        ]
        results = [
            {"name": name, "dtype": dtype, "shape": list(shape)} for name, (dtype, shape) in self.results.items()
        ]
        return {
            "format": 1,
            "run": self.run,
            "file": self.form,
            "preparation": "inside" if self.inside else "separate",
            "inputs": inputs,
            "results": results,
            "outputs": list(self.outputs),
        }


def describe_outputs(
    experiment: Experiment, facts: Facts, target: TargetPreparation | None, units: Mapping[str, int | None]
) -> list[dict[str, Any]]:
    """Return what each output of a model means.

    Args:
        experiment: The experiment.
        facts: The facts of its data.
        target: The steps that prepared its targets, or None.
        units: The size of the last dimension of each output.
    """
    several = len(experiment.graph.outputs) > 1
    return [
        _describe(
            one.name,
            f"{one.name}_" if several else "",
            facts_of_target(facts, one.target),
            experiment.losses[one.name],
            units[one.name],
            target_operations(target, one.target or ""),
        )
        for one in experiment.graph.outputs
    ]


def _describe(
    name: str, prefix: str, facts: Facts, loss: Part, units: int | None, operations: list[dict[str, Any]] | None
) -> dict[str, Any]:
    kind = _kind(facts, loss, units)
    names = list(facts.class_names)
    if kind in ("class", "two classes"):
        names = list(padded_class_names(names, max(units or 1, 2)))
    return {
        "name": name,
        "prefix": prefix,
        "kind": "numbers in the prepared unit" if kind == "numbers" and operations is None else kind,
        "loss": loss.name,
        "target": list(facts.numbered_targets()) if kind in ("numbers", "labels") else list(facts.target_names),
        "class_names": names,
        "probabilities": _probabilities(loss, units) if kind in ("class", "two classes", "labels") else None,
        "threshold": 0.0 if divides_at_zero(loss) else 0.5,
        "target_operations": operations or [],
        "temperature": 1.0,
        "decision_threshold": None,
    }


def _kind(facts: Facts, loss: Part, units: int | None) -> str:
    known = {"label_sequences": "label sequences", "embeddings": "embeddings"}.get(output_kind(loss))
    if known is not None:
        return known
    if facts.task == "regression":
        return "numbers"
    if is_multi_label(facts):
        return "labels"
    return "two classes" if units == 1 else "class"


def _probabilities(loss: Part, units: int | None) -> str | None:
    """Return the function that makes probabilities of outputs; None where they are none, as a hinge's."""
    if not takes_probabilities(loss):
        return None
    if not has_logits(loss):
        return "as they are"
    return "sigmoid" if units == 1 or compares_singly(loss) else "softmax"
