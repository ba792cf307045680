"""The parts that a page is put together from: words, tables, plots, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrun.report.style import Plot


@dataclass(frozen=True)
class Headline:
    """A figure that stands for the run.

    Attributes:
        name: What it is.
        value: The figure with its unit.
        detail: Its interval and what that is of.
    """

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of words under headings; the first cell of a row names it.

    Attributes:
        caption: What the table tells.
        headings: One for each column.
        rows: The cells.
        folded: Whether it is closed until a reader opens it.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False


@dataclass(frozen=True)
class Terms:
    """Terms with what they mean.

    Attributes:
        pairs: The terms and their meanings.
    """

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Text:
    """A text as it stands in a file.

    Attributes:
        title: What it is.
        content: The text.
        folded: Whether it is closed until a reader opens it.
        wrapped: Whether its lines may be broken.
    """

    title: str
    content: str
    folded: bool = True
    wrapped: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture that the page carries.

    Attributes:
        source: The picture as a `data:` address.
        alt: What one sees in it.
        caption: What belongs below it.
        small: Whether several stand side by side, with every pixel visible.
    """

    source: str
    alt: str
    caption: str = ""
    small: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Attributes:
        id: What a link to it says.
        title: The heading.
        notes: Sentences before all else.
        terms: Terms with their meanings.
        plots: Figures.
        pictures: Other pictures.
        tables: Tables.
        texts: Texts.
    """

    id: str
    title: str
    notes: tuple[str, ...] = ()
    terms: Terms | None = None
    plots: tuple[Plot, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    texts: tuple[Text, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.notes or self.terms or self.plots or self.pictures or self.tables or self.texts)
