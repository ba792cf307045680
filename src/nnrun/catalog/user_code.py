"""Python files of the user's, given with `--code`: what a config can name of them, read and not run.

- A class is what its base is in Keras: `class Scale(keras.layers.Layer)` is a layer.
- A class with a method `load` is a data source, one with a method `apply` a preparation step.
- A function `read_...` or `load_...` is a data source.
- A function of `y_true` and `y_pred` is a loss and a metric, one of `x` alone an activation.

Names that begin with an underscore are left out.
"""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.kinds import PartOf
from nnrun.catalog.python_source import PythonSource
from nnrun.catalog.user_code_entries import read_entries
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath
    from traceback import FrameSummary

    from nnrun.catalog.lookup import Entry
    from nnrun.errors import Mark

MAX_FILE_SIZE = 1_000_000
#: Modules of the user's code have this name in their namespace.
MODULE_MARKER = "__nnrun_user_code__"


@dataclass(frozen=True)
class UserCode:
    """A Python file of the user's, read once: what is checked, kept and run is the same text.

    Attributes:
        file: Its name, as the user wrote it.
        content: Its bytes.
        entries: What a config can name of it.
        named: Its place in the config that names it, and the config that was asked for; None: the command line, or the
            record of a run, names it.
    """

    file: str
    content: bytes
    entries: tuple[Entry, ...]
    named: tuple[Mark, FilePath] | None = None

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def read_contents(contents: Sequence[tuple[str, bytes]]) -> tuple[UserCode, ...]:
    """Read the contents of files by their names, without running anything in them.

    Raises:
        ConfigError: With every problem of every file: contents that are not Python, names of Keras' or another
            file's, arguments whose defaults a config cannot write.
    """
    problems: list[Problem] = []
    defined_in: dict[tuple[str, str], str] = {}
    codes = []
    # Code of an enclosing command is not visible.
    with lookup.with_user_entries(()):
        for name, content in contents:
            entries: tuple[Entry, ...] = ()
            try:
                source = PythonSource(name, _decode(name, content), content)
                entries = _unique_entries(source, defined_in)
                problems += source.problems
            except RecursionError:
                problems.append(Problem(None, f"{name}: expressions in this file are nested too deeply"))
            codes.append(UserCode(name, content, entries))
    if problems:
        raise ConfigError(problems)
    return tuple(codes)


def read_bytes(file: FilePath) -> bytes:
    """Read a file that is given with `--code`.

    Raises:
        ConfigError: It cannot be read, or is too large.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(f"{file}: this file of --code cannot be read ({reason})", "--code my_code.py") from None
    if len(content) > MAX_FILE_SIZE:
        raise _refused(f"{file}: expected Python code of at most {MAX_FILE_SIZE / 1e6:g} MB, received more", None)
    return content


def _decode(file: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = f"{file}: expected UTF-8 text, received the byte 0x{content[error.start]:02X} at offset {error.start}"
        raise _refused(text, "save the file as UTF-8") from None


def _refused(text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(None, text, hint)])


def _unique_entries(source: PythonSource, defined_in: dict[tuple[str, str], str]) -> tuple[Entry, ...]:
    """Return the entries of a file; a name of Keras', of nnrun's or of another file is a problem."""
    found = read_entries(source)
    for key, (entry, statement) in found.items():
        clash = _clash(entry, defined_in.get(key))
        if clash is not None:
            source.complain(source.mark_name(statement, entry.name), *clash)
        defined_in.setdefault(key, source.file)
    return tuple(entry for entry, _ in found.values())


def _clash(entry: Entry, other_file: str | None) -> tuple[str, str] | None:
    if other_file is not None:
        return f"'{entry.name}' is also defined in {other_file}", "give one of the two another name"
    known = lookup.entry(entry.category, entry.name)
    if known is None:
        return None
    owner = "nnrun" if known.origin == "nnrun" else "Keras"
    other_name = f"My{entry.name}" if entry.name[0].isupper() else f"my_{entry.name}"
    return (
        f"'{entry.name}' is already the name of {PartOf((entry.category,)).expects} of {owner}",
        f"give it another name, such as {other_name}",
    )


# Errors from the user's code ----------------------------------------------------------------------------------------


def user_frames(error: BaseException) -> list[FrameSummary]:
    """Return the frames of a traceback that are in the user's code, outermost first."""
    frames = [
        (frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if MODULE_MARKER in frame.f_globals
    ]
    return list(traceback.StackSummary.extract(iter(frames)))


def error_location(error: BaseException) -> str | None:
    """Return the line of the user's code where an exception was raised: `my_code.py:12`; None if there is none."""
    frames = user_frames(error)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def error_text(error: BaseException) -> str:
    """Return an exception's type and message."""
    message = str(error).strip()
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def add_user_frames(to: BaseException, error: BaseException) -> None:
    """Note the lines of the user's code from a traceback on the exception that replaces it."""
    for line in traceback.format_list(user_frames(error)):
        to.add_note(line.rstrip("\n"))
