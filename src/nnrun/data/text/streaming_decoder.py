"""A written text as it grows: tokens become text again, piece by piece."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.data.text.tokens import Tokenizer


class StreamingDecoder:
    """One text as it grows.

    Args:
        tokens: How the text was cut.
        stop: Texts before which it ends; its end is held back where one may be about to come.
        before: The token that stands before it, or None.
    """

    def __init__(self, tokens: Tokenizer, stop: tuple[str, ...], before: str | None) -> None:
        self._tokens, self._stop, self._before = tokens, stop, before
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace") if tokens.level == "byte" else None
        self._held = ""
        self.text, self.stopped = "", False

    def take(self, tokens: list[str]) -> str:
        """Take the next tokens; gives the text that is then sure."""
        if self.stopped:
            return ""
        new = self._tokens.detokenize(tokens, self._before)
        self._before = tokens[-1]
        self._held += self._bytes.decode(new.encode("latin-1")) if self._bytes is not None else new
        # The one that is whole first counts, so that it does not matter in which pieces the text comes.
        found = [(place + len(one), place) for one in self._stop if (place := self._held.find(one)) >= 0]
        if found:
            self.stopped = True
            return self._give(min(found)[1])
        return self._give(len(self._held) - self._waiting())

    def rest(self) -> str:
        """Give what was held back; no more will come."""
        return "" if self.stopped else self._give(len(self._held))

    def _waiting(self) -> int:
        """How many characters at the end may be the beginning of a stop text."""
        return max(
            (size for one in self._stop for size in range(1, len(one)) if self._held.endswith(one[:size])), default=0
        )

    def _give(self, size: int) -> str:
        sure, self._held = self._held[:size], self._held[size:]
        self.text += sure
        return sure
