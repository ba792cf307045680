"""`--jobs auto`: no more processes than the memory allows, by what the first one takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from nnrun.pipeline import sweep_memory
from nnrun.pipeline.sweep_memory import MEMORY, MemoryLimit, used_by_this_process
from nnrun.progress import NullProgress

GB = 1_000_000_000


class Said(NullProgress):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.fixture
def available(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 4 GB of free memory."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=4 * GB))
    monkeypatch.setattr(sweep_memory, "machine_memory", lambda: 8 * GB)


@pytest.mark.parametrize(
    ("used", "processes", "text"),
    [
        (GB // 10, 8, "8 processes at the same time: one takes 100.0 MB, and 4.0 GB are free"),
        (GB, 4, "4 processes at the same time instead of 8: one takes 1.0 GB, and 4.0 GB are free"),
        (5 * GB, 1, "1 process at the same time instead of 8: one takes 5.0 GB, and 4.0 GB are free"),
        (0, 8, "8 processes at the same time: one takes 0 B, and 4.0 GB are free"),
    ],
)
def test_others_start_when_it_is_known_how_many_fit(available: None, used: int, processes: int, text: str) -> None:
    """One at first; what the first says counts, and is said once."""
    said, passed = Said(), []

    def on_event(*event: Any) -> None:
        passed.append(event)

    limit = MemoryLimit(8, True, said)
    watch = limit.watching(on_event)
    assert limit.processes() == 1
    watch("at", 0, "x")
    watch(MEMORY, 0, used)
    watch(MEMORY, 1, 20 * GB)
    assert (limit.processes(), said.lines, passed) == (processes, [text], [("at", 0, "x")])


def test_a_container_has_no_more_than_its_limit(available: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own figure is that of the whole machine."""
    monkeypatch.setattr(sweep_memory, "machine_memory", lambda: 2 * GB)
    limit = MemoryLimit(8, True, NullProgress())
    limit.measured(GB)
    assert limit.processes() == 2


def test_a_given_number_is_taken(available: None) -> None:
    """At once, whatever a process takes."""
    said = Said()
    limit = MemoryLimit(8, False, said)
    assert limit.processes() == 8
    limit.watching(lambda *_: pytest.fail("it is not passed on"))(MEMORY, 0, 50 * GB)
    assert (limit.processes(), said.lines) == (8, [])


def test_the_memory_of_this_process_is_measured() -> None:
    """Without libraries that others use too, and so less than the system says."""
    assert 1_000_000 < used_by_this_process() <= sweep_memory.environment.peak_memory_bytes()  # type: ignore[operator]
