"""Wait for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

FoundT = TypeVar("FoundT")


def wait_for(condition: Callable[[], FoundT], seconds: float = 240.0, pause: float = 0.02) -> FoundT:
    """Wait until a condition holds, and return what it returned.

    Args:
        condition: Asked again and again.
        seconds: After so many the wait is a fault.
        pause: Seconds between two questions.

    Raises:
        AssertionError: It does not hold in time.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"it took longer than {seconds:g} s"
        time.sleep(pause)
    return found
