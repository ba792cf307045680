"""Requests to stop: from signals and a time limit. Work that can save its state first takes them at its next boundary.

The first Ctrl-C is a request; a second one stops at once. SIGTERM, SIGHUP (a closed terminal) and the time limit are
requests that stay requests. Outside of `deferred` blocks there is nothing to save, and every request stops at once.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from nnrun.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Literal


#: The signals that are requests; not every system has all of them.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
#: A held key or an impatient hand sends several interrupts; those within this time, in seconds, count as one.
_ONE_PRESS = 0.2
#: Seconds after which a request that Python has dropped comes again.
_AGAIN = 0.01
#: The reason of a request to stop that the time limit made.
TIME_LIMIT = "the time limit was reached"
#: The longest time that `setitimer` is asked for, in seconds: some systems refuse more than 10^8.
_LONGEST_TIMER = 10_000_000.0


class StopRequestedError(KeyboardInterrupt):
    """Work stops because a signal or the time limit asked for it.

    Args:
        reason: Who asked, for the record of a run.
        status: The status of a run that stops for it.
    """

    def __init__(self, reason: str, status: Literal["interrupted", "preempted"]) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status

    @property
    def exit_code(self) -> int:
        """The exit code of a command that stops for it."""
        return EXIT_INTERRUPTED if self.status == "interrupted" else EXIT_PREEMPTED


class _Requests:
    """The request of this process, and whether work is under way that can save its state."""

    def __init__(self) -> None:
        self.pending: StopRequestedError | None = None
        self.deferred = 0
        self.ignored = 0
        self.pressed_at = float("-inf")


_requests = _Requests()


class _OwnRequests(threading.local):
    """The withdrawable request of this thread's piece of work, of which several may take turns."""

    def __init__(self) -> None:
        self.pending: StopRequestedError | None = None
        self.deferred = 0


_own = _OwnRequests()


@contextmanager
def handled() -> Iterator[None]:
    """Let SIGINT, SIGTERM, SIGHUP and the timer of `limit_time` be requests to stop inside the `with` block.

    Only the main thread can take signals; in another one nothing changes. A request of earlier work is forgotten, and
    so is one of this work at its end: what a process does next begins without one.
    """
    clear()
    before = _install() if threading.current_thread() is threading.main_thread() else {}
    report = sys.unraisablehook
    if before:
        sys.unraisablehook = partial(_on_unraisable, report)
    try:
        yield
    finally:
        clear()
        sys.unraisablehook = report
        if getattr(signal, "SIGALRM", None) in before:
            # The timer of `limit_time` would end a process that has its exit code already.
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _install() -> dict[int, Any]:
    """Take the signals; return what took them before."""
    before: dict[int, Any] = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # A caller that ignores a signal (nohup ignores SIGHUP) wants it ignored; None: a handler that is not Python's.
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, _on_signal)
    return before


def limit_time(seconds: float) -> None:
    """Request a stop after some time."""
    signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST_TIMER))


def ignore(*names: str) -> None:
    """Ignore signals in this process: its parent takes them, and passes on what concerns it."""
    for name in names:
        signal.signal(getattr(signal, name), signal.SIG_IGN)


@contextmanager
def withheld(*names: str) -> Iterator[None]:
    """Withhold signals during the `with` block: they come at its end, and never to processes that are started in it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in names})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    is_interrupt = number == signal.SIGINT
    now, pressed_at = time.monotonic(), _requests.pressed_at
    if is_interrupt:
        _requests.pressed_at = now
        if now - pressed_at < _ONE_PRESS:
            return
    if _requests.ignored:
        return
    again = _requests.pending is not None
    _requests.pending = _requests.pending or StopRequestedError(*_reason(number))
    if not _requests.deferred or (is_interrupt and again):
        raise _requests.pending


def _on_unraisable(report: Callable[[Any], object], unraisable: Any) -> None:
    """Let a request come again that was raised where no exception gets out of: in a finalizer or a weak reference.

    Python drops it there, and prints its traceback. Importing a module ends with such a call.
    """
    if not isinstance(unraisable.exc_value, StopRequestedError):
        report(unraisable)
    elif signal.getsignal(signal.SIGALRM) is _on_signal:
        # A signal at once would be taken in here, and be dropped too. The request that is pending keeps its reason.
        limit_time(_AGAIN)


def _reason(number: int) -> tuple[str, Literal["interrupted", "preempted"]]:
    if number == signal.SIGINT:
        return "stopped by the user", "interrupted"
    if number == getattr(signal, "SIGALRM", None):
        return TIME_LIMIT, "preempted"
    return f"stopped by {signal.Signals(number).name}", "preempted"


def pending() -> StopRequestedError | None:
    """Return the request to stop, if there is one: that of the process, else that of this thread's piece of work."""
    return _requests.pending or _own.pending


def request(
    reason: str, status: Literal["interrupted", "preempted"], *, withdrawable: bool = False
) -> StopRequestedError:
    """Request a stop; the first request of a process stays the one that counts.

    Args:
        reason: Who asks, for the record of a run.
        status: The status of a run that stops for it.
        withdrawable: Whether it ends the work of this thread alone, which then calls `withdraw` and goes on with other
            work; a request for the whole process comes before it.

    Returns:
        The request, which counts unless another one does.
    """
    made = StopRequestedError(reason, status)
    if withdrawable:
        _own.pending = _own.pending or made
    else:
        _requests.pending = _requests.pending or made
    return made


def withdraw(made: StopRequestedError) -> None:
    """Forget a request that has ended its piece of work; a request for the whole process stays."""
    if _own.pending is made:
        _own.pending = None


def clear() -> None:
    """Forget the request: the next piece of work in this process starts without one."""
    _requests.pending, _requests.pressed_at, _own.pending = None, float("-inf"), None


@contextmanager
def deferred() -> Iterator[None]:
    """Let the first request wait inside the `with` block, which looks for it with `pending`.

    Raises:
        StopRequestedError: At the end of the outermost block of this thread, for a request that came in its last
            moments.
    """
    _requests.deferred += 1
    _own.deferred += 1
    try:
        yield
    finally:
        _requests.deferred -= 1
        _own.deferred -= 1
    stop = pending()
    if not _own.deferred and stop is not None:
        raise stop


@contextmanager
def deferred_until_called() -> Iterator[Callable[[], None]]:
    """Let the first request wait until the `with` block calls the function that it receives, at most to its end.

    For what is begun in steps (a folder with its record, a process) and then has somebody who ends it: no request
    comes before that.

    Raises:
        StopRequestedError: By the function, or at the end of the block: as for `deferred`.
    """
    with ExitStack() as waiting:
        waiting.enter_context(deferred())
        yield waiting.close


@contextmanager
def shielded() -> Iterator[None]:
    """Ignore requests inside the `with` block, in which the end of a run that stops already is recorded."""
    _requests.ignored += 1
    try:
        yield
    finally:
        _requests.ignored -= 1
