"""Whether a config keeps what its `expect:` claims: runs it, or takes the finished run of the same experiment."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nnrun.config import document as documents
from nnrun.config.dump import dump
from nnrun.errors import ConfigError, NnrunError
from nnrun.pipeline.check import examine, resolve_config
from nnrun.pipeline.train import TrainRequest, train
from nnrun.runs import environment
from nnrun.runs import record as records
from nnrun.runs.find import list_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.errors import Problem
    from nnrun.pipeline.check import Examined
    from nnrun.progress import Progress
    from nnrun.runs.folder import RunFolder
    from nnrun.spec.experiment import Expectation

#: Findings that say that the data are not here.
_ABSENT = ("missing-file", "download-to-come")
#: What of a resolved config decides nothing about a run.
_SAID_BESIDE = ("expect", "silence")
Status = Literal["holds", "fails", "skipped", "silent", "refused", "failed"]


@dataclass(frozen=True)
class VerifyRequest:
    """How claims are to be verified.

    Attributes:
        runs_dir: Where runs lie; new ones go there too.
        data_dir: Where data lie; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        seeds: How many seeds, the config's own and those that follow it.
        fresh: Whether to train even where there is a finished run of the same experiment.
        argv: The command line, for the records of new runs.
    """

    runs_dir: FilePath = FilePath("runs")
    data_dir: FilePath | None = None
    seeds: int = 1
    fresh: bool = False
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One line of `expect:` beside what came out.

    Attributes:
        path: The figure's path in `scores.json`.
        expected: What the config says of it.
        figures: The figure of each seed; None where `scores.json` has no such number.
    """

    path: str
    expected: Expectation
    figures: tuple[float | None, ...]

    @property
    def mean(self) -> float | None:
        """The mean over seeds; None where any seed has no figure."""
        known = [figure for figure in self.figures if figure is not None]
        return fmean(known) if len(known) == len(self.figures) else None

    @property
    def spread(self) -> float | None:
        """The sample's standard deviation over seeds; None for a single seed."""
        known = [figure for figure in self.figures if figure is not None]
        return stdev(known) if len(known) == len(self.figures) > 1 else None

    @property
    def holds(self) -> bool:
        """Whether the figure, over several seeds their mean, lies where it is claimed to lie."""
        return self.mean is not None and satisfies(self.mean, self.expected)


@dataclass(frozen=True)
class VerifyResult:
    """What became of one config.

    Attributes:
        file: The config.
        status: `holds` or `fails`; `skipped` where its data are absent, `silent` where it claims nothing; `refused`
            where `check` finds errors, `failed` where its run did not end well.
        reason: Why, where it is neither `holds` nor `fails`.
        claims: Its claims.
        runs: The runs that its figures are from.
        trained: How many of them were trained for it.
        changed: Which data changed since a finished run of the same experiment, where that is why one was trained.
        problems: Why it is refused.
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
        trained: Whether it was trained for this.
        changed: Which data changed since a finished run of the same experiment, if any did.
    """

    folder: RunFolder
    trained: bool
    changed: str | None = None


def verify(file: FilePath, asked: VerifyRequest, progress: Progress) -> VerifyResult:
    """Say whether a config keeps its claims; whatever goes wrong is part of the answer."""
    try:
        examined = examine(file, (), asked.data_dir)
    except ConfigError as error:
        return VerifyResult(file, "refused", "it has errors", problems=error.problems)
    absent = [problem.text for problem in examined.problems if problem.name in _ABSENT]
    errors = tuple(problem for problem in examined.problems if problem.severity == "error")
    if absent and all(problem.name in _ABSENT for problem in errors):
        return VerifyResult(file, "skipped", absent[0])
    if errors:
        return VerifyResult(file, "refused", "it has errors", problems=errors)
    if not examined.experiment.expect:
        return VerifyResult(file, "silent", "it has no expect:")
    try:
        return _verified(examined, asked, progress)
    except NnrunError as error:
        return VerifyResult(file, "failed", str(error))


def _verified(examined: Examined, asked: VerifyRequest, progress: Progress) -> VerifyResult:
    found = [find_or_train(examined, number, asked, progress) for number in range(asked.seeds)]
    scores = [json.loads(one.folder.scores.read_bytes()) for one in found]
    claims = tuple(
        Claim(path, expected, tuple(value_at(one, path) for one in scores))
        for path, expected in examined.experiment.expect.items()
    )
    status: Status = "holds" if all(claim.holds for claim in claims) else "fails"
    runs, trained = tuple(one.folder for one in found), sum(one.trained for one in found)
    changed = next((one.changed for one in found if one.changed is not None), None)
    return VerifyResult(examined.file, status, None, claims, runs, trained, changed)


def find_or_train(examined: Examined, number: int, asked: VerifyRequest, progress: Progress) -> SeedRun:
    """Give the run of one seed, the config's own plus `number`, trained where there is none on the same data.

    Raises:
        NnrunError: Where the run does not end well.
    """
    sets = (f"seed={examined.experiment.seed + number}",) if number else ()
    wanted = examine(examined.file, sets, asked.data_dir) if sets else examined
    known, changed = (None, None) if asked.fresh else find_same_run(wanted, asked.runs_dir, progress)
    if known is not None:
        return SeedRun(known, trained=False)
    if changed is not None:
        progress.say(f"Trained anew: {changed}.")
    request = TrainRequest(str(examined.file), sets, asked.runs_dir, asked.data_dir, asked.argv)
    return SeedRun(train(request, progress).folder, trained=True, changed=changed)


def find_same_run(examined: Examined, runs_dir: FilePath, progress: Progress) -> tuple[RunFolder | None, str | None]:
    """Find the latest finished run of the same experiment, on the same data, by the same versions of everything.

    The experiment is the same where the resolved config says the same; comments and claims may differ.

    Returns:
        That run; or which data changed since the latest that would else be it; or neither.
    """
    from nnrun.data.load import current_file_digests, make_source

    alike = [row.folder for row in list_runs(runs_dir) if row.status == "done" and _same(row.folder, examined)]
    if not alike:
        return None, None
    data = examined.experiment.data
    now = current_file_digests(make_source(data.source, data.prepare), examined.places, progress)
    for folder in reversed(alike):
        if _of_files(folder) == now:
            return folder, None
    then = _of_files(alike[-1])
    changed = [name.removeprefix("file:") for name in {**then, **now} if then.get(name) != now.get(name)]
    return None, f"{', '.join(changed)} changed since run {alike[-1].short_id}"


def _of_files(folder: RunFolder) -> dict[str, str]:
    """Give the digests of the data files that a run was trained on."""
    kept = records.read(folder).get("digests", {})
    return {name: digest for name, digest in kept.items() if name.startswith("file:")}


def _same(folder: RunFolder, examined: Examined) -> bool:
    record = records.read(folder)
    if record.get("name") != examined.experiment.name or record.get("versions") != environment.versions():
        return False
    # A run that used code of the user's own, or another run's weights, is more than its config.
    if record.get("code") or record.get("init_from") or not folder.scores.is_file():
        return False
    try:
        kept = documents.read(folder.resolved).data
    except NnrunError:
        return False
    return _decisive(kept) == _decisive(documents.parse(dump(resolve_config(examined)), examined.file).data)


def _decisive(resolved: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resolved.items() if key not in _SAID_BESIDE}


def value_at(scores: Mapping[str, Any], path: str) -> float | None:
    """Give the number at a dotted path of `scores.json`; None where there is none.

    A key may hold dots itself (a class called `1.5`), so that of several ways the one that leads to a number counts.
    """
    return _at(scores, path.split("."))


def _at(value: Any, words: Sequence[str]) -> float | None:
    if not words:
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if known else None
    if isinstance(value, list):
        index = int(words[0]) if words[0].isdecimal() else len(value)
        return _at(value[index], words[1:]) if index < len(value) else None
    if not isinstance(value, dict):
        return None
    ends = range(1, len(words) + 1)
    found = (_at(value[key], words[end:]) for end in ends if (key := ".".join(words[:end])) in value)
    return next((figure for figure in found if figure is not None), None)


def satisfies(figure: float, expected: Expectation) -> bool:
    """Tell whether a figure lies where it is claimed to lie; the edges count."""
    if expected.value is not None and expected.within is not None:
        # 1.45 lies within 0.35 of 1.10, although their difference in binary is a little more.
        return abs(figure - expected.value) <= expected.within + 1e-9 * max(abs(expected.value), expected.within)
    if expected.at_most is not None:
        return figure <= expected.at_most
    return expected.at_least is not None and figure >= expected.at_least
