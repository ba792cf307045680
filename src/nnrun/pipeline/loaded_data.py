"""Load the data of an experiment, and examine what only the loaded data show before anything is trained."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nnrun.errors import ConfigError
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset, SourceData
    from nnrun.data.part_targets import TargetReport
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.finding import Finding


def load_data(experiment: Experiment, paths: DataPaths, progress: Progress) -> Dataset:
    """Load, split and prepare the data of an experiment."""
    from nnrun.data.load import load

    form = target_forms(experiment)
    return load(experiment.data, form=form, seed=experiment.seed, paths=paths, progress=progress)


def load_training_data(examined: Examined, progress: Progress) -> Dataset:
    """Load the data of an experiment to train on, and report what is wrong with their targets.

    Raises:
        ConfigError: The targets cannot be learned.
        DataError: The data cannot be used.
    """
    from nnrun.data.load import load

    experiment = examined.experiment
    return load(
        experiment.data,
        form=examined.form,
        seed=experiment.seed,
        paths=examined.places,
        progress=progress,
        examine=partial(report_targets, examined, progress=progress),
    )


def report_targets(examined: Examined, data: SourceData, *, progress: Progress) -> TargetReport:
    """Report what is wrong with the targets of loaded data, and was not found by `check`.

    Raises:
        ConfigError: They cannot be learned.
    """
    from nnrun.data.data_facts import examine_loaded_targets

    spec = examined.experiment.data
    report = examine_loaded_targets(
        data, spec, form=examined.form, seed=examined.experiment.seed, paths=examined.places
    )
    report_findings(examined, report.findings, progress)
    return report


def report_findings(examined: Examined, findings: Iterable[Finding], progress: Progress) -> None:
    """Show findings that `check` has not shown.

    Raises:
        ConfigError: With the errors among them.
    """
    known = {problem.text for problem in examined.problems}
    problems = [
        finding.problem(examined.document)
        for finding in findings
        if finding.severity == "error" or finding.name not in examined.experiment.silence
    ]
    new = [problem for problem in problems if problem.text not in known]
    errors = [problem for problem in new if problem.severity == "error"]
    if errors:
        raise ConfigError(errors)
    for problem in new:
        progress.show_problem(problem)
