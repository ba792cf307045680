"""Train the experiment of a config: the straight line from its text to a finished run folder.

    1 read, 2 override, 3 validate, 4 open, 5 load, 6 start Keras, 7 compile, 8 train, 9 score, 10 save

A config with errors is refused at 3 and leaves no folder; every later failure leaves one whose record names the reason.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.config.dump import dump
from nnrun.config.files import find_config
from nnrun.cores import usable_cores
from nnrun.data.prepare.registry import feature_vocabulary
from nnrun.errors import ConfigError, NnrunError, Problem, RunError, Severity
from nnrun.formatting import format_count
from nnrun.pipeline import layer_files, user_code
from nnrun.pipeline.check import check_context, examine, kept_config
from nnrun.pipeline.cross_validate import CrossValidation, is_cross_validated
from nnrun.pipeline.example_pictures import save_pictures
from nnrun.pipeline.initial_weights import copy_file, copy_of_file, load_initial_weights
from nnrun.pipeline.loaded_data import load_training_data
from nnrun.pipeline.run_files import (
    code_records,
    copy_sources,
    ensure_run_folder,
    executor_fields,
    save_mistakes,
    save_model_files,
    save_preparation,
    save_scores,
    score_parts,
    source_digests,
)
from nnrun.pipeline.run_state import lane_of, open_saver, planned_epochs, require_same_data
from nnrun.pipeline.trust import require_allowed
from nnrun.progress import LoggedProgress
from nnrun.runs import metrics
from nnrun.runs.disk import RunLog
from nnrun.runs.find import run_as_json
from nnrun.runs.folder import RunFolder
from nnrun.runs.lock import hold
from nnrun.runs.record import Record
from nnrun.runs.secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.data.dataset import Dataset
    from nnrun.engine.executors.jax.lanes import Lane
    from nnrun.engine.session import Session
    from nnrun.engine.state.saver import StateSaver
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.data_cache import DataCache
    from nnrun.pipeline.run_state import Resumption
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment


@dataclass(frozen=True)
class TrainRequest:
    """The arguments of `nnrun train`.

    Attributes:
        config: The config's path, or a shipped config's name; empty where a run is resumed, which has its own.
        sets: The `--set` options, in order.
        runs_dir: The folder of runs.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        argv: The command line, for the record.
        code: The files of `--code`, in order.
        jobs: How many processes share the folds of a cross-validation; None: 1, or as many as when the run began.
        given_fields: Fields of the run's record that are another run's, which this one repeats, or a sweep's.
        folder: The run's folder, which does not exist; None: one with a new name in the folder of runs.
        lane: The place of the training in programs that are mapped over several; None: that of its record, if any.
        cache: Data of earlier trainings of this process; None: they are loaded.
        files_dir: The folder in which the files that the config names are looked for; None: that of the config.
    """

    config: str
    sets: tuple[str, ...] = ()
    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    argv: tuple[str, ...] = ()
    code: tuple[FilePath, ...] = ()
    jobs: int | None = None
    given_fields: Mapping[str, Any] = field(default_factory=dict)
    folder: FilePath | None = None
    lane: Lane | None = None
    cache: DataCache | None = None
    files_dir: FilePath | None = None


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Attributes:
        folder: Its folder.
        scores: The content of `scores.json`.
        status: `done`.
        warnings: The warnings and notes about the config.
        callbacks: What the callbacks of the config did; see `CallbackOutcome`.
    """

    folder: RunFolder
    scores: dict[str, Any]
    status: str = "done"
    warnings: tuple[Problem, ...] = field(default=())
    callbacks: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            **run_as_json(self.folder),
            "status": self.status,
            "scores": self.scores,
            "callbacks": list(self.callbacks),
        }


def train(request: TrainRequest, progress: Progress) -> TrainResult:
    """Train the experiment of a config; its findings are reported before anything is loaded.

    Raises:
        ConfigError: The config has errors; no folder is created.
        NnrunError: Anything later failed; the folder's record names the reason.
    """
    config = find_config(request.config)
    with user_code.register_code(request.code, config, request.sets) as codes:
        examined = examine(config, request.sets, request.data_dir, request.runs_dir, request.files_dir)
        raise_if_errors(examined)
        require_allowed(codes)
        with interruption.deferred_until_called() as go:
            folder = create_run_folder(request, examined, codes)
            with hold(folder), open_record(folder, request, examined, codes) as record:
                # A request that has come since is recorded: no folder is without its record.
                go()
                return _train_in(folder, record, examined, codes, request, progress)


def _train_in(
    folder: RunFolder,
    record: Record,
    examined: Examined,
    codes: Sequence[UserCode],
    request: TrainRequest,
    progress: Progress,
) -> TrainResult:
    """Train in a run folder whose record is open."""
    progress = LoggedProgress(progress, RunLog(folder.log).write)
    for problem in examined.problems:
        progress.show_problem(problem)
    with user_code.run_code(codes, examined.experiment, threads=record.fields["threads"], log=folder.log):
        progress.say(f"Run {folder.id}")
        # Processes that share the folds read the code again: what the run has copied, whatever happens to the files.
        copies = tuple(folder.path / one["file"] for one in record.fields.get("code") or ())
        return run_experiment(examined, folder, record, progress, replace(request, code=copies))


def run_experiment(
    examined: Examined,
    folder: RunFolder,
    record: Record,
    progress: Progress,
    request: TrainRequest,
    resumption: Resumption | None = None,
) -> TrainResult:
    """Run the experiment of a config in a run folder that is open."""
    runs_dir, jobs, code = request.runs_dir, request.jobs, request.code
    if is_cross_validated(examined.experiment):
        scores = CrossValidation(
            examined, folder, record, progress, runs_dir, jobs, code, resumption, request.cache
        ).run()
    else:
        lane = request.lane or lane_of(record.fields)
        scores = train_and_score(examined, folder, record, progress, runs_dir, resumption, lane, request.cache)
    return TrainResult(folder, scores, warnings=examined.problems, callbacks=record.fields.get("callbacks") or ())


def raise_if_errors(examined: Examined) -> None:
    """Check that a config has no errors; warnings and notes are accepted.

    Raises:
        ConfigError: With all findings of a config that has errors.
    """
    if any(problem.severity == "error" for problem in examined.problems):
        raise ConfigError(examined.problems)


def create_run_folder(request: TrainRequest, examined: Examined, codes: Sequence[UserCode] = ()) -> RunFolder:
    """Create the run's folder with the user's config, its bases and code, and the resolved config."""
    if request.folder is None:
        folder = RunFolder.create(request.runs_dir, examined.experiment.name)
    else:
        folder = RunFolder.create_at(request.folder)
    copy_sources(folder, examined.file, examined.document, codes)
    copy_file(folder, examined.experiment)
    write_resolved_config(folder, examined, codes)
    return folder


def write_resolved_config(folder: RunFolder, examined: Examined, codes: Sequence[UserCode] = ()) -> None:
    """Write the config with every default and path; code and a saved model are named as the folder's own copies."""
    kept, own = kept_config(examined), examined.file.resolve().parent
    if codes:
        kept["code"] = [one["file"] for one in code_records(folder, examined.document, codes)]
    elif "code" in kept:
        # Of a run that goes on, or is forked, which has copies of these names.
        named = [FilePath(name) for name in kept["code"]]
        kept["code"] = [str(one.relative_to(own) if one.is_relative_to(own) else one) for one in named]
    copy = copy_of_file(folder, examined.experiment)
    if copy is not None:
        kept["init_from"] = copy
    folder.write_text(
        folder.resolved,
        "# Made by nnrun from config.yaml: every default and path written out. "
        f"Run it: nnrun train {folder.resolved.name}\n" + dump(kept),
    )


def _texts_of(problems: Sequence[Problem], severity: Severity) -> list[str]:
    return [without_secrets(problem.text)[0] for problem in problems if problem.severity == severity]


@contextmanager
def open_record(
    folder: RunFolder, request: TrainRequest, examined: Examined, codes: Sequence[UserCode] = ()
) -> Iterator[Record]:
    """Open the record of a new run; at the end of the `with` block it states how the run ended."""
    fields = {
        "threads": usable_cores(),
        "digests": source_digests(folder),
        "warnings": _texts_of(examined.problems, "warning"),
        "notes": _texts_of(examined.problems, "note"),
        **({"code": code_records(folder, examined.document, codes)} if codes else {}),
        **request.given_fields,
    }
    experiment = examined.experiment
    record = Record.begin(folder, name=experiment.name, argv=request.argv, seed=experiment.seed, **fields)
    with record_outcome(record, folder):
        yield record


@contextmanager
def record_outcome(record: Record, folder: RunFolder) -> Iterator[None]:
    """Record how the `with` block ends: done, interrupted, preempted, or failed with a reason."""
    is_done = False
    try:
        yield
        with interruption.deferred():
            record.finish("done")
            is_done = True
    except BaseException as error:
        if is_done:
            raise
        # If the disk refuses the record too, the user must still see the error itself.
        with interruption.shielded(), suppress(RunError):
            if isinstance(error, interruption.StopRequestedError):
                record.finish(error.status, error.reason)
            elif isinstance(error, KeyboardInterrupt):
                record.finish("interrupted", "stopped by the user")
            else:
                is_bug = not isinstance(error, NnrunError)
                record.finish("failed", f"{type(error).__name__}: {error}" if is_bug else str(error))
                cause = error if is_bug else error.__cause__
                if cause is not None:
                    RunLog(folder.log).write("".join(traceback.format_exception(cause)))
        raise


def save_data_files(folder: RunFolder, record: Record, dataset: Dataset) -> None:
    """Save the facts, the digests and the fitted preparation of the data."""
    dropped = {"dropped_rows": dict(dataset.dropped)} if dataset.dropped else {}
    record.update(digests={**record.fields["digests"], **dataset.digests}, facts=dataset.facts.as_json(), **dropped)
    save_preparation(folder, dataset)


def train_and_score(
    examined: Examined,
    folder: RunFolder,
    record: Record,
    progress: Progress,
    runs_dir: FilePath,
    resumption: Resumption | None,
    lane: Lane | None,
    cache: DataCache | None,
) -> dict[str, Any]:
    """Load the data, compile, train, score and save one model; return the content of `scores.json`."""
    from nnrun.engine.session import Session

    experiment = examined.experiment
    with record.phase("load"):
        dataset = load_training_data(examined, progress, cache)
    require_same_data(record, dataset.digests, resumption)
    save_data_files(folder, record, dataset)
    with Session.open(
        experiment,
        dataset.facts,
        examined.document.key_mark,
        threads=record.fields["threads"],
        log=folder.log,
        phase=record.phase,
        planned_epochs=planned_epochs(record, experiment),
        lane=lane,
        weights_dir=_fetch_weights(examined, dataset, record, progress),
        vocabulary=feature_vocabulary(dataset.fitted),
    ) as session:
        record.update(wake=session.settings.as_json(), **executor_fields(session))
        save_model_files(folder, session)
        if experiment.init_from is not None:
            record.update(init_from=load_initial_weights(experiment.init_from, runs_dir, session, progress))
        _say_sizes(session, dataset, progress)
        with record.phase("train"):
            saver = open_saver(
                folder,
                record,
                experiment,
                session,
                dataset.digests,
                progress,
                appended=[folder.metrics, folder.samples],
                resumption=resumption,
            )
            after_epoch = _after_epoch(session, experiment, dataset, folder, progress)
            epochs = _fit(session, dataset, folder, progress, after_epoch, saver)
        # The executor may have changed: callbacks, and what XLA can compile, are known only now.
        outcomes = [one.as_json() for one in session.callback_outcomes]
        record.update(epochs=epochs, **executor_fields(session), **({"callbacks": outcomes} if outcomes else {}))
        for outcome in outcomes:
            RunLog(folder.log).write(outcome["text"])
        with record.phase("score"):
            return _score(session, dataset, folder, experiment.data.source.name)


def _score(session: Session, dataset: Dataset, folder: RunFolder, source: str) -> dict[str, Any]:
    """Score the model on every part; save scores and predictions; return the content of `scores.json`."""
    evaluations = score_parts(session, dataset, train_details=False)
    scores = save_scores(folder, dataset, evaluations)
    save_mistakes(folder, dataset, scores, source)
    save_pictures(folder, dataset, evaluations, source)
    return scores


def _fetch_weights(examined: Examined, dataset: Dataset, record: Record, progress: Progress) -> FilePath:
    """Download the published weights of the model's backbones; return their folder."""
    context = check_context(examined.experiment, dataset.facts)
    return layer_files.fetch_and_record(context, examined.places, record, progress)


def _after_epoch(
    session: Session, experiment: Experiment, dataset: Dataset, folder: RunFolder, progress: Progress
) -> Callable[[int], None] | None:
    """Return what writes samples of a text model after each epoch; None where the config asks for none."""
    if experiment.training.samples is None:
        return None
    from nnrun.pipeline.text_samples import SampleWriter

    return SampleWriter(session, experiment, dataset, folder, progress).after_epoch


def _say_sizes(session: Session, dataset: Dataset, progress: Progress) -> None:
    rows = format_count(len(dataset.train.rows), "training row")
    progress.say(f"{format_count(session.parameters, 'parameter')}, {rows}")
    for note in session.notes:
        progress.say(note)
    if session.settings.data_parallel > 1:
        progress.say(f"Each batch is divided over {session.settings.data_parallel} devices.")


def _fit(
    session: Session,
    dataset: Dataset,
    folder: RunFolder,
    progress: Progress,
    after_epoch: Callable[[int], None] | None,
    saver: StateSaver,
) -> int:
    """Train, saving the metrics of every epoch and the best and the last model; return the number of epochs."""

    def save_epoch(line: EpochLogs) -> None:
        ensure_run_folder(folder)
        metrics.append(folder.metrics, line)

    # A request to stop waits until the last model is saved, also where training is over.
    with interruption.deferred():
        try:
            epochs = session.fit(
                dataset, folder.path, folder.best, progress, save_epoch, after_epoch=after_epoch, saver=saver
            )
        except KeyboardInterrupt:
            session.save(folder.last)
            raise
        ensure_run_folder(folder)
        session.save(folder.last)
    return epochs
