"""The interface by which long work reports its progress: to a terminal, a log, or nobody."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from nnrun.formatting import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.errors import Problem


class Bar(Protocol):
    """The progress of one piece of work whose size may be known."""

    def advance(self, amount: float) -> None:
        """Add `amount` units to what is done."""


class WorkersView(Bar, Protocol):
    """The progress of work that several processes share."""

    def show(self, worker: int, text: str) -> None:
        """Show what a process does now, by its number in the system; an empty text: it does nothing any more."""

    def note(self, text: str) -> None:
        """Show one line of the whole, such as the best result so far, in place of the one before."""


class Progress(Protocol):
    """What the lower floors may report while they work."""

    def say(self, text: str) -> None:
        """Show one line that a reader of the log wants to keep."""

    def warn(self, text: str) -> None:
        """Show one line that the user should act on."""

    def show_problem(self, problem: Problem) -> None:
        """Show a warning or note about a config, with its place."""

    def bar(self, what: str, total: float | None, unit: str) -> AbstractContextManager[Bar]:
        """Open a bar for `total` units (None: unknown), which closes at the end of the `with` block."""

    def workers(self, what: str, total: float, unit: str) -> AbstractContextManager[WorkersView]:
        """Open a bar for work that several processes share, with a line for each of them."""

    def step(self, epoch: int, total: int, share: float) -> None:
        """Show that `share` (0 to 1) of epoch `epoch` (from 1) of `total` is done."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Show the metrics of a finished epoch (`done` counts from 1)."""


class NullBar:
    """A bar that shows nothing."""

    def advance(self, amount: float) -> None:
        """Do nothing."""

    def show(self, worker: int, text: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


class NullProgress:
    """Shows nothing; for `--quiet`, `--json` and use as a library.

    Attributes:
        warnings: The texts of all warnings, for `--json`.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def say(self, text: str) -> None:
        """Do nothing."""

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    def show_problem(self, problem: Problem) -> None:
        """Do nothing."""

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:  # noqa: ARG002
        """Open a bar that shows nothing."""
        yield NullBar()

    @contextmanager
    def workers(self, what: str, total: float, unit: str) -> Iterator[WorkersView]:  # noqa: ARG002
        """Open a bar that shows nothing."""
        yield NullBar()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Do nothing."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Do nothing."""


def epoch_line(done: int, total: int, figures: Mapping[str, float | None]) -> str:
    """Format a finished epoch as one line: `epoch  3/10  loss 0.0421  accuracy 0.9871  4.1 s`."""
    shown = [
        f"{name} {value:.4g}" if name == "learning_rate" else f"{name} {value:.4f}"
        for name, value in figures.items()
        if value is not None and name != "seconds"
    ]
    seconds = figures.get("seconds")
    shown += [format_duration(seconds)] if seconds is not None else []
    return f"epoch {done:{len(str(total))}}/{total}  " + "  ".join(shown)


class LoggedProgress:
    """Forwards everything to another progress, and writes what stays to a log.

    Args:
        progress: The other progress.
        write: Called with each line for the log.
    """

    def __init__(self, progress: Progress, write: Callable[[str], None]) -> None:
        self._progress = progress
        self._write = write

    def say(self, text: str) -> None:
        """Log and forward a line."""
        self._write(text)
        self._progress.say(text)

    def warn(self, text: str) -> None:
        """Log and forward a warning."""
        self._write(f"warning: {text}")
        self._progress.warn(text)

    def show_problem(self, problem: Problem) -> None:
        """Log a problem's place and text, and forward it."""
        place = f"{problem.mark}: " if problem.mark else ""
        self._write(f"{place}{problem.severity}: {problem.text}")
        self._progress.show_problem(problem)

    def bar(self, what: str, total: float | None, unit: str) -> AbstractContextManager[Bar]:
        """Log that the work began, and forward it."""
        self._write(f"{what} ...")
        return self._progress.bar(what, total, unit)

    def workers(self, what: str, total: float, unit: str) -> AbstractContextManager[WorkersView]:
        """Log that the work began, and forward it."""
        self._write(f"{what} ...")
        return self._progress.workers(what, total, unit)

    def step(self, epoch: int, total: int, share: float) -> None:
        """Forward a step."""
        self._progress.step(epoch, total, share)

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Log and forward the metrics of an epoch."""
        self._write(epoch_line(done, total, figures))
        self._progress.epoch(done, total, figures)


class RecordedProgress(LoggedProgress):
    """Forwards everything to another progress, and keeps the lines, to say them again.

    Attributes:
        events: The name of the method and the text of each line, in order.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress, lambda _: None)
        self.events: list[tuple[str, Any]] = []

    def say(self, text: str) -> None:
        """Keep and forward a line."""
        self.events.append(("say", text))
        super().say(text)

    def warn(self, text: str) -> None:
        """Keep and forward a warning."""
        self.events.append(("warn", text))
        super().warn(text)
