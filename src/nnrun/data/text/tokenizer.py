"""Texts to tokens and back: characters, words or bytes, their ids, and a text that is generated token by token."""

from __future__ import annotations

import codecs
import re
import string
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from nnrun.config import hints
from nnrun.data.text.windows import aligned_empty, smallest_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Level = Literal["character", "word", "byte"]

#: A word with the apostrophes and hyphens inside it, a line end, or any other mark.
_WORDS = re.compile(r"\w+(?:['\u2019-]\w+)*|\n|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}\u2026\n")
_NO_SPACE_AFTER = frozenset("([{\n")


@dataclass(frozen=True)
class Tokenizer:
    """How texts become tokens, and tokens text again.

    Attributes:
        level: What a token is. Bytes are kept as the characters of Latin-1, each its own byte.
        lowercase: Whether letters are folded (of bytes: those of ASCII).
        keep_punctuation: Whether punctuation and symbols stay.
        alphabet: The characters that stay; None: all.
        replacement: What stands for the others; None drops them.
    """

    level: Level = "character"
    lowercase: bool = False
    keep_punctuation: bool = True
    alphabet: str | None = None
    replacement: str | None = None

    def refuse_contradictions(self, word: str) -> None:
        """Refuse what cannot be together; `word` is the source's.

        Raises:
            ValueError: The reason.
        """
        if self.level == "byte" and self.alphabet is not None:
            raise ValueError(f"{word}: `alphabet` is of characters, which `level: byte` has not; leave out one of them")
        if self.replacement is not None and self.alphabet is None:
            raise ValueError(f"{word}: `replacement` stands for characters outside an `alphabet`; write that too")
        if self.replacement is not None and len(self.replacement) != 1:
            raise ValueError(f"{word}: replacement expected one character, received {self.replacement!r}")

    def normalize(self, text: str) -> str:
        """The text as it is learned from: folded, without what is not kept."""
        if self.level == "byte":
            text = text.encode("latin-1").lower().decode("latin-1") if self.lowercase else text
        elif self.lowercase:
            text = text.lower()
        changed = {ord(character): new for character in set(text) if (new := self._new(character)) != character}
        return text.translate(changed) if changed else text

    def tokenize(self, text: str) -> Sequence[str]:
        """The tokens of a prepared text."""
        if self.level != "word":
            return text
        # Each word once, however often it comes: a long text has few different ones.
        known: dict[str, str] = {}
        return [known.setdefault(word, word) for word in (found.group() for found in _WORDS.finditer(text))]

    def tokenize_input(self, text: str) -> Sequence[str]:
        """The tokens of a text that a user typed."""
        if self.level == "byte":
            text = text.encode("utf-8").decode("latin-1")
        return self.tokenize(self.normalize(text))

    def detokenize(self, tokens: Iterable[str], before: str | None = None) -> str:
        """The text of tokens, as `tokenize` would cut it; `before` is the token that stands before them.

        Bytes stay characters of Latin-1: a character may end only with the next bytes.
        """
        if self.level != "word":
            return "".join(tokens)
        pieces = []
        for token in tokens:
            apart = before is not None and token not in _NO_SPACE_BEFORE and before not in _NO_SPACE_AFTER
            pieces.append(f" {token}" if apart else token)
            before = token
        return "".join(pieces)

    def render(self, tokens: Iterable[str]) -> str:
        """The text of tokens as a reader sees it: bytes as the characters they make."""
        joined = self.detokenize(tokens)
        return joined.encode("latin-1").decode("utf-8", "replace") if self.level == "byte" else joined

    def _new(self, character: str) -> str | None:
        """What stands for a character; None where it is dropped."""
        if not self.keep_punctuation and self._is_punctuation(character):
            return None
        if self.alphabet is not None and character not in self.alphabet and character != self.replacement:
            return self.replacement
        return character

    def _is_punctuation(self, character: str) -> bool:
        if self.level == "byte":
            return character in string.punctuation
        return unicodedata.category(character)[0] in "PS"


#: Marks that a keyboard gives in place of those that books print, and the other way round.
_ALIKE = {
    '"': "\u00bb",
    "\u00bb": '"',
    "\u00ab": '"',
    "\u201e": '"',
    "\u201c": '"',
    "\u201d": '"',
    "'": "\u2019",
    "\u2019": "'",
    "\u2018": "'",
    "\u2013": "-",
    "\u2014": "-",
    "-": "\u2013",
    "\t": " ",
    "\u00a0": " ",
}


def unknown_tokens(tokens: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """The tokens that are not in the vocabulary, each once, in the order in which they come."""
    known = set(vocabulary)
    return [token for token in dict.fromkeys(tokens) if token not in known]


def nearest(token: str, vocabulary: Sequence[str]) -> str | None:
    """The known token that a user most likely meant: the other case, the letter without its accent, a near word."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", token) if not unicodedata.combining(part))
    for other in (token.lower(), token.upper(), plain, plain.lower(), plain.upper(), _ALIKE.get(token, "")):
        if other in vocabulary:
            return other
    near = hints.nearest(token, vocabulary) if len(token) > 1 else []
    return near[0] if near else None


def describe_unknown_tokens(unknown: Sequence[str], vocabulary: Sequence[str]) -> str:
    """Name tokens that are not known, each with the nearest that is."""
    named = []
    for token in unknown[:8]:
        near = nearest(token, vocabulary)
        named.append(f"{token!r} (nearest: {near!r})" if near is not None else f"{token!r}")
    return ", ".join(named) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")


#: Characters that are turned into codes at a time: a text of 100 MB needs no second copy of itself.
_CHUNK = 1 << 20


def encode_tokens(tokens: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """The code of each token, in the smallest type that holds them.

    Args:
        tokens: A text, or a list of words.
        vocabulary: All different tokens, sorted.

    Raises:
        KeyError: A token is not in the vocabulary; `nnrun.data.text.tokenizer.unknown_tokens` tells which.
    """
    kind = smallest_dtype(len(vocabulary))
    if not isinstance(tokens, str):
        places = {token: code for code, token in enumerate(vocabulary)}
        found = aligned_empty(len(tokens), kind)
        for start in range(0, len(tokens), _CHUNK):
            found[start : start + _CHUNK] = [places[token] for token in tokens[start : start + _CHUNK]]
        return found
    table = np.full(max(map(ord, vocabulary), default=0) + 2, -1, dtype="int32")
    table[[ord(character) for character in vocabulary]] = np.arange(len(vocabulary))
    found = aligned_empty(len(tokens), kind)
    for start in range(0, len(tokens), _CHUNK):
        points = np.frombuffer(tokens[start : start + _CHUNK].encode("utf-32-le", "surrogatepass"), "<u4")
        coded = table[np.minimum(points, len(table) - 1)]
        if (coded < 0).any():
            raise KeyError(tokens[start + int((coded < 0).argmax())])
        found[start : start + _CHUNK] = coded
    return found


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
