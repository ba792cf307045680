"""The straight line from a config to a kept run, readable from top to bottom.

    1 read, 2 override, 3 validate, 4 open, 5 load, 6 wake, 7 compile, 8 train, 9 score, 10 keep

A config refused at 3 leaves no folder; every later failure leaves one that says why.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump
from nnrun.config.files import find_config
from nnrun.cores import usable_cores
from nnrun.errors import ConfigError, NnrunError, Problem, RunError
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine, resolve_config
from nnrun.pipeline.cross_validate import CrossValidation, cross_validate, is_cross_validated
from nnrun.pipeline.run_files import (
    code_records,
    copy_sources,
    ensure_run_folder,
    load_initial_weights,
    named_parts,
    save_mistakes,
    save_model_files,
    source_digests,
)
from nnrun.progress import LoggedProgress
from nnrun.runs import metrics
from nnrun.runs.disk import RunLog
from nnrun.runs.folder import RunFolder
from nnrun.runs.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nnrun.catalog.user_code import UserCode
    from nnrun.data.dataset import Dataset
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment


@dataclass(frozen=True)
class TrainRequest:
    """What `nnrun train` was asked for.

    Attributes:
        config: The config's path, or a shipped config's name.
        sets: The `--set` options, in order.
        runs_dir: Where runs lie.
        data_dir: Where data lie; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        argv: The command line, for the record.
        code: The files of `--code`, in order.
        jobs: How many processes share the folds of a cross-validation.
    """

    config: str
    sets: tuple[str, ...] = ()
    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    argv: tuple[str, ...] = ()
    code: tuple[FilePath, ...] = ()
    jobs: int = 1


@dataclass(frozen=True)
class TrainResult:
    """A run that is done.

    Attributes:
        folder: Its folder.
        scores: What `scores.json` holds.
        status: `done`.
        warnings: What the user should know about the config.
    """

    folder: RunFolder
    scores: dict[str, Any]
    status: str = "done"
    warnings: tuple[Problem, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {"run": self.folder.id, "folder": str(self.folder.path), "status": self.status, "scores": self.scores}


def train(request: TrainRequest, progress: Progress) -> TrainResult:
    """Run the experiment of a config, from its text to a folder with everything in it; warnings are told first.

    Raises:
        ConfigError: Where the config is refused; no folder is made then.
        NnrunError: Where anything later fails; the folder's record says why.
    """
    with user_code.register_code(request.code) as codes:
        examined = examine(find_config(request.config), request.sets, request.data_dir)
        raise_if_errors(examined)
        folder = create_run_folder(request, examined, codes)
        with recorded(folder, request, examined, codes) as record:
            heard = LoggedProgress(progress, RunLog(folder.log).write)
            # What is probably not meant is said before time is spent on it.
            for problem in examined.problems:
                heard.show_problem(problem)
            with user_code.run_code(codes, examined.experiment, threads=record.fields["threads"], log=folder.log):
                heard.say(f"Run {folder.id}")
                scores = _scores(request, examined, folder, record, heard)
    return TrainResult(folder, scores, warnings=examined.problems)


def _scores(
    request: TrainRequest, examined: Examined, folder: RunFolder, record: Record, heard: Progress
) -> dict[str, Any]:
    """Train all folds, or the only model, and give what `scores.json` holds."""
    if is_cross_validated(examined.experiment):
        crossed = CrossValidation(examined, folder, request.runs_dir, request.jobs, request.code)
        return cross_validate(crossed, record, heard)
    with record.phase("load"):
        dataset = load_data(examined, heard)
    save_data_files(folder, record, dataset)
    return run(request, examined, dataset, folder, record, heard)


def raise_if_errors(examined: Examined) -> None:
    """Stop at errors; warnings and notes may pass.

    Raises:
        ConfigError: With the errors and the warnings beside them.
    """
    if any(problem.severity == "error" for problem in examined.problems):
        raise ConfigError(examined.problems)


def create_run_folder(request: TrainRequest, examined: Examined, codes: Sequence[UserCode] = ()) -> RunFolder:
    """Make the run's folder and put the config into it, as the user wrote it and said out in full, and the code."""
    folder = RunFolder.create(request.runs_dir, examined.experiment.name)
    copy_sources(folder, examined.file, examined.document, codes)
    folder.write_text(
        folder.resolved,
        "# Made by nnrun from config.yaml: every default and path said out. "
        f"Run it: nnrun train {folder.resolved.name}\n" + dump(resolve_config(examined)),
    )
    return folder


@contextmanager
def recorded(
    folder: RunFolder, request: TrainRequest, examined: Examined, codes: Sequence[UserCode] = ()
) -> Iterator[Record]:
    """Keep the record true to what happens inside the `with` block, whatever that is."""
    record = Record.begin(
        folder,
        name=examined.experiment.name,
        argv=request.argv,
        seed=examined.experiment.seed,
        threads=usable_cores(),
        digests=source_digests(folder),
        warnings=[problem.text for problem in examined.problems],
        **({"code": code_records(folder, examined.document, codes)} if codes else {}),
    )
    with record_outcome(record, folder):
        yield record


@contextmanager
def record_outcome(record: Record, folder: RunFolder) -> Iterator[None]:
    """Put into the record how the `with` block ends."""
    try:
        yield
    except BaseException as error:
        _say_how_it_ended(record, folder, error)
        raise
    record.finish("done")


def _say_how_it_ended(record: Record, folder: RunFolder, error: BaseException) -> None:
    """Put the reason into the record; where the disk refuses even that, the reason itself must still be heard."""
    with suppress(RunError):
        if isinstance(error, KeyboardInterrupt):
            record.finish("interrupted", "stopped by the user")
        elif isinstance(error, NnrunError):
            record.finish("failed", str(error))
        else:
            record.finish("failed", f"{type(error).__name__}: {error}")
            RunLog(folder.log).write("".join(traceback.format_exception(error)))


def load_data(examined: Examined, progress: Progress) -> Dataset:
    """Load, split and prepare the data that the config names."""
    from nnrun.data.load import load

    experiment = examined.experiment
    return load(experiment.data, form=examined.form, seed=experiment.seed, paths=examined.places, progress=progress)


def save_data_files(folder: RunFolder, record: Record, dataset: Dataset) -> None:
    """Keep what was learned from the data: facts, digests, fitted preparation."""
    record.update(digests={**record.fields["digests"], **dataset.digests}, facts=dataset.facts.as_json())
    folder.write_json(folder.prepare, list(dataset.fitted))


def run(
    request: TrainRequest, examined: Examined, dataset: Dataset, folder: RunFolder, record: Record, progress: Progress
) -> dict[str, Any]:
    """Wake Keras, compile, train, score and keep; gives what `scores.json` holds."""
    from nnrun.engine.session import Session

    with Session.open(
        examined.experiment,
        dataset.facts,
        examined.document.key_mark,
        threads=record.fields["threads"],
        log=folder.log,
        phase=record.phase,
    ) as session:
        record.update(
            wake=session.settings.as_json(), executor=session.executor_name, executor_why=session.executor_why
        )
        save_model_files(folder, session)
        if examined.experiment.init_from is not None:
            begun = load_initial_weights(examined.experiment.init_from, request.runs_dir, session, progress)
            record.update(init_from=begun)
        progress.say(f"{session.parameters:,} parameters, {len(dataset.train.rows):,} training rows")
        with record.phase("train"):
            after = writing(examined.experiment, session, dataset, folder, progress)
            epochs = train_model(session, dataset, folder, progress, after)
        # Callbacks, and what XLA can compile, are known only now.
        record.update(epochs=epochs, executor=session.executor_name, executor_why=session.executor_why)
        with record.phase("score"):
            scores = score_and_save(session, dataset, folder)
            save_mistakes(folder, dataset, scores, examined.experiment.data.source.name)
    return scores


def writing(
    experiment: Experiment, session: Session, dataset: Dataset, folder: RunFolder, progress: Progress
) -> Callable[[int], None] | None:
    """Give what is to be done after an epoch where the config wants samples of text."""
    if experiment.training.samples is None:
        return None
    from nnrun.pipeline.text_samples import SampleWriter

    return SampleWriter(session, experiment, dataset, folder, progress).after


def train_model(
    session: Session,
    dataset: Dataset,
    folder: RunFolder,
    progress: Progress,
    after: Callable[[int], None] | None = None,
) -> int:
    """Train, keeping every epoch's figures and the best and last model; gives the number of epochs run.

    `after` is called with the number of each epoch, counted from 1, once it has ended.
    """
    try:
        epochs = session.fit(
            dataset, folder.path, folder.best, progress, lambda line: append_epoch(folder, line), after_epoch=after
        )
    except KeyboardInterrupt:
        session.save(folder.last)
        raise
    ensure_run_folder(folder)
    session.save(folder.last)
    return epochs


def append_epoch(folder: RunFolder, line: EpochLogs) -> None:
    """Keep an epoch's figures."""
    ensure_run_folder(folder)
    metrics.append(folder.metrics, line)


def score_and_save(session: Session, dataset: Dataset, folder: RunFolder) -> dict[str, Any]:
    """Score the model that training left on every part, and keep scores and predictions."""
    from nnrun.engine.scoring.predictions_table import predictions_table
    from nnrun.formatting import csv_text

    scores: dict[str, Any] = {"task": dataset.facts.task, "checkpoint": "last"}
    outcomes: dict[int, Evaluation] = {}
    for name, part in named_parts(dataset).items():
        # A part that serves twice is scored once.
        if id(part) not in outcomes:
            outcomes[id(part)] = session.evaluate(part, detailed=name != "train")
        outcome = outcomes[id(part)]
        scores[name] = outcome.scores
        if name == ("test" if dataset.test is not None else "validation"):
            folder.write_text(folder.predictions, csv_text(*predictions_table(outcome.predictions, part.rows)))
    folder.write_json(folder.scores, scores)
    return scores
