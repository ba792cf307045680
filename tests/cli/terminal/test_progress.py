"""Requirements of the listeners: what a log gets, what a terminal's moving line says, and how time left is guessed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.cli.terminal.layout import wide
from nnrun.cli.terminal.progress import EpochTimer, LiveProgress, PlainProgress, amount, moving_line, time_left
from nnrun.cli.terminal.screen import Screen
from nnrun.errors import Mark, Problem
from nnrun.progress import NullProgress


def test_a_log_gets_the_learning_rate_only_where_it_changes() -> None:
    """Figures that stay the same are not repeated every epoch."""
    stream = io.StringIO()
    listener = PlainProgress(Screen(stream, terminal=False))
    for epoch, rate in ((1, 0.1), (2, 0.1), (3, 0.05)):
        listener.epoch(epoch, 4, {"loss": 0.5, "learning_rate": rate, "seconds": 2.0})
    assert stream.getvalue().splitlines() == [
        "epoch 1/4  loss 0.5000  2.0 s  6 s left",
        "epoch 2/4  loss 0.5000  2.0 s  4 s left",
        "epoch 3/4  loss 0.5000  learning_rate 0.05  2.0 s  2 s left",
    ]


def test_the_first_epoch_counts_only_while_it_is_alone() -> None:
    """The first epoch also compiles, so that later ones say more of what is left."""
    pace = EpochTimer()
    assert pace.left(3) is None
    pace.add(10.0)
    assert pace.left(3) == 30.0
    for seconds in (1.0, 3.0, 2.0):
        pace.add(seconds)
    assert pace.left(3) == 6.0


def test_a_bar_in_a_log_is_one_line() -> None:
    """A download says once that it began, and how large it is."""
    stream = io.StringIO()
    with PlainProgress(Screen(stream, terminal=False)).bar("Fetching mnist.npz", 11490434, "B") as bar:
        bar.advance(1000)
    assert stream.getvalue() == "Fetching mnist.npz (11.5 MB) ...\n"


def test_a_warning_is_marked_and_cannot_command_the_terminal() -> None:
    """What a file's name brings along is shown, not obeyed."""
    stream = io.StringIO()
    PlainProgress(Screen(stream, terminal=False)).warn("odd\x1b[2Jname")
    assert stream.getvalue() == "warning: odd\N{REPLACEMENT CHARACTER}[2Jname\n"


def test_nobody_listens_but_warnings_are_kept_for_json() -> None:
    """`--json` can still say what the user should act on."""
    muted = NullProgress()
    muted.say("nothing")
    muted.warn("the data changed")
    assert muted.warnings == ["the data changed"]


def test_a_terminal_clears_its_moving_line_before_a_line_that_stays() -> None:
    """The moving line gives way, and comes back with the next step."""
    stream = io.StringIO()
    terminal = LiveProgress(Screen(stream, terminal=True))
    terminal.step(1, 2, 0.5)
    terminal.say("Run x")
    shown = stream.getvalue()
    assert "epoch 1/2" in shown
    assert shown.endswith("\x1b[2KRun x\n")


def test_a_finding_is_told_at_its_place_above_the_moving_line() -> None:
    """What is probably not meant comes with its place and its hint, on a terminal once the moving line is gone."""
    log, shown = io.StringIO(), io.StringIO()
    problem = Problem(Mark("my.yaml", 3, 5, 1, ""), "the last batch is small", "write 32", "odd", "warning")
    PlainProgress(Screen(log, terminal=False)).show_problem(problem)
    lines = log.getvalue().splitlines()
    assert lines[0] == "my.yaml:3:5: warning: the last batch is small [odd]"
    assert lines[-1] == "      hint: write 32"
    terminal = LiveProgress(Screen(shown, terminal=True))
    terminal.step(1, 2, 0.5)
    terminal.show_problem(problem)
    assert shown.getvalue().index("epoch 1/2") < shown.getvalue().index("the last batch is small")
    NullProgress().show_problem(problem)


@given(
    what=st.text("abc猫 ", max_size=30),
    share=st.floats(0, 1),
    tail=st.text("xyz", max_size=20),
    width=st.integers(20, 120),
)
def test_the_moving_line_fits_where_its_words_do(what: str, share: float, tail: str, width: int) -> None:
    """The bar gives way to the words, and grows to the full width at most."""
    line = moving_line(what, share, tail, width)
    words = wide(what) + len(f" {100 * share:3.0f} %  {tail}".rstrip())
    assert wide(line) <= max(width, words)
    assert line.startswith(what)


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [(11490434, "B", "11.5 MB"), (999, "B", "999 B"), (28881, "B", "28.9 kB"), (60000, "rows", "60,000 rows")],
)
def test_amounts_are_said_as_people_say_them(number: float, unit: str, said: str) -> None:
    """Bytes come in powers of a thousand, other units with separators."""
    assert amount(number, unit) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, ""), (0.01, ""), (0.4, "1 s left"), (27.6, "28 s left"), (125, "2 min 05 s left")]
)
def test_time_left_is_round(seconds: float | None, said: str) -> None:
    """A guess has no tenths of a second."""
    assert time_left(seconds) == said
