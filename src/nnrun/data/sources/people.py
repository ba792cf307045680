"""The source `people`: made pairs of records, each a name and a place, of one person or of two."""

from __future__ import annotations

import numpy as np

from nnrun.data.sources.made_table import MadeTable

_FIRST = (
    *("Anna", "Maria", "Peter", "Thomas", "Laura", "Martin", "Sofia", "Daniel", "Clara", "Oliver", "Nina", "Robert"),
    *("Emma", "Hugo", "Elena", "Victor", "Paula", "Simon", "Irene", "Felix", "Marta", "Adam", "Lucia", "Jonas"),
)
_LAST_BEGINNINGS = (
    "Berg",
    "Hoff",
    "Lind",
    "Stern",
    "Wald",
    "Feld",
    "Gold",
    "Rosen",
    "Klein",
    "Stein",
    "Winter",
    "Hart",
)
_LAST_ENDINGS = ("", "er", "mann", "berg", "strom", "quist", "son", "feld")
_PLACES = ("Leeds", "Lyon", "Turin", "Porto", "Bergen", "Gdansk", "Linz", "Ghent", "Malmo", "Cork", "Brno", "Graz")


class People(MadeTable):
    """Made pairs of records, such as `Anna Bergmann, Lyon` and `BERGMANN A. / Lyno`: one person, or two?

    The columns are `one` and `other`, the texts of a pair, and `apart`: 1 where they are of two people, else 0. Half of
    the pairs are of two people, who often share a part of their names. Records have names in either order, initials,
    capitals and mistakes of typing. The same options give the same pairs.

    Args:
        rows: The number of pairs.
        seed: The seed that they are drawn with.
    """

    name = "people"
    prose = frozenset({"one", "other"})

    def __init__(self, rows: int = 4000, seed: int = 0) -> None:
        super().__init__(["one", "other"], "apart", seed)
        self.require_at_least(1, rows=rows)
        self.rows = rows

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the pairs."""
        apart = generator.permutation(np.arange(self.rows) % 2)
        one, other = [], []
        for is_apart in apart.tolist():
            person = _person(generator)
            second = _another(person, generator) if is_apart else person
            one.append(_record(person, generator))
            other.append(_record(second, generator))
        return {
            "one": np.array(one, dtype=object),
            "other": np.array(other, dtype=object),
            "apart": apart.astype("float64"),
        }


def _person(draw: np.random.Generator) -> tuple[str, str, str]:
    last = _LAST_BEGINNINGS[draw.integers(len(_LAST_BEGINNINGS))] + _LAST_ENDINGS[draw.integers(len(_LAST_ENDINGS))]
    return _FIRST[draw.integers(len(_FIRST))], last, _PLACES[draw.integers(len(_PLACES))]


def _another(person: tuple[str, str, str], draw: np.random.Generator) -> tuple[str, str, str]:
    """Return a person with another last name, who may share the rest."""
    while True:
        first, last, place = _person(draw)
        shared = draw.random(2) < 0.4
        if last != person[1]:
            return person[0] if shared[0] else first, last, person[2] if shared[1] else place


def _record(person: tuple[str, str, str], draw: np.random.Generator) -> str:
    """Write a person's name and place in one of several ways."""
    first, last, place = person
    first = f"{first[0]}." if draw.random() < 0.3 else first
    name = f"{last}, {first}" if draw.random() < 0.4 else f"{first} {last}"
    text = f"{name}{(', ', ' / ', ' (')[draw.integers(3)]}{place}"
    text = text.upper() if draw.random() < 0.2 else text
    return _mistyped(text, draw) if draw.random() < 0.4 else text


def _mistyped(text: str, draw: np.random.Generator) -> str:
    """Leave a letter out, double it, or exchange it with the next."""
    at = int(draw.integers(1, len(text) - 1))
    before, letter, after = text[:at], text[at], text[at + 1 :]
    return before + (after, letter + letter + after, after[0] + letter + after[1:])[draw.integers(3)]
