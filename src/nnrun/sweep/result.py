"""How a sweep stands, read from its folder: its trials, its combinations, and the best one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.sweep.rounds import trials_left
from nnrun.sweep.study import groups, objective

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Trial
    from nnrun.sweep.study import Group, Objective


@dataclass(frozen=True)
class SweepResult:
    """How a sweep stands.

    Attributes:
        folder: Its folder.
        fields: What its ledger knows of it as a whole.
        trials: All trials.
        objective: The score by which they are compared; None as long as no trial is done.
        groups: Its combinations, the best first.
    """

    folder: SweepFolder
    fields: dict[str, Any]
    trials: list[Trial]
    objective: Objective | None
    groups: list[Group]

    def count(self, status: str) -> int:
        """Return how many trials have a status."""
        return sum(trial.status == status for trial in self.trials)

    @property
    def left(self) -> int:
        """How many trials have not ended, those of later rounds included."""
        return trials_left(self.fields, Counter(trial.status for trial in self.trials))

    @property
    def best(self) -> Group | None:
        """The best combination; None as long as none is done."""
        return next((group for group in self.groups[:1] if group.value is not None), None)


def read_sweep(folder: SweepFolder) -> SweepResult:
    """Read how a sweep stands.

    Raises:
        RunError: The ledger cannot be read, or no score can be compared.
    """
    ledger = folder.open_ledger()
    fields, trials = ledger.fields(), ledger.trials()
    _require_sound(folder, fields, trials)
    goal = objective(trials, fields.get("choose_by"), str(fields.get("mode")))
    return SweepResult(folder, fields, trials, goal, groups(trials, goal))


def _require_sound(folder: SweepFolder, fields: Mapping[str, Any], trials: Sequence[Trial]) -> None:
    """Check the kinds of what a ledger has: it may come from other hands.

    Raises:
        RunError: One is of another kind.
    """
    choose_by = fields.get("choose_by")
    sound = bool(trials) and (choose_by is None or isinstance(choose_by, str))
    if sound and all(isinstance(one.parameters, dict) and isinstance(one.scores or {}, dict) for one in trials):
        return
    text = f"the ledger of {folder.path} is damaged: a value is of another kind than nnrun writes"
    raise RunError(text, "begin another sweep; the runs in its folder are kept")
