"""The file of a first config, which never replaces another."""

from __future__ import annotations

import re
import unicodedata
from os.path import lexists
from typing import TYPE_CHECKING

from nnrun.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

_NOT_IN_NAMES = re.compile(r"[^\w-]+", re.ASCII)
#: The greatest length of the name of an experiment.
_MOST_LETTERS = 80


def require_new(out: Path) -> Path:
    """Return the file to write.

    Raises:
        RunError: It exists.
    """
    if lexists(out):
        raise RunError(f"{out} exists, and is not overwritten", "name another file with --out FILE")
    return out


def write_new(out: Path, text: str) -> None:
    """Write a new file.

    Raises:
        RunError: It exists by now, or cannot be written.
    """
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        require_new(out)
    except OSError as error:
        raise RunError(f"{out} cannot be written: {error.strerror or error}", "name another file with --out") from None


def name_of(path: Path) -> str:
    """Return a name for an experiment over a file: its own, without suffixes and marks on letters (`año`: `ano`)."""
    whole = path.absolute()
    stem = whole.name if path.is_dir() else path.name.split(".")[0] or path.stem
    letters = unicodedata.normalize("NFKD", stem)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NOT_IN_NAMES.sub("-", plain).strip("-_")[:_MOST_LETTERS] or "first"
