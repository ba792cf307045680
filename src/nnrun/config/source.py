"""A text with its lines: turns positions into marks and refuses characters that no config holds."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from nnrun.errors import ConfigError, Mark, Problem

#: An editor's line ends. YAML 1.1 also breaks lines at U+0085 and U+2028, which editors do not count.
_LINE_END = re.compile(r"\r\n|\n|\r")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class Source:
    """A text that knows where its lines begin.

    Args:
        text: The text, without a byte order mark.
        file: The name that marks carry.
        shown: What marks show instead of the text, of the same length.
    """

    def __init__(self, text: str, file: str, shown: str | None = None) -> None:
        self.text = text
        self.shown = text if shown is None else shown
        self._cut: dict[int, str] = {}
        self.file = file

    @cached_property
    def _lines(self) -> tuple[list[int], list[int]]:
        """Where each line begins, and where it ends before its line end."""
        breaks = list(_LINE_END.finditer(self.text))
        return [0, *(found.end() for found in breaks)], [*(found.start() for found in breaks), len(self.text)]

    def mark(self, start: int, end: int) -> Mark:
        """The mark of the characters from `start` up to `end`, cut at the end of the first line."""
        begins, ends = self._lines
        line = bisect_right(begins, start) - 1
        # Marks share their line: with a copy each, a config of 1 MB on one line would take more memory than there is.
        if line not in self._cut:
            self._cut[line] = self.shown[begins[line] : ends[line]]
        length = max(1, min(end, ends[line]) - start)
        return Mark(self.file, line + 1, start - begins[line] + 1, length, self._cut[line])

    def line_of(self, position: int) -> int:
        """The line of a position, counted from 1."""
        return bisect_right(self._lines[0], position)

    def line_span(self, line: int) -> tuple[int, int]:
        """Where a line (counted from 1) begins and ends."""
        return self._lines[0][line - 1], self._lines[1][line - 1]

    def refuse_unprintable(self) -> None:
        """Raise where the text holds a character that YAML does not allow.

        Raises:
            ConfigError: With the place of the first such character.
        """
        found = _UNPRINTABLE.search(self.shown)
        if not found:
            return
        if "\0" in self.shown:
            text, hint = "expected a text file, received binary data (it holds a NUL character)", "give a YAML file"
        else:
            text = f"expected printable text, received the control character U+{ord(found.group()):04X}"
            hint = "delete it, or write it as an escape in double quotes"
        raise ConfigError([Problem(self.mark(found.start(), found.end()), text, hint)])
