"""A stream that a person or a program reads: how wide it is, whether it has colours, and what may reach it."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from nnrun.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator


#: What a terminal without a known size is taken for.
_WIDTH = 80


@dataclass(frozen=True)
class Screen:
    """Where lines go.

    Attributes:
        stream: The stream itself.
        terminal: Whether a person sits before it.
    """

    stream: TextIO
    terminal: bool

    @classmethod
    def out(cls) -> Screen:
        """Give the screen for results."""
        return cls(sys.stdout, sys.stdout.isatty())

    @classmethod
    def err(cls) -> Screen:
        """Give the screen for errors and progress."""
        return cls(sys.stderr, sys.stderr.isatty())

    @classmethod
    @contextmanager
    def own_err(cls) -> Iterator[Screen]:
        """Open the screen for progress by a descriptor of its own: during engine work descriptor 2 leads to the log."""
        try:
            descriptor = os.dup(sys.stderr.fileno())
        except OSError:  # a test's stream has no descriptor, and nothing takes it away either
            yield cls.err()
            return
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        with os.fdopen(descriptor, "w", buffering=1, encoding=encoding, errors="backslashreplace") as stream:
            yield cls(stream, stream.isatty())

    @property
    def width(self) -> int | None:
        """How many columns a line may take; None where nobody minds."""
        if not self.terminal:
            return None
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _WIDTH
        except OSError:
            return _WIDTH

    @property
    def coloured(self) -> bool:
        """Whether the stream takes colours (https://no-color.org)."""
        return self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def style(self, text: str, **styles: Any) -> str:
        """Give the text in colours, where there are colours."""
        from click import style

        return style(text, **styles) if self.coloured and text else text

    def put(self, text: str = "") -> None:
        """Write one line."""
        self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """Write a text as it is.

        Raises:
            RunError: The disk under the stream refuses.
        """
        with _told():
            self.stream.write(text)

    def flush(self) -> None:
        """Write what waits in the stream's buffer; see `write`."""
        with _told():
            self.stream.flush()

    def can(self, text: str) -> bool:
        """Tell whether the stream's encoding has these characters."""
        try:
            text.encode(getattr(self.stream, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return False
        return True


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        text = f"the results cannot be written: {error.strerror}"
        raise RunError(text, "free some space, or write to another disk") from error


def visible(text: str) -> str:
    """Give the text without what could command a terminal: control characters other than line ends become a box."""
    return "".join(
        letter
        if letter == "\n" or letter.isprintable() or unicodedata.category(letter) == "Zs"
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def put_json(value: object) -> None:
    """Write the one JSON document of a command on stdout."""
    from nnrun.runs.json_files import dumps

    Screen.out().put(dumps(value))
