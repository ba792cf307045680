"""Figures of a server as Prometheus reads them: counters, a histogram of times, gauges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.serve.model_queue import QueueFigures

#: The upper limits of the buckets of times, in seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass
class ServerFigures:
    """What a server has done.

    Attributes:
        paths: The paths that are counted by name; all others count as `other`.
        requests: The number of answers by path and status.
        times: The number of answers by the index of their bucket; the last is that of longer ones.
        seconds: The sum of the times.
        in_flight: The number of requests that are being answered.
    """

    paths: frozenset[str]
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    times: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    seconds: float = 0.0
    in_flight: int = 0

    def add(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests[path if path in self.paths else "other", status] += 1
        self.times[next((at for at, limit in enumerate(_BUCKETS) if seconds <= limit), len(_BUCKETS))] += 1
        self.seconds += seconds

    def text(self, queue: QueueFigures, memory: int) -> str:
        """Return the figures in Prometheus' text format.

        Args:
            queue: The figures of the model.
            memory: The memory of the process, in bytes.
        """
        lines = ["# HELP nnrun_requests_total Answered requests.", "# TYPE nnrun_requests_total counter"]
        for (path, status), count in sorted(self.requests.items()):
            lines.append(f'nnrun_requests_total{{path="{path}",status="{status}"}} {count}')
        name, total = "nnrun_request_seconds", 0
        lines += [f"# HELP {name} Time from a request's head to the end of its answer.", f"# TYPE {name} histogram"]
        for limit, count in zip((*_BUCKETS, "+Inf"), self.times, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{limit}"}} {total}')
        lines += [f"{name}_sum {self.seconds:.6f}", f"{name}_count {total}"]
        for kind, name, about, value in (
            ("gauge", "nnrun_requests_in_flight", "Requests that are being answered.", self.in_flight),
            ("counter", "nnrun_batches_total", "Calls of the model.", queue.batches),
            ("counter", "nnrun_examples_total", "Examples of these calls.", queue.examples),
            ("counter", "nnrun_model_seconds_total", "Time of these calls, with preparation.", round(queue.seconds, 6)),
            ("counter", "nnrun_characters_total", "Characters of generated texts.", queue.characters),
            ("gauge", "process_resident_memory_bytes", "Memory of the process.", memory),
        ):
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
