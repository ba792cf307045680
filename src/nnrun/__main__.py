"""The start of the process `nnrun`, also of `python -m nnrun`: signals are taken before anything else is imported."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # type checkers take it for that of `typing`, whose import takes longer than all of this
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

# The codes of `nnrun.errors`, whose import takes longer than an impatient hand.
_EXIT_INTERRUPTED, _EXIT_PREEMPTED = 130, 75


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
    _end_at_signals()
    from nnrun.cli.main import main as run_command_line

    run_command_line()


def _end_at_signals() -> None:
    """Let signals end the process at once while it has begun nothing, without Python's traceback."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # A caller that ignores a signal (nohup ignores SIGHUP) wants it ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    from contextlib import suppress

    text = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    with suppress(OSError):  # a closed terminal
        os.write(2, f"{text}\n".encode())
    os._exit(_EXIT_INTERRUPTED if number == signal.SIGINT else _EXIT_PREEMPTED)


if __name__ == "__main__":
    main()
