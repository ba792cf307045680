"""Pieces of work take turns: one runs at a time, and what they ask for alike is answered together."""

from __future__ import annotations

import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from waiting import wait_for

from nnrun import interruption
from nnrun.engine.backend.redirect_output import redirect_output
from nnrun.engine.executors.turns import Turns, ask_alone


class Answers:
    """Answers requests, and notes which ones together."""

    def __init__(self) -> None:
        self.together: list[list[Any]] = []

    def __call__(self, requests: list[Any]) -> list[Any]:
        """Return each request doubled."""
        self.together.append(requests)
        return [2 * one for one in requests]


@given(keys=some.lists(some.lists(some.sampled_from("abc"), max_size=6), max_size=4))
@settings(deadline=None, max_examples=50)
def test_everyone_gets_the_answers_to_its_own_requests(keys: list[list[str]]) -> None:
    """Whatever is asked in which order; requests with other keys are never answered together."""
    turns, answers, found = Turns(), Answers(), {number: [] for number in range(len(keys))}

    def work(number: int) -> None:
        for step, key in enumerate(keys[number]):
            found[number].append(turns.ask(key, 100 * number + step, answers))

    turns.run([lambda number=number: work(number) for number in range(len(keys))])
    assert found == {number: [2 * (100 * number + step) for step in range(len(own))] for number, own in enumerate(keys)}
    for group in answers.together:
        assert len({keys[one // 100][one % 100] for one in group}) == 1
        assert len({one // 100 for one in group}) == len(group)


def test_equal_requests_are_answered_at_once() -> None:
    """Also after one has asked for something else in between, or has ended."""
    turns, answers = Turns(), Answers()

    def work(number: int, keys: str) -> None:
        for key in keys:
            turns.ask(key, number, answers)

    turns.run([lambda: work(0, "xab"), lambda: work(1, "ab"), lambda: work(2, "a")])
    assert answers.together == [[0], [0, 1, 2], [0, 1]]


def test_an_error_of_one_disturbs_no_other() -> None:
    """It is raised when all have ended; one of an answer is raised for all who asked."""
    turns, done = Turns(), []

    def fail(_: list[Any]) -> list[Any]:
        raise ValueError("no answer")

    def work(number: int) -> None:
        if number == 1:
            raise KeyError(number)
        with pytest.raises(ValueError, match="no answer"):
            turns.ask("a", number, fail)
        done.append(number)

    with pytest.raises(KeyError):
        turns.run([lambda number=number: work(number) for number in range(3)])
    assert done == [0, 2]


def test_each_has_its_own_random_numbers_and_output(tmp_path: Path) -> None:
    """The streams of random numbers and the log of one are those that it would have alone."""
    import numpy as np

    def work(number: int, ask: Callable[..., Any], log: Path) -> list[float]:
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002 - what code of others draws from
        drawn = []
        with redirect_output(log):
            for step in range(3):
                ask("a", step, Answers())
                drawn += [random.random(), np.random.random()]  # noqa: NPY002, S311 - the streams are what is tested
                sys.stdout.write(f"{number} at {step}\n")
                warnings.warn(f"{number} warns at {step}", stacklevel=1)
                sys.stderr.write("e\n")
        return drawn

    before, turns, together = (sys.stdout, sys.stderr, warnings.showwarning), Turns(), {}
    alone = [work(number, ask_alone, tmp_path / f"alone{number}") for number in range(3)]

    def keep(number: int) -> None:
        together[number] = work(number, turns.ask, tmp_path / f"turns{number}")

    turns.run([lambda number=number: keep(number) for number in range(3)])
    assert [together[number] for number in range(3)] == alone
    for number in range(3):
        assert (tmp_path / f"turns{number}").read_text() == (tmp_path / f"alone{number}").read_text()
    assert (sys.stdout, sys.stderr, warnings.showwarning) == before


def test_a_stop_ends_each_at_its_next_look() -> None:
    """A signal is for all of them; a request that can be withdrawn is for one alone."""
    turns, ended = Turns(), []

    def work(number: int, signalled_at: int) -> None:
        try:
            with interruption.deferred():
                for step in range(5):
                    if number == 0 and step == 1:
                        interruption.request("pruned", "preempted", withdrawable=True)
                    if number == 1 and step == signalled_at:
                        interruption.request("stopped by SIGTERM", "preempted")
                    stop = interruption.pending()
                    if stop is not None:
                        raise stop
                    turns.ask(step, number, Answers())
        except interruption.StopRequestedError as stop:
            ended.append((number, stop.reason))
            if stop.reason == "pruned":
                interruption.withdraw(stop)
                return
            raise
        ended.append((number, "end"))

    turns.run([lambda number=number: work(number, 9) for number in range(3)])
    assert sorted(ended) == [(0, "pruned"), (1, "end"), (2, "end")]
    ended.clear()
    with interruption.handled(), pytest.raises(interruption.StopRequestedError):
        Turns().run([lambda number=number: work(number, 3) for number in range(3)])
    assert sorted(ended) == [(0, "pruned"), (1, "stopped by SIGTERM"), (2, "stopped by SIGTERM")]


def test_a_second_interrupt_ends_all_at_once() -> None:
    """Each raises it where it waits, so that its record says so."""
    turns, ended = Turns(), []

    def press() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def work(number: int) -> None:
        try:
            for step in range(1000):
                if number == 1 and step == 2:
                    # One that comes while the main thread begins to wait is taken when it runs again: it comes again.
                    wait_for(lambda: interruption.pending() or press(), pause=0.5)
                    # Taken at the same moment, both would be one.
                    threading.Event().wait(0.3)
                    press()
                    threading.Event().wait(0.3)
                turns.ask("a", number, Answers())
        except KeyboardInterrupt:
            ended.append(number)
            raise

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interruption.handled(), pytest.raises(KeyboardInterrupt):
            turns.run([lambda number=number: work(number) for number in range(3)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_an_interrupt_at_the_moment_in_which_a_turn_ends_is_no_hang(at: int) -> None:
    """It comes after the turn was given up, and before the next one begins."""
    turns, begun, ended = Turns(), [], []
    control = turns._control

    class Interrupting:
        put = control.put
        taken = 0

        def get(self) -> None:
            control.get()
            self.taken += 1
            if self.taken == at:
                raise KeyboardInterrupt

    def work(number: int) -> None:
        begun.append(number)
        try:
            for step in range(3):
                turns.ask(step, number, Answers())
        finally:
            ended.append(number)

    setattr(turns, "_control", Interrupting())  # noqa: B010 - it stands for a queue
    with pytest.raises(KeyboardInterrupt):
        turns.run([lambda number=number: work(number) for number in range(2)])
    assert sorted(ended) == begun
    assert begun == [0, 1][:at]
