"""Progress on stderr: plain lines in a log, a live bar on a terminal, and estimates of the time left."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.terminal.output import Output, text_width
from nnrun.cli.terminal.progress import EpochTimer, LiveProgress, PlainProgress, format_amount, time_left
from nnrun.errors import Mark, Problem
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

ESCAPES = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


@pytest.fixture(scope="module", autouse=True)
def terminal_type() -> Iterator[None]:
    """A terminal with colours, whatever the tests run in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.delenv("NO_COLOR", raising=False)
        yield


class _Terminal(Output):
    columns = 80

    @property
    def width(self) -> int | None:
        """The number of columns that the test sets."""
        return self.columns


def _terminal(columns: int) -> _Terminal:
    terminal = _Terminal(io.StringIO(), is_terminal=True)
    object.__setattr__(terminal, "columns", columns)
    return terminal


def _drawn(terminal: _Terminal) -> str:
    """Return the last frame of the bar, without colours."""
    assert isinstance(terminal.stream, io.StringIO)
    return ESCAPES.sub("", terminal.stream.getvalue()).split("\r")[-1]


def test_a_log_shows_the_learning_rate_only_where_it_changes() -> None:
    """A learning rate that stays the same is not repeated every epoch."""
    stream = io.StringIO()
    progress = PlainProgress(Output(stream, is_terminal=False))
    for epoch, rate in ((1, 0.1), (2, 0.1), (3, 0.05)):
        progress.epoch(epoch, 4, {"loss": 0.5, "learning_rate": rate, "seconds": 2.0})
    assert stream.getvalue().splitlines() == [
        "epoch 1/4  loss 0.5000  2.0 s",
        "epoch 2/4  loss 0.5000  2.0 s  4 s left",
        "epoch 3/4  loss 0.5000  learning_rate 0.05  2.0 s  2 s left",
    ]


def test_the_first_epoch_does_not_count() -> None:
    """The first epoch also compiles: after it alone nothing is known, later ones decide."""
    timer = EpochTimer()
    assert timer.remaining(3) is None
    timer.step(1.0)
    timer.add(10.0)
    assert timer.remaining(3) is None
    for seconds in (1.0, 3.0, 2.0):
        timer.add(seconds)
    assert timer.remaining(3) == 6.0


def test_the_steps_of_a_long_first_epoch_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the first epoch the steps after the first, which compiles, tell how long an epoch takes."""
    now = iter([0.0, 20.0, 22.0, 24.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    timer = EpochTimer()
    next(now)
    for share in (0.1, 0.2, 0.3):
        timer.step(share)
    assert timer.remaining(3) == pytest.approx(60.0)
    timer.add(40.0)
    assert timer.remaining(2) == pytest.approx(40.0)


def test_a_bar_in_a_log_is_one_line() -> None:
    """A download is logged once, when it begins, with its size."""
    stream = io.StringIO()
    with PlainProgress(Output(stream, is_terminal=False)).bar("Fetching mnist.npz", 11490434, "B") as bar:
        bar.advance(1000)
    assert stream.getvalue() == "Fetching mnist.npz (11.5 MB) ...\n"


def test_a_warning_is_marked_and_cannot_control_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters in a file's name are shown, not executed."""
    stream = io.StringIO()
    monkeypatch.setenv("NO_COLOR", "1")
    progress = PlainProgress(Output(stream, is_terminal=True))
    progress.warn("odd\x1b[2Jname")
    assert stream.getvalue() == "warning: odd\N{REPLACEMENT CHARACTER}[2Jname\n"
    assert progress.warnings == ["odd\x1b[2Jname"]


def test_null_progress_keeps_warnings_for_json() -> None:
    """With `--json` nothing is shown, but the document can hold the warnings."""
    progress = NullProgress()
    progress.say("nothing")
    progress.warn("the data changed")
    assert progress.warnings == ["the data changed"]


def test_a_terminal_removes_the_bar_before_a_line_that_stays() -> None:
    """The bar is removed for a line, and is drawn again with the next step."""
    stream = io.StringIO()
    progress = LiveProgress(Output(stream, is_terminal=True))
    progress.step(1, 2, 0.5)
    progress.say("Run x")
    shown = stream.getvalue()
    assert "epoch 1/2" in shown
    assert shown.endswith("\x1b[2KRun x\n")


def test_a_problem_is_shown_with_its_place_above_the_bar() -> None:
    """A warning about a config is shown with its place and hint; on a terminal the bar is removed first."""
    log, shown = io.StringIO(), io.StringIO()
    problem = Problem(Mark("my.yaml", 3, 5, 1, ""), "the last batch is small", "write 32", "odd", "warning")
    PlainProgress(Output(log, is_terminal=False)).show_problem(problem)
    lines = log.getvalue().splitlines()
    assert lines[0] == "my.yaml:3:5: warning: the last batch is small [odd]"
    assert lines[-1] == "      hint: write 32"
    progress = LiveProgress(Output(shown, is_terminal=True))
    progress.step(1, 2, 0.5)
    progress.show_problem(problem)
    assert shown.getvalue().index("epoch 1/2") < shown.getvalue().index("the last batch is small")
    NullProgress().show_problem(problem)


@given(
    what=st.text("abc猫[] ", max_size=30),
    share=st.none() | st.floats(0, 1),
    tail=st.text("xyz", max_size=20),
    width=st.integers(10, 120),
)
def test_the_bar_fits_every_terminal(what: str, share: float | None, tail: str, width: int) -> None:
    """The bar becomes narrower before the texts, nothing is wider than the terminal, and brackets are no markup."""
    terminal = _terminal(width)
    progress = LiveProgress(terminal)
    progress.draw(what, share, tail)
    line = _drawn(terminal)
    assert "\n" not in line
    assert text_width(line) <= width
    texts = what + ("" if share is None else f"{100 * share:3.0f} %") + tail
    if text_width(texts) + 10 <= width:
        assert line.startswith(what)
        assert tail in line
    progress.clear()


def test_the_bar_shows_the_share() -> None:
    """Half of the bar is filled at 50 %, and a dumb character set or no colours change only its look."""
    terminal = _terminal(80)
    progress = LiveProgress(terminal)
    progress.draw("epoch 3/10", 0.5, "12 s left")
    assert _drawn(terminal) == f"epoch 3/10 {'━' * 15}╺{'━' * 14}  50 %  12 s left"
    progress.draw("epoch 3/10", 1.0, "")
    assert _drawn(terminal) == f"epoch 3/10 {'━' * 30} 100 %"


def test_no_color_switches_colours_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR the bar is drawn without colours."""
    colored, plain = _terminal(80), _terminal(80)
    LiveProgress(colored).draw("epoch 1/2", 0.5, "")
    monkeypatch.setenv("NO_COLOR", "1")
    LiveProgress(plain).draw("epoch 1/2", 0.5, "")
    assert "\x1b[36m" in colored.stream.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[36m" not in plain.stream.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(11490434, "B", "11.5 MB"), (999, "B", "999 B"), (28881, "B", "28.9 kB"), (60000, "rows", "60,000 rows")],
)
def test_amounts_have_their_unit(number: float, unit: str, text: str) -> None:
    """Bytes have units of a thousand, other amounts have separators."""
    assert format_amount(number, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.01, ""), (0.4, "1 s left"), (27.6, "28 s left"), (125, "2 min 05 s left")]
)
def test_the_time_left_is_rounded(seconds: float | None, text: str) -> None:
    """An estimate has no tenths of a second."""
    assert time_left(seconds) == text


def test_each_process_has_a_line_that_is_redrawn() -> None:
    """Below how much is done and the best so far; a process that ends has none, and a line that stays is above."""
    terminal = _terminal(60)
    progress = LiveProgress(terminal)
    with progress.workers("trials", 12, "trials") as view:
        view.show(71, "trial 3  starts")
        view.show(72, "trial 4  epoch 1/9  val_loss 0.5  " + "x" * 60)
        view.note("best: validation.loss 0.25, trial 1")
        progress.say("Trial 2: training.batch_size=8")
        view.advance(1)
        view.show(71, "")
        view.advance(1)
        progress.clear()
    assert isinstance(terminal.stream, io.StringIO)
    text = ESCAPES.sub("", terminal.stream.getvalue())
    before, after = text.split("Trial 2: training.batch_size=8")
    assert "trials  0 of 12 trials done" in before
    assert "trial 3  starts" in before
    frames = [frame.splitlines() for frame in after.split("trials  ")]
    last = _cut("trial 4  epoch 1/9  val_loss 0.5")
    assert frames[1][:4] == [
        "1 of 12 trials done",
        "best: validation.loss 0.25, trial 1",
        "trial 3  starts",
        last,
    ]
    assert frames[-1][:3] == ["2 of 12 trials done", "best: validation.loss 0.25, trial 1", last]


def _cut(text: str) -> str:
    return f"{text}  {'x' * (57 - len(text))}…"


def test_a_log_says_that_shared_work_began_and_nothing_of_its_processes() -> None:
    """What stays is said by the work itself."""
    stream = io.StringIO()
    progress = PlainProgress(Output(stream, is_terminal=False))
    with progress.workers("trials", 12, "trials") as view:
        view.show(71, "trial 3  starts")
        view.note("best: validation.loss 0.25, trial 1")
        view.advance(1)
    assert stream.getvalue() == "trials (12 trials) ...\n"
