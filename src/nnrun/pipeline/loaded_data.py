"""Load the data of an experiment, and examine what only the loaded data show before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.errors import ConfigError
from nnrun.pipeline.check import check_context
from nnrun.spec.findings.checks import check
from nnrun.spec.findings.target_values import check_target_values
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nnrun.data.cross_validation import FoldedData
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset, SourceData
    from nnrun.data.part_targets import TargetReport
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.finding import Finding
    from nnrun.spec.target_values import ValuesByTarget


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

    experiment, values = examined.experiment, dict[str, Any]()

    def examine(data: SourceData) -> None:
        values.update(report_targets(examined, data, progress=progress).values)

    dataset = load(
        experiment.data,
        form=examined.form,
        seed=experiment.seed,
        paths=examined.places,
        progress=progress,
        examine=examine,
    )
    report_values(examined, dataset, values, progress)
    return dataset


def report_values(examined: Examined, dataset: Dataset, values: ValuesByTarget, progress: Progress) -> None:
    """Report outputs that cannot reach the values of loaded targets, where `check` did not know these.

    Where it knew nothing of the data, as of those that code of the user's own reads, everything is checked.

    Args:
        examined: The config.
        dataset: The loaded data.
        values: What is known of targets of numbers.
        progress: Receives warnings.

    Raises:
        ConfigError: Outputs cannot reach the targets, or the model does not suit the data.
    """
    from nnrun.data.field_values import loaded_values

    fields = () if isinstance(examined.form, str) else tuple(examined.form)
    known = {**loaded_values(dataset, fields), **values}
    context = check_context(examined.experiment, dataset.facts, known)
    if examined.facts is None:
        report_findings(examined, check(context), progress)
    elif known and not examined.context.target_values:
        report_findings(examined, check_target_values(context), progress)


def report_targets(examined: Examined, data: SourceData, *, progress: Progress) -> TargetReport:
    """Report what is wrong with the targets of loaded data, and was not found by `check`.

    Raises:
        ConfigError: They cannot be learned.
    """
    from nnrun.data.data_facts import examine_loaded_numbers, examine_loaded_targets

    spec = examined.experiment.data
    report = examine_loaded_targets(
        data, spec, form=examined.form, seed=examined.experiment.seed, paths=examined.places
    )
    # Of columns whose first numbers showed it, `check` has reported it.
    known = {problem.text.partition(": ")[0] for problem in examined.problems if problem.name == "large-numbers"}
    numbers = [
        finding
        for finding in examine_loaded_numbers(data, spec, examined.form)
        if finding.text.partition(": ")[0] not in known
    ]
    report_findings(examined, (*report.findings, *numbers), progress)
    return report


def report_fold_targets(examined: Examined, folded: FoldedData, progress: Progress) -> None:
    """Report what is wrong with the targets of the data of a cross-validation.

    Raises:
        ConfigError: They cannot be learned.
    """
    values = report_targets(examined, folded.data, progress=progress).values
    if values and not examined.context.target_values:
        context = check_context(examined.experiment, examined.facts, values)
        report_findings(examined, check_target_values(context), progress)


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
