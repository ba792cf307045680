"""Which cores count as there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nnrun.cores import usable_cores

if TYPE_CHECKING:
    import pytest


def test_usable_cores_are_those_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container or `taskset` that allows one core counts, not the machine."""
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert usable_cores() == 1


def test_where_no_system_tells_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that knows no affinity (macOS) has all its cores, and one where even they are unknown has one."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores() == (os.cpu_count() or 1)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
