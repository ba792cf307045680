"""A training in phases: one model, one history and one state, each phase with its own optimizer and callbacks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from nnrun.engine.state.saver import Position
from nnrun.formatting import format_count

if TYPE_CHECKING:
    from nnrun.data.dataset import Dataset
    from nnrun.engine.training.loop import EpochLogs
    from nnrun.engine.training.trainer import TrainingFiles
    from nnrun.spec.experiment import Experiment


class PhasedModel(Protocol):
    """A compiled model whose training settings change from phase to phase."""

    model: Any

    def begin_phase(self, number: int) -> None:
        """Take the settings of a phase, from 0."""

    def train_phase(
        self, dataset: Dataset, files: TrainingFiles, best_model: Any = None, first_epoch: int = 0
    ) -> tuple[int, Any]:
        """Train a phase; return the number of epochs, those of earlier phases included, and what keeps the best."""


def train_in_phases(session: PhasedModel, experiment: Experiment, dataset: Dataset, files: TrainingFiles) -> int:
    """Train all phases that are left; return the number of epochs run, those of all phases together.

    A state belongs to one phase. That of a phase's end is restored as such, and the next phase begins from it as it did
    in a run that was not stopped.

    Raises:
        NnrunError: As `Session.fit`.
    """
    phases, saver = experiment.training.phases, files.saver
    position = Position() if saver is None else saver.position()
    epochs, best_model = position.phase_epoch, None
    for number in range(position.phase, len(phases)):
        if number:
            session.begin_phase(number)
        if saver is not None:
            saver.begin_phase(number, epochs)
        files.progress.say(_described(session, number, len(phases), epochs + 1, epochs + phases[number].epochs))
        best_model = None if phases[number].best.over == "phase" else best_model
        epochs, best_model = session.train_phase(dataset, _of_phase(files, number), best_model, epochs)
    return epochs


def _described(session: PhasedModel, number: int, count: int, first: int, last: int) -> str:
    trained = sum(math.prod(weight.shape) for weight in session.model.trainable_weights)
    return f"Phase {number + 1} of {count}: epochs {first} to {last}, {format_count(trained, 'parameter')} trained"


def _of_phase(files: TrainingFiles, number: int) -> TrainingFiles:
    """Return the files of a training, with the number of the phase in every line of metrics, from 1."""

    def on_epoch_logs(line: EpochLogs) -> None:
        known: dict[str, Any] = {key: line[key] for key in ("epoch", "fold") if key in line}
        files.on_epoch_logs({**known, "phase": number + 1, **line})

    return replace(files, on_epoch_logs=on_epoch_logs, phase=number)
