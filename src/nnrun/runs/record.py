"""`record.json`: what ran, where, with which versions, and how it ended; written atomically from the start."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import RunError
from nnrun.runs import environment
from nnrun.runs.documents import FORMAT, read_finished_fold, read_record
from nnrun.runs.git_state import git_state
from nnrun.runs.json_files import as_number
from nnrun.runs.secrets import arguments_without_secrets, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.runs.folder import RunFolder


Status = Literal["running", "done", "failed", "interrupted", "preempted", "died"]
#: The metrics that say most of a fold, and the entries of its scores that are no metric or repeat one.
_FIRST_HEADLINES = ("error_percent", "bits_per_character")
_NO_HEADLINES = ("loss", "rows", "errors", "error_rate", "fold", "repeat")


def now() -> str:
    """Return the time in UTC, as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def duration(fields: Mapping[str, Any]) -> float | None:
    """Return the seconds from the start of a run to its end, by its record; None where they are not known.

    They are not where the clock was set back in between.
    """
    try:
        start, end = (datetime.fromisoformat(str(fields.get(name))) for name in ("start", "end"))
        seconds = (end - start).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds >= 0 else None


class Record:
    """The record of a run; each change is on disk before the call returns.

    Args:
        folder: The run's folder.
        fields: The record's content so far.
    """

    def __init__(self, folder: RunFolder, fields: dict[str, Any]) -> None:
        self.folder = folder
        self.fields = fields
        # A record that was edited may lack what is added to.
        for name in ("digests", "seconds"):
            fields.setdefault(name, {})
        fields.setdefault("threads", 0)

    @classmethod
    def begin(cls, folder: RunFolder, *, name: str, argv: Sequence[str], seed: int | None, **fields: Any) -> Record:
        """Open the record with status `running` and everything that is known about the machine.

        Args:
            folder: The run's folder.
            name: The experiment's name.
            argv: The command line; what looks like a secret in it is left out.
            seed: The experiment's seed.
            fields: Further fields (`threads`, `executor`, `executor_why`, `digests`, ...).

        Raises:
            RunError: The record cannot be written.
        """
        record = cls(
            folder,
            {
                "format": FORMAT,
                "id": folder.id,
                "name": name,
                "status": "running",
                "argv": arguments_without_secrets(argv),
                "versions": environment.versions(),
                "git": git_state(),
                **environment.machine(),
                "threads": None,
                "seed": seed,
                "executor": None,
                "executor_why": None,
                "digests": {},
                "start": now(),
                "end": None,
                "seconds": {},
                "peak_memory_bytes": None,
                "error": None,
                "process": environment.process(),
            },
        )
        record.update(**fields)
        return record

    def update(self, **fields: Any) -> None:
        """Set fields and write the record.

        Raises:
            RunError: The record cannot be written.
        """
        self.fields.update(fields)
        self.folder.write_json(self.folder.record, self.fields)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the duration of the `with` block, in seconds, to `seconds[name]`, also if the block fails."""
        begin = perf_counter()
        try:
            yield
        except BaseException:
            # The block's own error must reach the user, not that the disk is too full to record its duration.
            with suppress(RunError):
                self._add_seconds(name, begin)
            raise
        self._add_seconds(name, begin)

    def _add_seconds(self, name: str, begin: float) -> None:
        seconds = dict(self.fields["seconds"])
        seconds[name] = round(seconds.get(name, 0.0) + perf_counter() - begin, 3)
        self.update(seconds=seconds, peak_memory_bytes=environment.peak_memory_bytes())

    def finish(self, status: Status, error: str | None = None) -> None:
        """Close the record: how the run ended, when, with what memory, and what went wrong.

        All files are brought to disk before: after a power cut a run that is done has everything that it says it has.

        Raises:
            RunError: The record cannot be written.
        """
        shown = None if error is None else without_secrets(error)[0]
        self.folder.sync()
        self.update(status=status, error=shown, end=now(), peak_memory_bytes=environment.peak_memory_bytes())


def read(folder: RunFolder) -> dict[str, Any]:
    """Read a run's record; see `nnrun.runs.documents.read_record`."""
    return read_record(folder)


def read_finished_folds(folder: RunFolder) -> dict[int, dict[str, Any]]:
    """Read the records of the folds that are done, by their number.

    Raises:
        RunError: A record is damaged.
    """
    records = {number: read_finished_fold(folder.fold(number)) for number in folder.fold_numbers()}
    return {number: fields for number, fields in records.items() if fields is not None}


def code_digests(fields: Mapping[str, Any]) -> list[str]:
    """Return the SHA-256 digests of the user's code that a run has used, from its record."""
    return [str(one["sha256"]) for one in fields.get("code") or ()]


def headline_metric(scores: Mapping[str, Any]) -> tuple[str, float]:
    """Return the metric of a fold that says most: the error of classes, else the first metric, else the loss."""
    numbers = {name: number for name, value in scores.items() if (number := as_number(value)) is not None}
    names = [*_FIRST_HEADLINES, *(name for name in numbers if name not in _NO_HEADLINES), "loss"]
    return next((name, numbers[name]) for name in names if name in numbers)
