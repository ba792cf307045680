"""Progress of long work on stderr: a live bar on a terminal, plain lines in a log, nothing with `--quiet`."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from nnrun.cli.terminal.language import label, translated
from nnrun.cli.terminal.output import Output, print_labeled, print_paragraph, wrap
from nnrun.cli.terminal.problems import print_problem
from nnrun.formatting import format_bytes, format_duration, visible
from nnrun.progress import NullProgress, epoch_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.live import Live
    from rich.progress import Progress as RichProgress

    from nnrun.errors import Problem
    from nnrun.progress import Bar, WorkersView


#: Seconds between two redraws of the live bar.
_REDRAW_INTERVAL = 0.1
_BAR_WIDTH = 30


class EpochTimer:
    """Estimates the remaining time from finished epochs; the first, which also compiles, only from its later steps."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._first_step: tuple[float, float] | None = None
        self._epoch_without_start: float | None = None

    def step(self, share: float) -> None:
        """Add that `share` (0 to 1) of the current epoch is done."""
        if self._seconds:
            return
        now = time.monotonic()
        if self._first_step is None:
            self._first_step = share, now
        elif share > self._first_step[0]:
            self._epoch_without_start = (now - self._first_step[1]) / (share - self._first_step[0])

    def add(self, seconds: float) -> None:
        """Add the duration of one epoch."""
        self._seconds.append(seconds)

    def remaining(self, epochs: float) -> float | None:
        """Estimate the seconds that so many more epochs take; None where that is not known yet."""
        epoch = median(self._seconds[1:]) if len(self._seconds) > 1 else self._epoch_without_start
        return None if epoch is None else epoch * epochs


class PlainProgress:
    """Writes plain lines, as a log or a pipe needs them.

    Args:
        output: Where lines are written.

    Attributes:
        warnings: The texts of all warnings.
    """

    def __init__(self, output: Output) -> None:
        self.warnings: list[str] = []
        self._output = output
        self._timer = EpochTimer()
        self._learning_rate: float | None = None

    def clear(self) -> None:
        """Prepare for a line that stays."""

    def say(self, text: str) -> None:
        """Write a line."""
        self.clear()
        print_paragraph(self._output, text)

    def warn(self, text: str) -> None:
        """Write and keep a warning."""
        self.clear()
        self.warnings.append(text)
        print_labeled(self._output, "warning", text, fg="yellow", bold=True)

    def show_problem(self, problem: Problem) -> None:
        """Write a problem with its place and line."""
        self.clear()
        print_problem(self._output, problem)

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:
        """Write that the work began."""
        self.say(f"{what} ..." if total is None else f"{what} ({format_amount(total, label(unit))}) ...")
        with NullProgress().bar(what, total, unit) as bar:
            yield bar

    @contextmanager
    def workers(self, what: str, total: float, unit: str) -> Iterator[WorkersView]:
        """Write that the work began: a log is for what stays."""
        self.say(f"{what} ({format_amount(total, label(unit))}) ...")
        with NullProgress().workers(what, total, unit) as view:
            yield view

    def step(self, epoch: int, total: int, share: float) -> None:  # noqa: ARG002 - a bar shows them
        """Measure the time: a log is for what stays."""
        self._timer.step(share)

    def epoch(self, done: int, total: int, figures: Mapping[str, float | None]) -> None:
        """Write an epoch's metrics and the time left; the learning rate only where it changed."""
        self.clear()
        shown = dict(figures)
        rate = shown.pop("learning_rate", None)
        if self._learning_rate not in (None, rate):
            shown["learning_rate"] = rate
            shown["seconds"] = shown.pop("seconds", None)
        self._learning_rate = rate
        self._timer.add(figures.get("seconds") or 0.0)
        left = self._timer.remaining(total - done)
        line = epoch_line(done, total, shown) + (f"  {time_left(left)}" if done < total else "").rstrip()
        lines = wrap(translated(line), self._output.width, "    ", separator="  ")
        self._output.write_lines(map(self._output.shown, lines))


class LiveProgress(PlainProgress):
    """Writes plain lines on a terminal, and below them a bar that is redrawn in place.

    Args:
        output: A terminal.
    """

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._bar: RichProgress | None = None
        self._lines: Live | None = None
        self._drawn = 0.0

    @contextmanager
    def bar(self, what: str, total: float | None, unit: str) -> Iterator[Bar]:
        """Show a bar that is removed at the end."""
        bar = _LiveBar(self, visible(translated(what)), total, label(unit))
        try:
            yield bar
        finally:
            self.clear()

    @contextmanager
    def workers(self, what: str, total: float, unit: str) -> Iterator[WorkersView]:
        """Show a line for each process, which are removed at the end."""
        view = _LiveWorkers(self, visible(translated(what)), total, label(unit))
        try:
            yield view
        finally:
            self.clear()

    def step(self, epoch: int, total: int, share: float) -> None:
        """Advance the bar within an epoch."""
        super().step(epoch, total, share)
        if self.is_due():
            left = self._timer.remaining(total - epoch + 1 - share)
            self.draw(translated(f"epoch {epoch:{len(str(total))}}/{total}"), share, translated(time_left(left)))

    def is_due(self) -> bool:
        """Return whether the bar may be redrawn already."""
        now = time.monotonic()
        if now - self._drawn < _REDRAW_INTERVAL:
            return False
        self._drawn = now
        return True

    def draw(self, what: str, share: float | None, tail: str) -> None:
        """Draw the bar.

        Args:
            what: The text before the bar.
            share: How much is done, from 0 to 1; None where that is unknown.
            tail: The text after the bar.
        """
        done = tail if share is None else f"{100 * share:3.0f} %  {tail}".rstrip()
        total, completed = (None, 0) if share is None else (1000, round(1000 * share))
        if self._bar is None:
            self._bar = self._new_bar()
            self._bar.add_task(what, total=total, completed=completed, done=done)
            self._bar.start()
        else:
            (task,) = self._bar.task_ids
            self._bar.update(task, description=what, total=total, completed=completed, done=done, refresh=True)

    def draw_lines(self, lines: Sequence[str]) -> None:
        """Draw lines that are redrawn in place; those that are too long, or too many, are cut."""
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        drawn = Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))
        if self._lines is None:
            console = self._output.console()
            self._lines = Live(
                drawn,
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._lines.start(refresh=True)
        else:
            self._lines.update(drawn, refresh=True)

    def _new_bar(self) -> RichProgress:
        from rich.progress import BarColumn, Progress, TextColumn

        # A refreshing thread would compete with training, and the engine redirects the streams itself.
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR_WIDTH, complete_style="cyan", pulse_style="cyan", finished_style="cyan"),
            TextColumn("{task.fields[done]}", markup=False),
            console=self._output.console(),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def clear(self) -> None:
        """Remove the bar, or the lines."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._lines is not None:
            self._lines.stop()
            self._lines = None


class _LiveBar:
    """A bar on a terminal, with the time left."""

    def __init__(self, progress: LiveProgress, what: str, total: float | None, unit: str) -> None:
        self._progress, self._what, self._total, self._unit = progress, what, total, unit
        self._done = 0.0
        # The first piece of work may also start libraries and compile, so the rate is that of the others.
        self._first: tuple[float, float] | None = None
        self._draw()

    def advance(self, amount: float) -> None:
        """Add `amount` units to what is done."""
        self._add(amount)
        if self._progress.is_due():
            self._draw()

    def _add(self, amount: float) -> None:
        self._done += amount
        self._first = self._first or (self._done, time.monotonic())

    def _draw(self) -> None:
        if not self._total:
            self._progress.draw(self._what, None, format_amount(self._done, self._unit) if self._done else "...")
            return
        left = self._left(self._total)
        share = min(1.0, self._done / self._total)
        self._progress.draw(self._what, share, f"{format_amount(self._total, self._unit)}{left}")

    def _left(self, total: float) -> str:
        first_amount, first_time = self._first or (self._done, 0.0)
        spent = time.monotonic() - first_time
        if self._done <= first_amount or spent < 1:
            return ""
        return f"  {translated(time_left(spent / (self._done - first_amount) * max(0.0, total - self._done)))}"


class _LiveWorkers(_LiveBar):
    """How much of shared work is done, the best so far, and a line for each process, in the order of their starts."""

    def __init__(self, progress: LiveProgress, what: str, total: float, unit: str) -> None:
        self._texts: dict[int, str] = {}
        self._note = ""
        super().__init__(progress, what, total, unit)

    def advance(self, amount: float) -> None:
        """Add `amount` units to what is done, and draw at once: the line that was written has removed the others."""
        self._add(amount)
        self._draw()

    def show(self, worker: int, text: str) -> None:
        """Show what a process does now; an empty text removes its line."""
        if text:
            self._texts[worker] = visible(translated(text))
        else:
            self._texts.pop(worker, None)
        if self._progress.is_due():
            self._draw()

    def note(self, text: str) -> None:
        """Show one line of the whole."""
        self._note = visible(translated(text))

    def _draw(self) -> None:
        total = self._total or 0.0
        left = self._left(total)
        head = translated(f"{self._what}  {self._done:,.0f} of {format_amount(total, self._unit)} done{left}")
        self._progress.draw_lines([head, *([self._note] if self._note else []), *self._texts.values()])


def time_left(seconds: float | None) -> str:
    """Format the time left; an empty text where it is unknown or too short to read."""
    if seconds is None or seconds < _REDRAW_INTERVAL:
        return ""
    return f"{format_duration(max(1.0, round(seconds)) if seconds < 60 else seconds)} left".replace(".0 s", " s")


def format_amount(number: float, unit: str) -> str:
    """Format a number with its unit: `11.5 MB`, `60,000 rows`."""
    return format_bytes(number) if unit in ("B", "bytes") else f"{number:,.0f} {unit}".rstrip()


@contextmanager
def open_progress(*, quiet: bool, json: bool = False) -> Iterator[PlainProgress | NullProgress]:
    """Open the progress of long work: a live bar, plain lines, or nothing."""
    gc.enable()
    if quiet or json:
        yield NullProgress()
        return
    with Output.duplicate_stderr() as output:
        progress = LiveProgress(output) if output.is_terminal else PlainProgress(output)
        try:
            yield progress
        finally:
            progress.clear()
