"""The scalars of YAML 1.2's core schema: which plain words are numbers, truth values or nothing, and which are text."""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

#: Beyond about 4,300 digits Python itself refuses to turn a text into an integer.
LONGEST_NUMBER = 4_000

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": math.nan,
    ".NaN": math.nan,
    ".NAN": math.nan,
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(word: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    Raises:
        ValueError: The number is too long or too large to be held; the text says what was expected and received.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "+-.0123456789":
        return word
    if _WHOLE.fullmatch(word):
        return int(_within_length(word))
    if _BASED.fullmatch(word):
        return int(_within_length(word), 0)
    if _FLOAT.fullmatch(word):
        return _finite(_within_length(word))
    return word


def is_text(word: str) -> bool:
    """Whether a plain scalar is read as text rather than as a number, a truth value or null."""
    try:
        return isinstance(resolve(word), str)
    except ValueError:
        return False


def _within_length(word: str) -> str:
    if len(word) > LONGEST_NUMBER:
        raise ValueError(f"expected a number of at most {LONGEST_NUMBER:,} digits, received {len(word):,} characters")
    return word


def _finite(word: str) -> float:
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"expected a number below 1.8e308, received {word[:40]}")
    return number
