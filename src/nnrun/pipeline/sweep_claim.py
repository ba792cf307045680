"""The end of a claim: the ledger decides whether the trial was still this process's, and only then is it reported.

A process that was suspended for long, or whose host was believed to be gone, may have lost its trial to another one.
What it says of the trial then would count the trial twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.runs import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nnrun.pipeline.child_processes import EventSink
    from nnrun.sweep.ledger import Ledger, Trial

#: The event of a trial whose claim was lost before its end.
LOST = "lost"
_TAKEN_OVER = "another process has taken it over, and trains it"


@dataclass(frozen=True)
class TrialClaim:
    """A trial that was claimed in a ledger, and where its end is reported.

    Attributes:
        ledger: The ledger.
        trial: The trial, as it was claimed.
        send: Receives `done`, `pruned`, `failed`, `again` (it waits again) or `lost`, with a text.
    """

    ledger: Ledger
    trial: Trial
    send: EventSink

    def finish(
        self, scores: Mapping[str, Any], intermediate: Sequence[float] | None, describe: Callable[[], str]
    ) -> None:
        """End it as done; `describe` makes the text, and may send what belongs to it."""
        with interruption.deferred():
            is_kept = self.ledger.finish(self.trial, scores, intermediate)
            self._report(is_kept=is_kept, kind="done", text=describe() if is_kept else "")

    def prune(self, reason: str, intermediate: Sequence[float], text: str) -> None:
        """End it as one that was stopped early."""
        with interruption.deferred():
            is_kept = self.ledger.prune(self.trial, reason, intermediate)
            self._report(is_kept=is_kept, kind="pruned", text=text)

    def fail(self, error: str) -> None:
        """End it as failed by its own fault."""
        with interruption.deferred():
            self._report(is_kept=self.ledger.fail(self.trial, error), kind="failed", text=error)

    def release(self, error: str) -> None:
        """Let the trial wait again, as its process ended through no fault of the trial's; it fails after some times."""
        with interruption.deferred():
            status = self.ledger.release(self.trial, error)
            ending = "it is not tried again" if status == "failed" else "it goes on from its last state"
            kind = "failed" if status == "failed" else "again"
            self._report(is_kept=status is not None, kind=kind, text=f"{error}; {ending}")

    def suspend(self, error: str) -> None:
        """Let the trial wait for the next start of the sweep: this process was stopped, or cannot write."""
        with interruption.shielded():
            status = self.ledger.release(self.trial, error, counts=False)
            if status is None:
                self._report(is_kept=False, kind="again", text=error)

    def _report(self, *, is_kept: bool, kind: str, text: str) -> None:
        self.send(kind if is_kept else LOST, self.trial.number, text if is_kept else _TAKEN_OVER)


def release_killed(ledger: Ledger, pid: int, error: str, send: EventSink) -> None:
    """Let the trial wait again whose process of this host was killed, and report it."""
    host = environment.process()["host"]
    for trial in ledger.trials("running"):
        process = trial.process or {}
        if process.get("pid") == pid and process.get("host") == host:
            TrialClaim(ledger, trial, send).release(error)
