"""Several pieces of work that take turns in one process, so that what they compute alike is computed together.

Each has a thread of its own, and one of them runs at a time. It runs until it asks for something that is computed for
several at once; then the next one runs. When all wait, the requests with the key of the one that waits longest are
answered together.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.engine.backend.process_state import ProcessState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    #: Answers requests with equal keys; returns the answers in their order.
    Answer = Callable[[list[Any]], list[Any]]
    #: Returns the answer to a request with a key: `Turns.ask`, or `ask_alone`.
    Ask = Callable[[Hashable, Any, Answer], Any]


@dataclass
class _Worker:
    """One piece of work.

    Attributes:
        work: What is called.
        number: Its place among the others.
        turn: Is held as long as the others run.
        asked: The number of the request that it waits for, counted over all; None: it waits for none.
    """

    work: Callable[[], None]
    number: int
    turn: threading.Lock = field(default_factory=threading.Lock)
    asked: int | None = None
    key: Hashable = None
    request: Any = None
    answer: Answer | None = None
    answered: Any = None
    leads: list[_Worker] = field(default_factory=list)
    error: BaseException | None = None
    failure: BaseException | None = None
    is_done: bool = False


class Turns:
    """Runs pieces of work that take turns.

    Streams of random numbers, and where output and warnings go, are those of the piece of work that runs.
    """

    def __init__(self) -> None:
        self._workers: list[_Worker] = []
        #: Gets an entry whenever a worker gives up its turn.
        self._control: SimpleQueue[None] = SimpleQueue()
        self._current: _Worker | None = None
        self._asked = 0
        self._outside: ProcessState | None = None
        self._is_running = False
        self._abort: BaseException | None = None

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run all of them to their ends.

        Requests to stop wait: each piece of work looks for them itself.

        Raises:
            BaseException: What the first piece of work raised, after all have ended.
        """
        self._workers = [_Worker(work, number) for number, work in enumerate(works)]
        self._outside = ProcessState.capture()
        with self._threads(), interruption.deferred():
            try:
                while (worker := self._next()) is not None:
                    self._let(worker)
            except BaseException as error:
                self._end_all(error)
                raise
            finally:
                self._outside.restore()
        failed = next((one.failure for one in self._workers if one.failure is not None), None)
        if failed is not None:
            raise failed

    def ask(self, key: Hashable, request: Any, answer: Answer) -> Any:
        """Wait until a request is answered, with those of others that have the same key.

        Args:
            key: Requests with equal keys are answered together.
            request: The request.
            answer: Answers several requests.

        Raises:
            BaseException: What `answer` has raised for it, or what has ended another piece of work.
        """
        worker = self._current
        assert worker is not None, "a piece of work asks"  # noqa: S101
        if self._abort is not None:
            raise self._abort
        worker.asked, worker.key, worker.request, worker.answer = self._asked, key, request, answer
        self._asked += 1
        if len(self._left()) > 1:
            self._wait(worker)
        else:
            worker.leads = [worker]
        if worker.leads:
            self._lead(worker)
        error, worker.error = worker.error, None
        if error is not None:
            raise error
        answered, worker.answered = worker.answered, None
        return answered

    def _lead(self, worker: _Worker) -> None:
        """Answer the requests of several workers, in the thread of one of them."""
        group, worker.leads = worker.leads, []
        try:
            assert worker.answer is not None, "it has asked"  # noqa: S101
            for one, answered in zip(group, worker.answer([one.request for one in group]), strict=True):
                one.answered = answered
        except BaseException as error:  # noqa: BLE001 - each of them gets it, and deals with it as if it were alone
            for one in group:
                one.error = error
        for one in group:
            one.asked = one.request = one.answer = None

    def _wait(self, worker: _Worker) -> None:
        """Let others run until it is this one's turn."""
        own = ProcessState.capture()
        self._give_up()
        worker.turn.acquire()
        own.restore()

    def _let(self, worker: _Worker) -> None:
        """Let a worker run until it waits or ends."""
        self._current, self._is_running = worker, True
        worker.turn.release()
        self._wait_for_control()

    def _give_up(self) -> None:
        """Let the others run, in the thread of the worker that runs."""
        self._is_running = False
        self._control.put(None)

    def _wait_for_control(self) -> None:
        """Wait until no worker runs; interrupted anywhere, it may be called again: entries that are left do no harm."""
        while self._is_running:
            self._control.get()

    def _left(self) -> list[_Worker]:
        return [one for one in self._workers if not one.is_done]

    def _next(self) -> _Worker | None:
        """Return the worker whose turn it is; None if all have ended."""
        left = self._left()
        if not left:
            return None
        ready = next((one for one in left if one.asked is None), None)
        if ready is not None:
            return ready
        first = min(left, key=lambda one: one.asked or 0)
        first.leads = [one for one in left if one.key == first.key]
        return first

    def _end_all(self, error: BaseException) -> None:
        """Let every piece of work raise an error where it asks next, or waits."""
        self._abort = error
        self._wait_for_control()
        for one in self._left():
            while not one.is_done:
                one.error = error
                self._let(one)

    @contextmanager
    def _threads(self) -> Iterator[None]:
        threads = []
        for one in self._workers:
            one.turn.acquire()
            threads.append(threading.Thread(target=self._work, args=(one,), daemon=True))
            threads[-1].start()
        yield
        for thread in threads:
            thread.join()

    def _work(self, worker: _Worker) -> None:
        worker.turn.acquire()
        if self._outside is not None:
            self._outside.restore()
        try:
            if worker.error is None:
                worker.work()
        except BaseException as error:  # noqa: BLE001 - raised again where they were started
            worker.failure = error
        worker.is_done = True
        self._give_up()


def ask_alone(key: Hashable, request: Any, answer: Answer) -> Any:  # noqa: ARG001 - there are no others
    """Answer a request at once: what `Turns.ask` is where one training runs in its process."""
    (answered,) = answer([request])
    return answered
