"""`code:` of a config: which files it names, and whether the user has allowed their content to run.

Their text is read and checked like that of `--code` files. Nothing in them runs until the user allows the content once,
as direnv does with its files: by `nnrun trust`, by naming the file with `--code`, or by an environment variable.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from shlex import quote
from typing import TYPE_CHECKING

from nnrun.catalog.user_code import MAX_FILE_SIZE, UserCode, read_contents
from nnrun.config import extends, overrides
from nnrun.config.hints import did_you_mean
from nnrun.errors import ConfigError, Problem, RunError
from nnrun.formatting import format_count
from nnrun.regular_files import read_regular
from nnrun.runs import trusted_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.config.document import Document
    from nnrun.errors import Mark
    from nnrun.runs.trusted_code import TrustedCode


@dataclass(frozen=True)
class ConfigCode:
    """A file that a config names under `code:`.

    Attributes:
        file: Its path.
        content: Its bytes.
        mark: Its place in the config.
        config: The config that was asked for, which may only extend the one that names the file.
    """

    file: FilePath
    content: bytes
    mark: Mark
    config: FilePath


@dataclass(frozen=True)
class Allowed:
    """A file of code that `nnrun trust` has allowed.

    Attributes:
        code: The file, read and not run.
        before: What was allowed of the same file before; None if nothing was.
    """

    code: UserCode
    before: TrustedCode | None

    @property
    def is_new(self) -> bool:
        """Whether this content was not the one allowed last."""
        return self.before is None or self.before.sha256 != self.code.sha256

    def changes(self) -> list[str]:
        """Return the lines that changed since, as a unified diff without its head."""
        return [] if self.before is None else _diff(self.before.text, self.code.content)


def read_config_code(config: FilePath, sets: Sequence[str]) -> list[ConfigCode]:
    """Read the files that a config names under `code:`, each relative to the file that says so.

    Raises:
        ConfigError: The config cannot be read, or one of the files cannot; with its place.
    """
    if not _may_name_code(config, sets):
        return []
    problems: list[Problem] = []
    found = []
    for file, mark in named_files(overrides.apply(extends.read(config), sets)):
        try:
            content = read_regular(file.resolve(), MAX_FILE_SIZE)
        except (OSError, RunError, ValueError) as error:
            problems.append(_unreadable(file, mark, error))
        else:
            found.append(ConfigCode(file, content, mark, config))
    if problems:
        raise ConfigError(problems)
    return found


def named_files(document: Document) -> list[tuple[FilePath, Mark]]:
    """Return the files that a config names under `code:`, with their places; each is relative to the file that says so.

    What is no list of names is refused where the whole config is checked.
    """
    named = document.data.get("code")
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        return []
    marks = [document.mark(("code", number)) for number in range(len(named))]
    return [(_folder_of(mark, document) / name, mark) for name, mark in zip(named, marks, strict=True)]


def _may_name_code(config: FilePath, sets: Sequence[str]) -> bool:
    """Return whether a config has the word: most have not, and are not read twice."""
    try:
        text = config.read_bytes() if config.is_file() else b""
    except OSError:
        return False
    return b"code" in text or b"extends" in text or any("code" in option for option in sets)


def _folder_of(mark: Mark, document: Document) -> FilePath:
    """Return the folder of the file in which a value stands; what `--set` says is relative to the config."""
    return (document.file if mark.file == overrides.FILE else FilePath(mark.file)).parent


def _unreadable(file: FilePath, mark: Mark, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        neighbours = [each.name for each in file.parent.glob("*.py")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, neighbours) or "write a path relative to this config: code: [my_code.py]"
        return Problem(mark, f"there is no file '{file}'", hint)
    reason = getattr(error, "strerror", None) or str(error)
    return Problem(
        mark, f"{file}: this file of code cannot be read: {reason}", "name a Python file: code: [my_code.py]"
    )


def require_allowed(codes: Sequence[UserCode]) -> None:
    """Check that the user has allowed all code that only a config names.

    Raises:
        ConfigError: With a problem for each file that is not, or no longer, allowed.
    """
    problems = [
        _not_allowed(code) for code in codes if code.named is not None and not trusted_code.is_trusted(code.sha256)
    ]
    if problems:
        raise ConfigError(problems)


def _not_allowed(code: UserCode) -> Problem:
    assert code.named is not None, "only these are asked about"  # noqa: S101
    mark, config = code.named
    before = trusted_code.last_of(FilePath(code.file))
    hint = f"read the file; then type: nnrun trust {quote(str(config))}"
    if before is None:
        size = format_count(len(code.content.splitlines()), "line")
        text = f"{code.file} is code that you have not allowed to run yet ({size})"
        return Problem(mark, text, hint)
    return Problem(
        mark, f"{code.file} has changed since you allowed it on {before.date}: {_summary(before, code)}", hint
    )


def _summary(before: TrustedCode, code: UserCode) -> str:
    """Return how many lines changed, and the first of them."""
    lines = _diff(before.text, code.content)
    added = [line for line in lines if line.startswith("+")]
    removed = [line for line in lines if line.startswith("-")]
    first = next((line for line in (*added, *removed) if line[1:].strip()), "")
    counts = f"{format_count(len(added), 'line')} added, {len(removed)} removed"
    return f"{counts}; the first: {first[:80].rstrip()}" if first else counts


def _diff(before: str, content: bytes) -> list[str]:
    now = content.decode("utf-8", "replace")
    return list(difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=1))[2:]


def trust_config(config: FilePath, sets: Sequence[str]) -> list[Allowed]:
    """Allow the code that a config names, as it is now.

    Raises:
        ConfigError: The config or its code cannot be read.
        RunError: It names none.
        DiskError: The answer cannot be kept.
    """
    named = read_config_code(config, sets)
    if not named:
        hint = "write code: [my_code.py] at the top of the config, or name the file with --code"
        raise RunError(f"{config} names no code: there is nothing to allow", hint)
    codes = read_contents([(str(one.file), one.content) for one in named])
    before = [trusted_code.last_of(one.file) for one in named]
    for one in named:
        trusted_code.allow(one.file, one.content)
    return [Allowed(code, known) for code, known in zip(codes, before, strict=True)]


def with_places(codes: Sequence[UserCode], named: Sequence[ConfigCode]) -> tuple[UserCode, ...]:
    """Return codes, the first of which a config names, with their places in it."""
    placed = [replace(code, named=(one.mark, one.config)) for code, one in zip(codes, named, strict=False)]
    return (*placed, *codes[len(placed) :])
