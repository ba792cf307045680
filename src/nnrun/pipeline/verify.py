"""Verify the claims of a config (`expect:`) by the figures of a run, which is trained unless there is one already."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, NamedTuple

from nnrun.errors import ConfigError, NnrunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.same_runs import find_same_run
from nnrun.pipeline.train import TrainRequest, train
from nnrun.pipeline.user_code import register_code
from nnrun.runs.documents import read_scores, score_at

if TYPE_CHECKING:
    from nnrun.errors import Problem
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Expectation

#: Findings that report missing data.
_MISSING_DATA = ("missing-file", "download-to-come")
Status = Literal["holds", "fails", "skipped", "silent", "refused", "failed"]


@dataclass(frozen=True)
class VerifyRequest:
    """The arguments of `nnrun verify`.

    Attributes:
        runs_dir: The folder of runs; new ones are created there too.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        seeds: The number of seeds: the config's own and those that follow it.
        fresh: Whether to train even if there is a finished run of the same experiment.
        argv: The command line, for the records of new runs.
    """

    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    seeds: int = 1
    fresh: bool = False
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One line of `expect:` and the figures that were reached.

    Attributes:
        path: The figure's path in `scores.json`.
        expected: The expected range.
        figures: The figure of each seed; None if `scores.json` has no such number.
    """

    path: str
    expected: Expectation
    figures: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        """The figures that exist."""
        return [figure for figure in self.figures if figure is not None]

    @property
    def mean(self) -> float | None:
        """The mean over seeds; None if the figure of any seed is missing."""
        return fmean(self.known) if len(self.known) == len(self.figures) else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over seeds; None for a single seed, or if the figure of any is missing."""
        return stdev(self.known) if len(self.known) == len(self.figures) > 1 else None

    @property
    def holds(self) -> bool:
        """Whether the figure, or the mean over several seeds, is in the expected range."""
        return self.mean is not None and satisfies(self.mean, self.expected)


@dataclass(frozen=True)
class VerifyResult:
    """The verification of one config.

    Attributes:
        file: The config.
        status: `holds` or `fails`; `skipped` if its data are missing, `silent` if it claims nothing; `refused`
            if `check` finds errors, `failed` if its run did not end well.
        reason: Why it neither holds nor fails.
        claims: Its claims.
        runs: The runs that its figures are from.
        trained: How many of them were trained for this verification.
        changed: The data that changed since a finished run of the same experiment, if one was trained for that reason.
        problems: The findings of a refused config.
    """

    file: FilePath
    status: Status
    reason: str | None = None
    claims: tuple[Claim, ...] = ()
    runs: tuple[RunFolder, ...] = ()
    trained: int = 0
    changed: str | None = None
    problems: tuple[Problem, ...] = field(default=())


class SeedRun(NamedTuple):
    """The run of one seed.

    Attributes:
        folder: The run.
        trained: Whether it was trained for this verification.
        changed: The data that changed since a finished run of the same experiment, if any did.
    """

    folder: RunFolder
    trained: bool
    changed: str | None = None


def verify(file: FilePath, request: VerifyRequest, progress: Progress) -> VerifyResult:
    """Verify the claims of a config; its errors, and those of its runs, are part of the result."""
    try:
        with register_code((), file):
            return _verify(file, examine(file, (), request.data_dir), request, progress)
    except ConfigError as error:
        return VerifyResult(file, "refused", "it has errors", problems=error.problems)


def _verify(file: FilePath, examined: Examined, request: VerifyRequest, progress: Progress) -> VerifyResult:
    missing = [problem.text for problem in examined.problems if problem.name in _MISSING_DATA]
    errors = tuple(problem for problem in examined.problems if problem.severity == "error")
    if missing and all(problem.name in _MISSING_DATA for problem in errors):
        return VerifyResult(file, "skipped", missing[0])
    if errors:
        return VerifyResult(file, "refused", "it has errors", problems=errors)
    if not examined.experiment.expect:
        return VerifyResult(file, "silent", "it has no expect:")
    try:
        runs = [find_or_train(examined, number, request, progress) for number in range(request.seeds)]
        scores = [read_scores(run.folder) for run in runs]
    except NnrunError as error:
        return VerifyResult(file, "failed", str(error))
    claims = tuple(
        Claim(path, expected, tuple(score_at(each, path) for each in scores))
        for path, expected in examined.experiment.expect.items()
    )
    return VerifyResult(
        file,
        "holds" if all(claim.holds for claim in claims) else "fails",
        claims=claims,
        runs=tuple(run.folder for run in runs),
        trained=sum(run.trained for run in runs),
        changed=next((run.changed for run in runs if run.changed is not None), None),
    )


def find_or_train(examined: Examined, number: int, request: VerifyRequest, progress: Progress) -> SeedRun:
    """Return the run of one seed, the config's own plus `number`; it is trained if there is none on the same data.

    Raises:
        NnrunError: The run did not end well.
    """
    sets = (f"seed={examined.experiment.seed + number}",) if number else ()
    if sets:
        examined = examine(examined.file, sets, request.data_dir)
    found, changed = (None, None) if request.fresh else find_same_run(examined, request.runs_dir, progress)
    if found is not None:
        return SeedRun(found, trained=False)
    if changed is not None:
        progress.say(f"A new run is trained: {changed}.")
    train_request = TrainRequest(str(examined.file), sets, request.runs_dir, request.data_dir, request.argv)
    return SeedRun(train(train_request, progress).folder, trained=True, changed=changed)


def satisfies(figure: float, expected: Expectation) -> bool:
    """Return whether a figure is in the expected range, limits included."""
    if expected.value is not None and expected.within is not None:
        # 1.45 is within 0.35 of 1.10, although their binary difference is slightly larger.
        return abs(figure - expected.value) <= expected.within + 1e-9 * max(abs(expected.value), expected.within)
    if expected.at_most is not None:
        return figure <= expected.at_most
    return expected.at_least is not None and figure >= expected.at_least
