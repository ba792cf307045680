"""`nnrun train --smoke`: two batches through everything that a config will do, in a folder that is removed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from nnrun.config.files import find_config
from nnrun.formatting import format_count
from nnrun.pipeline import user_code
from nnrun.pipeline.check import examine
from nnrun.pipeline.limited_data import limited_to
from nnrun.pipeline.resume import ResumeRequest, resume
from nnrun.pipeline.train import raise_if_errors, train
from nnrun.runs import metrics
from nnrun.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nnrun.errors import Problem
    from nnrun.pipeline.train import TrainRequest, TrainResult
    from nnrun.progress import Progress
    from nnrun.spec.experiment import Experiment

#: Batches of each part: with one alone, nothing would carry over from step to step.
_BATCHES = 2
#: Epochs before the resumption: the first one compiles the model, the second one shows how long steps take.
_EPOCHS = 2


@dataclass(frozen=True)
class SmokeStep:
    """Something that was tried.

    Attributes:
        name: What: `train`, `resume`, `report`.
        seconds: How long it took.
        text: What was done.
    """

    name: str
    seconds: float
    text: str


@dataclass
class SmokeResult:
    """What was tried, and how long an epoch would take.

    Attributes:
        steps: What was tried, in order.
        scores: The parts and figures of the scores that a run would have; the values mean nothing.
        epoch_steps: The steps of an epoch of all training rows (of the first fold).
        epoch_seconds: About how long such an epoch would take, without compilation; None where that is unknown.
        epochs: The number of epochs of the config, of each fold.
        folds: The number of models of a cross-validation; 1 without one.
        warnings: The warnings and notes about the config.
    """

    steps: list[SmokeStep] = field(default_factory=list)
    scores: dict[str, list[str]] = field(default_factory=dict)
    epoch_steps: int = 0
    epoch_seconds: float | None = None
    epochs: int = 1
    folds: int = 1
    warnings: Sequence[Problem] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        steps = [{"name": one.name, "seconds": round(one.seconds, 2), "text": one.text} for one in self.steps]
        about = {"epoch_steps": self.epoch_steps, "epoch_seconds": self.epoch_seconds, "epochs": self.epochs}
        return {"steps": steps, "scores": self.scores, **about, "folds": self.folds}


def smoke(request: TrainRequest, progress: Progress) -> SmokeResult:
    """Train on two batches, resume, score and write the report in a temporary folder, as the config would.

    Raises:
        ConfigError: The config has errors.
        NnrunError: Something of it failed, as it would in the run itself.
    """
    config = find_config(request.config)
    with user_code.register_code(request.code, config, request.sets):
        examined = examine(config, request.sets, request.data_dir, request.runs_dir, request.files_dir)
        raise_if_errors(examined)
    experiment = examined.experiment
    with scratch_folder("smoke") as folder, limited_to(_BATCHES * _largest_batch(experiment)):
        return replace(_tried(experiment, request, folder, progress), warnings=examined.problems)


def _tried(experiment: Experiment, request: TrainRequest, runs_dir: Path, progress: Progress) -> SmokeResult:
    """Train, resume and report, in a folder of runs."""
    from nnrun.report.page import write_report

    result, folds = SmokeResult(), experiment.data.split and experiment.data.split.cross_validation
    sets = (*request.sets, *_few_folds(experiment), *_epochs(experiment, _EPOCHS))
    began = replace(request, sets=sets, runs_dir=runs_dir)
    done = _timed(result, "train", lambda: train(began, progress))
    result.epochs = experiment.training.epochs
    result.folds = folds.folds * folds.repeats if folds else 1
    _measure(result, done, experiment)
    more = replace(began, config="", sets=_epochs(experiment, _EPOCHS + 1))
    resumed = _timed(result, "resume", lambda: resume(ResumeRequest(str(done.folder.path), more), progress))
    result.steps[-1] = replace(result.steps[-1], text="1 more epoch from the saved state")
    found = {name: part for name, part in resumed.scores.items() if isinstance(part, dict)}
    result.scores = {
        name: [key for key, value in part.items() if isinstance(value, float)] for name, part in found.items()
    }
    page = _timed(result, "report", lambda: write_report(resumed.folder).page)
    result.steps[-1] = replace(result.steps[-1], text=f"{page.stat().st_size / 1e3:,.0f} kB")
    return result


def _timed(result: SmokeResult, name: str, action: Callable[[], Any]) -> Any:
    """Do something, and add it to what was tried."""
    started = time.perf_counter()
    done = action()
    result.steps.append(SmokeStep(name, time.perf_counter() - started, ""))
    return done


def _measure(result: SmokeResult, done: TrainResult, experiment: Experiment) -> None:
    """Say what was trained, and how long an epoch of all rows would take by the steps of the last epoch."""
    from nnrun.runs import record as records

    first = done.folder if result.folds == 1 else done.folder.fold(0)
    rows = int(records.read(first)["facts"]["rows"]["train"])
    batch, split = experiment.training.batch_size, experiment.data.split
    if split is not None and split.k_fold is not None:
        # Two folds were made, each with half of the rows for training.
        rows = round(2 * rows * (1 - 1 / split.k_fold.folds))
    result.epoch_steps = ceil(rows / batch)
    used = min(rows, _BATCHES * _largest_batch(experiment))
    lines = [line for line in metrics.read(done.folder.metrics) if line["epoch"] > 1]
    seconds = min((float(line["seconds"]) for line in lines), default=0.0)
    if seconds > 0:
        result.epoch_seconds = float(f"{seconds * result.epoch_steps / ceil(used / batch):.2g}")
    models = f", {format_count(min(result.folds, 2), 'fold')}" if result.folds > 1 else ""
    text = f"{_EPOCHS} epochs of {used:,} of {rows:,} training rows{models}; scored, models and state saved"
    result.steps[-1] = replace(result.steps[-1], text=text)


def _largest_batch(experiment: Experiment) -> int:
    return max(spec.batch_size for spec in (experiment.training.phases or (experiment.training,)))


def _epochs(experiment: Experiment, count: int) -> tuple[str, ...]:
    """Return the settings that train so many epochs: in the last phase, and one in each before it."""
    if not experiment.training.phases:
        return (f"training.epochs={count}",)
    last = len(experiment.training.phases) - 1
    return tuple(f"training.{number}.epochs={count if number == last else 1}" for number in range(last + 1))


def _few_folds(experiment: Experiment) -> tuple[str, ...]:
    """Return the settings that make two folds of a cross-validation, each trained once."""
    split = experiment.data.split
    if split is None or split.cross_validation is None:
        return ()
    if split.k_fold is not None:
        return ("data.split.k_fold.folds=2", "data.split.k_fold.repeats=1")
    return ("data.split.forward.n_splits=2",)
