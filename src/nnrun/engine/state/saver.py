"""When and where a training saves its state, and how it goes on from one.

A state belongs to a boundary between two steps or two epochs. At the end of an epoch everything that belongs to it is
done before: its metrics, callbacks, samples and best model. Epochs after the last state are computed again, to the same
bits; lines that stand in files after it are cut. When a state is saved changes no bit of the training.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from nnrun import __version__, interruption
from nnrun.atomic_files import link_atomically, make_folder, sync_files
from nnrun.engine.state import callback_states, forking, random_streams
from nnrun.engine.state.state_file import State, write_state
from nnrun.errors import DiskError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from nnrun.engine.state.epoch_start import EpochStart
    from nnrun.engine.state.forking import Changes
    from nnrun.engine.state.variables import TrainingVariables
    from nnrun.spec.training import SaveEverySpec

#: Seconds between two states at the ends of epochs.
EPOCH_SECONDS = 2.0
#: Saving, or copying, takes at most this share of the time: after a state that took 1 s the next comes 50 s later.
MOST_TIME = 0.02
#: The name of the newest state in the folder of states, and how the names of those that are kept begin.
LAST = "last.safetensors"
_KEPT = "epoch-"
_KEPT_NAME = re.compile(r"epoch-(?P<epoch>\d+)(-step-(?P<step>\d+))?\.safetensors")


@dataclass(frozen=True)
class Position:
    """Where a training is.

    Attributes:
        epoch: The number of epochs that are done.
        step: The number of steps of the next epoch that are done.
        learning_rate: The learning rate at the start of the next epoch, if some of its steps are done.
        seconds: How long these steps took.
        logs: The loss and metrics of the last epoch that is done, or of the next one's training if all steps are done.
        stopped: Whether a callback has stopped the training; an epoch of which some steps are done is the last one.
        rollbacks: How often the training went back to the start of an epoch, as its loss was not finite.
        phase: The phase of a training in phases, from 0.
        phase_epoch: The number of epochs of the phases before it.
    """

    epoch: int = 0
    step: int = 0
    learning_rate: float | None = None
    seconds: float = 0.0
    logs: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    rollbacks: int = 0
    phase: int = 0
    phase_epoch: int = 0

    def describe(self) -> str:
        """Return where that is, as a part of a sentence."""
        return f"after epoch {self.epoch}" + (f", step {self.step}" if self.step else "")


def position_of(state: State) -> Position:
    """Return the position of a state.

    Raises:
        RunError: The state has none.
    """
    try:
        return Position(**state.document["position"])
    except (KeyError, TypeError):
        raise RunError("the saved state has no position in the training", "train again from the config") from None


class Variables(Protocol):
    """What has the values that a training changes."""

    def collect(self) -> dict[str, np.ndarray]:
        """Return all values by name."""

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore the values of a state, which may have other arrays too.

        Raises:
            RunError: The state is of other variables.
        """


@dataclass
class Parts:
    """What a training's state consists of.

    Attributes:
        variables: The variables.
        callbacks: All callbacks, and others with `get_state` and `set_state`.
        appended: The files that grow with every epoch.
        epoch_start: The state at the start of the epoch, which belongs to a state within it; None: it is not needed.
    """

    variables: Variables
    callbacks: Sequence[Any]
    appended: Sequence[Path]
    epoch_start: EpochStart | None = None


class StateSaver:
    """Saves the states of one training, and restores the one it goes on from.

    Args:
        folder: The folder of states, `state/` of a run or of a fold.
        every: When states are saved within epochs, and which are kept.
        context: What the training depends on, for comparison on a resume.
        appended: The files that the caller appends to with every epoch.
        saved: The state to go on from; None: from the start.
        changes: What is changed if the state is a parent run's; None: it is this training's own.
        before_save: Called before each save: writes what waits for the files that the caller appends to.
    """

    def __init__(
        self,
        folder: Path,
        every: SaveEverySpec,
        context: Mapping[str, Any],
        appended: Sequence[Path] = (),
        saved: State | None = None,
        changes: Changes | None = None,
        before_save: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._every, self._context = folder, every, context
        self._appended, self._saved, self._changes = tuple(appended), saved, changes
        self._before_save = before_save
        self._parts: Parts | None = None
        # Of a training in phases: the phase, and how long the files of earlier phases are.
        self._phase, self._first_epoch, self._begins_phase = 0, 0, False
        self._attached: set[str] = set()
        self._lengths: dict[str, int] = {} if saved is None else dict(saved.document.get("files", {}))
        self._cost, self._saved_at = 0.0, time.monotonic()

    @property
    def is_resumed(self) -> bool:
        """Whether the training goes on from a state, or from an earlier phase."""
        return self._saved is not None or self._begins_phase

    def begin_phase(self, number: int, first_epoch: int) -> None:
        """Let states be of this phase from now on; it goes on from the state only if that is of this phase.

        Args:
            number: The phase, from 0.
            first_epoch: The number of epochs of the phases before it.
        """
        self._phase, self._first_epoch = number, first_epoch
        if self._saved is None or position_of(self._saved).phase != number:
            self._saved, self._begins_phase = None, number > 0

    def attach(
        self,
        variables: Variables,
        callbacks: Sequence[Any],
        appended: Sequence[Path],
        epoch_start: EpochStart | None = None,
    ) -> None:
        """Take the parts of the training, and cut from files what was written after the state.

        Raises:
            RunError: A file is shorter than when the state was saved.
        """
        self._parts = Parts(variables, callbacks, (*self._appended, *appended), epoch_start)
        for file in self._parts.appended:
            # What an earlier phase of this process has written stays.
            if self._name(file) not in self._attached:
                _cut(file, int(self._lengths.get(self._name(file), 0)))
        self._attached |= {self._name(file) for file in self._parts.appended}

    def position(self) -> Position:
        """Return where the training goes on."""
        if self._saved is None:
            return Position(self._first_epoch, phase=self._phase, phase_epoch=self._first_epoch)
        position = position_of(self._saved)
        # Other callbacks than those that have stopped the parent need not stop its child.
        return replace(position, stopped=False) if self._changes is not None and self._changes.callbacks else position

    def restore(self) -> None:
        """Restore variables, callbacks and streams of random numbers from the state.

        Raises:
            RunError: The state is of another training.
        """
        assert self._parts is not None, "attached first"  # noqa: S101
        self._saved_at = time.monotonic()
        if self._saved is None:
            return
        if self._changes is not None:
            # Folds that are trained in one program have no parent.
            own = cast("TrainingVariables", self._parts.variables)
            self._saved = forking.adapt(self._saved, own, self._changes)
        document, arrays = self._saved.document, self._saved.arrays
        try:
            callback_states.restore(self._parts.callbacks, document["callbacks"], arrays)
            random_streams.restore(arrays)
            start = self._parts.epoch_start
            if start is not None and self._changes is None and "epoch_start" in document:
                start.load(document["epoch_start"], arrays)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            text = f"the saved state is incomplete: {type(error).__name__}: {error}"
            raise RunError(text, "train again from the config") from error
        self._parts.variables.restore(arrays)
        if self._changes is not None:
            position = position_of(self._saved)
            forking.keep_best(self._parts.callbacks, {} if position.step else position.logs, self._changes)
        # Its arrays are as large as the model, and are not needed again.
        self._saved = State(document, {}, self._saved.sha256)

    def next_boundary(self, done: int, step: int) -> int | None:
        """Return the step of an epoch, after `step`, at which a state is to be saved whatever the time.

        Args:
            done: The steps of all epochs before.
            step: The steps of this epoch that are done.
        """
        steps = self._every.steps
        return None if steps is None else step + steps - (done + step) % steps

    def after_steps(self, done: int, position: Callable[[], Position], step: int) -> None:
        """Save the state between two steps if it is due.

        Args:
            done: The steps of all epochs before.
            position: Returns the position.
            step: The steps of this epoch that are done.

        Raises:
            StopRequestedError: A request to stop came in; the state is saved.
            DiskError: The disk refuses.
        """
        stop, every = interruption.pending(), self._every
        elapsed = time.monotonic() - self._saved_at
        is_due = elapsed >= max(60 * every.minutes, self._cost / MOST_TIME)
        is_due = is_due or (every.steps is not None and (done + step) % every.steps == 0)
        if is_due or stop is not None:
            self.save(position(), keep=is_due)
        if stop is not None:
            raise stop

    def after_epoch(self, position: Position, *, last: bool) -> None:
        """Save the state at the end of an epoch if it is due; always at the last one.

        Raises:
            StopRequestedError: A request to stop came in; the state is saved.
            DiskError: The disk refuses.
        """
        stop, every = interruption.pending(), self._every
        if every.epochs is not None:
            is_due = position.epoch % every.epochs == 0
        else:
            is_due = time.monotonic() - self._saved_at >= max(EPOCH_SECONDS, self._cost / MOST_TIME)
        if is_due or last or stop is not None:
            self.save(position, keep=is_due)
        if stop is not None:
            raise stop

    def save(self, position: Position, *, keep: bool = False) -> None:
        """Save the state.

        Args:
            position: Where the training is.
            keep: Whether it is one of those that `training.save_every.keep` counts.

        Raises:
            DiskError: The disk refuses; the state before it is untouched.
        """
        assert self._parts is not None, "attached first"  # noqa: S101
        started = time.monotonic()
        self._before_save()
        arrays = {**self._parts.variables.collect(), **random_streams.collect()}
        callbacks, start = callback_states.collect(self._parts.callbacks, arrays), self._parts.epoch_start
        of_start = start.save(arrays) if start is not None and start.is_known and position.step else None
        path = self._folder / LAST
        try:
            make_folder(self._folder, parents=False)
            sync_files(self._parts.appended)
            files = {self._name(file): _size(file) for file in self._parts.appended}
            if self._phase:
                files = {**self._lengths, **files}
            document = {
                "nnrun": __version__,
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "position": self._position_of_phase(position),
                "files": files,
                "callbacks": callbacks,
                **({} if of_start is None else {"epoch_start": of_start}),
                "context": self._context,
            }
            write_state(path, document, arrays)
            if keep and self._every.keep:
                self._keep(path, position)
        except OSError as error:
            text = f"{path}: cannot save the state: {error.strerror or error}"
            raise DiskError(text, "make room on the disk, or choose another place with --runs-dir") from error
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - started

    def _position_of_phase(self, position: Position) -> dict[str, Any]:
        """Return a position as the state has it; without phases it has none."""
        plain = {**asdict(position), "phase": self._phase, "phase_epoch": self._first_epoch}
        return {key: value for key, value in plain.items() if value or not key.startswith("phase")}

    def _keep(self, path: Path, position: Position) -> None:
        step = f"-step-{position.step:06d}" if position.step else ""
        link_atomically(path, self._folder / f"{_KEPT}{position.epoch:04d}{step}.safetensors")
        for old in kept_states(self._folder)[: -self._every.keep]:
            old.unlink(missing_ok=True)

    def _name(self, file: Path) -> str:
        return os.path.relpath(file, self._folder.parent).replace(os.sep, "/")


def kept_states(folder: Path) -> list[Path]:
    """Return the states that are kept in a folder of states, in the order of training."""
    places = _kept_places(folder)
    return [places[place] for place in sorted(places)]


def kept_at_epochs(folder: Path) -> dict[int, Path]:
    """Return the states that are kept of the ends of epochs, by epoch."""
    return {epoch: file for (epoch, step), file in _kept_places(folder).items() if not step}


def _kept_places(folder: Path) -> dict[tuple[int, int], Path]:
    """Return the kept states by epoch and step: as numbers, `epoch-0001-step-000002` comes after `epoch-0001`."""
    found = {file: _KEPT_NAME.fullmatch(file.name) for file in folder.glob(f"{_KEPT}*.safetensors")}
    return {(int(match["epoch"]), int(match["step"] or 0)): file for file, match in found.items() if match}


def _cut(file: Path, length: int) -> None:
    size = _size(file)
    if size < length:
        text = f"{file}: expected at least {length} bytes, as when the state was saved, received {size}"
        raise RunError(text, "restore the file from a backup, or train again from the config")
    if size > length:
        os.truncate(file, length)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
