"""What a Python file of the user's offers to a config: read from its syntax tree, never run.

A class is what its base is in Keras: `class Scale(keras.layers.Layer)` is a layer. Beside that:

- a class with a method `load` is a data source, one with a method `apply` a preparation step;
- a function `read_...` or `load_...` is a data source;
- a function of `y_true` and `y_pred` is a loss and a metric, one of `x` alone an activation.

Names that begin with an underscore are the file's own business.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.kinds import PartOf
from nnrun.catalog.usercode_classes import Classes
from nnrun.catalog.usercode_functions import function_entries
from nnrun.catalog.usercode_names import Names, statements
from nnrun.catalog.usercode_text import Text
from nnrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path as FilePath

    from nnrun.catalog.lookup import Entry

LARGEST = 1_000_000


@dataclass(frozen=True)
class UserCode:
    """A Python file of the user's, read once: what is checked, kept and run is the same text.

    Attributes:
        file: Its name, as the user wrote it.
        content: Its bytes.
        entries: What a config can name of it.
    """

    file: str
    content: bytes
    entries: tuple[Entry, ...]

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def read_all(files: Sequence[FilePath]) -> tuple[UserCode, ...]:
    """Read files that are given with `--code`, without running anything in them.

    Raises:
        ConfigError: With every problem of every file: what cannot be read or is no Python, names that are Keras' or
            another file's, arguments whose defaults a config cannot say.
    """
    return read_contents([(str(file), _content(file)) for file in files])


def read_contents(contents: Sequence[tuple[str, bytes]]) -> tuple[UserCode, ...]:
    """Read named contents as `read_all` reads files.

    Raises:
        ConfigError: As there.
    """
    problems: list[Problem] = []
    taken: dict[tuple[str, str], str] = {}
    codes = []
    # A command within a command knows only its own files.
    with lookup.with_entries(()):
        for name, content in contents:
            try:
                entries = tuple(_entries(Text(name, _decoded(name, content)), content, taken, problems))
            except RecursionError:
                entries = ()
                problems.append(Problem(None, f"{name}: what stands in this file is nested too deeply"))
            codes.append(UserCode(name, content, entries))
    if problems:
        raise ConfigError(problems)
    return tuple(codes)


def _content(file: FilePath) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(f"{file}: this file of --code cannot be read ({reason})", "--code my_code.py") from None
    if len(content) > LARGEST:
        raise _refused(f"{file}: expected Python code of at most {LARGEST / 1e6:g} MB, received more", None)
    return content


def _decoded(file: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = f"{file}: expected UTF-8 text, received the byte 0x{content[error.start]:02X} at offset {error.start}"
        raise _refused(text, "save the file as UTF-8") from None


def _refused(text: str, hint: str | None) -> ConfigError:
    return ConfigError([Problem(None, text, hint)])


def _entries(text: Text, content: bytes, taken: dict[tuple[str, str], str], problems: list[Problem]) -> Iterator[Entry]:
    """Give the entries of one file; what is wrong with it is added to `problems`."""
    tree = _parsed(text, content, problems)
    if tree is None:
        return
    found: dict[tuple[str, str], tuple[Entry, ast.stmt]] = {}
    names = Names(tree.body)
    classes = Classes(names, text, tree)
    for statement in statements(tree.body):
        for entry in _of_statement(statement, names, classes, text, tree):
            # As in Python, the last definition of a name counts.
            found[entry.category, entry.name] = entry, statement
    problems += text.problems
    for key, (entry, statement) in found.items():
        clash = _clash(entry, taken.get(key))
        if clash is not None:
            problems.append(Problem(text.name_mark(statement, entry.name), *clash))
        taken.setdefault(key, text.file)
        yield entry


def _of_statement(statement: ast.stmt, names: Names, classes: Classes, text: Text, tree: ast.Module) -> Sequence[Entry]:
    if isinstance(statement, ast.ClassDef):
        return classes.entries(statement)
    if isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
        return function_entries(statement, names, text, tree)
    return ()


def _parsed(text: Text, content: bytes, problems: list[Problem]) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content, text.file)
            # Some mistakes, such as `return` outside a function, show only when the code is compiled (it is not run).
            compile(content, text.file, "exec", dont_inherit=True)
    except SyntaxError as error:
        mark = text.mark(error.lineno or 1, max(1, error.offset or 1), 1)
        problems.append(Problem(mark, f"expected Python, received a syntax error: {error.msg}"))
        return None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        problems.append(Problem(None, f"{text.file}: expected Python, received what cannot be read as such: {error}"))
        return None
    return tree


def _clash(entry: Entry, other: str | None) -> tuple[str, str] | None:
    if other is not None:
        return f"'{entry.name}' is also defined in {other}", "give one of the two another name"
    known = lookup.entry(entry.category, entry.name)
    if known is None:
        return None
    whose = "nnrun's own" if known.origin == "nnrun" else "Keras'"
    return (
        f"'{entry.name}' is already the name of {PartOf((entry.category,)).expects} of {whose}",
        f"give it another name, such as My{entry.name}"
        if entry.name[0].isupper()
        else f"give it another name, such as my_{entry.name}",
    )
