"""The code that the user has allowed to run, by its content: outside of every run and project, for this user alone.

One JSON file for each content, in the user's data folder. It keeps the text, so that the next question can say what
has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from nnrun import atomic_files
from nnrun.errors import RunError
from nnrun.regular_files import read_regular
from nnrun.runs.disk import disk_error, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The environment variable that allows code by its SHA-256 (several with commas between them), or `all` of it.
VARIABLE = "NNRUN_TRUST_CODE"
_ALL = "all"
#: A content may be as long as a file of code, and JSON writes some characters in six.
_MOST_BYTES = 8_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TrustedCode:
    """A content that may run.

    Attributes:
        sha256: Its digest.
        file: The path of the file that had it when it was allowed.
        allowed: When that was, in UTC, as `2026-11-29T14:03:07Z`.
        text: The content, bytes that are no UTF-8 replaced.
    """

    sha256: str
    file: str
    allowed: str
    text: str

    @property
    def date(self) -> str:
        """The day on which it was allowed."""
        return self.allowed[:10]

    def state(self) -> str:
        """Return how the file is now: `unchanged`, `changed` or `missing`."""
        try:
            content = FilePath(self.file).read_bytes()
        except OSError:
            return "missing"
        return "unchanged" if hashlib.sha256(content).hexdigest() == self.sha256 else "changed"


def folder() -> FilePath:
    """Return the folder of what is allowed; it may not exist."""
    from platformdirs import user_data_path

    return FilePath(user_data_path("nnrun", appauthor=False), "trusted-code")


def is_trusted(sha256: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the user has allowed a content: by `nnrun trust`, or by the environment variable."""
    named = [word.strip().lower() for word in environment.get(VARIABLE, "").split(",")]
    return _ALL in named or sha256 in named or _read(sha256) is not None


def allow(file: FilePath, content: bytes) -> TrustedCode:
    """Keep that a content may run.

    Raises:
        DiskError: It cannot be written.
    """
    where = folder()
    try:
        # Others can read neither the code nor what this user trusts.
        atomic_files.make_folder(where, mode=0o700)
    except OSError as error:
        raise disk_error(error, where) from error
    sha256 = hashlib.sha256(content).hexdigest()
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    one = TrustedCode(sha256, str(file.resolve()), moment, content.decode("utf-8", "replace"))
    write_file(where / f"{sha256}.json", (json.dumps(vars(one), indent=1) + "\n").encode())
    return one


def list_trusted() -> list[TrustedCode]:
    """Return all that is allowed, in the order of files and times."""
    return sorted(_all(), key=lambda one: (one.file, one.allowed))


def last_of(file: FilePath) -> TrustedCode | None:
    """Return what was allowed last of a file; None if nothing was."""
    path = str(file.resolve())
    return max((one for one in _all() if one.file == path), key=lambda one: one.allowed, default=None)


def remove(word: str) -> list[TrustedCode]:
    """Allow no more what a word names: all contents of a file, or those whose digest begins so.

    Raises:
        RunError: It names nothing that is allowed.
    """
    path = str(FilePath(word).resolve())
    is_digest = re.fullmatch(r"[0-9a-f]{6,64}", word) is not None
    found = [one for one in _all() if one.file == path or (is_digest and one.sha256.startswith(word))]
    if not found:
        raise RunError(f"nothing that is allowed is called '{word}'", "nnrun trust --list")
    for one in found:
        with suppress(FileNotFoundError):
            (folder() / f"{one.sha256}.json").unlink()
    return found


def _all() -> Iterator[TrustedCode]:
    where = folder()
    if not where.is_dir():
        return
    for path in where.iterdir():
        one = _read(path.stem) if path.suffix == ".json" else None
        if one is not None:
            yield one


def _read(sha256: str) -> TrustedCode | None:
    """Return an entry; None if there is none, or if it is not the entry of this digest."""
    if _DIGEST.fullmatch(sha256) is None:
        return None
    try:
        data: Any = json.loads(read_regular(folder() / f"{sha256}.json", _MOST_BYTES))
    except (OSError, RunError, ValueError, RecursionError):
        return None
    names = ("sha256", "file", "allowed", "text")
    if not isinstance(data, dict) or not all(isinstance(data.get(name), str) for name in names):
        return None
    return TrustedCode(*(data[name] for name in names)) if data["sha256"] == sha256 else None
