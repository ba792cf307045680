"""Check a config before anything is trained: read, override, validate, infer the facts of its data, find mistakes."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.config import extends, overrides
from nnrun.data import model_inputs
from nnrun.data.data_facts import check_targets, infer_facts
from nnrun.data.data_paths import DataPaths
from nnrun.data.field_values import read_values, stated_values
from nnrun.data.part_targets import TargetReport
from nnrun.data.quality import QualityReport, check_quality
from nnrun.errors import BuildError, Problem, RunError
from nnrun.pipeline import given_secrets, initial_weights, layer_files, text_samples, trust, user_code
from nnrun.runs.folder import default_runs_dir
from nnrun.spec.experiment import Experiment, validate
from nnrun.spec.findings.context import CheckContext
from nnrun.spec.findings.phases import check_experiment
from nnrun.spec.resolve import resolved
from nnrun.spec.shapes import infer_shapes
from nnrun.spec.targets import target_forms, target_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nnrun.catalog.user_code import UserCode
    from nnrun.config.document import Document
    from nnrun.progress import Progress
    from nnrun.spec.facts import Facts, TargetForms
    from nnrun.spec.sweep import SweepSpec
    from nnrun.spec.target_values import ValuesByTarget


@dataclass(frozen=True)
class Examined:
    """A valid config and its findings.

    Attributes:
        file: The config's path.
        document: Its data with marks, merged over its bases, `--set` applied.
        experiment: The validated experiment.
        places: The folders in which its files are searched.
        form: The encoding of targets that its loss needs.
        facts: The facts known of the data before loading; None if there are none.
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


def examine(
    file: FilePath,
    sets: Sequence[str],
    data_dir: FilePath | None,
    runs_dir: FilePath | None = None,
    files_dir: FilePath | None = None,
) -> Examined:
    """Read a config and find everything that is wrong with it, without pandas or Keras.

    Args:
        file: The config's path.
        sets: The `--set` options.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        runs_dir: The folder of the runs whose weights it may start from; None: `NNRUN_RUNS_DIR`, else `runs`.
        files_dir: The folder in which the files that it names are looked for; None: that of the config.

    Raises:
        ConfigError: The config is no valid experiment; with every problem at its place.
    """
    return examine_document(overrides.apply(extends.read(file), sets), file, data_dir, runs_dir, files_dir)


def examine_document(
    document: Document,
    file: FilePath,
    data_dir: FilePath | None,
    runs_dir: FilePath | None = None,
    files_dir: FilePath | None = None,
) -> Examined:
    """Find everything that is wrong with a config that was read already, as `examine` does.

    Args:
        document: The config, merged over its bases.
        file: Its path, which need not exist: files of data are looked for in its folder.
        data_dir: The folder of data, as of `examine`.
        runs_dir: The folder of runs, as of `examine`.
        files_dir: The folder of the files that it names, as of `examine`.

    Raises:
        ConfigError: It is no valid experiment; with every problem at its place.
    """
    given_secrets.require_given(document)
    experiment = validate(document)
    folders = dict.fromkeys(source.resolve().parent for source in reversed(document.sources))
    places = DataPaths(files_dir or file.resolve().parent, data_dir, tuple(folders))
    experiment, of_layers = layer_files.locate(experiment, places)
    experiment, of_initial = initial_weights.locate(experiment, places)
    form = target_forms(experiment)
    facts, found = infer_facts(experiment.data, form=form, paths=places, places=target_places(experiment))
    report = TargetReport()
    fields = () if isinstance(form, str) else tuple(form)
    values = stated_values(experiment.data.source, experiment.data.prepare, fields)
    if not any(finding.severity == "error" for finding in found):
        report, notes = check_targets(experiment.data, form=form, seed=experiment.seed, paths=places)
        found += (*notes, *report.findings)
        facts = None if facts is None else facts.with_classes(report.classes)
        values = values or read_values(experiment.data, fields, form=form, seed=experiment.seed, paths=places)
    context = check_context(experiment, facts, {**values, **report.values})
    found += tuple(model_inputs.findings(facts, experiment.graph.inputs)) if facts is not None else ()
    found += tuple(text_samples.findings(experiment, facts))
    found += (*of_layers, *of_initial, *layer_files.findings(context, places))
    found += tuple(initial_weights.findings(context, runs_dir or default_runs_dir()))
    problems = [
        finding.problem(document)
        for finding in (*found, *check_experiment(context, found))
        if finding.severity == "error" or finding.name not in experiment.silence
    ]
    if experiment.sweep is not None:
        problems += _sweep_problems(document, experiment.sweep)
    return Examined(
        file, document, experiment, places, form, facts, context, tuple(sorted(problems, key=Problem.order))
    )


def _sweep_problems(document: Document, sweep: SweepSpec) -> Iterator[Problem]:
    """Yield an error for each value of a sweep that the config does not take, or for combinations that cannot be."""
    from nnrun.spec.sweep_values import value_problems
    from nnrun.sweep.space import Space

    found = list(value_problems(document, sweep))
    yield from found
    if not found:
        try:
            Space.of(sweep).require_possible(sweep)
        except RunError as error:
            place = ("sweep", "parameters" if sweep.trials is None else "trials")
            yield Problem(document.key_mark(place), error.text, error.hint)


def check_context(
    experiment: Experiment, facts: Facts | None, target_values: ValuesByTarget | None = None
) -> CheckContext:
    """Infer the shapes of an experiment's layers from what is known of its data."""
    graph = experiment.graph
    shapes = model_inputs.shapes(facts, graph.inputs) if facts is not None else {}
    # A width that is known only after loading (one-hot columns of a large table) is unknown, not an open dimension.
    given = {name: None if shape and shape[-1] is None else shape for name, shape in shapes.items()}
    rows = infer_shapes(graph, facts, given, data_format=experiment.keras.image_data_format)
    return CheckContext(experiment, facts, given, rows, target_values or {})


def check_with_keras(examined: Examined, codes: Sequence[UserCode] = ()) -> Examined:
    """Let Keras build the model of a config without errors that has something undecided, and add what it refuses.

    TensorFlow starts, and the user's code runs, only if there is something undecided and the facts suffice to build
    the model.
    """
    has_undecided = any(row.undecided is not None for row in examined.context.rows)
    has_errors = any(problem.severity == "error" for problem in examined.problems)
    if not has_undecided or has_errors or examined.facts is None:
        return examined
    decided = [problem for problem in examined.problems if problem.name != "undecided"]
    problems = sorted([*decided, *_keras_problems(examined, codes)], key=Problem.order)
    return replace(examined, problems=tuple(problems))


def _keras_problems(examined: Examined, codes: Sequence[UserCode]) -> tuple[Problem, ...]:
    from nnrun.engine.session import Session

    no_log = FilePath(os.devnull)
    try:
        with (
            user_code.run_code(codes, examined.experiment, threads=0, log=no_log),
            Session.open(
                examined.experiment,
                examined.facts,  # type: ignore[arg-type]  # `check_with_keras` asks only where there are facts
                examined.document.key_mark,
                threads=0,
                log=no_log,
                phase=lambda _: nullcontext(),
            ),
        ):
            return ()
    except BuildError as error:
        return error.problems


def resolve_config(examined: Examined) -> dict[str, Any]:
    """Return the resolved config as plain data which, written as YAML, is the same experiment."""
    plain = resolved(examined.experiment, lambda name: _absolute(examined.places, name))
    # Names are relative to the file that says them, which may be a base.
    named = [str(file.resolve()) for file, _ in trust.named_files(examined.document)]
    return {**plain, "code": named} if named else plain


def kept_config(examined: Examined) -> dict[str, Any]:
    """Return the resolved config as a run folder keeps it: without the secrets of the command line."""
    kept: dict[str, Any] = given_secrets.find_given(examined.document).leave_out(resolve_config(examined))
    return kept


def _absolute(places: DataPaths, name: str) -> str:
    found = places.find(name)
    return str(found.resolve()) if found is not None else name


def check_data(file: Path, sets: Sequence[str], data_dir: Path | None, progress: Progress) -> QualityReport:
    """Load the data of a config and check their quality.

    Raises:
        ConfigError: The config is no valid experiment, or names code that the user has not allowed to run.
        DataError: The data cannot be used.
    """
    with user_code.register_code((), file, sets) as codes:
        examined = examine(file, sets, data_dir)
        with user_code.run_code(codes, examined.experiment, threads=0, log=FilePath(os.devnull)):
            return check_quality(
                examined.experiment.data,
                seed=examined.experiment.seed,
                paths=examined.places,
                progress=progress,
                form=examined.form,
            )
