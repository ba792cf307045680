"""Train the folds of a cross-validation in one process, in which Keras is started and the model compiled only once."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.errors import RunError
from nnrun.formatting import format_count
from nnrun.pipeline.initial_weights import load_initial_weights
from nnrun.pipeline.layer_files import weights_dir
from nnrun.pipeline.limited_data import limited
from nnrun.pipeline.run_files import (
    ensure_run_folder,
    executor_fields,
    save_model_files,
    save_preparation,
    save_scores,
    score_parts,
    scores_json,
)
from nnrun.progress import NullProgress
from nnrun.runs import metrics
from nnrun.runs.disk import make_folder
from nnrun.spec.targets import target_forms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.data.cross_validation import FoldedData
    from nnrun.data.data_paths import DataPaths
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.child_processes import EventSink
    from nnrun.pipeline.fold_states import FoldStates
    from nnrun.pipeline.mapped_folds import PreparedFold
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Experiment

#: The executor of folds that are trained in one program.
_MAPPED = "resident+jax+vmap"
#: Seconds for which metrics are buffered: opening a fold's file takes longer than an epoch of a small model.
_BUFFER_SECONDS = 0.5


@dataclass(frozen=True)
class FoldAssignment:
    """The folds that one process trains.

    Attributes:
        examined: The config.
        folder: The run's folder.
        runs_dir: The folder of the runs whose weights it may start from.
        threads: The number of threads.
        numbers: The numbers of the folds, in order; None is the final fit.
        states: What saves their states, and which of them go on from one.
        done: The folds that need no training; they only decide which folds are trained in one program.
    """

    examined: Examined
    folder: RunFolder
    runs_dir: FilePath
    threads: int
    numbers: tuple[int | None, ...]
    states: FoldStates
    done: frozenset[int] = frozenset()


def load_folds(experiment: Experiment, paths: DataPaths, progress: Progress) -> FoldedData:
    """Load the data of a cross-validation and assign their rows to folds."""
    from nnrun.data.cross_validation import load_folded

    form = target_forms(experiment)
    return load_folded(experiment.data, form=form, seed=experiment.seed, paths=paths, progress=progress)


class FoldRunner:
    """Trains and scores folds: on JAX several in one program if possible, else one after the other.

    Args:
        assignment: The folds.
        data: Their data.
        on_event: Receives messages, metrics and finished folds.
    """

    def __init__(self, assignment: FoldAssignment, data: FoldedData, on_event: EventSink) -> None:
        self._assignment, self._data, self._on_event = assignment, data, on_event
        self._examined, self._folder = assignment.examined, assignment.folder
        self._progress = _EventProgress(on_event)
        self._seconds: dict[str, float] = defaultdict(float)
        self._session: Session | None = None
        self._session_key: object = None
        self._executor, self._is_mapped = "", False
        self._close_session = ExitStack()
        self._group_sizes: list[int] = []
        self._buffer: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
        self._last_flush = perf_counter()

    def run(self) -> None:
        """Run all folds of the assignment that are not done.

        Raises:
            NnrunError: A fold failed; those before it are kept.
            StopRequestedError: A request to stop came in; the state is saved.
        """
        try:
            with self._close_session:
                for number in self._run_mapped():
                    start = perf_counter()
                    fold = self._prepare(number)
                    self._begin(fold)
                    session = self._open_session(fold)
                    with self._phase("train"):
                        epochs = self._train(fold, session)
                    self._finish(fold, session, epochs, start)
            self._record_groups()
        except BaseException:
            # The error itself must reach the user, not that the disk is too full to record durations.
            with suppress(RunError):
                self._on_event("seconds", None, dict(self._seconds))
            raise
        self._on_event("seconds", None, dict(self._seconds))

    def _run_mapped(self) -> Iterator[int | None]:
        """Train the folds that can be trained in one program, and yield the numbers of all others."""
        experiment, numbers, done = self._examined.experiment, self._assignment.numbers, self._assignment.done
        folds = [number for number in numbers if number is not None]
        left = [number for number in numbers if number not in done]
        if experiment.backend != "jax" or len(folds) < 2:
            yield from left
            return
        from nnrun.pipeline.mapped_folds import count_in_memory, group_folds, reason_not_mapped

        reason = reason_not_mapped(experiment)
        if reason is not None:
            self._on_event("message", None, f"Folds are trained one after the other: {reason}.")
            self._on_event("record", None, {"folds_together": [], "folds_together_why": reason})
            yield from left
            return
        self._is_mapped = True
        # Folds that are done are loaded too: a group without them would be another program, with other rounding.
        while folds and not done.issuperset(folds):
            first = self._prepare(folds[0])
            count = count_in_memory(first, len(folds))
            prepared = [first, *(self._prepare(number) for number in folds[1:count])]
            for group in group_folds(prepared, experiment.training.batch_size):
                self._group_sizes.append(len(group))
                if not done.issuperset(fold.number for fold in group):
                    self._train_group(group)
            self._record_groups()
            folds = folds[count:]
        if None in left:
            yield None

    def _train_group(self, group: list[PreparedFold]) -> None:
        """Train folds in one program."""
        from nnrun.pipeline.mapped_folds import FoldCallbacks, train_mapped

        def on_progress(share: float) -> None:
            self._on_event("progress", None, share)

        for fold in group:
            self._begin(fold)
        files = [fold.folder.metrics for fold in group]
        saver = self._assignment.states.open_saver(group, _MAPPED, self._progress, files, self._flush)
        callbacks = FoldCallbacks(self._open_session, self._save_epochs, on_progress, self._finish, self._phase)
        try:
            train_mapped(group, self._examined.experiment, callbacks, saver)
        finally:
            self._flush()

    def _record_groups(self) -> None:
        """Record how folds were trained, also if a session of the final fit has recorded its executor since."""
        if self._is_mapped:
            groups = {"folds_together": list(self._group_sizes)} if self._group_sizes else {}
            self._on_event("record", None, {"executor": _MAPPED, **groups})

    def _prepare(self, number: int | None) -> PreparedFold:
        """Prepare the data of a fold."""
        from nnrun.data.splits.folds import fold_seed
        from nnrun.pipeline.mapped_folds import PreparedFold

        folder = self._folder if number is None else self._folder.fold(number)
        repeat = None if number is None else self._data.folds[number].repeat
        with self._phase("load"):
            data, progress = self._data, self._progress
            dataset = limited(data.whole(progress) if number is None else data.dataset(number, progress))
        record = {
            "fold": number,
            "repeat": repeat,
            "seed": fold_seed(self._examined.experiment.seed, repeat or 0),
            "facts": dataset.facts.as_json(),
            "digests": dict(dataset.digests),
            "rows": dict(dataset.facts.rows),
        }
        return PreparedFold(number, folder, dataset, record)

    def _begin(self, fold: PreparedFold) -> None:
        """Write what is known of a fold to its folder, and remove what an earlier attempt left if it starts afresh."""
        folder, is_resumed = fold.folder, fold.number in self._assignment.states.resumed
        if fold.number is None:
            if not is_resumed:
                folder.remove_states()
            make_folder(folder.state)
        else:
            if not is_resumed:
                folder.restart()
            folder.write_json(folder.record, {**fold.record, "status": "running"})
        save_preparation(folder, fold.dataset)

    def _open_session(self, fold: PreparedFold) -> Session:
        """Return the untrained compiled model for a fold; the previous fold's is reset if seed and facts are equal."""
        from nnrun.engine.session import Session

        key = (fold.seed, replace(fold.dataset.facts, rows={}))
        is_same = self._session is not None and self._session_key == key and self._session.restart()
        if self._session is None or not is_same:
            self._close_session.close()
            experiment = replace(self._examined.experiment, seed=fold.seed)
            self._session = self._close_session.enter_context(
                Session.open(
                    experiment,
                    fold.dataset.facts,
                    self._examined.document.key_mark,
                    threads=self._assignment.threads,
                    log=self._folder.log,
                    phase=self._phase,
                    planned_epochs=self._assignment.states.planned_epochs,
                    weights_dir=weights_dir(self._examined.places),
                )
            )
            self._session_key, self._session.restartable = key, True
            # The table of the final fit's model is the same, whether folds were trained before it or not.
            self._session.summary()
            # The first fold may find that XLA cannot compile its steps; in a state is what each fold begins with.
            self._executor = self._session.executor_name
            fields = {"wake": self._session.settings.as_json(), **executor_fields(self._session)}
            if experiment.init_from is not None:
                fields["init_from"] = load_initial_weights(
                    experiment.init_from, self._assignment.runs_dir, self._session, self._progress
                )
            text = f"{format_count(self._session.parameters, 'parameter')}, {len(self._data.folds)} folds"
            self._on_event("message", None, text)
            self._on_event("record", None, fields)
        if fold.number in (None, 0):
            save_model_files(self._folder, self._session)
        if fold.number is not None:
            fold.folder.write_json(fold.folder.model_json, self._session.architecture())
        return self._session

    def _train(self, fold: PreparedFold, session: Session) -> int:
        def save_epoch(line: Mapping[str, Any]) -> None:
            self._save_epochs([(fold.number, line)])
            self._flush()

        folder, file = fold.folder, self._metrics_file(fold.number)
        saver = self._assignment.states.open_saver([fold], self._executor, self._progress, [file])
        # A request to stop waits until the last model is saved, also where training is over.
        with interruption.deferred():
            try:
                epochs = session.fit(fold.dataset, folder.path, folder.best, self._progress, save_epoch, saver=saver)
            except KeyboardInterrupt:
                session.save(folder.last)
                raise
            ensure_run_folder(self._folder)
            session.save(folder.last)
        self._on_event("record", None, executor_fields(session))
        return epochs

    def _metrics_file(self, number: int | None) -> FilePath:
        """Return the file of a fold's own metrics; the monitor writes those of all folds into the run's."""
        return self._folder.final_fit_metrics if number is None else self._folder.fold(number).metrics

    def _finish(
        self,
        fold: PreparedFold,
        session: Session,
        epochs: int,
        start: float,
        known: Mapping[str, Evaluation] | None = None,
    ) -> None:
        """Score a fold, except parts whose evaluations are known, save the results and report that it is done."""
        folder, dataset = fold.folder, fold.dataset
        with self._phase("score"):
            evaluations = score_parts(session, dataset, known)
            if fold.number is None:
                scores = scores_json(dataset, evaluations)
            else:
                scores = save_scores(folder, dataset, evaluations)
        outcomes = [one.as_json() for one in session.callback_outcomes]
        record = {
            **fold.record,
            "epochs": epochs,
            "training_epochs": self._examined.experiment.training.epochs,
            "scores": scores,
            **({"callbacks": outcomes} if outcomes else {}),
        }
        if fold.number is not None:
            self._flush()
            folder.sync()
            folder.write_json(folder.record, {**record, "status": "done"})
        self._on_event("done", fold.number, {**record, "seconds": round(perf_counter() - start, 3)})

    def _save_epochs(self, lines: Sequence[tuple[int | None, Mapping[str, Any]]]) -> None:
        """Report the metrics of one epoch of some folds; they are written to the folds' own files from time to time."""
        ensure_run_folder(self._folder)
        numbered = [{**line, "fold": number} for number, line in lines]
        for line in numbered:
            self._buffer[line["fold"]].append(line)
        self._on_event("epochs", None, numbered)
        if perf_counter() - self._last_flush > _BUFFER_SECONDS:
            self._flush()

    def _flush(self) -> None:
        buffer, self._buffer = self._buffer, defaultdict(list)
        for number, lines in buffer.items():
            metrics.append(self._metrics_file(number), *lines)
        self._last_flush = perf_counter()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += perf_counter() - start


class _EventProgress(NullProgress):
    """Turns messages into events; steps and epochs have events of their own."""

    def __init__(self, on_event: EventSink) -> None:
        super().__init__()
        self._on_event = on_event

    def say(self, text: str) -> None:
        """Report a message."""
        self._on_event("message", None, text)

    def warn(self, text: str) -> None:
        """Report a warning."""
        self._on_event("warning", None, text)
