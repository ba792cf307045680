"""What can be said of a config before anything is spent: read, override, validate, and look ahead at the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.config import extends, overrides
from nnrun.data import model_inputs
from nnrun.data.data_facts import infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.errors import Problem
from nnrun.pipeline import samples
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.findings.checks import check
from nnrun.spec.findings.context import CheckContext
from nnrun.spec.shapes import infer_shapes
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from nnrun.config.document import Document
    from nnrun.spec.facts import Facts, TargetForms


@dataclass(frozen=True)
class Examined:
    """A config that the language allows, and what was found in it.

    Attributes:
        file: The config's path.
        document: Its text with marks, laid over what it extends, `--set` applied.
        experiment: What it says.
        places: Where its files are looked for.
        form: How targets are encoded to suit its loss.
        facts: What is known of the data without loading them; None where nothing is.
        context: The experiment with the shapes of its layers.
        problems: Findings of every severity, by place.
    """

    file: FilePath
    document: Document
    experiment: Experiment
    places: DataPaths
    form: TargetForms
    facts: Facts | None
    context: CheckContext
    problems: tuple[Problem, ...]


def examine(file: FilePath, sets: Sequence[str], data_dir: FilePath | None) -> Examined:
    """Read a config and say all that is wrong with it, without numpy, pandas or Keras.

    Raises:
        ConfigError: Where the language itself is broken, with every problem at its place.
    """
    document = overrides.apply(extends.read(file), sets)
    experiment = validate(document)
    folders = dict.fromkeys(source.resolve().parent for source in reversed(document.sources))
    places = DataPaths(file.resolve().parent, data_dir, tuple(folders))
    form = target_forms(experiment)
    facts, found = infer_facts(experiment.data, form=form, paths=places)
    context = check_context(experiment, facts)
    found += tuple(model_inputs.findings(facts, experiment.graph.inputs)) if facts is not None else ()
    found += tuple(samples.findings(experiment, facts))
    problems = [
        finding.problem(document)
        for finding in (*found, *check(context, found))
        if finding.severity == "error" or finding.name not in experiment.silence
    ]
    return Examined(
        file, document, experiment, places, form, facts, context, tuple(sorted(problems, key=Problem.order))
    )


def check_context(experiment: Experiment, facts: Facts | None) -> CheckContext:
    """Infer the shapes of an experiment's layers from what is known of its data."""
    graph = experiment.graph
    shapes = model_inputs.shapes(facts, graph.inputs) if facts is not None else {}
    # A width that only loading tells (of categories that a large table spreads into columns) is no open dimension.
    given = {name: None if shape and shape[-1] is None else shape for name, shape in shapes.items()}
    rows = infer_shapes(graph, facts, given, data_format=experiment.keras.image_data_format)
    return CheckContext(experiment, facts, given, rows)
