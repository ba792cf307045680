"""Where in the user's own code an exception came from: its lines are shown, nnrun's and Keras' are not."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceback import FrameSummary

#: A module of the user's holds this name.
MARK = "__nnrun_user_code__"


def own_frames(error: BaseException) -> list[FrameSummary]:
    """The frames of a traceback that stand in the user's own code, outermost first."""
    walked = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if MARK in frame.f_globals]
    return list(traceback.StackSummary.extract(iter(walked)))


def place(error: BaseException) -> str | None:
    """The user's file and line where an exception came from: `my_code.py:12`; None where it did not."""
    frames = own_frames(error)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def said(error: BaseException) -> str:
    """An exception's type and message."""
    message = str(error).strip()
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def add_lines(to: BaseException, error: BaseException) -> None:
    """Note the user's own lines of a traceback on the exception that is told instead."""
    for line in traceback.format_list(own_frames(error)):
        to.add_note(line.rstrip("\n"))
