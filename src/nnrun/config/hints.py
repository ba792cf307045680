"""Did you mean: the known words that are nearest to an unknown one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.formatting import format_names

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A wrong letter costs 1; wrong case, a hyphen or an underscore far less.
_SLIGHT = 0.1
_JOINERS = frozenset("_- .")
#: No name is longer; the time for a distance grows with the product of both lengths.
_MAX_LENGTH = 80


def nearest(word: str, known: Iterable[str], limit: int = 1) -> tuple[str, ...]:
    """Return the known words of which `word` is probably a misspelling, the nearest first."""
    if len(word) > _MAX_LENGTH:
        return ()
    known = tuple(known)
    allowed = max(1.0, len(word) / 3)
    scored = []
    for candidate in dict.fromkeys(known):
        if _may_be_near(word, candidate, allowed):
            distance = _distance(word, candidate)
            if distance <= allowed and distance < max(len(word), len(candidate)) / 2:
                scored.append((distance, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:limit]) or _completions(word, known, limit)


def _completions(word: str, known: Iterable[str], limit: int) -> tuple[str, ...]:
    """Return the known words that begin with `word`, the shortest first; none for fewer than four letters."""
    if len(word) < 4:
        return ()
    found = {candidate for candidate in known if candidate.lower().startswith(word.lower())}
    return tuple(sorted(found, key=lambda candidate: (len(candidate), candidate))[:limit])


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the question `Did you mean 'filters'?`, or None where no known word is near."""
    found = nearest(word, known)
    return f"Did you mean '{found[0]}'?" if found else None


def did_you_mean_or_list(word: str, known: Iterable[str], most: int = 12) -> str:
    """Return the question `Did you mean 'filters'?`, or the first known words where none is near."""
    words = list(known)
    return did_you_mean(word, words) or f"there are: {format_names(words, most)}"


def _may_be_near(word: str, candidate: str, allowed: float) -> bool:
    """Return whether the distance is worth computing (for 144 layers: 1.5 ms with this test, 6.6 ms without)."""
    left, right = set(word.lower()) - _JOINERS, set(candidate.lower()) - _JOINERS
    return len(candidate) <= _MAX_LENGTH and max(len(left - right), len(right - left)) <= allowed


def _distance(first: str, second: str) -> float:
    """Return the Damerau-Levenshtein distance (optimal string alignment) with low costs for case and joiners."""
    before: list[float] = []
    above = [0.0]
    for letter in second:
        above.append(above[-1] + _gap_cost(letter))
    for row, left in enumerate(first):
        here = [above[0] + _gap_cost(left)]
        for column, right in enumerate(second):
            cost = min(
                above[column + 1] + _gap_cost(left),
                here[column] + _gap_cost(right),
                above[column] + _change_cost(left, right),
            )
            if row and column and left == second[column - 1] and first[row - 1] == right:
                cost = min(cost, before[column - 1] + 1)
            here.append(cost)
        before, above = above, here
    return above[-1]


def _gap_cost(letter: str) -> float:
    return _SLIGHT if letter in _JOINERS else 1.0


def _change_cost(left: str, right: str) -> float:
    if left == right:
        return 0.0
    return _SLIGHT if left.lower() == right.lower() else 1.0
