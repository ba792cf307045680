"""Keeps what TensorFlow and other libraries print away from the screen, and in a file.

TensorFlow's C++ code writes to file descriptor 2 itself, whatever `TF_CPP_MIN_LOG_LEVEL` says (tensorflow#62075,
#100442), so the descriptor is what has to be turned aside, not `sys.stderr`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


#: What NumPy 2 says for every weight of every model that Keras saves: TensorFlow's variables know no `copy`, Keras asks
#: them so, and nobody who reads a run's log can do anything about it.
_OF_EVERY_WEIGHT: dict[str, Any] = {
    "message": "__array__ implementation doesn't accept a copy keyword",
    "category": DeprecationWarning,
    "module": r"keras\.src\.backend\.tensorflow\.core$",
}


@contextlib.contextmanager
def quiet(log: FilePath) -> Iterator[None]:
    """Append to `log` whatever is printed or warned of inside the `with` block, from Python or below it.

    Where `log` cannot be written it goes nowhere.
    """
    with (
        _opened(log) as file,
        _descriptor_to(file),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", **_OF_EVERY_WEIGHT)
        warnings.showwarning = lambda message, category, filename, lineno, *_: print(
            f"{filename}:{lineno}: {category.__name__}: {message}", file=file
        )
        yield


def _opened(log: FilePath) -> TextIO:
    try:
        return log.open("a", encoding="utf-8", buffering=1)
    except OSError:
        # A run on a read-only disk can still be asked; what libraries print is the least of what it says.
        return FilePath(os.devnull).open("a", encoding="utf-8")


@contextlib.contextmanager
def _descriptor_to(file: TextIO) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
