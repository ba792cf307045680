"""The number of usable cores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from nnrun.cores import usable_cores

if TYPE_CHECKING:
    import pytest


def test_usable_cores_are_those_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cores that a container or `taskset` allows are counted, not those of the machine."""
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: [5], raising=False)
    assert usable_cores() == 1


def test_without_an_affinity_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without an affinity (macOS) has all its cores; if their number is unknown, one."""
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    assert usable_cores() == (os.cpu_count() or 1)
    monkeypatch.setattr(psutil, "cpu_count", lambda: None)
    assert usable_cores() == 1
