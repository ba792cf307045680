"""What a value was probably meant to be: `1_000` is 1000, `10%` is 0.1, `(3, 3)` is a list of two numbers.

Only hints are made of these readings: a config with such a value is refused all the same.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Words of Python, JSON, YAML 1.1 and R.
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("false", "no", "off", "n", "f"), False),
    **dict.fromkeys(("none", "null", "nil", "na", "undefined"), None),
}
#: Longer text is no number.
_MAX_LENGTH = 60
_FACTORS = {"k": 1_000, "m": 1_000_000}
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:[,' ]\d{3})+(?:\.\d+)?")
_POINTS_AS_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+,\d+|[-+]?[1-9]\d{0,2}(?:\.\d{3}){2,}")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_PERCENT = re.compile(rf"({_NUMBER})\s*(?:%|percent)")
_POWER = re.compile(rf"(?:({_NUMBER})\s*[*x]\s*)?({_NUMBER})\s*(?:\^|\*\*)\s*\(?({_NUMBER})\)?")
_FRACTION = re.compile(rf"({_NUMBER})\s*/\s*({_NUMBER})")
_WITH_FACTOR = re.compile(rf"({_NUMBER})\s*([kKmM])")
_WITH_SUFFIX = re.compile(rf"({_NUMBER})(?:\.|\s*[a-zA-Z]+)")
#: Digits among which a letter stands for a digit that looks alike.
_LETTERS_FOR_DIGITS = re.compile(r"(?=.*[Ool])\d[\dOol.]*")
_AS_DIGITS = str.maketrans({"O": "0", "o": "0", "l": "1"})
_ITEMS = re.compile(r"\s*[,;]\s*|\s*[xX*]\s*(?=\d)|(?<=\d)\s+(?=\d)")


def readings(value: Any) -> Iterator[Any]:
    """Yield what a value was probably meant to be, the likeliest first.

    Args:
        value: Text (`1_000`, `"1e-3"`, `10%`, `1,000`, `0,001`, `3x3`, `None`), a number, or a list of one.
    """
    if isinstance(value, str):
        yield from _readings_of_text(value)
    elif isinstance(value, bool):
        return
    elif isinstance(value, float):
        if value.is_integer() and math.isfinite(value):
            yield int(value)
        yield from _fractions(value)
    elif isinstance(value, int):
        if value in (0, 1):
            yield bool(value)
        yield from _fractions(value)
    elif isinstance(value, list) and len(value) == 1:
        yield value[0]
        yield from readings(value[0])


def _fractions(value: float) -> Iterator[float]:
    """Yield the fraction that a number of percents is."""
    if 2 <= value <= 100:
        yield value / 100


def _readings_of_text(text: str) -> Iterator[Any]:
    word = text.strip().rstrip(",;").strip().strip("\"'").strip()
    if not word or len(text) > _MAX_LENGTH:
        return
    if word != text:
        yield word
    if word.lower() in _WORDS:
        yield _WORDS[word.lower()]
    numbers = list(_numbers(word))
    yield from numbers
    inner = word[1:-1] if (word[0], word[-1]) in {("(", ")"), ("[", "]"), ("{", "}")} else word
    items = [_number(item) for item in _ITEMS.split(inner.strip().rstrip(","))]
    if (len(items) > 1 or inner != word) and None not in items:
        yield from (items, items[0]) if len(items) > 1 or "," in inner else (items[0], items)
    for number in numbers:
        yield from readings(number)


def _numbers(word: str) -> Iterator[int | float]:
    for number in _present(word):
        yield number
        if number in (0, 1):
            yield bool(number)
    if _LETTERS_FOR_DIGITS.fullmatch(word):
        yield from _present(word.translate(_AS_DIGITS))
    for pattern, read in _FORMS:
        if found := pattern.fullmatch(word):
            yield from read(found)


def _number(word: str) -> int | float | None:
    """Return the number that Python reads in a word; None where it is none, or not finite."""
    try:
        return int(word)
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _present(word: str) -> Iterator[int | float]:
    number = _number(word)
    if number is not None:
        yield number


def _without_thousands(found: re.Match[str]) -> Iterator[int | float]:
    return _present(re.sub(r"[,' ]", "", found[0]))


def _with_points_as_thousands(found: re.Match[str]) -> Iterator[int | float]:
    return _present(found[0].replace(".", "").replace(",", "."))


def _with_decimal_point(found: re.Match[str]) -> Iterator[int | float]:
    return _present(found[0].replace(",", "."))


def _percentage(found: re.Match[str]) -> Iterator[int | float]:
    return (_rounded(number / 100) for number in _present(found[1]))


def _multiple(found: re.Match[str]) -> Iterator[int | float]:
    return (_rounded(number * _FACTORS[found[2].lower()]) for number in _present(found[1]))


def _without_suffix(found: re.Match[str]) -> Iterator[int | float]:
    return _present(found[1])


def _power(found: re.Match[str]) -> Iterator[int | float]:
    """Yield `factor * base ** exponent` where it is a number of usual size."""
    factor, base, exponent = (_number(word) for word in (found[1] or "1", found[2], found[3]))
    if None not in (factor, base, exponent) and 0 < base <= 1_000 and abs(exponent) <= 100:  # type: ignore[operator, arg-type]
        yield _rounded(factor * float(base) ** exponent)  # type: ignore[operator, arg-type]


def _quotient(found: re.Match[str]) -> Iterator[int | float]:
    above, below = _number(found[1]), _number(found[2])
    if above is not None and below:
        yield _rounded(above / below)


def _rounded(number: float) -> int | float:
    """Return a number without the rounding error of its computation."""
    rounded = float(f"{number:.12g}")
    return int(rounded) if rounded.is_integer() else rounded


#: Forms of numbers that are no numbers of YAML, each with what reads it.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[int | float]]], ...] = (
    (_THOUSANDS, _without_thousands),
    (_POINTS_AS_THOUSANDS, _with_points_as_thousands),
    (_DECIMAL_COMMA, _with_decimal_point),
    (_PERCENT, _percentage),
    (_POWER, _power),
    (_FRACTION, _quotient),
    (_WITH_FACTOR, _multiple),
    (_WITH_SUFFIX, _without_suffix),
)
