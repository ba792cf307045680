"""Stop a trial of a sweep early, at the end of an epoch, where others were better after as many epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nnrun import interruption
from nnrun.errors import RunError
from nnrun.pipeline.run_state import read_last_state
from nnrun.runs import metrics
from nnrun.runs import record as records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder
    from nnrun.sweep.optuna_study import PruningComparison


class TrialPruner:
    """Compares a trial after each epoch with those of completed rounds, and requests a stop where it is pruned.

    The stop is that of any request: the run's state is saved at the end of the epoch, and the run can be resumed.

    Args:
        pruning: The pruner, and the metric by which it decides, from the ledger.
        comparison: What compares the trial with those of completed rounds.
        run: Its run folder.

    Attributes:
        values: The value of each epoch so far by which it is decided.
        reason: Why the trial is pruned; None as long as it is not.
    """

    def __init__(self, pruning: Mapping[str, Any], comparison: PruningComparison, run: RunFolder) -> None:
        self._pruning, self._comparison, self._run = pruning, comparison, run
        self._request: interruption.StopRequestedError | None = None
        self.values: list[float] = []
        self.reason: str | None = None

    def begin(self) -> None:
        """Look at the epochs from which a run that has begun goes on: one that is pruned there is not trained on.

        Raises:
            RunError: The state of the run, or its metrics, cannot be read.
        """
        if not self._run.record.is_file():
            return
        rows = metrics.read(self._run.metrics)
        if records.read(self._run).get("status") == "done":
            self.values = [self._value(row) for row in rows]
            return
        state = read_last_state(self._run)
        if state is not None:
            position, context = state.document["position"], state.document["context"]
            for row in rows[: position["epoch"]]:
                self.on_epoch(row["epoch"], context["epochs"], row)

    def on_epoch(self, epoch: int, epochs: int, figures: Mapping[str, Any]) -> None:
        """Decide after an epoch, counted from 1; after the last one the trial is scored in any case."""
        value = self._value(figures)
        self.values.append(value)
        signed = -value if self._pruning["mode"] == "max" else value
        is_pruned = self._comparison.is_pruned(epoch, signed)
        if is_pruned and epoch < epochs and self.reason is None:
            self.reason = f"pruned after epoch {epoch} of {epochs}: {self._pruning['monitor']} {value:.4g}"
            self._request = interruption.request(self.reason, "preempted", withdrawable=True)

    def has_requested(self, stop: interruption.StopRequestedError) -> bool:
        """Return whether a stop is that of the pruned trial, and no other request."""
        return stop is self._request

    def _value(self, figures: Mapping[str, Any]) -> float:
        """Return the monitored value of an epoch.

        Raises:
            RunError: No epoch has it.
        """
        monitor = self._pruning["monitor"]
        if monitor not in figures:
            names = ", ".join(name for name in figures if name not in ("epoch", "fold", "phase", "seconds"))
            text = f"pruning compares '{monitor}', and no epoch has this metric"
            raise RunError(text, f"write pruning: {{median: {{monitor: NAME}}}}; the metrics are: {names}")
        return math.nan if figures[monitor] is None else float(figures[monitor])
