"""Tests of the thread that has the model: batches, refusals, texts by turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.serve.model_queue import ModelQueue, TextStream
from nnrun.serve.refusals import RefusedRequestError


def doubled(examples: Sequence[Any]) -> list[dict[str, Any]]:
    """A model of numbers, which refuses negative ones."""
    if any(example < 0 for example in examples):
        raise RefusedRequestError(422, "negative")
    return [{"row": row, "prediction": 2 * example} for row, example in enumerate(examples)]


@contextmanager
def running(queue: ModelQueue) -> Iterator[None]:
    """Answer in a thread, and stop it at the end."""
    stopped = threading.Event()
    thread = threading.Thread(target=queue.run, args=(stopped.is_set,))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(240)
        assert not thread.is_alive()


def make_queue(batch_examples: int = 256, **options: Any) -> ModelQueue:
    """Return a queue that waits for nobody."""
    return ModelQueue(doubled, batch_seconds=0.0, batch_examples=batch_examples, **options)


def predictions(answer: Future[list[dict[str, Any]]]) -> Any:
    """Return the predictions of an answer, or the message of its error."""
    error = answer.exception(240)
    return [one["prediction"] for one in answer.result()] if error is None else str(error)


@given(st.lists(st.lists(st.integers(-3, 20), min_size=1, max_size=6), min_size=1, max_size=12), st.integers(1, 9))
def test_each_request_gets_its_own_predictions(requests: list[list[int]], size: int) -> None:
    """Whatever is batched with what: each is answered in order, rows counted from 0, and only wrong ones refused."""
    queue = make_queue(size)
    answers = [queue.submit(examples) for examples in requests]
    queue.run(lambda: True)
    found = [predictions(answer) for answer in answers]
    expected = ["negative" if min(examples) < 0 else [2 * one for one in examples] for examples in requests]
    assert found == expected
    rows = [[one["row"] for one in answer.result()] for answer in answers if answer.exception() is None]
    assert rows == [list(range(len(one))) for one in rows]
    assert queue.figures.examples == sum(len(examples) for examples in requests if min(examples) >= 0)


def test_requests_that_wait_are_predicted_together() -> None:
    """Ten requests of two examples are one call of the model; of batches of four examples, five calls."""
    for size, calls in ((256, 1), (4, 5), (1, 10)):
        queue = make_queue(size)
        answers = [queue.submit([1, 2]) for _ in range(10)]
        with running(queue):
            assert {tuple(predictions(answer)) for answer in answers} == {(2, 4)}
        assert queue.figures.batches == calls


def test_series_are_predicted_alone() -> None:
    """The examples of a request for a forecast belong together, and to no other request."""
    queue = make_queue(is_series=True)
    answers = [queue.submit([1, 2]) for _ in range(3)]
    with running(queue):
        assert [predictions(answer) for answer in answers] == [[2, 4]] * 3
    assert queue.figures.batches == 3


def test_a_client_that_has_gone_costs_nothing() -> None:
    """An answer that was cancelled is not computed."""
    queue = make_queue(1)
    gone, other = queue.submit([1]), queue.submit([2])
    assert gone.cancel()
    with running(queue):
        assert predictions(other) == [4]
    assert queue.figures.examples == 1


def test_texts_are_written_by_turns_beside_predictions() -> None:
    """Two texts and a prediction do not wait for each other's end; a text of a client that has gone ends."""
    queue, found = make_queue(), {name: [] for name in "abc"}  # type: dict[str, list[Any]]
    order: list[str] = []
    done = threading.Barrier(3)

    def stream(name: str, pieces: Iterator[str]) -> TextStream:
        def on_piece(piece: str | Exception | None) -> None:
            found[name].append(piece)
            order.append(name)
            if piece is None or isinstance(piece, Exception):
                threading.Thread(target=done.wait, daemon=True).start()

        return TextStream(pieces, on_piece)

    def failing() -> Iterator[str]:
        yield "1"
        raise ValueError("gone")

    for name, pieces in (("a", iter("xyz")), ("b", failing())):
        queue.submit_text(stream(name, pieces))
    cancelled = stream("c", iter("xyz"))
    cancelled.cancel()
    queue.submit_text(cancelled)
    with running(queue):
        answer = queue.submit([4])
        assert predictions(answer) == [8]
    assert found["a"] == ["x", "y", "z", None]
    assert found["b"][0] == "1"
    assert isinstance(found["b"][1], ValueError)
    assert found["c"] == [None]
    assert order.index("b") < len(order) - 1 - order[::-1].index("a")


def test_what_waits_is_answered_before_the_end() -> None:
    """A stop comes after the requests that wait."""
    queue = make_queue(1)
    answers = [queue.submit([number]) for number in range(5)]
    queue.run(lambda: True)
    assert [predictions(answer) for answer in answers] == [[0], [2], [4], [6], [8]]


def test_a_stop_is_noticed_while_requests_come_without_a_pause() -> None:
    """Whether to stop is asked after each batch, and not only when nobody waits."""
    queue, seen = make_queue(1), list[int]()
    queue.submit([1])

    def is_stopped() -> bool:
        seen.append(queue.figures.batches)
        if len(seen) < 5:
            queue.submit([1])
        return True

    queue.run(is_stopped)
    assert seen == [1, 2, 3, 4, 5, 5]


def test_a_fault_of_the_model_ends_one_request_alone() -> None:
    """An error of any kind is that of its request; the next one is answered."""
    queue = make_queue()
    wrong = queue.submit(["text"])
    right = queue.submit([1])
    with running(queue):
        assert isinstance(wrong.exception(240), TypeError)
        assert predictions(right) == [2]


@pytest.mark.parametrize("seconds", [0.0, 240.0])
def test_the_first_request_waits_for_others(seconds: float) -> None:
    """With a wait, a request that comes later is predicted with the first one; no longer than the batch has room."""
    queue = ModelQueue(doubled, batch_seconds=seconds, batch_examples=2)
    with running(queue):
        first = queue.submit([1])
        if not seconds:
            assert predictions(first) == [2]
        second = queue.submit([2])
        assert (predictions(first), predictions(second)) == ([2], [4])
    assert queue.figures.batches == (1 if seconds else 2)
