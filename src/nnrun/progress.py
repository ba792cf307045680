"""How a long piece of work tells what it does, without knowing who listens (a terminal, a log, nobody)."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from nnrun.formatting import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nnrun.errors import Problem


class Bar(Protocol):
    """One piece of work whose size may be known."""

    def advance(self, amount: float) -> None:
        """Say that `amount` more units are done."""


class Progress(Protocol):
    """What the lower floors may say while they work."""

    def say(self, text: str) -> None:
        """Say one line that a reader of the log wants to keep."""

    def warn(self, text: str) -> None:
        """Say one line that the user should act on."""

    def found(self, problem: Problem) -> None:
        """Say what is probably not meant in a config, at its place."""

    def bar(self, what: str, total: float | None, unit: str) -> AbstractContextManager[Bar]:
        """Open a bar for `total` units (None: unknown) and close it at the end of the `with` block."""

    def step(self, epoch: int, total: int, share: float) -> None:
        """Say that `share` (0 to 1) of epoch `epoch` (from 1) of `total` is done."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Say the figures of an epoch that ended (`done` counts from 1)."""


class _SilentBar:
    def advance(self, amount: float) -> None:
        """Ignore it."""


class Silent:
    """Says nothing; what `--quiet`, `--json` and library use take."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def warn(self, text: str) -> None:
        """Ignore it."""

    def found(self, problem: Problem) -> None:
        """Ignore it."""

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:  # noqa: ARG002
        """Open a bar that shows nothing."""
        yield _SilentBar()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Ignore it."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Ignore it."""


def epoch_line(done: int, total: int, figures: Mapping[str, float | None]) -> str:
    """Say an epoch in one line: `epoch  3/10  loss 0.0421  accuracy 0.9871  4.1 s`."""
    shown = [
        f"{name} {value:.4g}" if name == "learning_rate" else f"{name} {value:.4f}"
        for name, value in figures.items()
        if value is not None and name != "seconds"
    ]
    seconds = figures.get("seconds")
    shown += [format_duration(seconds)] if seconds is not None else []
    return f"epoch {done:{len(str(total))}}/{total}  " + "  ".join(shown)


class Logged:
    """Passes everything on to another listener, and keeps in a log what a reader of the log wants to keep.

    Args:
        heard: The listener.
        write: Takes one line for the log.
    """

    def __init__(self, heard: Progress, write: Callable[[str], None]) -> None:
        self._heard = heard
        self._write = write

    def say(self, text: str) -> None:
        """Pass it on and log it."""
        self._write(text)
        self._heard.say(text)

    def warn(self, text: str) -> None:
        """Pass it on and log it."""
        self._write(f"warning: {text}")
        self._heard.warn(text)

    def found(self, problem: Problem) -> None:
        """Pass it on, and log its place and its words."""
        place = f"{problem.mark}: " if problem.mark else ""
        self._write(f"{place}{problem.severity}: {problem.text}")
        self._heard.found(problem)

    def bar(self, what: str, total: float | None, unit: str) -> AbstractContextManager[Bar]:
        """Pass it on, and log that it began."""
        self._write(f"{what} ...")
        return self._heard.bar(what, total, unit)

    def step(self, epoch: int, total: int, share: float) -> None:
        """Pass it on."""
        self._heard.step(epoch, total, share)

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Pass it on and log it."""
        self._write(epoch_line(done, total, figures))
        self._heard.epoch(done, total, figures)
