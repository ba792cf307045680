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
from nnrun.data.text.windows import ALIGNMENT
from nnrun.formatting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Level = Literal["character", "word", "byte"]

#: A word with the apostrophes and hyphens inside it, a line end, or any other mark.
_WORDS = re.compile(r"\w+(?:['\u2019-]\w+)*|\n|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}\u2026\n")
_NO_SPACE_AFTER = frozenset("([{\n")


@dataclass(frozen=True)
class Tokenizer:
    """Turns texts into tokens, and tokens into text.

    Attributes:
        level: What a token is. Bytes are represented by the characters of Latin-1.
        lowercase: Whether letters become lower case (of bytes: those of ASCII).
        keep_punctuation: Whether punctuation and symbols stay.
        alphabet: The characters that stay; None: all.
        replacement: What replaces the others; None drops them.
    """

    level: Level = "character"
    lowercase: bool = False
    keep_punctuation: bool = True
    alphabet: str | None = None
    replacement: str | None = None

    def check_arguments(self, source: str) -> None:
        """Refuse arguments that contradict each other.

        Raises:
            ValueError: They do; the text begins with the name of the source.
        """
        if self.level == "byte" and self.alphabet is not None:
            text = f"{source}: `alphabet` consists of characters, but `level: byte` has none; leave out one of them"
            raise ValueError(text)
        if self.replacement is not None and self.alphabet is None:
            raise ValueError(f"{source}: `replacement` replaces characters outside an `alphabet`; write that too")
        if self.replacement is not None and len(self.replacement) != 1:
            raise ValueError(f"{source}: replacement expected one character, received {self.replacement!r}")

    def normalize(self, text: str) -> str:
        """Return the text in lower case and without dropped characters, as far as the arguments say so."""
        if self.level == "byte":
            text = text.encode("latin-1").lower().decode("latin-1") if self.lowercase else text
        elif self.lowercase:
            text = text.lower()
        changed = {ord(character): new for character in set(text) if (new := self._normalized(character)) != character}
        return text.translate(changed) if changed else text

    def tokenize(self, text: str) -> Sequence[str]:
        """Return the tokens of a normalized text."""
        if self.level != "word":
            return text
        # One object a word, however often it comes: a long text has few different ones.
        known: dict[str, str] = {}
        return [known.setdefault(word, word) for word in (found.group() for found in _WORDS.finditer(text))]

    def tokenize_input(self, text: str) -> Sequence[str]:
        """Return the tokens of a text that a user typed."""
        if self.level == "byte":
            text = text.encode("utf-8").decode("latin-1")
        return self.tokenize(self.normalize(text))

    def detokenize(self, tokens: Iterable[str], previous: str | None = None) -> str:
        """Return the text that `tokenize` splits into these tokens.

        Bytes stay characters of Latin-1: a character may end only with the next bytes.

        Args:
            tokens: The tokens.
            previous: The token before them.
        """
        if self.level != "word":
            return "".join(tokens)
        pieces = []
        for token in tokens:
            space = previous is not None and token not in _NO_SPACE_BEFORE and previous not in _NO_SPACE_AFTER
            pieces.append(f" {token}" if space else token)
            previous = token
        return "".join(pieces)

    def render(self, tokens: Iterable[str]) -> str:
        """Return the text of tokens for a reader: bytes as the characters that they encode."""
        text = self.detokenize(tokens)
        return text.encode("latin-1").decode("utf-8", "replace") if self.level == "byte" else text

    def _normalized(self, character: str) -> str | None:
        """Return what replaces a character; None where it is dropped."""
        if not self.keep_punctuation and self._is_punctuation(character):
            return None
        if self.alphabet is not None and character not in self.alphabet and character != self.replacement:
            return self.replacement
        return character

    def _is_punctuation(self, character: str) -> bool:
        if self.level == "byte":
            return character in string.punctuation
        return unicodedata.category(character)[0] in "PS"


#: Characters of a keyboard for those of printed books, and the other way round.
_SIMILAR = {
    '"': "\u00bb",
    "'": "\u2019",
    "-": "\u2013",
    **dict.fromkeys("\u00bb\u00ab\u201e\u201c\u201d", '"'),
    **dict.fromkeys("\u2019\u2018", "'"),
    **dict.fromkeys("\u2013\u2014", "-"),
    **dict.fromkeys("\t\u00a0", " "),
    # Arabic keyboards and Persian ones write these letters alike.
    **dict(zip("\u064a\u0643\u06cc\u06a9", "\u06cc\u06a9\u064a\u0643", strict=True)),
}


def unknown_tokens(tokens: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """Return the tokens that are not in the vocabulary, each once, in their order."""
    known = set(vocabulary)
    return [token for token in dict.fromkeys(tokens) if token not in known]


def nearest_token(token: str, vocabulary: Sequence[str]) -> str | None:
    """Return the known token that a user probably meant: another case, without its accent, a similar word."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", token) if not unicodedata.combining(part))
    for other in (token.lower(), token.upper(), plain, plain.lower(), plain.upper(), _SIMILAR.get(token, "")):
        if other in vocabulary:
            return other
    near = hints.nearest(token, vocabulary) if len(token) > 1 else []
    return near[0] if near else None


def describe_unknown_tokens(unknown: Sequence[str], vocabulary: Sequence[str], level: Level) -> str:
    """Return unknown tokens as a list for a message, with code points, and each with the nearest known one."""
    named = []
    for token in unknown[:8]:
        near = nearest_token(token, vocabulary) if level != "byte" else None
        named.append(
            _name_token(token, level) + (f" (nearest: {_code_point(near, level)}{quoted(near)})" if near else "")
        )
    return ", ".join(named) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")


def _name_token(token: str, level: Level) -> str:
    """Return a token in quotes, after its code point and name where it is a character outside of ASCII."""
    if level == "byte":
        return f"the byte 0x{ord(token):02X}"
    code = _code_point(token, level)
    name = f"{unicodedata.name(token, '')} ".lstrip() if code else ""
    # A character that joins the one before it is shown on a dotted circle.
    shown = f"\N{DOTTED CIRCLE}{token}" if code and unicodedata.combining(token) else token
    return f"{code}{name}{quoted(shown)}"


def _code_point(token: str, level: Level) -> str:
    return "" if level == "word" or token.isascii() else f"U+{ord(token):04X} "


#: Characters that are encoded at a time: a text of 100 MB needs no second copy of itself.
_CHUNK = 1 << 20


def encode_tokens(tokens: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """Return the id of each token, shape (tokens,), in the smallest dtype that holds them.

    Args:
        tokens: A text, or a list of words.
        vocabulary: All different tokens, sorted.

    Raises:
        KeyError: A token is not in the vocabulary; `unknown_tokens` returns which.
    """
    token_ids = _empty_token_ids(len(tokens), len(vocabulary))
    if not isinstance(tokens, str):
        by_token = {token: number for number, token in enumerate(vocabulary)}
        for start in range(0, len(tokens), _CHUNK):
            token_ids[start : start + _CHUNK] = [by_token[token] for token in tokens[start : start + _CHUNK]]
        return token_ids
    table = np.full(max(map(ord, vocabulary), default=0) + 2, -1, dtype="int32")
    table[[ord(character) for character in vocabulary]] = np.arange(len(vocabulary))
    for start in range(0, len(tokens), _CHUNK):
        points = np.frombuffer(tokens[start : start + _CHUNK].encode("utf-32-le", "surrogatepass"), "<u4")
        chunk = table[np.minimum(points, len(table) - 1)]
        if (chunk < 0).any():
            raise KeyError(tokens[start + int((chunk < 0).argmax())])
        token_ids[start : start + _CHUNK] = chunk
    return token_ids


def _empty_token_ids(count: int, vocabulary: int) -> np.ndarray:
    """Return an array for token ids that is aligned so that TensorFlow can share its memory."""
    dtype = np.dtype("uint8" if vocabulary <= 256 else "uint16" if vocabulary <= 65536 else "int32")
    memory = np.empty(count * dtype.itemsize + ALIGNMENT, dtype="uint8")
    first = -memory.ctypes.data % ALIGNMENT
    empty: np.ndarray = memory[first : first + count * dtype.itemsize].view(dtype)
    return empty


class StreamingDecoder:
    """Decodes a text token by token while it is generated.

    Args:
        tokenizer: The tokenizer of the text.
        stop: Texts before which it ends; its end is held back while it may be the beginning of one.
        previous: The token before it, or None.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...], previous: str | None) -> None:
        self._tokenizer, self._stop, self._previous = tokenizer, stop, previous
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace") if tokenizer.level == "byte" else None
        self._held = ""
        self.text, self.stopped = "", False

    def decode(self, tokens: list[str]) -> str:
        """Add the next tokens; return the text that is now certain."""
        if self.stopped:
            return ""
        new = self._tokenizer.detokenize(tokens, self._previous)
        self._previous = tokens[-1]
        self._held += self._bytes.decode(new.encode("latin-1")) if self._bytes is not None else new
        # The stop text that is complete first counts, so that the result does not depend on the size of the pieces.
        found = [(start + len(stop), start) for stop in self._stop if (start := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._release(min(found)[1])
        # The longest end that may be the beginning of a stop text.
        waiting = (size for stop in self._stop for size in range(1, len(stop)) if self._held.endswith(stop[:size]))
        return self._release(len(self._held) - max(waiting, default=0))

    def flush(self) -> str:
        """Return the text that was held back; no more tokens come."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, size: int) -> str:
        text, self._held = self._held[:size], self._held[size:]
        self.text += text
        return text
