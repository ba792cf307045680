"""How many cores there are to compute on: what runs keep and engines are given alike."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Count the cores this process may use (a container or `taskset` may allow fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
