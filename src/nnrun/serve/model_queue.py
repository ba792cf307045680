"""The one thread that has the model: it answers waiting requests together, and writes texts by turns."""

from __future__ import annotations

import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    #: Predicts examples: a list of plain data, one for each; fewer or more where they are a series.
    Predict = Callable[[Sequence[Any]], list[dict[str, Any]]]

#: How long the thread waits before it looks whether it is to stop, in seconds.
_TICK = 0.05


@dataclass(frozen=True)
class _Waiting:
    """Examples of one request that wait for the model."""

    examples: Sequence[Any]
    answer: Future[list[dict[str, Any]]] = field(default_factory=Future)


class TextStream:
    """A text that is written piece by piece for a client.

    Args:
        pieces: Writes the pieces.
        on_piece: Receives each, then None; or the error that ended it.
    """

    def __init__(self, pieces: Iterator[str], on_piece: Callable[[str | Exception | None], None]) -> None:
        self.pieces, self.on_piece, self.is_cancelled = pieces, on_piece, False

    def cancel(self) -> None:
        """Write no more: the client has gone."""
        self.is_cancelled = True


@dataclass
class QueueFigures:
    """What the model has done.

    Attributes:
        batches: How many times it was called.
        examples: How many examples it was called with.
        seconds: The time for them, preparation included.
        characters: How many characters of texts it has written.
    """

    batches: int = 0
    examples: int = 0
    seconds: float = 0.0
    characters: int = 0


class ModelQueue:
    """Requests that wait for the model. They come from the server's thread; `run` answers them in the model's own.

    Args:
        predict: Predicts examples.
        batch_seconds: How long the first of a batch waits for others.
        batch_examples: How many examples are predicted at once at most; with 1, each request is predicted alone.
        is_series: Whether the examples of a request belong together, so that each request is predicted alone.
    """

    def __init__(self, predict: Predict, *, batch_seconds: float, batch_examples: int, is_series: bool = False) -> None:
        self._predict, self._seconds = predict, batch_seconds
        self._most = 1 if is_series else batch_examples
        self._waiting: queue.SimpleQueue[_Waiting | TextStream] = queue.SimpleQueue()
        self._next: _Waiting | None = None
        self._streams: list[TextStream] = []
        self.figures = QueueFigures()

    def submit(self, examples: Sequence[Any]) -> Future[list[dict[str, Any]]]:
        """Let examples wait; return what will have their predictions, or the error."""
        waiting = _Waiting(examples)
        self._waiting.put(waiting)
        return waiting.answer

    def submit_text(self, stream: TextStream) -> None:
        """Let a text be written."""
        self._waiting.put(stream)

    def run(self, is_stopped: Callable[[], bool]) -> None:
        """Answer requests until `is_stopped` returns True and none waits."""
        while True:
            batch = self._batch()
            if batch:
                self._answer(batch)
            self._write_texts()
            # Asked in each turn: requests may come without a pause.
            if is_stopped() and not batch and not self._streams:
                return

    def _batch(self) -> list[_Waiting]:
        """Return requests that are answered together; none if no one comes for a moment."""
        first = self._next or self._take(0.0 if self._streams else _TICK)
        self._next = None
        if first is None:
            return []
        batch, count, end = [first], len(first.examples), time.monotonic() + self._seconds
        while count < self._most:
            following = self._take(max(end - time.monotonic(), 0.0))
            if following is None:
                break
            count += len(following.examples)
            if count > self._most:
                self._next = following
                break
            batch.append(following)
        return batch

    def _take(self, seconds: float) -> _Waiting | None:
        """Return a request that waits for predictions, None if there is none in time; a text that waits is begun."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            try:
                one = self._waiting.get(timeout=left) if left > 0 else self._waiting.get_nowait()
            except queue.Empty:
                return None
            if isinstance(one, TextStream):
                self._streams.append(one)
                return None
            # A client that has gone has cancelled its answer.
            if one.answer.set_running_or_notify_cancel():
                return one

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        """Predict requests together; one that is refused has no effect on the others."""
        examples = [one for waiting in batch for one in waiting.examples]
        try:
            found = self._predicted(examples)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request is answered and the server goes on
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            # Few calls find the one that is refused among many.
            half = len(batch) // 2
            self._answer(batch[:half])
            self._answer(batch[half:])
            return
        if len(batch) == 1:
            batch[0].answer.set_result(found)
            return
        for waiting in batch:
            size = len(waiting.examples)
            waiting.answer.set_result([{**one, "row": row} for row, one in enumerate(found[:size])])
            found = found[size:]

    def _predicted(self, examples: Sequence[Any]) -> list[dict[str, Any]]:
        started = time.perf_counter()
        found = self._predict(examples)
        self.figures.batches += 1
        self.figures.examples += len(examples)
        self.figures.seconds += time.perf_counter() - started
        return found

    def _write_texts(self) -> None:
        """Write the next piece of each text."""
        for stream in list(self._streams):
            piece: str | Exception | None = None
            try:
                piece = None if stream.is_cancelled else next(stream.pieces, None)
            except Exception as error:  # noqa: BLE001 - as in `_answer`
                piece = error
            if piece is None or isinstance(piece, Exception):
                self._streams.remove(stream)
            else:
                self.figures.characters += len(piece)
            stream.on_piece(piece)
