"""A ledger in a folder of files, for processes of several machines that share nothing but a folder.

    sweep.json                      what belongs to the sweep as a whole
    trials/000000.json              what is tried, from trial 0 on; 000040.json from trial 40 on, and so forth
    claims/000000/000007.1.json     the first claim of trial 7: who has it; its owner renews its time of modification
    ends/000000/000007.1.json       how that claim ended: done, failed, or released so that the trial waits again
    claims/000000/000007.2.json     the next claim
    released/000007.1.json          a hint that trial 7 may wait again; removed when it is claimed
    ended/000000.json               how all trials of a subfolder ended, when none of them waits or runs any more

But for hints no file is changed or removed once it has its name, and of all processes that claim a trial, or end a
claim, exactly one succeeds (`write_once`). A cache that shows an old state of a folder costs a failed link, and nothing
else. Trials are claimed in the order of their numbers, so that a claim lists one subfolder, however long the sweep is;
the files of trials that have all ended are read from one.
"""

from __future__ import annotations

import json
import os
import random
from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from nnrun import atomic_files
from nnrun.errors import RunError
from nnrun.regular_files import open_regular, require_inside
from nnrun.runs.disk import disk_error, make_folder, write_file
from nnrun.runs.record import now
from nnrun.sweep.ledger import FORMAT, LEASE_SECONDS, Ledger, Trial, TrialStatus, claimant
from nnrun.sweep.write_once import BLOCK, ClaimFiles, claim_names, create_document, damaged, numbers_of, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: The format of such a folder: 2 had no subfolders.
FILES_FORMAT = 3
#: The folders in that of the ledger.
_FOLDERS = ("trials", "claims", "ends", "released", "ended")
#: What the end of a claim says of its trial.
_OF_AN_END = ("status", "attempts", "error", "scores", "intermediate", "ended")
#: The states in which a trial stays.
_FINAL = ("done", "failed", "pruned")
#: As many files of `trials/` are kept in memory.
_MOST_KEPT = 4


class FileLedger(Ledger):
    """A ledger that exists.

    Args:
        folder: The folder.

    Raises:
        RunError: It is no ledger, is damaged, or is of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self._rounds, claims, ends, released, self._ended = (folder / name for name in _FOLDERS)
        for path in (folder / "sweep.json", *(folder / name / "x" for name in _FOLDERS)):
            require_inside(folder.parent, path)
        self._claims, self._ends, self._released = ClaimFiles(claims), ClaimFiles(ends), released
        document = read_document(folder / "sweep.json")
        if document.get("format") != FILES_FORMAT:
            text = f"{folder} has format {document.get('format')}, and this version of nnrun reads {FILES_FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")
        if not isinstance(document.get("fields"), dict):
            raise damaged(folder / "sweep.json", "it has no fields")
        self._fields = {"format": FORMAT, **document["fields"]}
        #: The first trial of each file of `trials/`, the files that were read last, and how many trials there are.
        self._firsts: list[int] = []
        self._kept: dict[int, list[Trial]] = {}
        self._count = 0
        #: The first subfolder in which a trial is unclaimed, and claims that others were found to have got before.
        self._unclaimed, self._lost = self._claims.last_block(), set[tuple[int, int]]()
        #: How many trials of a subfolder have each status, if all have ended; and those that have ended of the others.
        self._counts: dict[int, Counter[str]] = {}
        self._final: dict[int, Trial] = {}

    @classmethod
    def create(cls, folder: Path, fields: Mapping[str, Any], trials: Sequence[Trial]) -> FileLedger:
        """Create a ledger with its first trials, which wait.

        Args:
            folder: The folder, which does not exist.
            fields: What belongs to the sweep as a whole.
            trials: The trials.
        """
        for path in (folder, *(folder / name for name in _FOLDERS)):
            make_folder(path)
        for first in range(0, len(trials), BLOCK):
            rows = json.dumps(_rows(trials[first : first + BLOCK])).encode()
            write_file(folder / "trials" / f"{first:06d}.json", rows)
        # The last file: without it there is no ledger.
        write_file(folder / "sweep.json", json.dumps({"format": FILES_FORMAT, "fields": dict(fields)}).encode())
        return cls(folder)

    def add(self, trials: Sequence[Trial], known: int) -> bool:
        """Add trials, which wait, if the ledger has as many as they were made from; all of them or none.

        Raises:
            RunError: They are not numbered from `known` on, or the folder cannot be written.
        """
        if self._trials_known() != known:
            return False
        if [one.number for one in trials] != list(range(known, known + len(trials))):
            raise RunError(f"{self._rounds}: the trials that are added have to be numbered from {known} on")
        return not trials or create_document(self._rounds / f"{known:06d}.json", _rows(trials))

    def fields(self) -> dict[str, Any]:
        """Return what belongs to the sweep as a whole."""
        return dict(self._fields)

    def trials(self, status: TrialStatus | None = None, first: int = 0) -> list[Trial]:
        """Return all trials, or those of one status, by number; those before `first` are left out."""
        blocks = range(first // BLOCK * BLOCK, self._trials_known(), BLOCK)
        found = (one for block in blocks for one in self._states(block, status))
        return [one for one in found if one.number >= first and (status is None or one.status == status)]

    def counts(self) -> dict[str, int]:
        """Return how many trials have each status."""
        found = Counter[str]()
        for block in range(0, self._trials_known(), BLOCK):
            found += self._counts.get(block) or Counter(one.status for one in self._states(block))
        return dict(found)

    def claim(self, number: int | None = None) -> Trial | None:
        """Claim the first trial that waits for this process, or the one of a number; None if it, or none, waits.

        Of many processes that claim at the same moment, each tries others after the first, as only one gets that.
        """
        self._trials_known()
        tries = 0
        while (found := self._next_waiting(tries) if number is None else self._waiting(number)) is not None:
            waiting, count = found
            claim: dict[str, Any] = {
                "process": claimant(),
                "attempts": waiting.attempts + 1,
                "started": waiting.started or now(),
            }
            if self._claims.create(waiting.number, count + 1, claim):
                atomic_files.remove(self._hint(waiting.number, count))
                return replace(self._trial(waiting.number), status="running", **claim)
            self._lost.add((waiting.number, count + 1))
            tries += 1
        return None

    def renew(self, trial: Trial) -> bool:
        """Tell other hosts that the owner of a claim lives; return whether the claim is still the trial's."""
        count = self._claim_of(trial)
        if count is None:
            return False
        with suppress(FileNotFoundError):  # a server that was away may need a moment
            descriptor = open_regular(self._claims.path(trial.number, count))
            try:
                # Without a time of ours: a file server writes its own.
                os.utime(descriptor)
            finally:
                os.close(descriptor)
        return True

    def has_expired(self, trial: Trial) -> bool:
        """Return whether nobody has renewed the claim of a trial for longer than a living owner would."""
        count = self._claim_of(trial)
        if count is None:
            return False
        try:
            descriptor = open_regular(self._claims.path(trial.number, count))
        except FileNotFoundError:
            return False
        try:
            # Opened first: that makes NFS ask its server for the time.
            renewed = os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
        return self._server_time() - renewed > LEASE_SECONDS

    def _server_time(self) -> float:
        """Return the time of the file server, which may be another one than that of this host."""
        temporary = atomic_files.temporary_path(self._claims.folder / "time", ".tmp")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                os.write(descriptor, b"0")
                os.fsync(descriptor)
                return os.fstat(descriptor).st_mtime
            finally:
                os.close(descriptor)
        except OSError as error:
            raise disk_error(error, temporary) from error
        finally:
            atomic_files.remove(temporary)

    def _end(
        self,
        trial: Trial,
        status: TrialStatus,
        *,
        scores: Mapping[str, Any] | None = None,
        error: str | None = None,
        intermediate: Sequence[float] | None = None,
        less: int = 0,
    ) -> bool:
        """End a claim, if it is still the trial's; `less` attempts than before."""
        ended = None if status == "waiting" else now()
        end: dict[str, Any] = {
            "status": status,
            "attempts": trial.attempts - less,
            "error": error,
            "scores": None if scores is None else dict(scores),
            "ended": ended,
        }
        if intermediate is not None:
            end["intermediate"] = list(intermediate)
        count = self._claim_of(trial)
        if count is None:
            return False
        if status == "waiting":
            # First the hint: a trial that waits without one would be found by nobody.
            create_document(self._hint(trial.number, count), {})
        is_made = self._ends.create(trial.number, count, end)
        if is_made and status in _FINAL:
            with suppress(RunError):  # the files themselves have all that the one for all of them would have
                self._close(trial.number // BLOCK * BLOCK)
        return is_made

    def _claim_of(self, trial: Trial) -> int | None:
        """Return which claim of its trial this one is; None if it is no longer the trial's."""
        count = 1
        while self._ends.exists(trial.number, count):
            count += 1
        claim = (
            read_document(self._claims.path(trial.number, count)) if self._claims.exists(trial.number, count) else {}
        )
        is_the_trials = claim.get("process") == trial.process and claim.get("attempts") == trial.attempts
        return count if is_the_trials else None

    def _trials_known(self) -> int:
        """Return how many trials there are; rounds that were added since the last call are found."""
        if not self._firsts:
            self._firsts = sorted(numbers_of(self._rounds))
            self._count = self._firsts[-1] + len(self._rows(self._firsts[-1])) if self._firsts else 0
        while (self._rounds / f"{self._count:06d}.json").exists():
            self._firsts.append(self._count)
            self._count += len(self._rows(self._count))
        return self._count

    def _trial(self, number: int) -> Trial:
        """Return a trial as it was added."""
        at = bisect_right(self._firsts, number) - 1
        rows = self._rows(self._firsts[at]) if at >= 0 else []
        if number - self._firsts[at] >= len(rows):
            raise damaged(self._rounds, f"it has no trial {number}")
        return rows[number - self._firsts[at]]

    def _rows(self, first: int) -> list[Trial]:
        """Return the trials of a file of `trials/`."""
        if first not in self._kept:
            path = self._rounds / f"{first:06d}.json"
            try:
                rows = [Trial(*row) for row in read_document(path)["trials"]]
            except (KeyError, TypeError) as error:
                raise damaged(path, error) from error
            if not rows or [one.number for one in rows] != list(range(first, first + len(rows))):
                raise damaged(path, f"expected trials that are numbered from {first} on")
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[first] = rows
        return self._kept[first]

    def _waiting(self, number: int) -> tuple[Trial, int] | None:
        """Return a trial if it waits, and how often it was claimed."""
        claims = self._claims.names(number // BLOCK * BLOCK) | self._lost
        count = max((count for one, count in claims if one == number), default=0)
        if not count:
            return self._trial(number), 0
        if not self._ends.exists(number, count):
            return None
        found = self._state(number, count, is_ended=True)
        return (found, count) if found.status == "waiting" else None

    def _next_waiting(self, tries: int) -> tuple[Trial, int] | None:
        """Return the first trial that waits, or one soon after it, and how often it was claimed."""
        released, unclaimed = self._first_released(), None
        if released is None or released[0].number > self._unclaimed:
            unclaimed = self._first_unclaimed(tries)
        if unclaimed is None or (released is not None and released[0].number < unclaimed):
            return released
        return self._trial(unclaimed), 0

    def _first_released(self) -> tuple[Trial, int] | None:
        """Return the first trial that was claimed and waits again, and how often it was claimed."""
        for number, count in sorted(claim_names(self._released)):
            if (number, count + 1) in self._lost or not self._ends.exists(number, count):
                continue
            if not self._claims.exists(number, count + 1):
                found = self._state(number, count, is_ended=True)
                if found.status == "waiting":
                    return found, count
            atomic_files.remove(self._hint(number, count))
        return None

    def _first_unclaimed(self, tries: int) -> int | None:
        """Return the first trial that was never claimed; after `tries` claims that others got, one soon after it."""
        while (block := self._unclaimed) < self._count:
            taken = {number for number, _ in self._claims.names(block) | self._lost}
            free = [number for number in range(block, min(block + BLOCK, self._count)) if number not in taken]
            if free:
                return free[random.randrange(min(2**tries, len(free)))]  # noqa: S311 - which one does not matter
            if block + BLOCK > self._count:
                return None
            self._unclaimed += BLOCK
        return None

    def _states(self, block: int, status: TrialStatus | None = None) -> list[Trial]:
        """Return the trials of a subfolder; where one status is asked for, some of another may be left out."""
        if block in self._counts or (self._ended / f"{block:06d}.json").exists():
            return [] if status in ("waiting", "running") else self._ended_states(block)
        claims, ended = Counter[int](), self._ends.names(block)
        for number, count in self._claims.names(block):
            claims[number] = max(count, claims[number])
        return [
            self._state(number, claims[number], is_ended=(number, claims[number]) in ended)
            for number in range(block, min(block + BLOCK, self._count))
            if status != "running" or (claims[number] and (number, claims[number]) not in ended)
        ]

    def _ended_states(self, block: int) -> list[Trial]:
        """Return the trials of a subfolder that have all ended."""
        path = self._ended / f"{block:06d}.json"
        try:
            found = [replace(self._trial(row["number"]), **row) for row in read_document(path)["trials"]]
        except (KeyError, TypeError) as error:
            raise damaged(path, error) from error
        is_sound = all(one.status in _FINAL and isinstance(one.attempts, int) for one in found)
        if not is_sound or [one.number for one in found] != list(range(block, block + BLOCK)):
            raise damaged(path, "expected the trials of a subfolder, which have ended")
        self._counts[block] = Counter(one.status for one in found)
        for one in found:
            self._final.pop(one.number, None)
        return found

    def _close(self, block: int) -> None:
        """Write one file of how all trials of a subfolder ended, if they have; whoever writes it writes the same."""
        if block + BLOCK > self._trials_known() or len({number for number, _ in self._ends.names(block)}) < BLOCK:
            return
        states = self._states(block)
        if any(one.status not in _FINAL for one in states):
            return
        rows = [
            {name: value for name in ("number", "started", *_OF_AN_END) if (value := getattr(one, name)) is not None}
            for one in states
        ]
        create_document(self._ended / f"{block:06d}.json", {"trials": rows})

    def _state(self, number: int, count: int, *, is_ended: bool) -> Trial:
        """Return a trial as its last claim, which is the `count`-th, left it."""
        if not count:
            return self._trial(number)
        if number in self._final:
            return self._final[number]
        path = self._claims.path(number, count)
        claim = read_document(path)
        state: dict[str, Any] = {
            "status": "running",
            "process": claim.get("process"),
            "attempts": claim.get("attempts"),
        }
        if is_ended:
            path = self._ends.path(number, count)
            end = read_document(path)
            state = {name: end.get(name) for name in _OF_AN_END}
        if state["status"] not in get_args(TrialStatus) or not isinstance(state["attempts"], int):
            raise damaged(path, "it is no state of a trial")
        found = replace(self._trial(number), started=claim.get("started"), **state)
        if found.status in _FINAL:
            self._final[number] = found
        return found

    def _hint(self, number: int, count: int) -> Path:
        """Return the file that says that a trial may wait again after its `count`-th claim."""
        return self._released / f"{number:06d}.{count}.json"


def _rows(trials: Sequence[Trial]) -> dict[str, Any]:
    return {"trials": [(one.number, one.combination, one.seed, one.parameters) for one in trials]}
