"""Who listens to a long piece of work: a terminal with a moving line, a log with plain lines, or nobody."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from nnrun.cli.terminal.layout import put_paragraph, wide, wrap
from nnrun.cli.terminal.problems import put_problem
from nnrun.cli.terminal.screen import Screen, visible
from nnrun.formatting import format_bytes, format_duration
from nnrun.progress import NullProgress, epoch_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.live import Live

    from nnrun.errors import Problem
    from nnrun.progress import Bar


#: Seconds between two looks of a moving line.
_STILL = 0.1
_SMALLEST_BAR, _LARGEST_BAR = 6, 30


class EpochTimer:
    """How long epochs take, and so how much time is left."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def add(self, seconds: float) -> None:
        """Take up the time of one epoch."""
        self._seconds.append(seconds)

    def left(self, epochs: float) -> float | None:
        """Guess the seconds of so many epochs more; None where nothing is known yet.

        The first epoch also compiles, so it counts only while it is alone.
        """
        return median(self._seconds[1:] or self._seconds) * epochs if self._seconds else None


class PlainProgress:
    """Writes lines that stay; the base of the log and the terminal.

    Args:
        screen: Where lines go.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._pace = EpochTimer()
        self._rate: float | None = None

    def say(self, text: str) -> None:
        """Write it."""
        put_paragraph(self._screen, text)

    def warn(self, text: str) -> None:
        """Write it, marked."""
        head = self._screen.style("warning:", fg="yellow", bold=True)
        for number, line in enumerate(wrap(f"warning: {visible(text)}", self._screen.width, "    ")):
            self._screen.put(f"{head}{line.removeprefix('warning:')}" if number == 0 else line)

    def show_problem(self, problem: Problem) -> None:
        """Write it, with the line it is about."""
        put_problem(self._screen, problem)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:
        """Write that it began."""
        self.say(f"{what} ..." if total is None else f"{what} ({amount(total, unit)}) ...")
        yield NullProgress().bar(what, total, unit).__enter__()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Ignore it: a log is for what stays."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Write the epoch's figures and the time left; the learning rate where it changed."""
        shown = dict(figures)
        rate = shown.pop("learning_rate", None)
        if self._rate not in (None, rate):
            shown["learning_rate"] = rate
            shown["seconds"] = shown.pop("seconds", None)
        self._rate = rate
        self._pace.add(figures.get("seconds") or 0.0)
        left = self._pace.left(total - done)
        line = epoch_line(done, total, shown) + (f"  {time_left(left)}" if done < total else "").rstrip()
        for part in wrap(line, self._screen.width, "    ", between="  "):
            self._screen.put(part)


class LiveProgress(PlainProgress):
    """Writes lines that stay, and below them one that moves and goes away.

    Args:
        screen: A terminal.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._live: Live | None = None
        self._looked = 0.0
        self._began: tuple[int, float] = (0, 0.0)

    def say(self, text: str) -> None:
        """Write it above the moving line."""
        self.clear()
        super().say(text)

    def warn(self, text: str) -> None:
        """Write it above the moving line."""
        self.clear()
        super().warn(text)

    def show_problem(self, problem: Problem) -> None:
        """Write it above the moving line."""
        self.clear()
        super().show_problem(problem)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:
        """Show a bar that goes away at the end."""
        moving = _MovingBar(self, visible(what), total, unit)
        try:
            yield moving
        finally:
            self.clear()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Move the line within the epoch."""
        now = time.monotonic()
        if self._began[0] != epoch:
            self._began = (epoch, now)
        if not self.due():
            return
        spent = now - self._began[1]
        left = self._pace.left(total - epoch + 1 - share)
        if left is None and share > 0:
            left = spent / share * (total - epoch + 1 - share)
        self.show(f"epoch {epoch:{len(str(total))}}/{total}", share, time_left(left))

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Put the epoch's line in the place of the moving one."""
        self.clear()
        super().epoch(done, total, figures)

    def due(self) -> bool:
        """Tell whether the moving line may be drawn again."""
        now = time.monotonic()
        if now - self._looked < _STILL:
            return False
        self._looked = now
        return True

    def show(self, what: str, share: float | None, tail: str) -> None:
        """Draw the moving line."""
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            console = Console(file=self._screen.stream, force_terminal=True, highlight=False, width=self._screen.width)
            # Live's own thread would compete with training; its redirection would fight with the engine's.
            self._live = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()
        line = moving_line(what, share, tail, (self._screen.width or 80) - 1, full=self._screen.can("━"))
        self._live.update(Text(line, no_wrap=True, overflow="crop"), refresh=True)

    def clear(self) -> None:
        """Take the moving line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class _MovingBar:
    def __init__(self, terminal: LiveProgress, what: str, total: float | None, unit: str) -> None:
        self._terminal, self._what, self._total, self._unit = terminal, what, total, unit
        self._done, self._began = 0.0, time.monotonic()
        self._draw()

    def advance(self, step: float) -> None:
        """Say that `step` more units are done."""
        self._done += step
        if self._terminal.due():
            self._draw()

    def _draw(self) -> None:
        if not self._total:
            tail = amount(self._done, self._unit) if self._done else "..."
            self._terminal.show(self._what, None, tail)
            return
        spent, share = time.monotonic() - self._began, min(1.0, self._done / self._total)
        left = f"  {time_left(spent / share - spent)}" if share > 0 and spent > 1 else ""
        self._terminal.show(self._what, share, f"{amount(self._total, self._unit)}{left}")


def moving_line(what: str, share: float | None, tail: str, width: int, *, full: bool = True) -> str:
    """Give `epoch  3/10 ━━━━━━━   45 %  12 s left`, exactly as wide as there is room; the bar gives way first."""
    if share is None:
        return f"{what} {tail}".rstrip()
    words = f" {100 * share:3.0f} %  {tail}".rstrip()
    room = min(_LARGEST_BAR, width - wide(what) - len(words) - 1)
    if room < _SMALLEST_BAR:
        return f"{what}{words}"
    done, rest = ("━", "─") if full else ("#", "-")
    filled = round(room * share)
    return f"{what} {done * filled}{rest * (room - filled)}{words}"


def time_left(seconds: float | None) -> str:
    """Say how much time is left; nothing where it is unknown, or too short to read."""
    if seconds is None or seconds < _STILL:
        return ""
    return f"{format_duration(max(1.0, round(seconds)) if seconds < 60 else seconds)} left".replace(".0 s", " s")


def amount(number: float, unit: str) -> str:
    """Give a number with its unit: `11.5 MB`, `60,000 rows`."""
    return format_bytes(number) if unit in ("B", "bytes") else f"{number:,.0f} {unit}".rstrip()


@contextmanager
def open_progress(*, quiet: bool = False, json: bool = False) -> Iterator[PlainProgress | NullProgress]:
    """Open who listens, for as long as the `with` block of long work runs."""
    gc.enable()
    if quiet or json:
        yield NullProgress()
        return
    with Screen.own_err() as screen:
        if not screen.terminal:
            yield PlainProgress(screen)
            return
        terminal = LiveProgress(screen)
        try:
            yield terminal
        finally:
            terminal.clear()
