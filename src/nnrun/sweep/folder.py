"""The folder of a sweep: the frozen config, the user's code, the ledger, and the run folder of each trial."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnrun.config.hints import did_you_mean
from nnrun.errors import RunError
from nnrun.runs.folder import FOLDER_NAME, RunFolder, slug
from nnrun.sweep.file_ledger import FileLedger
from nnrun.sweep.postgres_ledger import PATIENCE, READING_PATIENCE, Address, PostgresLedger
from nnrun.sweep.sqlite_ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nnrun.sweep.ledger import Ledger, Trial

#: The folder of all sweeps, inside that of all runs.
SWEEPS = "sweeps"


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's folder; each property is the path of one of its files, whether it exists or not.

    Attributes:
        path: The folder itself.
        password: The password of the ledger's server, if the user gave one; it is kept nowhere.
    """

    path: Path
    password: str | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(cls, runs_dir: Path, name: str) -> SweepFolder:
        """Create a new folder, `<UTC time>_<name>_<short id>`, in the folder of sweeps.

        Raises:
            RunError: The folder cannot be made.
        """
        return cls(RunFolder.create(runs_dir / SWEEPS, name).path)

    @property
    def id(self) -> str:
        """The sweep's id: the folder's name."""
        return RunFolder(self.path).id

    @property
    def short_id(self) -> str:
        """The last six characters of the id."""
        return RunFolder(self.path).short_id

    @property
    def config(self) -> Path:
        """The user's config, byte for byte."""
        return self.path / "config.yaml"

    @property
    def resolved(self) -> Path:
        """The config that every trial begins with: every default written out, without the section `sweep:`."""
        return self.path / "resolved.yaml"

    @property
    def code(self) -> Path:
        """The folder of the user's code as it was at the start."""
        return self.path / "code"

    @property
    def sqlite_ledger(self) -> Path:
        """The ledger of a sweep on one machine."""
        return self.path / "ledger.sqlite"

    @property
    def file_ledger(self) -> Path:
        """The ledger of a sweep on several machines that share this folder."""
        return self.path / "ledger"

    @property
    def server_ledger(self) -> Path:
        """The address of the ledger of a sweep that has it on a PostgreSQL server."""
        return self.path / "ledger.json"

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger, of any kind: the folder is that of a sweep."""
        files = (self.sqlite_ledger, self.file_ledger / "sweep.json", self.server_ledger)
        return any(file.is_file() for file in files)

    @property
    def trials(self) -> Path:
        """The folder of the trials' run folders."""
        return self.path / "trials"

    @property
    def log(self) -> Path:
        """The log of the sweep."""
        return self.path / "log.txt"

    def create_ledger(self, kind: str, fields: Mapping[str, Any], trials: Sequence[Trial]) -> Ledger:
        """Create the ledger of a sweep, with all its trials.

        Args:
            kind: `sqlite`, `files`, or the address of a PostgreSQL database without a password.
            fields: What belongs to the sweep as a whole.
            trials: The trials.

        Raises:
            RunError: It cannot be written.
        """
        if kind == "files":
            return FileLedger.create(self.file_ledger, fields, trials)
        if kind != "sqlite":
            address = Address(kind, self.password)
            return PostgresLedger.create(self.server_ledger, self.id, address, fields, trials)
        return SqliteLedger.create(self.sqlite_ledger, fields, trials)

    def open_ledger(self, *, patient: bool = False) -> Ledger:
        """Open the ledger of the sweep, of whichever kind it is.

        Args:
            patient: Whether a server that goes away is waited for, for the sake of what is trained.

        Raises:
            RunError: There is none, it is damaged, or of a newer format.
        """
        if self.file_ledger.is_dir():
            return FileLedger(self.file_ledger)
        if self.server_ledger.is_file():
            patience = PATIENCE if patient else READING_PATIENCE
            return PostgresLedger(self.server_ledger, self.id, self.password, patience)
        return SqliteLedger(self.sqlite_ledger)

    def run(self, number: int) -> RunFolder:
        """Return the run folder of a trial, whose short id is its number."""
        match = FOLDER_NAME.fullmatch(self.id)
        start, name = (match["time"], match["name"]) if match else ("00000000T000000Z", self.id)
        return RunFolder(self.trials / f"{start}_{name}_{number:06d}")


def list_sweeps(runs_dir: Path) -> list[SweepFolder]:
    """List the sweeps in a folder of runs, the oldest first."""
    try:
        paths = [path for path in (runs_dir / SWEEPS).iterdir() if FOLDER_NAME.fullmatch(path.name)]
    except OSError:
        return []
    # Of one second, the ledger says which came first.
    return sorted(
        (SweepFolder(path) for path in paths if path.is_dir()), key=lambda one: (one.id[:16], _start(one), one.id)
    )


def find_sweep(runs_dir: Path, word: str) -> SweepFolder:
    """Find a sweep by its path, the start of its id or short id, its name, or `last`.

    Raises:
        RunError: No sweep matches, or several do.
    """
    from pathlib import Path as FilePath

    if word and SweepFolder(FilePath(word)).has_ledger:
        return SweepFolder(FilePath(word))
    if "/" in word and FilePath(word).is_dir():
        raise RunError(f"{word} is not the folder of a sweep: it has no ledger", "nnrun sweep list")
    sweeps = list_sweeps(runs_dir)
    if not sweeps:
        hint = "make one: nnrun sweep CONFIG --grid training.batch_size=16,32"
        raise RunError(f"There is no sweep in {runs_dir / SWEEPS} yet.", hint)
    if word == "last":
        return _latest_usable(sweeps)
    named = [one for one in sweeps if re.sub(r"_[0-9a-f]{6}$", "", one.id[17:]) == slug(word)]
    found = [one for one in sweeps if word and (one.id.startswith(word) or one.short_id.startswith(word))]
    found = found or ([_latest_usable(named)] if named else [])
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(one.id for one in found)
        raise RunError(f"'{word}' matches {len(found)} sweeps: {shown}.", "type more of the id")
    hint = did_you_mean(word, [one.short_id for one in sweeps] + [one.id for one in sweeps]) or "nnrun sweep list"
    raise RunError(f"No sweep in {runs_dir / SWEEPS} has the name '{word}' or an id that begins with it.", hint)


def _latest_usable(sweeps: Sequence[SweepFolder]) -> SweepFolder:
    """Return the latest sweep that has a ledger; the latest of all if there is none, to say what is wrong."""
    return next((one for one in reversed(sweeps) if one.has_ledger), sweeps[-1])


def _start(sweep: SweepFolder) -> str:
    try:
        return str(sweep.open_ledger().fields().get("start"))
    except RunError:
        return ""
