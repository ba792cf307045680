"""Losses that are not finite: `training.on_nan`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnrun.engine.executors.compiled_steps import Tensors
from nnrun.engine.executors.shuffle import epoch_order
from nnrun.engine.state.epoch_start import EpochStart
from nnrun.engine.training.divergence import MOST_ROLLBACKS
from nnrun.engine.training.loop import TrainingLoop
from nnrun.errors import RunError
from nnrun.progress import NullProgress
from nnrun.spec.training import TrainingSpec

NAN = float("nan")


class Weights:
    """Stands for executor, variables and callbacks: one weight, which steps change by the row that they take."""

    def __init__(self, *, bad: tuple[int, ...]) -> None:
        self.weight = np.zeros(1)
        self.bad, self.orders, self.lines = bad, [], []  # type: ignore[var-annotated]

    def train(self, _: Any, order: Any, on_steps: Any, __: Any, **___: Any) -> dict[str, float]:
        """Give a loss that is no number where a bad row comes first."""
        self.orders.append(order.tolist())
        self.weight = self.weight * 3 + order[0]
        loss = NAN if order[0] in self.bad else float(self.weight[0])
        on_steps(1, {"loss": loss})
        return {"loss": loss}

    def collect(self) -> dict[str, np.ndarray]:
        """Return the weight."""
        return {"model/0/weight": self.weight}

    def restore(self, arrays: Any) -> None:
        """Take it back."""
        self.weight = arrays["model/0/weight"]

    def run(self, on_nan: Any, epochs: int = 3, rows: int = 50) -> int:
        """Train."""
        spec = TrainingSpec(epochs=epochs, batch_size=1, on_nan=on_nan)
        start: Any = EpochStart(self, []) if on_nan == "rollback" else None  # type: ignore[arg-type]
        model, callbacks = SimpleNamespace(optimizer=None, variables=[]), _NoCallbacks()
        loop = TrainingLoop(
            model,
            self,
            Tensors((), rows),
            None,
            callbacks,
            False,
            7,
            None,
            start,  # type: ignore[arg-type]
        )
        return loop.run(spec, NullProgress(), self.lines.append)


class _NoCallbacks:
    callbacks = ()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *_: None


def firsts(rollbacks: int) -> list[int]:
    """Return the row that comes first in each of three epochs, after so many returns."""
    return [int(epoch_order(7, epoch, 50, rollbacks=rollbacks)[0]) for epoch in range(3)]


def test_ignore_goes_on() -> None:
    """All epochs are trained, and each has its line."""
    weights = Weights(bad=tuple(range(50)))
    assert weights.run("ignore") == 3
    assert [line["epoch"] for line in weights.lines] == [1, 2, 3]


def test_stop_keeps_the_line_of_the_epoch() -> None:
    """Noticed between two steps, the figures so far are the epoch's line."""
    weights = Weights(bad=(firsts(0)[0],))
    with pytest.raises(RunError, match="training diverged in epoch 1: loss is nan"):
        weights.run("stop")
    assert [line["epoch"] for line in weights.lines] == [1]


def test_rollback_takes_the_rows_in_another_order() -> None:
    """The epoch is trained again from the weights at its start, and nothing of the failed attempt is kept."""
    taken = [firsts(0)[0], *firsts(1)[1:]]
    bad = firsts(0)[1]
    assert bad not in taken, "the seed makes a test of one return, in the second epoch"
    weights = Weights(bad=(bad,))
    assert weights.run("rollback") == 3
    expected = 0.0
    for first in taken:
        expected = expected * 3 + first
    assert weights.weight == expected
    assert [line["epoch"] for line in weights.lines] == [1, 2, 3]
    assert np.isfinite([line["loss"] for line in weights.lines]).all()


def test_rollback_gives_up() -> None:
    """Where every order diverges, the run fails after a few attempts."""
    weights = Weights(bad=tuple(range(50)))
    with pytest.raises(RunError, match=f"also after {MOST_ROLLBACKS} returns to the start"):
        weights.run("rollback")
    assert len(weights.orders) == MOST_ROLLBACKS + 1
    assert weights.lines == []


def test_the_order_without_a_return_is_what_it_was() -> None:
    """Runs that never went back keep their bits; each return has an order of its own."""
    assert epoch_order(7, 2, 50).tolist() == epoch_order(7, 2, 50, rollbacks=0).tolist()
    orders = {tuple(epoch_order(7, 2, 50, rollbacks=number).tolist()) for number in range(4)}
    assert len(orders) == 4
