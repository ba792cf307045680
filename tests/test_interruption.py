"""Requests to stop, in this process: signals are sent to it and taken by `handled`."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from nnrun import interruption
from nnrun.interruption import StopRequestedError, deferred, handled


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Every test begins and ends without a request, and no signal is ignored, as in the background of a shell."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    interruption.clear()
    yield
    interruption.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "preempted"), (signal.SIGHUP, "preempted")],
)
def test_a_signal_is_a_request(number: int, status: str) -> None:
    """Where nothing can be saved a signal stops at once, and says how a run ends for it."""
    with handled(), pytest.raises(StopRequestedError) as stopped:
        send(number)
    assert stopped.value.status == status


def test_handlers_are_restored() -> None:
    """After the block signals are taken by whatever took them before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with handled():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_time_limit_ends_with_its_block() -> None:
    """A command that is done has its exit code: the timer of its time limit does not end the process after it."""
    with interruption.handled():
        interruption.limit_time(60)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_request_ends_with_its_block() -> None:
    """A process that does something else after a command was stopped, as a notebook does, is not stopped again."""
    with pytest.raises(StopRequestedError), interruption.handled(), interruption.deferred():
        interruption.request("stopped", "preempted")
    assert interruption.pending() is None
    with interruption.deferred():
        pass


def test_another_thread_changes_nothing() -> None:
    """Python lets the main thread alone take signals; commands in other threads run without."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with handled():
                pass
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed


def test_the_first_request_waits_for_the_end_of_a_deferred_block() -> None:
    """All of a deferred block is done before the request is taken."""
    done = []

    def work() -> None:
        with handled(), deferred():
            send(signal.SIGTERM)
            done.append(interruption.pending() is not None)

    with pytest.raises(StopRequestedError):
        work()
    assert done == [True]


def test_interrupts_of_one_moment_are_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four interrupts within 30 ms are one press; a later one is a second request, which waits for nothing."""
    now = [100.0]
    monkeypatch.setattr("nnrun.interruption.time.monotonic", lambda: now[0])
    steps: list[str] = []

    def work() -> None:
        with handled(), deferred():
            for _ in range(4):
                send(signal.SIGINT)
                now[0] += 0.01
            steps.append("waits")
            now[0] += 1
            send(signal.SIGINT)
            steps.append("is not reached")

    with pytest.raises(StopRequestedError):
        work()
    assert steps == ["waits"]


def test_a_request_waits_until_what_is_begun_has_somebody_who_ends_it() -> None:
    """Between the first step and the call nothing is interrupted; after it a request is taken at once."""
    done: list[str] = []

    def work(early: bool) -> None:
        with handled(), interruption.deferred_until_called() as go:
            done.append("begun")
            if early:
                send(signal.SIGTERM)
            try:
                done.append("in hands")
                go()
                send(signal.SIGTERM)
                done.append("is not reached")
            finally:
                done.append("ended")

    for early in (True, False):
        with pytest.raises(StopRequestedError):
            work(early)
        assert done == ["begun", "in hands", "ended"]
        done.clear()


def test_a_request_in_a_finalizer_is_taken_after_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Python drops what is raised in a finalizer; the request soon comes again, and no traceback is printed."""

    class Finalized:
        def __del__(self) -> None:
            send(signal.SIGINT)

    reached: list[int] = []

    def work() -> None:
        with handled():
            one = Finalized()
            del one
            time.sleep(5)
            reached.append(1)

    with pytest.raises(StopRequestedError) as stopped:
        work()
    assert stopped.value.status == "interrupted"
    assert not reached
    assert capfd.readouterr().err == ""


def test_other_errors_in_a_finalizer_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """They go to whoever reports them otherwise."""
    reported: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda one: reported.append(one.exc_type))

    class Failing:
        def __del__(self) -> None:
            raise ValueError

    with handled():
        one = Failing()
        del one
    assert reported == [ValueError]


def request_and_withdraw(*, before: int | None = None, after: int | None = None) -> None:
    """Request the end of a piece of work and withdraw that, with a signal before or after the request."""
    with deferred():
        if before is not None:
            send(before)
        made = interruption.request("pruned", "preempted", withdrawable=True)
        if after is not None:
            send(after)
        interruption.withdraw(made)


def test_a_withdrawn_request_ends_one_piece_of_work() -> None:
    """The next piece begins without a request."""
    with pytest.raises(StopRequestedError) as stopped, deferred():
        interruption.request("pruned", "preempted", withdrawable=True)
    interruption.withdraw(stopped.value)
    request_and_withdraw()
    assert (stopped.value.reason, interruption.pending()) == ("pruned", None)


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_signal_is_not_lost_with_a_request_that_is_withdrawn(order: str) -> None:
    """It is for the whole process, also where a piece of its work ends anyway."""
    with handled(), pytest.raises(StopRequestedError) as stopped:
        request_and_withdraw(**{order: signal.SIGTERM})
    assert stopped.value.reason == "stopped by SIGTERM"
