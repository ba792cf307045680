"""Load the data of an experiment, and examine what only the loaded data show before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.errors import ConfigError
from nnrun.pipeline.check import check_context
from nnrun.pipeline.data_cache import LoadedData, data_key
from nnrun.pipeline.fold_runner import load_folds
from nnrun.pipeline.limited_data import limited
from nnrun.progress import RecordedProgress
from nnrun.spec.findings.phases import check_experiment
from nnrun.spec.findings.target_values import check_target_values
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path as FilePath

    from nnrun.data.cross_validation import FoldedData
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import Dataset, SourceData
    from nnrun.data.part_targets import TargetReport
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.data_cache import DataCache
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.finding import Finding
    from nnrun.spec.target_values import ValuesByTarget

#: The event of findings, among those of a progress.
_FINDINGS = "findings"
_LARGE_NUMBERS = "large-numbers"


def load_data(experiment: Experiment, paths: DataPaths, progress: Progress) -> Dataset:
    """Load, split and prepare the data of an experiment."""
    from nnrun.data.load import load

    form = target_forms(experiment)
    return load(experiment.data, form=form, seed=experiment.seed, paths=paths, progress=progress)


def load_training_data(examined: Examined, progress: Progress, cache: DataCache | None) -> Dataset:
    """Load the data of an experiment to train on, and report what is wrong with their targets.

    Args:
        examined: The config.
        progress: Receives messages and findings.
        cache: Data sets of earlier trainings; None: the data are loaded.

    Raises:
        ConfigError: The targets cannot be learned.
        DataError: The data cannot be used.
    """
    loaded = _take("training", _load_training_data, examined, progress, cache)
    dataset: Dataset = loaded.value
    report_values(examined, dataset, loaded.known, progress)
    return limited(dataset)


def load_folded_data(examined: Examined, progress: Progress, cache: DataCache | None = None) -> FoldedData:
    """Load the data of a cross-validation and assign their rows to folds.

    Args:
        examined: The config.
        progress: Receives messages.
        cache: Data of earlier trainings; None: the data are loaded.

    Raises:
        DataError: The data cannot be used, or their rows cannot be assigned to folds.
    """
    folded: FoldedData = _take("folds", _load_folded_data, examined, progress, cache).value
    return folded


def _take(
    kind: str,
    load: Callable[[Examined, Progress], LoadedData],
    examined: Examined,
    progress: Progress,
    cache: DataCache | None,
) -> LoadedData:
    """Load data, or take those of an earlier training with the messages of loading them."""
    if cache is None:
        return load(examined, progress)
    loaded, is_new = cache.take(data_key(examined, kind), lambda: load(examined, progress))
    if not is_new:
        _repeat_events(examined, loaded, progress)
    return loaded


def _load_training_data(examined: Examined, progress: Progress) -> LoadedData:
    from nnrun.data.load import load

    experiment, recorder = examined.experiment, RecordedProgress(progress)
    values: dict[str, Any] = {}
    files: dict[str, FilePath] | None = None

    def examine(data: SourceData) -> None:
        nonlocal files
        report = find_target_problems(examined, data)
        values.update(report.values)
        files = _files_read(data)
        recorder.events.append((_FINDINGS, report.findings))
        report_findings(examined, report.findings, progress)

    dataset = load(
        experiment.data,
        form=examined.form,
        seed=experiment.seed,
        paths=examined.places,
        progress=recorder,
        examine=examine,
    )
    # Of a text the source is not examined; examples on disk are read again while they are trained on.
    known = None if files is None else {str(file): dataset.digests[f"file:{name}"] for name, file in files.items()}
    return LoadedData(dataset, known, tuple(recorder.events), values)


def _load_folded_data(examined: Examined, progress: Progress) -> LoadedData:
    from nnrun.data.load import file_digests

    recorder = RecordedProgress(progress)
    folded = load_folds(examined.experiment, examined.places, recorder)
    files, found = _files_read(folded.data), file_digests(folded.data)
    known = None if files is None else {str(file): found[f"file:{name}"] for name, file in files.items()}
    return LoadedData(folded, known, tuple(recorder.events))


def _files_read(data: SourceData) -> dict[str, FilePath] | None:
    """Return the files of a source by name; None where they are not known one by one, or are read again later."""
    from nnrun.data.streaming.streams import Stream

    if data.digests or isinstance(data.train.x, Stream):
        return None
    return {name: file.resolve() for name, file in data.files.items()}


def _repeat_events(examined: Examined, loaded: LoadedData, progress: Progress) -> None:
    """Repeat the messages and findings of data that were loaded before.

    Raises:
        ConfigError: Their targets cannot be learned.
    """
    for kind, what in loaded.events:
        if kind == _FINDINGS:
            report_findings(examined, what, progress)
        else:
            getattr(progress, kind)(what)


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
        report_findings(examined, check_experiment(context), progress)
    elif known and not examined.context.target_values:
        report_findings(examined, check_target_values(context), progress)


def find_target_problems(examined: Examined, data: SourceData) -> TargetReport:
    """Return what is wrong with the targets of loaded data."""
    from nnrun.data.data_facts import examine_loaded_numbers, examine_loaded_targets

    spec = examined.experiment.data
    report = examine_loaded_targets(
        data, spec, form=examined.form, seed=examined.experiment.seed, paths=examined.places
    )
    numbers = examine_loaded_numbers(data, spec, examined.form)
    return replace(report, findings=(*report.findings, *numbers))


def report_fold_targets(examined: Examined, folded: FoldedData, progress: Progress) -> None:
    """Report what is wrong with the targets of the data of a cross-validation.

    Raises:
        ConfigError: They cannot be learned.
    """
    report = find_target_problems(examined, folded.data)
    report_findings(examined, report.findings, progress)
    values = report.values
    if values and not examined.context.target_values:
        context = check_context(examined.experiment, examined.facts, values)
        report_findings(examined, check_target_values(context), progress)


def report_findings(examined: Examined, findings: Iterable[Finding], progress: Progress) -> None:
    """Show findings that `check` has not shown.

    Raises:
        ConfigError: With the errors among them.
    """
    known = {problem.text for problem in examined.problems}
    # Of columns whose first numbers showed it, `check` has reported it.
    columns = {_place_in_text(problem.text) for problem in examined.problems if problem.name == _LARGE_NUMBERS}
    problems = [
        finding.problem(examined.document)
        for finding in findings
        if (finding.severity == "error" or finding.name not in examined.experiment.silence)
        and not (finding.name == _LARGE_NUMBERS and _place_in_text(finding.text) in columns)
    ]
    new = [problem for problem in problems if problem.text not in known]
    errors = [problem for problem in new if problem.severity == "error"]
    if errors:
        raise ConfigError(errors)
    for problem in new:
        progress.show_problem(problem)


def _place_in_text(text: str) -> str:
    return text.partition(": ")[0]
