"""A ledger in a folder of files, for processes of several machines that share nothing but a folder.

    sweep.json              what belongs to the sweep as a whole
    trials/000000.json      what is tried, from trial 0 on; and from trial 40 on, if the search goes on: 000040.json
    claims/000007.1.json    the first claim of trial 7: who has it; its time of modification is renewed by the owner
    ends/000007.1.json      how that claim ended: done, failed, or released so that the trial waits again
    claims/000007.2.json    the next claim

No file is changed or removed once it has its name, and each name is given by a hard link, which fails where the name
exists (also on NFS): of all processes that claim a trial, or end a claim, exactly one succeeds, and a file is complete
as soon as it can be seen. A cache that shows an old state of the folder costs a failed link, and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from nnrun import atomic_files
from nnrun.errors import RunError
from nnrun.regular_files import open_regular, read_regular, require_inside
from nnrun.runs.disk import disk_error, make_folder, write_file
from nnrun.runs.json_files import MOST_BYTES
from nnrun.runs.record import now
from nnrun.sweep.ledger import FORMAT, LEASE_SECONDS, Ledger, Trial, TrialStatus, claimant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: The folders in that of the ledger.
_FOLDERS = ("trials", "claims", "ends")
#: What the end of a claim says of its trial.
_OF_AN_END = ("status", "attempts", "error", "scores", "intermediate", "ended")
#: The name of a file of a claim: the trial's number, and which claim of it that is, counted from 1.
_NAME = re.compile(r"(\d{6,})\.(\d+)\.json")
#: File systems without hard links say so in one of these ways.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


class FileLedger(Ledger):
    """A ledger that exists.

    Args:
        folder: The folder.

    Raises:
        RunError: It is no ledger, is damaged, or is of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self._rounds, self._claims, self._ends = (folder / name for name in _FOLDERS)
        for path in (folder / "sweep.json", *(folder / name / "x" for name in _FOLDERS)):
            require_inside(folder.parent, path)
        #: What was read: no file changes once it has its name.
        self._known: dict[Path, dict[str, Any]] = {}
        document = self._read(folder / "sweep.json")
        if document.get("format") != FORMAT:
            text = f"{folder} has format {document.get('format')}, and this version of nnrun reads {FORMAT}"
            raise RunError(text, "install the version of nnrun that made it, or a newer one")
        if not isinstance(document.get("fields"), dict):
            raise self._damaged(folder / "sweep.json", "it has no fields")
        self._fields = {"format": FORMAT, **document["fields"]}
        self._trials: dict[int, Trial] = {}
        #: The trials that wait no more, whatever happens: of a long sweep most of them.
        self._final: set[int] = set()

    @classmethod
    def create(cls, folder: Path, fields: Mapping[str, Any], trials: Sequence[Trial]) -> FileLedger:
        """Create a ledger with all its trials, which wait.

        Args:
            folder: The folder, which does not exist.
            fields: What belongs to the sweep as a whole.
            trials: The trials.
        """
        for path in (folder, *(folder / name for name in _FOLDERS)):
            make_folder(path)
        if trials:
            write_file(folder / "trials" / "000000.json", json.dumps(_rows(trials)).encode())
        # The last file: without it there is no ledger.
        write_file(folder / "sweep.json", json.dumps({"format": FORMAT, "fields": dict(fields)}).encode())
        return cls(folder)

    def add(self, trials: Sequence[Trial], known: int) -> bool:
        """Add trials, which wait, if the ledger has as many as they were made from; all of them or none."""
        if len(self._all_trials()) != known:
            return False
        if [one.number for one in trials] != list(range(known, known + len(trials))):
            raise RunError(f"{self._rounds}: the trials that are added have to be numbered from {known} on")
        return not trials or self._create(self._rounds / f"{known:06d}.json", _rows(trials))

    def fields(self) -> dict[str, Any]:
        """Return what belongs to the sweep as a whole."""
        return dict(self._fields)

    def trials(self, status: TrialStatus | None = None) -> list[Trial]:
        """Return all trials, or those of one status, by number."""
        last, ended = self._last_claims(), self._names(self._ends)
        found = [self._state(one, last.get(one.number, 0), ended) for one in self._all_trials()]
        return [one for one in found if status is None or one.status == status]

    def claim(self) -> Trial | None:
        """Claim the first trial that waits for this process; None if none does."""
        last, ended = self._last_claims(), self._names(self._ends)
        for one in self._all_trials():
            if one.number in self._final:
                continue
            count = last.get(one.number, 0)
            if count and (one.number, count) not in ended:
                continue
            waiting = self._state(one, count, ended)
            if waiting.status != "waiting":
                self._final.add(one.number)
                continue
            claim: dict[str, Any] = {
                "process": claimant(),
                "attempts": waiting.attempts + 1,
                "started": waiting.started or now(),
            }
            if self._create(self._claims / _name(one.number, count + 1), claim):
                return replace(one, status="running", **claim)
        return None

    def renew(self, trial: Trial) -> bool:
        """Tell other hosts that the owner of a claim lives; return whether the claim is still the trial's."""
        count = self._count(trial)
        if count is None:
            return False
        with suppress(FileNotFoundError):  # a server that was away may need a moment
            descriptor = open_regular(self._claims / _name(trial.number, count))
            try:
                # Without a time of ours: a file server writes its own.
                os.utime(descriptor)
            finally:
                os.close(descriptor)
        return True

    def has_expired(self, trial: Trial) -> bool:
        """Return whether nobody has renewed the claim of a trial for longer than a living owner would."""
        count = self._count(trial)
        if count is None:
            return False
        try:
            descriptor = open_regular(self._claims / _name(trial.number, count))
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
        temporary = atomic_files.temporary_path(self._claims / "time", ".tmp")
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
        count = self._count(trial)
        return count is not None and self._create(self._ends / _name(trial.number, count), end)

    def _count(self, trial: Trial) -> int | None:
        """Return which claim of its trial this one is; None if it is no longer the trial's."""
        count = 1
        while (self._ends / _name(trial.number, count)).exists():
            count += 1
        path = self._claims / _name(trial.number, count)
        claim = self._read(path) if path.exists() else {}
        is_the_trials = claim.get("process") == trial.process and claim.get("attempts") == trial.attempts
        return count if is_the_trials else None

    def _all_trials(self) -> list[Trial]:
        """Return the trials as they were added; rounds that were added since the last call are read."""
        while True:
            path = self._rounds / f"{len(self._trials):06d}.json"
            if not path.exists():
                return list(self._trials.values())
            count = len(self._trials)
            try:
                self._trials |= {int(row[0]): Trial(*row) for row in self._read(path)["trials"]}
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise self._damaged(path, error) from error
            if len(self._trials) == count:
                return list(self._trials.values())

    def _last_claims(self) -> dict[int, int]:
        """Return how often each trial was claimed."""
        found: dict[int, int] = {}
        for number, count in self._names(self._claims):
            found[number] = max(count, found.get(number, 0))
        return found

    def _names(self, folder: Path) -> set[tuple[int, int]]:
        try:
            found = [_NAME.fullmatch(name) for name in os.listdir(folder)]  # noqa: PTH208 - names alone, a path each is slow
        except OSError as error:
            raise self._damaged(folder, error) from error
        return {(int(match[1]), int(match[2])) for match in found if match}

    def _state(self, trial: Trial, count: int, ended: set[tuple[int, int]]) -> Trial:
        """Return a trial as its last claim, which is the `count`-th, left it."""
        if not count:
            return trial
        path = self._claims / _name(trial.number, count)
        claim = self._read(path)
        state: dict[str, Any] = {
            "status": "running",
            "process": claim.get("process"),
            "attempts": claim.get("attempts"),
        }
        if (trial.number, count) in ended:
            path = self._ends / path.name
            end = self._read(path)
            state = {name: end.get(name) for name in _OF_AN_END}
        if state["status"] not in get_args(TrialStatus) or not isinstance(state["attempts"], int):
            raise self._damaged(path, "it is no state of a trial")
        return replace(trial, started=claim.get("started"), **state)

    def _create(self, path: Path, content: Mapping[str, Any]) -> bool:
        try:
            return atomic_files.create_exclusively(path, json.dumps(content).encode())
        except OSError as error:
            if error.errno in _NO_LINKS:
                text = (
                    f"Cannot write {path}: the file system has no hard links, by which one process alone gets a trial"
                )
                raise RunError(text, "choose another one with --runs-dir DIR, or --ledger postgresql://...") from error
            raise disk_error(error, path) from error

    def _read(self, path: Path) -> dict[str, Any]:
        if path not in self._known:
            try:
                found = json.loads(read_regular(path, MOST_BYTES))
            except (OSError, ValueError, RecursionError) as error:
                raise self._damaged(path, error) from error
            if not isinstance(found, dict):
                raise self._damaged(path, "it holds no mapping")
            self._known[path] = found
        return self._known[path]

    def _damaged(self, path: Path, error: object) -> RunError:
        return RunError(f"{path} cannot be read: {error}", "begin another sweep; the runs in its folder are kept")


def _rows(trials: Sequence[Trial]) -> dict[str, Any]:
    return {"trials": [(one.number, one.combination, one.seed, one.parameters) for one in trials]}


def _name(number: int, count: int) -> str:
    return f"{number:06d}.{count}.json"
