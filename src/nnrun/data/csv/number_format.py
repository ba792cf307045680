"""How numbers are written as text: marks, units, percent signs and negative amounts; and the numbers themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING

from nnrun.data.columns import LONG

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The Unicode minus sign, which is one and the same sign as the hyphen before a number.
_MINUS = "\N{MINUS SIGN}"
#: What a separator of thousands stands for: spaces that do not break count as spaces, apostrophes may be slanted.
SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{FIGURE SPACE}"
APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
THOUSANDS = (",", ".", " ", "'", "_")
_ALIKE = {" ": SPACES, "'": APOSTROPHES}
#: The keys with which a config states how the numbers of a column are written.
KEYS = ("type", "decimal", "thousands", "unit", "negative")


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Attributes:
        decimal: The decimal mark, a point or a comma.
        thousands: The separator between groups of digits, one of `THOUSANDS`; empty for none.
        unit: A text before or after each number, such as a currency or a unit of measurement; it may be absent.
        negative: Whether a negative number has a sign before it, or `parentheses` around it, or a `trailing` sign.
        percent: Whether each number has a percent sign: it is divided by 100.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    negative: str = "sign"
    percent: bool = False

    def parse(self, text: str) -> float | None:
        """Return the number that a text is, or None: `nan`, `inf` and `1_000` are not numbers.

        Groups of digits are those of thousands or of the Indian system (`12,34,567`); a number may also be written
        without separators. A number without a percent sign is none of a column of percentages.
        """
        value = None if self.percent else self._plain(text)
        return self._formatted(text) if value is None and self.needs_own_parser else value

    def parse_exactly(self, text: str) -> float | int | None:
        """Return the number that a text is, or None; digits of a whole number beyond 2^53 as an integer."""
        value, digits = self.parse(text), text.strip()
        is_long = value is not None and abs(value) >= LONG and digits.lstrip("+-").isdecimal()
        return int(digits) if is_long else value

    @property
    def needs_own_parser(self) -> bool:
        """Whether numbers are written in more ways than with a sign and the decimal mark."""
        return bool(self.thousands or self.unit or self.percent or self.negative != "sign")

    def _plain(self, text: str) -> float | None:
        """Return the number that a text without separators, units and percent sign is, or None."""
        text = text.replace(_MINUS, "-") if _MINUS in text else text
        if self.decimal != ".":
            text = text.replace(".", "_").replace(self.decimal, ".")
        try:
            value = float(text)
        except ValueError:
            return None
        return value if isfinite(value) and "_" not in text else None

    def _formatted(self, text: str) -> float | None:
        """Return the number without what stands around it, each of which may occur once and in any order."""
        left, sign, has_unit, has_percent = text.strip(), "", not self.unit, not self.percent
        for _ in range(3):
            if not sign:
                left, sign = self._without_sign(left)
            if not has_percent and (bare := _without("%", left)) is not None:
                left, has_percent = bare, True
            if not has_unit and (bare := _without(self.unit, left)) is not None:
                left, has_unit = bare, True
        found = _pattern(self.decimal, self.thousands).fullmatch(left)
        if found is None or not has_percent:
            return None
        digits = re.sub(f"[{_characters(self.thousands)}]", "", found["digits"]) if self.thousands else found["digits"]
        # Written with its exponent, a percentage is rounded once: 11.2 / 100 is not the float nearest to 0.112.
        exponent = int(found["exponent"] or 0) - 2 * self.percent
        value = float(f"{sign}{digits.replace(self.decimal, '.')}e{exponent}")
        return value if isfinite(value) else None

    def _without_sign(self, text: str) -> tuple[str, str]:
        """Return a text without its sign, and the sign; empty if it has none."""
        if text[:1] in ("+", "-", _MINUS):
            return text[1:].strip(), "+" if text[0] == "+" else "-"
        if self.negative == "parentheses" and text[:1] == "(" and text[-1:] == ")":
            return text[1:-1].strip(), "-"
        if self.negative == "trailing" and text[-1:] in ("-", _MINUS):
            return text[:-1].strip(), "-"
        return text, ""


def number_format(stated: Mapping[str, str], decimal: str, thousands: str) -> NumberFormat:
    """Return how a column's numbers are written.

    Args:
        stated: What the config states about the column, by the words of `KEYS`.
        decimal: The decimal mark of the file.
        thousands: The separator of thousands of the file.

    Raises:
        ValueError: What is stated is not one of the known words, or contradicts itself.
    """
    unknown = next((key for key in stated if key not in KEYS), None)
    if unknown is not None:
        raise ValueError(f"expected the keys {', '.join(KEYS)}, or date; received {unknown!r}")
    kind = stated.get("type", "number")
    if kind not in ("number", "percent"):
        raise ValueError(f"type expected number or percent in a mapping, received {kind!r}")
    decimal = stated.get("decimal", decimal)
    # A decimal mark of the column's own may be what separates thousands in the rest of the file.
    thousands = stated.get("thousands", "" if decimal == thousands else thousands)
    found = NumberFormat(
        decimal, thousands, stated.get("unit", ""), stated.get("negative", "sign"), percent=kind == "percent"
    )
    check_marks(found.decimal, found.thousands)
    if found.negative not in ("sign", "parentheses", "trailing"):
        raise ValueError(f"negative expected sign, parentheses or trailing, received {found.negative!r}")
    if found.unit.strip() != found.unit or re.search(r"\d", found.unit):
        raise ValueError(f"unit expected a text without digits and blanks around it, received {found.unit!r}")
    return found


def check_marks(decimal: str, thousands: str) -> None:
    """Refuse marks that cannot be distinguished.

    Raises:
        ValueError: The reason.
    """
    if decimal not in (".", ","):
        raise ValueError(f"decimal expected '.' or ',', received {decimal!r}")
    if thousands and thousands not in THOUSANDS:
        shown = ", ".join(map(repr, THOUSANDS))
        raise ValueError(f"thousands expected one of {shown}, received {thousands!r}")
    if thousands == decimal:
        raise ValueError(f"thousands and decimal expected two different marks, received {decimal!r} for both")


def _without(affix: str, text: str) -> str | None:
    """Return a text without an affix at its beginning or end, or None if it has none."""
    if text.startswith(affix):
        return text.removeprefix(affix).strip()
    return text.removesuffix(affix).strip() if text.endswith(affix) else None


def _characters(mark: str) -> str:
    """Return the characters that a mark stands for, for a class of a regular expression."""
    return re.escape(_ALIKE.get(mark, mark))


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Return the pattern of a number; a number with separators does not begin with 0, as `0,123` does."""
    group = _characters(thousands)
    grouped = rf"|[1-9]\d{{0,2}}(?:[{group}]\d{{2,3}})*[{group}]\d{{3}}" if thousands else ""
    digits = rf"(?:\d+{grouped})(?:[{decimal}]\d*)?|[{decimal}]\d+"
    return re.compile(rf"(?P<digits>{digits})(?:[eE](?P<exponent>[-+]?\d+))?", re.ASCII)
