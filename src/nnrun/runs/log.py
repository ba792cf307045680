"""`log.txt`: what the screen said, each line with its time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nnrun.runs.disk import append

if TYPE_CHECKING:
    from pathlib import Path

#: Colours and cursor movements (ECMA-48 control sequences); a file should hold the words alone.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class Log:
    """A run's log; every line is on disk once `write` returns.

    Args:
        path: The file, which grows at its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str, *, now: datetime | None = None) -> None:
        """Add a text, each of its lines after the time in UTC.

        Raises:
            RunError: The disk refuses.
        """
        time = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = [f"{time} {_CONTROL.sub('', line)}".rstrip() for line in text.split("\n")]
        append(self.path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
