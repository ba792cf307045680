"""Run a cross-validation: its folds in this process or in several, and the summary of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.formatting import csv_text, format_count, format_duration
from nnrun.pipeline import layer_files
from nnrun.pipeline.fold_runner import FoldAssignment, FoldRunner
from nnrun.pipeline.fold_states import EarlierAttempt, data_digests, fold_states, read_earlier_attempt
from nnrun.pipeline.loaded_data import load_folded_data, report_fold_targets
from nnrun.pipeline.run_state import ResumeRefusedError
from nnrun.runs import metrics
from nnrun.runs.predictions import read_predictions
from nnrun.runs.record import headline_metric
from nnrun.runs.statistics import summarize_folds
from nnrun.spec.figures import figures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

    from nnrun.data.cross_validation import FoldedData
    from nnrun.pipeline.check import Examined
    from nnrun.pipeline.data_cache import DataCache
    from nnrun.pipeline.run_state import Resumption
    from nnrun.progress import Bar, Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.record import Record
    from nnrun.spec.experiment import Experiment


def is_cross_validated(experiment: Experiment) -> bool:
    """Return whether a config is a cross-validation."""
    return experiment.data.split is not None and experiment.data.split.cross_validation is not None


@dataclass(frozen=True)
class CrossValidation:
    """A cross-validation.

    Attributes:
        examined: The config.
        folder: The run's folder.
        record: The run's open record.
        progress: Receives messages and progress.
        runs_dir: The folder of the runs whose weights it may start from.
        jobs: The number of processes that share the folds; None: 1, or as many as when the run began.
        code: The files of the user's own code.
        resumption: How the run goes on; None: it begins.
        cache: Data of earlier trainings of this process; None: they are loaded.
    """

    examined: Examined
    folder: RunFolder
    record: Record
    progress: Progress
    runs_dir: FilePath
    jobs: int | None = None
    code: tuple[FilePath, ...] = ()
    resumption: Resumption | None = None
    cache: DataCache | None = None

    def run(self) -> dict[str, Any]:
        """Run all folds that are not done yet, and save the summary of all; return the content of `scores.json`.

        Raises:
            NnrunError: The data, a fold or the disk failed; the folds that are done are kept.
            StopRequestedError: A request to stop came in; the states of all folds are saved.
        """
        from nnrun.data.load import file_digests

        experiment = self.examined.experiment
        with self.record.phase("load"):
            data = load_folded_data(self.examined, self.progress, self.cache)
            report_fold_targets(self.examined, data, self.progress)
            files = file_digests(data.data)
        layer_files.fetch_and_record(self.examined.context, self.examined.places, self.record, self.progress)
        numbers: list[int | None] = [fold.number for fold in data.folds]
        numbers += [None] if data.k_fold.final_fit else []
        earlier = self._read_earlier(data, numbers, data_digests(files, data.digest))
        metrics.keep_epochs(self.folder, earlier.epochs())
        finished = dict(earlier.finished)
        self.record.update(
            folds=len(data.folds),
            folds_done=sorted(finished),
            folds_digest=data.digest,
            digests={**self.record.fields["digests"], **files},
            **({"dropped_rows": dict(data.data.dropped)} if data.data.dropped else {}),
        )
        left = [number for number in numbers if number not in finished]
        epochs = len(left) * experiment.training.epochs - sum(one.epoch for one in earlier.positions.values())
        with self.progress.bar(f"{len(data.folds)} folds", float(epochs), "epochs") as bar:
            monitor = FoldMonitor(self.folder, self.record, self.progress, len(data.folds), finished, bar)
            self._run_folds(data, numbers, earlier, monitor)
        metrics.keep_epochs(self.folder, dict.fromkeys(numbers))
        return self._save_summary(data, monitor)

    def _read_earlier(self, data: FoldedData, numbers: list[int | None], digests: Mapping[str, str]) -> EarlierAttempt:
        """Return how far an earlier attempt came, and tell the user.

        Raises:
            ResumeRefusedError: A state cannot be used, or circumstances differ.
        """
        if self.resumption is None:
            return EarlierAttempt()
        try:
            earlier = read_earlier_attempt(
                self.folder,
                self.record,
                self.examined.experiment,
                numbers,
                digests,
                self.progress,
                self.resumption,
            )
        except RunError as error:
            raise ResumeRefusedError(error.text, error.hint) from error
        for text in earlier.describe(len(data.folds)):
            self.progress.say(text)
        return earlier

    def _run_folds(
        self, data: FoldedData, numbers: list[int | None], earlier: EarlierAttempt, monitor: FoldMonitor
    ) -> None:
        shares, processes = self._shares(numbers, [one for one in numbers if one not in earlier.finished])
        states = fold_states(self.record, self.examined.experiment, earlier.positions, self.resumption)
        assignments = [
            FoldAssignment(
                self.examined,
                self.folder,
                self.runs_dir,
                self.record.fields["threads"],
                tuple(share),
                states,
                frozenset(earlier.finished),
            )
            for share in shares
            if not earlier.finished.keys() >= set(share)
        ]
        if processes > 1 and len(assignments) > 1:
            from nnrun.pipeline.fold_processes import run_folds_in_processes

            run_folds_in_processes(assignments, processes, self.code, monitor.on_event)
            return
        for assignment in assignments:
            FoldRunner(assignment, data, monitor.on_event).run()

    def _shares(self, numbers: list[int | None], left: list[int | None]) -> tuple[list[list[int | None]], int]:
        """Return the folds of each process, and how many processes run at the same time.

        The bits of a fold depend on the threads of its process, and those of folds that are trained in one program on
        which folds these are: both stay what they were when the run began.
        """
        if "jobs" not in self.record.fields:
            jobs = max(1, min(self.jobs or 1, len(left)))
            self.record.update(jobs=jobs, threads=max(1, self.record.fields["threads"] // jobs))
        jobs = self.record.fields["jobs"]
        processes = max(1, min(self.jobs or jobs, len(left)))
        if not _trains_together(self.examined.experiment):
            return [left[process::processes] for process in range(processes)], processes
        if processes > jobs:
            self.progress.say(f"The folds were shared by {jobs} when this run began: --jobs {jobs} is used.")
        return [numbers[job::jobs] for job in range(jobs)], min(processes, jobs)

    def _save_summary(self, data: FoldedData, monitor: FoldMonitor) -> dict[str, Any]:
        """Save the scores and predictions of all folds; return the content of `scores.json`."""
        folds = [monitor.finished[number] for number in sorted(monitor.finished)]
        tested, trained = (sum(fold["rows"][part] for fold in folds) for part in ("test", "train"))
        each = [{"fold": fold["fold"], "repeat": fold["repeat"], **fold["scores"]["test"]} for fold in folds]
        final_scores = monitor.final_fit["scores"] if monitor.final_fit is not None else {}
        scores: dict[str, Any] = {
            "task": folds[0]["scores"]["task"],
            "checkpoint": "last",
            **{name: part for name, part in final_scores.items() if name in ("test", "validation", "train")},
            "cross_validation": summarize_folds(
                each,
                repeats=data.k_fold.repeats,
                share=tested / trained,
                figures=figures(self.examined.experiment),
            ),
        }
        facts = {**folds[0]["facts"], "rows": {"train": len(data.data.train)}}
        files = {name: digest for name, digest in folds[0]["digests"].items() if name.startswith("file:")}
        known = monitor.final_fit or {"facts": facts, "digests": files}
        self.record.update(
            facts=known["facts"],
            digests={**self.record.fields["digests"], **known["digests"]},
            epochs=sum(fold["epochs"] for fold in folds),
            **self._callbacks(folds),
        )
        self.folder.write_text(
            self.folder.predictions, _merge_predictions(self.folder, [fold["fold"] for fold in folds])
        )
        self.folder.write_json(self.folder.scores, scores)
        self.folder.remove_files_by_weights()
        return scores

    def _callbacks(self, folds: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what the callbacks did in all folds, for the record; nothing where they did nothing."""
        from nnrun.engine.training.callback_outcomes import summarize

        outcomes = [fold.get("callbacks", []) for fold in folds]
        found = summarize(outcomes, self.examined.experiment.training.epochs)
        return {"callbacks": found} if found else {}


def _trains_together(experiment: Experiment) -> bool:
    """Whether folds are trained in one program."""
    if experiment.backend != "jax":
        return False
    from nnrun.pipeline.mapped_folds import reason_not_mapped

    return reason_not_mapped(experiment) is None


def _merge_predictions(folder: RunFolder, numbers: list[int]) -> str:
    """Return the predictions of all folds as one table, with a first column `fold`."""
    columns: list[str] = []
    rows: list[list[object]] = []
    for number in numbers:
        columns, lines = read_predictions(folder.fold(number).predictions)
        rows += [[number, *line] for line in lines]
    return csv_text(["fold", *columns], rows)


@dataclass
class FoldMonitor:
    """Receives the events of the folds from all processes: updates the run's files, and shows progress.

    Attributes:
        folder: The run's folder.
        record: The run's open record.
        progress: Receives messages.
        count: The number of folds.
        finished: The records of the folds that are done, by number.
        bar: Shows the epochs of all folds.
        final_fit: The record of the final fit once it is done.
    """

    folder: RunFolder
    record: Record
    progress: Progress
    count: int
    finished: dict[int, dict[str, Any]]
    bar: Bar
    final_fit: dict[str, Any] | None = None
    _shown: set[str] = field(default_factory=set)
    _first_done: tuple[int, float] | None = None
    _partial_epochs: float = 0.0

    def on_event(self, kind: str, number: int | None, payload: Any) -> None:
        """Handle an event of fold `number` (None: of the final fit, or of all folds).

        The kinds are `message` and `warning` (a text), `record` (fields of the run's record), `epochs` (their metrics),
        `progress` (a share of an epoch), `seconds` (by phase) and `done` (the fold's record).
        """
        if kind in ("message", "warning"):
            # Every fold is prepared separately and so reports the same.
            if payload not in self._shown:
                self._shown.add(payload)
                (self.progress.say if kind == "message" else self.progress.warn)(payload)
        elif kind == "record":
            if not payload.items() <= self.record.fields.items():
                self.record.update(**payload)
        elif kind == "progress":
            self._partial_epochs += payload
            self.bar.advance(payload)
        elif kind == "epochs":
            metrics.append(self.folder.metrics, *payload)
            self.bar.advance(max(0.0, len(payload) - self._partial_epochs))
            self._partial_epochs = 0.0
        elif kind == "seconds":
            # With several processes the sum exceeds the elapsed time.
            seconds = self.record.fields["seconds"]
            added = {name: round(seconds.get(name, 0.0) + value, 3) for name, value in payload.items()}
            self.record.update(seconds=seconds | added)
        elif number is None:
            self.final_fit = payload
            rows = format_count(payload["rows"]["train"], "row")
            self.progress.say(f"final fit on {rows}  {format_duration(payload['seconds'])}")
        else:
            self._on_done(number, payload)

    def _on_done(self, number: int, fold: dict[str, Any]) -> None:
        self.finished[number] = fold
        self.record.update(folds_done=sorted(self.finished))
        name, value = headline_metric(fold["scores"]["test"])
        done, width = len(self.finished), len(str(self.count))
        rest = self._time_left(done)
        self.progress.say(
            f"fold {number + 1:{width}}/{self.count}  {name} {value:.4f}  {format_duration(fold['seconds'])}{rest}"
        )

    def _time_left(self, done: int) -> str:
        """Estimate the time left from the folds after the first one, which also starts Keras and compiles."""
        now = perf_counter()
        self._first_done = self._first_done or (done, now)
        first, start = self._first_done
        left = (now - start) / (done - first) * (self.count - done) if done > first else 0.0
        return f"  {format_duration(left)} left" if left >= 1 else ""
