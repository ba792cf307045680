"""How many processes of a sweep the memory allows: the first one is measured before others start (`--jobs auto`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.data.files.limits import machine_memory
from nnrun.formatting import format_bytes, format_count
from nnrun.runs import environment

if TYPE_CHECKING:
    from nnrun.pipeline.child_processes import EventSink
    from nnrun.progress import Progress

#: The event with which a process says how much memory it takes, in bytes.
MEMORY = "memory"
#: The part of the available memory that is given away: later trials may take more than the first.
_SHARE = 0.9


def used_by_this_process() -> int:
    """Return the most bytes that this process has had in memory, without what it shares with others, as libraries."""
    import psutil

    # Only Linux says how much is shared.
    shared = getattr(psutil.Process().memory_info(), "shared", 0)
    return max(0, (environment.peak_memory_bytes() or 0) - shared)


@dataclass
class MemoryLimit:
    """Lets one process start, and the others when it is known how many fit; or all of them.

    Attributes:
        most: The largest number of processes.
        is_asked: Whether the memory counts; all may start otherwise.
        progress: Reports how many there are.
    """

    most: int
    is_asked: bool
    progress: Progress
    _known: int | None = field(default=None, init=False)

    def processes(self) -> int:
        """Return how many processes may run now."""
        return (self._known or 1) if self.is_asked else self.most

    def watching(self, on_event: EventSink) -> EventSink:
        """Return a receiver of events that takes those of the memory, and passes on all others."""

        def watch(kind: str, number: int | None, payload: Any) -> None:
            if kind == MEMORY:
                self.measured(payload)
            else:
                on_event(kind, number, payload)

        return watch

    def measured(self, used: int) -> None:
        """Let as many processes run as take the available memory, if each takes `used` bytes; the first call counts."""
        import psutil

        if self._known is not None or not self.is_asked:
            return
        available = min(int(psutil.virtual_memory().available), machine_memory())
        self._known = max(1, min(self.most, 1 + int(_SHARE * available / max(1, used))))
        if self.most > 1:
            text = f"{format_count(self._known, 'process', 'processes')} at the same time"
            limit = f" instead of {self.most}" if self._known < self.most else ""
            self.progress.say(f"{text}{limit}: one takes {format_bytes(used)}, and {format_bytes(available)} are free")
