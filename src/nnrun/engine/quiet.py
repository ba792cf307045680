"""Keeps what TensorFlow and other libraries print away from the screen, and in a file.

TensorFlow's C++ code writes to file descriptor 2 itself, whatever `TF_CPP_MIN_LOG_LEVEL` says (tensorflow#62075,
#100442), so the descriptor is what has to be turned aside, not `sys.stderr`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath


@contextlib.contextmanager
def quiet(log: FilePath) -> Iterator[None]:
    """Append to `log` whatever is printed or warned of inside the `with` block, from Python or below it."""
    with (
        log.open("a", encoding="utf-8", buffering=1) as file,
        _descriptor_to(file),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, filename, lineno, *_: print(
            f"{filename}:{lineno}: {category.__name__}: {message}", file=file
        )
        yield


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
