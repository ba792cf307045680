"""What is known of a named data set, and of the files that it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.data.dataset import DataFacts


@dataclass(frozen=True)
class Remote:
    """One file that can be downloaded.

    Attributes:
        name: The file's name in the data folder.
        sha256: The digest of the file; None where its publisher changes it now and then: its content is checked then.
        size: The file's size in bytes; None where it changes.
        addresses: The mirrors that hold the same bytes, best first.
    """

    name: str
    sha256: str | None
    size: int | None
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A named data set.

    Attributes:
        name: The word that a config says.
        description: One or two sentences.
        licence: Under which terms it may be used.
        citation: Whom to cite.
        outline: Rows, shapes, classes and columns.
        containers: Ways to get it, best first; each is a set of files that together hold all of it. Empty where the
            set comes with scikit-learn.
        folder: The subfolder of the data folder where its files lie, if their names alone do not tell whose they are.
        identity: SHA-256 of the content, so that every container with the same content is fine: of the arrays in IDX
            encoding, or (`table`) of a table's numbers as float64, row by row.
        alphabet: The characters of a text in order; empty where the set is no text.
        characters: How many characters a text has.
        caveats: What a user should know.
    """

    name: str
    description: str
    licence: str
    citation: str
    outline: DataFacts
    containers: tuple[tuple[Remote, ...], ...] = ()
    folder: str = ""
    identity: tuple[tuple[str, str], ...] = ()
    alphabet: str = ""
    characters: int = 0
    caveats: tuple[str, ...] = ()
