"""`record.json`: what ran, on what, from what, and how it ended; written atomically from the first second on."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import RunError
from nnrun.runs import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.runs.folder import RunFolder

Status = Literal["running", "done", "failed", "interrupted", "preempted"]
_LIST = "nnrun runs list shows the runs there are."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Record:
    """The record of a run; each change is on disk before the call returns.

    Args:
        folder: The run's folder.
        fields: The record's content so far.
    """

    def __init__(self, folder: RunFolder, fields: dict[str, Any]) -> None:
        self._folder = folder
        self.fields = fields

    @classmethod
    def begin(cls, folder: RunFolder, *, name: str, argv: Sequence[str], seed: int | None, **fields: Any) -> Record:
        """Open the record with status `running` and everything that can be told about the machine.

        Args:
            folder: The run's folder.
            name: The experiment's name.
            argv: The command line.
            seed: The experiment's seed.
            fields: What else is known already (`threads`, `executor`, `executor_why`, `digests`, ...).

        Raises:
            RunError: The disk refuses.
        """
        record = cls(
            folder,
            {
                "id": folder.id,
                "name": name,
                "status": "running",
                "argv": list(argv),
                "versions": environment.versions(),
                "git": environment.git_state(),
                **environment.machine(),
                "threads": None,
                "seed": seed,
                "executor": None,
                "executor_why": None,
                "digests": {},
                "start": _now(),
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
            RunError: The disk refuses.
        """
        self.fields.update(fields)
        self._folder.write_json(self._folder.record, self.fields)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a `with` block in seconds under `seconds`; the same name again adds up, and a failure counts too."""
        begin = perf_counter()
        try:
            yield
        except BaseException:
            # What went wrong must be heard, and not that the disk is too full to note how long it took.
            with suppress(RunError):
                self._note_phase(name, begin)
            raise
        self._note_phase(name, begin)

    def _note_phase(self, name: str, begin: float) -> None:
        seconds = dict(self.fields["seconds"])
        seconds[name] = round(seconds.get(name, 0.0) + perf_counter() - begin, 3)
        self.update(seconds=seconds, peak_memory_bytes=environment.peak_memory_bytes())

    def finish(self, status: Status, error: str | None = None) -> None:
        """Close the record: how the run ended, when, with what memory, and what went wrong.

        Raises:
            RunError: The disk refuses.
        """
        self.update(status=status, error=error, end=_now(), peak_memory_bytes=environment.peak_memory_bytes())


def read(folder: RunFolder) -> dict[str, Any]:
    """The content of a run's record.

    Raises:
        RunError: The folder has no record, or one that is not whole.
    """
    try:
        fields = json.loads(folder.record.read_bytes())
    except FileNotFoundError as error:
        text = "has no record.json" if folder.path.is_dir() else "is not there"
        raise RunError(f"The run folder {folder.path} {text}.", _LIST) from error
    except (OSError, ValueError) as error:
        raise RunError(f"Cannot read {folder.record}: {error}", _LIST) from error
    if not isinstance(fields, dict):
        raise RunError(f"Cannot read {folder.record}: expected a JSON object.", _LIST)
    return fields
