"""The folds of a cross-validation in one process: Keras wakes once, and one compiled program serves all folds."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun.pipeline.run_files import ensure_run_folder, load_initial_weights, named_parts, save_model_files
from nnrun.progress import NullProgress
from nnrun.runs import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path as FilePath

    from nnrun.data.cross_validation import FoldedData
    from nnrun.data.dataset import Dataset
    from nnrun.engine.scoring.evaluate import Evaluation
    from nnrun.engine.session import Session
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.mapped_folds import PreparedFold
    from nnrun.runs.folder import RunFolder

    #: Takes what a fold has to say: a word for what it is, the fold's number (None: the final fit), and the matter.
    EventSink = Callable[[str, int | None, Any], None]

#: Seconds that figures wait for their fold's own file: opening it costs more than an epoch of a small model.
_MOMENT = 0.5


@dataclass(frozen=True)
class FoldAssignment:
    """Which folds a process runs, and with what.

    Attributes:
        examined: The config.
        folder: The run's folder.
        runs_dir: Where runs lie that it may start from.
        threads: How many threads compute.
        numbers: The folds, in order; None is the final fit.
    """

    examined: Examined
    folder: RunFolder
    runs_dir: FilePath
    threads: int
    numbers: tuple[int | None, ...]


class FoldRunner:
    """Where folds are trained one after the other.

    Args:
        assignment: Which folds, and with what.
        crossing: Their data.
        tell: Hears of epochs, folds, and what the user should know.
    """

    def __init__(self, assignment: FoldAssignment, crossing: FoldedData, tell: EventSink) -> None:
        self._assignment, self._crossing, self._tell = assignment, crossing, tell
        self._examined, self._folder = assignment.examined, assignment.folder
        self._listener = _Passing(tell)
        self._seconds: dict[str, float] = defaultdict(float)
        self._opened: tuple[object, Session] | None = None
        self._open = ExitStack()
        self._groups: list[int] = []
        self._unwritten: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self._written = perf_counter()

    def run(self) -> None:
        """Run all folds of the assignment.

        Raises:
            NnrunError: As soon as one fails; those before it are kept.
        """
        with self._open:
            for number in self._without_mapped():
                began = perf_counter()
                fold = self._begin(number)
                session = self._session(fold.dataset, fold.seed)
                self._keep_model(fold, session)
                with self._phase("train"):
                    epochs = self._train(number, session, fold.dataset, fold.place)
                self._finish(fold, session, epochs, began)
        self._say_together()
        self._tell("seconds", None, dict(self._seconds))

    def _without_mapped(self) -> Iterator[int | None]:
        """Train folds together where the backend is JAX and nothing is against it, and give the numbers of the rest."""
        left = list(self._assignment.numbers)
        folds = [number for number in left if number is not None]
        if self._examined.experiment.backend != "jax" or len(folds) < 2:
            yield from left
            return
        from nnrun.pipeline.mapped_folds import folds_in_memory, reason_not_mapped

        against = reason_not_mapped(self._examined.experiment)
        if against is not None:
            self._tell("say", None, f"Folds are trained one after the other: {against}.")
            self._tell("mapped", None, {"folds_together": [], "folds_together_why": against})
            yield from left
            return
        while folds:
            first = self._begin(folds[0])
            count = folds_in_memory(first, len(folds))
            self._together([first, *(self._begin(number) for number in folds[1:count])])
            folds = folds[count:]
        yield from (number for number in left if number is None)

    def _together(self, begun: list[PreparedFold]) -> None:
        """Train folds together, in as many groups as their models and numbers of rows make necessary."""
        from nnrun.pipeline.mapped_folds import FoldCallbacks, groups, train_together

        training = self._examined.experiment.training

        def opened(fold: PreparedFold) -> Session:
            session = self._session(fold.dataset, fold.seed)
            self._keep_model(fold, session)
            return session

        def finish(fold: PreparedFold, session: Session, made: dict[str, Evaluation], seconds: float) -> None:
            self._finish(fold, session, training.epochs, perf_counter() - seconds, made)

        def moved(share: float) -> None:
            self._tell("moved", None, share)

        desk = FoldCallbacks(opened, self._keep_epochs, moved, finish, self._phase)
        for group in groups(begun, training.batch_size):
            self._groups.append(len(group))
            try:
                train_together(group, self._examined.experiment, desk)
            finally:
                self._flush()
        self._say_together()

    def _say_together(self) -> None:
        """Let the record say how folds were trained, whatever a session of the final fit says after them."""
        if self._groups:
            self._tell("mapped", None, {"executor": "resident+jax+vmap", "folds_together": list(self._groups)})

    def _begin(self, number: int | None) -> PreparedFold:
        """Prepare one fold."""
        from nnrun.pipeline.mapped_folds import PreparedFold

        place = self._folder if number is None else self._folder.fold(number)
        with self._phase("load"):
            dataset = self._dataset(number)
        seed = self._seed(number)
        record = {
            "fold": number,
            "repeat": None if number is None else self._crossing.folds[number].repeat,
            "seed": seed,
            "facts": dataset.facts.as_json(),
            "digests": dict(dataset.digests),
            "rows": dict(dataset.facts.rows),
        }
        if number is not None:
            place.restart()
            place.write_json(place.record, {**record, "status": "running"})
        place.write_json(place.prepare, list(dataset.fitted))
        return PreparedFold(number, place, dataset, seed, record)

    def _keep_model(self, fold: PreparedFold, session: Session) -> None:
        if fold.number in (None, 0):
            save_model_files(self._folder, session)
        if fold.number is not None:
            fold.place.write_json(fold.place.model_json, session.architecture())

    def _finish(
        self,
        fold: PreparedFold,
        session: Session,
        epochs: int,
        began: float,
        made: Mapping[str, Evaluation] | None = None,
    ) -> None:
        """Score one fold where `made` has not its scores already, and tell that it is done."""
        with self._phase("score"):
            scores = self._score(fold, session, made or {})
        record = {**fold.record, "epochs": epochs, "scores": scores}
        if fold.number is not None:
            fold.place.write_json(fold.place.record, {**record, "status": "done"})
        self._tell("done", fold.number, {**record, "seconds": round(perf_counter() - began, 3)})

    def _dataset(self, number: int | None) -> Dataset:
        if number is None:
            return self._crossing.whole(self._listener)
        return self._crossing.dataset(number, self._listener)

    def _seed(self, number: int | None) -> int:
        from nnrun.data.splits.folds import fold_seed

        repeat = 0 if number is None else self._crossing.folds[number].repeat
        return fold_seed(self._examined.experiment.seed, repeat)

    def _session(self, dataset: Dataset, seed: int) -> Session:
        """The compiled model, as it was before any training: that of the fold before where nothing else is needed."""
        from nnrun.engine.session import Session

        wanted = (seed, replace(dataset.facts, rows={}))
        if self._opened is not None and self._opened[0] == wanted:
            self._opened[1].restart()
            return self._opened[1]
        self._open.close()
        experiment = replace(self._examined.experiment, seed=seed)
        session = self._open.enter_context(
            Session.open(
                experiment,
                dataset.facts,
                self._examined.document.key_mark,
                threads=self._assignment.threads,
                log=self._folder.log,
                phase=self._phase,
            )
        )
        session.restartable = True
        woken = {
            "wake": session.settings.as_json(),
            "executor": session.executor_name,
            "executor_why": session.executor_why,
        }
        if experiment.init_from is not None:
            woken["init_from"] = load_initial_weights(
                experiment.init_from, self._assignment.runs_dir, session, self._listener
            )
        self._tell("woken", None, {**woken, "parameters": session.parameters})
        self._opened = (wanted, session)
        return session

    def _train(self, number: int | None, session: Session, dataset: Dataset, place: RunFolder) -> int:
        try:
            epochs = session.fit(
                dataset, place.path, place.best, self._listener, lambda line: self._keep_epoch(number, line)
            )
            self._tell("trained", number, {"executor": session.executor_name, "executor_why": session.executor_why})
            return epochs
        finally:
            if place.path.is_dir():
                session.save(place.last)

    def _keep_epoch(self, number: int | None, line: Mapping[str, Any]) -> None:
        self._keep_epochs([(number, line)])
        self._flush()

    def _keep_epochs(self, lines: Sequence[tuple[int | None, Mapping[str, Any]]]) -> None:
        """Keep the figures of an epoch of some folds; each fold's own file has them a moment later."""
        ensure_run_folder(self._folder)
        told = [{**line, "fold": number} for number, line in lines]
        for line in told:
            if line["fold"] is not None:
                self._unwritten[line["fold"]].append(line)
        self._tell("epochs", None, told)
        if perf_counter() - self._written > _MOMENT:
            self._flush()

    def _flush(self) -> None:
        unwritten, self._unwritten = self._unwritten, defaultdict(list)
        for number, lines in unwritten.items():
            metrics.append(self._folder.fold(number).metrics, *lines)
        self._written = perf_counter()

    def _score(self, fold: PreparedFold, session: Session, made: Mapping[str, Evaluation]) -> dict[str, Any]:
        from nnrun.engine.scoring.predictions_table import predictions_table
        from nnrun.formatting import csv_text

        dataset, place = fold.dataset, fold.place
        scores: dict[str, Any] = {"task": dataset.facts.task, "checkpoint": "last"}
        for name, part in named_parts(dataset).items():
            if name in dataset.shared:
                scores[name] = scores[dataset.shared[name]]
                continue
            evaluation = made[name] if name in made else session.evaluate(part)
            scores[name] = evaluation.scores
            if name == "test" and fold.number is not None:
                place.write_text(place.predictions, csv_text(*predictions_table(evaluation.predictions, part.rows)))
        if fold.number is not None:
            place.write_json(place.scores, scores)
        return scores

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += perf_counter() - began


class _Passing(NullProgress):
    """Passes on what a fold says; its steps and epochs are told of otherwise."""

    def __init__(self, tell: EventSink) -> None:
        self._tell = tell

    def say(self, text: str) -> None:
        """Pass it on."""
        self._tell("say", None, text)

    def warn(self, text: str) -> None:
        """Pass it on."""
        self._tell("warn", None, text)
