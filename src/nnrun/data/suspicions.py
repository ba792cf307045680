"""What looks wrong in the values of a table although every field can be read: fillers, cut-off targets, look-alikes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from nnrun.data.columnwise import missing
from nnrun.data.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

#: Numbers that people write for a value that they do not have.
_FILLERS = (0.0, *(sign * float("9" * digits) for sign in (1, -1) for digits in range(1, 6)), -1.0)
#: A filler lies this many times farther from the other values than these lie from each other.
_APART = 5
#: Fewer different values than this say nothing of how they usually lie.
_FEW = 10
#: The share of targets at the very largest value from which on it looks cut off.
_CUT_OFF = 0.01
#: float32 tells whole numbers apart up to 2^24.
_LARGEST = 2.0**24


def fillers(name: str, column: np.ndarray) -> Iterator[Remark]:
    """Zeros, nines and the like that lie alone far from all other values."""
    known = column[~missing(column)]
    values, counts = np.unique(known, return_counts=True)
    if len(values) < _FEW:
        return
    usual = float(np.median(np.diff(values[1:-1])))
    for at, beside, side in ((0, 1, "and more"), (-1, -2, "and less")):
        if values[at] in _FILLERS and abs(values[at] - values[beside]) >= _APART * usual:
            text = (
                f"{counts[at]:,} of {len(known):,} values of column {name!r} are {values[at]:g}, far from the others "
                f"({values[beside]:g} {side}): does it stand for a missing value?"
            )
            yield Remark("filler", "warning", text)


def too_large(name: str, column: np.ndarray) -> Iterator[Remark]:
    """Whole numbers that float32, in which models calculate, cannot tell apart."""
    known = column[~missing(column)]
    large = known[(np.abs(known) >= _LARGEST) & (known == np.floor(known))]
    lost = len(np.unique(large)) - len(np.unique(large.astype("float32")))
    if lost:
        text = f"{lost:,} values of column {name!r} become the same as another in float32: is it an identifier?"
        yield Remark("large-numbers", "warning", text)


def identifier(name: str, about: Mapping[str, Any], rows: int) -> Iterator[Remark]:
    """Texts of which nearly each row has its own."""
    if about["type"] == "text" and rows >= _FEW and about["distinct"] > rows / 2:
        text = f"column {name!r} has {about['distinct']:,} different texts in {rows:,} rows: is it an identifier?"
        yield Remark("identifier", "warning", text)


def cut_off(y: Any, names: Sequence[str]) -> Iterator[Remark]:
    """Targets of numbers that pile up at their largest value."""
    if not isinstance(y, np.ndarray) or y.size != len(y) or y.dtype.kind not in "iuf":
        return
    values, counts = np.unique(y.reshape(-1), return_counts=True)
    if len(values) >= 2 * _FEW and counts[-1] >= max(_CUT_OFF * y.size, _APART * np.median(counts)):
        name = names[0] if len(names) == 1 else "target"
        text = f"{counts[-1]:,} of {y.size:,} targets {name!r} are {values[-1]:g}, the largest value"
        yield Remark("cut-off-target", "note", f"{text}: were they cut off?")


def look_alikes(what: str, texts: Iterable[str]) -> Iterator[Remark]:
    """Names that differ only in case, blanks or letters that look the same."""
    by_look: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        by_look.setdefault(_look(text), []).append(text)
    for alike in by_look.values():
        if len(alike) > 1:
            said = " and ".join(map(repr, alike))
            yield Remark("look-alikes", "warning", f"{what} {said} look alike: are they one?")


def _look(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(letter for letter in plain if unicodedata.category(letter) != "Cf").split())
