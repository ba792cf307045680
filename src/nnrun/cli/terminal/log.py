"""The log of a server on stderr: a line for each event, with its time."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnrun.cli.terminal.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Formatter(logging.Formatter):
    """Writes times in UTC, as run folders have them."""

    converter = staticmethod(time.gmtime)


@contextmanager
def open_log(name: str, *, quiet: bool) -> Iterator[None]:
    """Write what a logger receives to stderr inside the `with` block, also while the engine redirects stderr.

    Args:
        name: The logger.
        quiet: Whether only errors are written.
    """
    logger = logging.getLogger(name)
    with Output.duplicate_stderr() as output:
        handler = logging.StreamHandler(output.stream)
        handler.setFormatter(_Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
        before = logger.level, logger.propagate
        logger.setLevel(logging.ERROR if quiet else logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.level, logger.propagate = before
