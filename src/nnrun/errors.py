"""Errors: places in texts, problems of configs, and one tree of exceptions with their exit codes.

    NnrunError                     exit
    |-- ConfigError                  2   many Problems, each: mark, text, hint
    |   `-- BuildError               2   Keras refused a part; its place in the file, Keras' whole message
    |-- DataError                    1   file, row, column
    |   `-- DefectsError             1   a file with many Problems, each with its row and column
    |-- RunError                     1   diverged, folder in use, cannot resume
    |   `-- DiskError                1   a disk that is full or refuses: the fault of nothing that was asked for
    `-- MissingExtraError            1   names the extra to install

Everything else that leaves the command line is a bug of nnrun's: exit code 3, with a traceback in a file.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path as FilePath

#: The keys and list indexes that lead to a value: `("model", 0, "Conv2D", "filters")`.
Path = tuple[str | int, ...]
Severity = Literal["error", "warning", "note"]

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_BUG = 3
EXIT_PREEMPTED = 75
EXIT_INTERRUPTED = 130

#: What a disk, a network or the limits of the system do to a command at any moment.
_OF_THE_SYSTEM = tuple(
    getattr(errno, name)
    for name in ("EIO", "ENOSPC", "EDQUOT", "EROFS", "ESTALE", "ETIMEDOUT", "ENODEV", "EMFILE", "ENFILE", "ENOMEM")
    if hasattr(errno, name)
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text: a word and the line it stands in, or a whole line of a data file.

    Attributes:
        file: The file's name as the user wrote it, or `--set` for a text from the command line.
        line: The line, counted from 1.
        column: The column of the word's first character, counted from 1; 0 for a whole line.
        length: How many characters of the line the word covers (at least 1); 0 for a whole line.
        text: The line, without its line end; empty for a whole line of a data file.
    """

    file: str
    line: int
    column: int = 0
    length: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, warning or note about a config: place, what was expected and received, what to type next.

    Attributes:
        mark: The place, or None if there is no single place.
        text: One sentence: what was expected and what was received.
        hint: What to type next, or None.
        name: The finding's name (`loss-activation-mismatch`), or None for a breach of the language itself.
        severity: `error` refuses the config; `warning` and `note` do not.
    """

    mark: Mark | None
    text: str
    hint: str | None = None
    name: str | None = None
    severity: Severity = "error"

    def order(self) -> tuple[str, int, int]:
        """Return the sort key: file, line and column; problems without a place come first."""
        return (self.mark.file, self.mark.line, self.mark.column) if self.mark else ("", 0, 0)


class NnrunError(Exception):
    """Base class of every error that is the user's to act on.

    Args:
        text: What was expected and what was received.
        hint: What to type next.
    """

    exit_code = EXIT_FAILED

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


class ConfigError(NnrunError):
    """A config that cannot run, with all its problems.

    Args:
        problems: All problems; they are sorted by place.
    """

    exit_code = EXIT_REFUSED

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=Problem.order))
        super().__init__("; ".join(f"{problem.mark or 'config'}: {problem.text}" for problem in self.problems))


class BuildError(ConfigError):
    """Keras refuses a part that the language allows; with its place in the file and Keras' whole message."""


class DataError(NnrunError):
    """Data cannot be used.

    Args:
        text: What was expected and what was received.
        file: The data file.
        row: The line of the file, counted from 1 with its header, as in an editor.
        column: The column's name, or its index counted from 0 where there is no header.
        hint: What to type next.
    """

    def __init__(
        self,
        text: str,
        *,
        file: FilePath | str | None = None,
        row: int | None = None,
        column: str | int | None = None,
        hint: str | None = None,
    ) -> None:
        places = [str(file)] if file is not None else []
        places += [f"line {row}"] if row is not None else []
        places += [f"column {column}"] if column is not None else []
        super().__init__(f"{', '.join(places)}: {text}" if places else text, hint)
        self.file, self.row, self.column = file, row, column


class DefectsError(DataError):
    """A data file with defects; as a `DataError` it is the first of them.

    Args:
        problems: All defects, each with its place in the file.
        text: What was expected and what was received at the first, and how many more there are.
        file: The data file.
        row: The line of the first.
        column: The column of the first.
        hint: What to do about the first.
    """

    def __init__(
        self,
        problems: Iterable[Problem],
        text: str,
        *,
        file: FilePath,
        row: int | None,
        column: str | int | None,
        hint: str | None,
    ) -> None:
        super().__init__(text, file=file, row=row, column=column, hint=hint)
        self.problems = tuple(problems)


class RunError(NnrunError):
    """A run cannot be found, continued or written."""


class DiskError(RunError):
    """The disk is full, read-only or broken; when that is mended, the same command goes on."""


def is_of_the_system(error: BaseException) -> bool:
    """Return whether an error is one of the machine: no bug of nnrun's, and no fault of what was asked for."""
    return isinstance(error, DiskError) or (isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM)


class MissingExtraError(NnrunError):
    """An optional package is not installed.

    Args:
        extra: The extra of nnrun that brings it.
        purpose: What it is needed for.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra '{extra}', which is not installed.", f"pip install 'nnrun[{extra}]'"
        )
        self.extra = extra
