"""A cross-validation from its data to one run: folds in this process or in several, and what they say together."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_duration
from nnrun.pipeline.fold_runner import FoldAssignment, FoldRunner
from nnrun.runs import metrics
from nnrun.runs.record import headline_metric, read_finished_folds
from nnrun.runs.statistics import summarize_folds

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from nnrun.data.cross_validation import FoldedData
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Bar, Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.runs.record import Record
    from nnrun.spec.data import KFold
    from nnrun.spec.experiment import Experiment


@dataclass(frozen=True)
class CrossValidation:
    """A cross-validation to run.

    Attributes:
        examined: The config.
        folder: The run's folder, open.
        runs_dir: Where runs lie that it may start from.
        jobs: How many processes share the folds.
        code: The files of the user's own code.
    """

    examined: Examined
    folder: RunFolder
    runs_dir: FilePath
    jobs: int = 1
    code: tuple[FilePath, ...] = ()


def k_fold_of(experiment: Experiment) -> KFold | None:
    """What a config says of folds; None where it has none."""
    return experiment.data.split.k_fold if experiment.data.split is not None else None


def is_cross_validated(experiment: Experiment) -> bool:
    """Whether a config is a cross-validation."""
    return k_fold_of(experiment) is not None


def cross_validate(crossed: CrossValidation, record: Record, progress: Progress) -> dict[str, Any]:
    """Run all folds that are not done yet, and keep what they say together; gives what `scores.json` holds.

    Raises:
        NnrunError: Where the data, a fold or the disk fails; the folds that are done are kept.
    """
    with record.phase("load"):
        crossing = load(crossed.examined, progress)
    begun = _begun(crossed.folder, crossing, record, progress)
    record.update(folds=len(crossing.folds), folds_done=sorted(begun), folds_digest=crossing.digest)
    director = FoldMonitor(crossed.folder, record, progress, len(crossing.folds), dict(begun))
    numbers: list[int | None] = [fold.number for fold in crossing.folds if fold.number not in begun]
    if _k_fold(crossed.examined).final_fit:
        numbers.append(None)
    epochs = crossed.examined.experiment.training.epochs
    with progress.bar(f"{len(crossing.folds)} folds", float(len(numbers) * epochs), "epochs") as bar:
        director.bar = bar
        _run(crossed, crossing, record, numbers, director)
    return _keep_together(crossed, crossing, record, director)


def _begun(folder: RunFolder, crossing: FoldedData, record: Record, progress: Progress) -> dict[int, dict[str, Any]]:
    """The folds of an earlier attempt that can stand: of the same rows of the same files."""
    from nnrun.data.load import file_digests

    done = read_finished_folds(folder)
    if not done:
        return {}
    now = file_digests(crossing.data)
    same = all(now.items() <= fold["digests"].items() for fold in done.values())
    if record.fields.get("folds_digest") == crossing.digest and same:
        progress.say(f"{len(done)} of {len(crossing.folds)} folds are done already.")
        return done
    progress.warn("The data are not those that this run began with, so that all folds begin anew.")
    folder.metrics.unlink(missing_ok=True)
    return {}


def load(examined: Examined, progress: Progress) -> FoldedData:
    """Read the data of a cross-validation and deal them out."""
    from nnrun.data.cross_validation import load_folded

    experiment = examined.experiment
    return load_folded(
        experiment.data, form=examined.form, seed=experiment.seed, paths=examined.places, progress=progress
    )


def _k_fold(examined: Examined) -> KFold:
    found = k_fold_of(examined.experiment)
    assert found is not None, "called for cross-validations only"  # noqa: S101
    return found


def _run(
    crossed: CrossValidation, crossing: FoldedData, record: Record, numbers: list[int | None], director: FoldMonitor
) -> None:
    jobs, threads = min(crossed.jobs, len(numbers)), record.fields["threads"]
    if jobs > 1:
        from nnrun.pipeline.fold_processes import spread

        threads = max(1, threads // jobs)
        record.update(jobs=jobs, threads=threads)
        shares = [tuple(numbers[job::jobs]) for job in range(jobs)]
        spread(
            [FoldAssignment(crossed.examined, crossed.folder, crossed.runs_dir, threads, share) for share in shares],
            crossed.code,
            director.hear,
        )
    elif numbers:
        assignment = FoldAssignment(crossed.examined, crossed.folder, crossed.runs_dir, threads, tuple(numbers))
        FoldRunner(assignment, crossing, director.hear).run()


def _keep_together(
    crossed: CrossValidation, crossing: FoldedData, record: Record, director: FoldMonitor
) -> dict[str, Any]:
    """Keep the scores of all folds together, and the prediction that each made of the rows it had not seen."""
    folder, folds = crossed.folder, [director.folds[number] for number in sorted(director.folds)]
    tested = sum(fold["rows"]["test"] for fold in folds)
    trained = sum(fold["rows"]["train"] for fold in folds)
    each = [{"fold": fold["fold"], "repeat": fold["repeat"], **fold["scores"]["test"]} for fold in folds]
    final = director.final["scores"] if director.final is not None else {}
    scores: dict[str, Any] = {
        "task": folds[0]["scores"]["task"],
        "checkpoint": "last",
        **{name: part for name, part in final.items() if name in ("test", "validation", "train")},
        "cross_validation": summarize_folds(each, repeats=_k_fold(crossed.examined).repeats, share=tested / trained),
    }
    facts = {**folds[0]["facts"], "rows": {"train": len(crossing.data.train)}}
    files = {name: digest for name, digest in folds[0]["digests"].items() if name.startswith("file:")}
    known = director.final or {"facts": facts, "digests": files}
    record.update(
        facts=known["facts"],
        digests={**record.fields["digests"], **known["digests"]},
        epochs=sum(fold["epochs"] for fold in folds),
    )
    folder.write_text(folder.predictions, _predictions(folder, [fold["fold"] for fold in folds]))
    folder.write_json(folder.scores, scores)
    return scores


def _predictions(folder: RunFolder, numbers: list[int]) -> str:
    """All folds' predictions below each other, `fold` before the columns that each has."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number in numbers:
        with folder.fold(number).predictions.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            head = next(lines)
            if number == numbers[0]:
                writer.writerow(["fold", *head])
            writer.writerows([number, *line] for line in lines)
    return text.getvalue()


@dataclass
class FoldMonitor:
    """Hears of the folds, wherever they run; keeps their figures in the run and tells the user.

    Attributes:
        folder: The run's folder.
        record: Its record.
        progress: Who is told.
        count: How many folds there are.
        folds: The records of those that are done, by number.
        bar: Shows how far all of it is.
        final: The record of the final fit.
    """

    folder: RunFolder
    record: Record
    progress: Progress
    count: int
    folds: dict[int, dict[str, Any]]
    bar: Bar | None = None
    final: dict[str, Any] | None = None
    _told: set[str] = field(default_factory=set)
    _began: float = field(default_factory=perf_counter)
    _before: int = -1
    _ahead: float = 0.0

    def __post_init__(self) -> None:
        self._before = len(self.folds)

    def hear(self, kind: str, number: int | None, matter: Any) -> None:
        """Take up what a fold says; see `FoldRunner`."""
        getattr(self, f"_{kind}")(number, matter)

    def _epochs(self, _: int | None, lines: list[dict[str, Any]]) -> None:
        metrics.append(self.folder.metrics, *lines)
        self._advance(max(0.0, len(lines) - self._ahead))
        self._ahead = 0.0

    def _moved(self, _: int | None, share: float) -> None:
        """Move within an epoch, whose figures are still to come."""
        self._ahead += share
        self._advance(share)

    def _advance(self, amount: float) -> None:
        if self.bar is not None:
            self.bar.advance(amount)

    def _say(self, _: int | None, text: str) -> None:
        # Every fold prepares anew, and has the same to say.
        if text not in self._told:
            self._told.add(text)
            self.progress.say(text)

    def _warn(self, _: int | None, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.progress.warn(text)

    def _woken(self, number: int | None, matter: dict[str, Any]) -> None:
        self._say(number, f"{matter.pop('parameters'):,} parameters, {self.count} folds")
        self.record.update(**matter)

    def _trained(self, _: int | None, matter: dict[str, Any]) -> None:
        """Keep how folds were executed, where that is not what was chosen before the first."""
        if not matter.items() <= self.record.fields.items():
            self.record.update(**matter)

    def _mapped(self, _: int | None, matter: dict[str, Any]) -> None:
        self.record.update(**matter)

    def _seconds(self, _: int | None, seconds: dict[str, float]) -> None:
        """Add up what each phase took; of folds side by side, that is more than the clock says."""
        known = dict(self.record.fields["seconds"])
        for name, value in seconds.items():
            known[name] = round(known.get(name, 0.0) + value, 3)
        self.record.update(seconds=known)

    def _done(self, number: int | None, fold: dict[str, Any]) -> None:
        if number is None:
            self.final = fold
            self.progress.say(f"final fit on {fold['rows']['train']:,} rows  {format_duration(fold['seconds'])}")
            return
        self.folds[number] = fold
        self.record.update(folds_done=sorted(self.folds))
        self.progress.say(self._line(number, fold))

    def _line(self, number: int, fold: dict[str, Any]) -> str:
        name, value = headline_metric(fold["scores"]["test"])
        done = len(self.folds)
        spent = perf_counter() - self._began
        left = spent / (done - self._before) * (self.count - done)
        rest = f"  {format_duration(left)} left" if done < self.count and left >= 1 else ""
        width = len(str(self.count))
        return f"fold {number + 1:{width}}/{self.count}  {name} {value:.4f}  {format_duration(fold['seconds'])}{rest}"
