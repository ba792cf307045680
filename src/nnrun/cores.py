"""The number of cores that computation may use."""

from __future__ import annotations


def usable_cores() -> int:
    """Count the cores that this process may use (a container or `taskset` may allow fewer than the machine has)."""
    import psutil

    process = psutil.Process()
    # macOS has no affinity of processes.
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1
