"""Redirection of the output of TensorFlow and other libraries to a file.

TensorFlow's C++ code writes to file descriptor 2 itself, whatever `TF_CPP_MIN_LOG_LEVEL` says (tensorflow#62075,
#100442), so the descriptor itself is redirected, not only `sys.stderr`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TextIO

from nnrun.regular_files import open_to_append

if TYPE_CHECKING:
    from collections.abc import Iterator


#: NumPy 2's warning for every weight of every model that Keras saves: its variables have no `copy` argument,
#: and no reader of a run's log can do anything about it.
_IGNORED_WARNING: dict[str, Any] = {
    "message": "__array__ implementation doesn't accept a copy keyword",
    "category": DeprecationWarning,
    "module": r"keras\.src\.backend\.(tensorflow\.core|common\.variables)$",
}


@contextlib.contextmanager
def redirect_output(log: FilePath) -> Iterator[None]:
    """Append to `log` everything that is printed or warned of inside the `with` block, by Python or by C++ code.

    If `log` cannot be written, the output is dropped.

    Raises:
        RunError: `log` is a link, a pipe or a device.
    """
    with (
        _opened(log) as file,
        _redirect_stderr_descriptor(file),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", **_IGNORED_WARNING)
        warnings.showwarning = lambda message, category, filename, lineno, *_: print(
            f"{filename}:{lineno}: {category.__name__}: {message}", file=file
        )
        yield


def _opened(log: FilePath) -> TextIO:
    if log == FilePath(os.devnull):  # `check --build` has no run folder, and so no log
        return log.open("a", encoding="utf-8")
    try:
        return os.fdopen(open_to_append(log), "a", encoding="utf-8", buffering=1)
    except OSError:
        # A run on a read-only disk can still be evaluated; the output of libraries is the least of its results.
        return FilePath(os.devnull).open("a", encoding="utf-8")


@contextlib.contextmanager
def _redirect_stderr_descriptor(file: TextIO) -> Iterator[None]:
    with contextlib.suppress(OSError):  # a closed pipe, whose reader needs nothing any more
        sys.stderr.flush()
    if not _stderr.users:
        _stderr.own = os.dup(2)
    _stderr.users += 1
    before = _stderr.target
    redirect_descriptor(file.fileno())
    try:
        yield
    finally:
        redirect_descriptor(before)
        _stderr.users -= 1
        if not _stderr.users:
            os.close(_stderr.own)


class _Stderr:
    """Where the descriptor of standard error leads.

    Attributes:
        own: A copy of the process's own, as long as something is redirected.
        users: The number of `with` blocks that redirect it.
        target: What it is a copy of now; None: the process's own.
    """

    own = -1
    users = 0
    target: int | None = None


_stderr = _Stderr()


def descriptor_target() -> int | None:
    """Return the descriptor that the one of standard error is a copy of; None: the process's own."""
    return _stderr.target


def redirect_descriptor(target: int | None) -> None:
    """Redirect the descriptor of standard error to another one, or to the process's own."""
    if target != _stderr.target:
        os.dup2(_stderr.own if target is None else target, 2)
        _stderr.target = target
