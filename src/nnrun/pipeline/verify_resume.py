"""Prove on a config that a killed run continues to the same bits: real processes are killed at random moments."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.atomic_files import make_folder
from nnrun.config import document as documents
from nnrun.errors import RunError
from nnrun.formatting import format_count, format_duration
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.given_secrets import given_again
from nnrun.pipeline.same_bits import Difference, first_difference
from nnrun.pipeline.train import raise_if_errors
from nnrun.pipeline.trust import require_allowed
from nnrun.runs import metrics
from nnrun.runs import record as records
from nnrun.runs.find import list_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.progress import Bar, Progress
    from nnrun.runs.folder import RunFolder

#: The share of kills that come while the model trains or is scored; all others come at any moment of the process.
_WHILE_TRAINING = 0.75
#: The end of what a failed process has written, in lines.
_LAST_LINES = 5


@dataclass(frozen=True)
class VerifyResumeRequest:
    """The arguments of `nnrun verify-resume`.

    Attributes:
        config: The config's path.
        sets: The `--set` options, in order.
        code: The files of `--code`, in order.
        data_dir: The folder of data; None: `NNRUN_DATA_DIR`, else the user's cache folder.
        runs_dir: The folder in which the runs are kept; None: a temporary one, which is removed if all are identical.
        jobs: How many processes share the folds of a cross-validation; None: as many as `train` and `resume` choose.
        kills: How many processes are killed.
        seed: The seed of the moments.
    """

    config: Path
    sets: tuple[str, ...]
    code: tuple[Path, ...]
    data_dir: Path | None
    runs_dir: Path | None
    jobs: int | None
    kills: int
    seed: int


@dataclass(frozen=True)
class Kill:
    """A process that was killed.

    Attributes:
        run: The number of its run, from 1.
        seconds: How long it ran.
        epoch: The last epoch that is in the metrics of its run; None: there is none yet.
    """

    run: int
    seconds: float
    epoch: int | None


@dataclass
class ResumeProof:
    """What the kills have shown.

    Attributes:
        seconds: How long the process ran that was not killed.
        runs: How many runs were killed, some of them several times, and continued to their end.
        identical: How many of them ended with the same bits.
        kills: The kills, in order.
        problem: The first difference, or why a run did not come to its end; None without one.
        difference: That difference.
        folder: The folder of all runs; None where they are removed.
    """

    seconds: float
    runs: int = 0
    identical: int = 0
    kills: list[Kill] = field(default_factory=list)
    problem: str | None = None
    difference: Difference | None = None
    folder: Path | None = None


def verify_resume(request: VerifyResumeRequest, progress: Progress) -> ResumeProof:
    """Train a config without a kill and with kills, and compare all runs bit for bit.

    Raises:
        ConfigError: The config has errors.
        RunError: It cannot be trained at all.
    """
    with user_code.register_code(request.code, request.config, request.sets) as codes:
        raise_if_errors(examine(request.config, request.sets, request.data_dir))
        require_allowed(codes)
    is_kept = request.runs_dir is not None
    with interruption.deferred_until_called() as go:
        folder = _make_folder(request.runs_dir)
        try:
            # A request that has come since is taken here: no folder is left behind.
            go()
            proof = _Proof(request, folder, progress).run()
            is_kept = is_kept or proof.problem is not None
            proof.folder = folder if is_kept else None
        finally:
            if not is_kept:
                with interruption.shielded():
                    shutil.rmtree(folder, ignore_errors=True)
    return proof


def _make_folder(runs_dir: Path | None) -> Path:
    """Make a folder for all runs: in `runs_dir`, or for the time of the proof."""
    if runs_dir is None:
        return Path(tempfile.mkdtemp(prefix="nnrun-verify-resume-"))
    make_folder(runs_dir)
    # With letters at its end: a clock that was set back shows the same second again.
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return Path(tempfile.mkdtemp(prefix=f"verify-resume-{started}-", dir=runs_dir))


class _Proof:
    def __init__(self, request: VerifyResumeRequest, folder: Path, progress: Progress) -> None:
        self._request, self._folder, self._progress = request, folder, progress
        self._random = random.Random(request.seed)  # noqa: S311 - moments, no secrets

    def run(self) -> ResumeProof:
        self._progress.say("Training once without a kill")
        started = time.monotonic()
        whole_dir = self._folder / "whole"
        if self._run(self._train_command(whole_dir), None) != 0:
            raise RunError(f"the config does not train: {self._output()}", f"nnrun train {self._request.config}")
        proof = ResumeProof(time.monotonic() - started)
        whole = list_runs(whole_dir)[-1].folder
        text = f"It took {format_duration(proof.seconds)}; {format_count(self._request.kills, 'kill')} at moments of"
        self._progress.say(f"{text} --seed {self._request.seed}")
        with self._progress.bar("kill -9 and resume", self._request.kills, "kills") as bar:
            while len(proof.kills) < self._request.kills and proof.problem is None:
                self._killed_run(proof, whole, bar)
        return proof

    def _killed_run(self, proof: ResumeProof, whole: RunFolder, bar: Bar) -> None:
        """Train a run whose processes are killed until one of them comes to its end, and compare it."""
        proof.runs += 1
        runs_dir = self._folder / f"killed-{proof.runs:02d}"
        code: int | None = None
        while code is None:
            may_kill = len(proof.kills) < self._request.kills
            moment = self._moment(whole, proof.seconds) if may_kill else None
            code = self._run(self._command(runs_dir), moment)
            if code is None and moment is not None:
                epoch = self._epoch(runs_dir)
                proof.kills.append(Kill(proof.runs, moment, epoch))
                where = "before the end of its first epoch" if epoch is None else f"after epoch {epoch}"
                number = f"{len(proof.kills)} of {self._request.kills}"
                self._progress.say(f"kill {number}: run {proof.runs}, after {moment:.2f} s of its process, {where}")
                bar.advance(1)
        if code != 0:
            proof.problem = f"run {proof.runs} did not continue (exit code {code}): {self._output()}"
            return
        killed = list_runs(runs_dir)[-1].folder
        proof.difference = first_difference(whole, killed)
        if proof.difference is None:
            proof.identical += 1
            self._progress.say(f"run {proof.runs}: identical")
        else:
            described = proof.difference.describe("without a kill", "with kills")
            proof.problem = f"run {proof.runs} differs: {described}"

    def _moment(self, whole: RunFolder, seconds: float) -> float:
        """Return after how many seconds a process is killed."""
        phases = records.read(whole).get("seconds", {})
        training = sum(phases.get(name, 0.0) for name in ("train", "score"))
        begin = max(0.0, seconds - training - 0.5) if self._random.random() < _WHILE_TRAINING else 0.0
        return self._random.uniform(begin, seconds)

    def _epoch(self, runs_dir: Path) -> int | None:
        rows = list_runs(runs_dir)
        epoch = (metrics.read_last(rows[-1].folder.metrics) or {}).get("epoch") if rows else None
        return epoch if isinstance(epoch, int) else None

    def _command(self, runs_dir: Path) -> list[str]:
        """Return the command that goes on with the run in a folder, or begins it."""
        usable = [row.folder for row in list_runs(runs_dir) if row.status != "broken"]
        if not usable:
            return self._train_command(runs_dir)
        folder = usable[-1]
        given = self._request.sets
        again = given_again(documents.read(folder.resolved), given) if given else ()
        sets = [word for one in again for word in ("--set", one)]
        return ["resume", str(folder.path), *sets, *self._options(runs_dir)]

    def _train_command(self, runs_dir: Path) -> list[str]:
        sets = [word for one in self._request.sets for word in ("--set", one)]
        return ["train", str(self._request.config), *sets, *self._options(runs_dir)]

    def _options(self, runs_dir: Path) -> list[str]:
        words = ["--runs-dir", str(runs_dir), "--quiet"]
        words += [] if self._request.jobs is None else ["--jobs", str(self._request.jobs)]
        words += [word for file in self._request.code for word in ("--code", str(file))]
        return words + ([] if self._request.data_dir is None else ["--data-dir", str(self._request.data_dir)])

    def _run(self, words: Sequence[str], moment: float | None) -> int | None:
        """Run a command of nnrun's in a process; return its exit code, or None if it was killed after `moment`."""
        with (self._folder / "output.txt").open("wb") as output, interruption.deferred_until_called() as go:
            process = subprocess.Popen(
                [sys.executable, "-m", "nnrun", *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                # A request that has come since is taken here: no process is left behind.
                go()
                return process.wait(moment)
            except subprocess.TimeoutExpired:
                return None
            finally:
                process.kill()
                process.wait()

    def _output(self) -> str:
        lines = (self._folder / "output.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        return " ".join(line.strip() for line in lines[-_LAST_LINES:]) or "it has written nothing"


def proof_as_json(request: VerifyResumeRequest, proof: ResumeProof) -> dict[str, Any]:
    """Return the document that `--json` prints."""
    return {
        "config": str(request.config),
        "identical": proof.problem is None,
        "runs": proof.runs,
        "identical_runs": proof.identical,
        "seed": request.seed,
        "seconds": round(proof.seconds, 3),
        "kills": [{"run": kill.run, "seconds": round(kill.seconds, 3), "epoch": kill.epoch} for kill in proof.kills],
        "problem": proof.problem,
        "difference": None if proof.difference is None else proof.difference.as_json(),
        "folder": None if proof.folder is None else str(proof.folder),
    }
