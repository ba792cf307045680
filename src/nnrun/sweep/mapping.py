"""Which trials of a sweep one program trains, mapped over them: a function of what is tried, and of nothing else.

Neither the number of processes nor kills change it, so that each trial is always computed in the same lane of a program
with the same number of lanes.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from nnrun.spec.mapped_trials import is_program_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.sweep.ledger import Ledger, Trial

#: Seconds for which a process that claims the trials of a group one by one may be seen with some of them alone.
_CLAIM_SECONDS = 0.2


def mapped_groups(fields: Mapping[str, Any], trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return the groups of trials that one program trains, each in the order of its lanes.

    Args:
        fields: What the ledger knows of the sweep as a whole.
        trials: All trials so far.
    """
    size, rounds = fields["mapped"], fields.get("rounds")
    of_round = rounds["size"] * len(fields["seeds"]) if rounds else None
    same: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        program = {path: one for path, one in trial.parameters.items() if not is_program_data(path, one)}
        key = json.dumps(program, sort_keys=True), trial.number // of_round if of_round else 0
        same.setdefault(key, []).append(trial)
    return [members[first : first + size] for members in same.values() for first in range(0, len(members), size)]


class TrialGroups:
    """The groups of a sweep that maps its trials, as a process that claims them knows them.

    What belongs to a group never changes, so trials are read once, and claimed by their numbers.

    Args:
        ledger: The ledger.
        fields: What it knows of the sweep as a whole.
    """

    def __init__(self, ledger: Ledger, fields: Mapping[str, Any]) -> None:
        self._ledger, self._fields = ledger, fields
        self._trials: list[Trial] = []
        self._groups: list[list[Trial]] = []
        #: The groups of which some trials may wait, by their place.
        self._open: list[int] = []

    def claim(self) -> list[tuple[Trial, int]]:
        """Claim the trials of a group that wait, each with the number of its lane; none if no trial waits.

        A group that another process trains a part of comes last.
        """
        self._read_new()
        has_waited = False
        found: list[tuple[Trial, int]] = []
        while not found:
            shared = {one.number for one in self._ledger.trials("running")}
            for place in list(self._open):
                if shared.isdisjoint(one.number for one in self._groups[place]) and (found := self._claim(place)):
                    return found
            if not self._open:
                # Trials of a process that is gone wait again.
                self._open = self._find_waiting()
                if not self._open:
                    return []
            elif not has_waited:
                time.sleep(_CLAIM_SECONDS)
                has_waited = True
            else:
                found = next((claimed for place in list(self._open) if (claimed := self._claim(place))), [])
        return found

    def _read_new(self) -> None:
        """Read the trials of rounds that were added."""
        new = self._ledger.trials(first=len(self._trials))
        if new:
            self._trials += new
            self._groups = mapped_groups(self._fields, self._trials)
            self._open = self._find_waiting()

    def _find_waiting(self) -> list[int]:
        """Return the places of the groups of which a trial waits."""
        waiting = {one.number for one in self._ledger.trials("waiting")}
        return [place for place, group in enumerate(self._groups) if any(one.number in waiting for one in group)]

    def _claim(self, place: int) -> list[tuple[Trial, int]]:
        """Claim what waits of a group, which is done with for this process afterwards."""
        self._open.remove(place)
        claimed = [(self._ledger.claim(trial.number), lane) for lane, trial in enumerate(self._groups[place])]
        return [(trial, lane) for trial, lane in claimed if trial is not None]
