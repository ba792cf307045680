"""How plots look, and how a figure becomes an SVG document for a file and for a page.

Colours are few and fixed, so that a page can put its own in their place where it is dark.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from nnrun.report.words import writable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1b1f24", "#5f6b7a", "#d5dbe3", "#ffffff"
#: What was trained on, what was held out, and a third thing.
FIRST, SECOND, THIRD = "#1f6fb4", "#c2500b", "#2e7d4f"
#: Many lines side by side, neither so dark nor so light that they vanish on a dark or a light page.
MANY = ("#6a5acd", "#3f9fd0", "#2f9e8f", "#1f9950", "#8f8f2c", "#b8922a", "#cc6677", "#b0407a", "#aa4fae", "#7f7f7f")
#: The words of the page's style sheet for these colours.
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    FIRST: "--first",
    SECOND: "--second",
    THIRD: "--third",
}
_SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    # Words stay words: they can be read aloud, searched and set in a font that has them.
    "svg.fonttype": "none",
    "svg.hashsalt": "nnrun",
}
#: Inches: two such figures stand side by side on a page, and one on a telephone, at the size they are drawn in.
WIDTH, HEIGHT = 4.4, 2.9
#: Pixels: what is wider than a page is not made smaller to fit into it, but can be scrolled.
_WIDEST = 950
_LONGEST = 24
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Plot:
    """A figure with its words.

    Attributes:
        name: The file's name, without what comes after the dot.
        title: What it shows.
        alt: What one sees in it, for those who do not.
        figure: The figure.
        caption: What one should know when reading it.
        wide: Whether it needs a page's whole width.
    """

    name: str
    title: str
    alt: str
    figure: Figure
    caption: str = ""
    wide: bool = False


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in this style, whatever the user's own settings are, and without a word on the screen."""
    import matplotlib.style

    logger = logging.getLogger("matplotlib")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # Fonts may lack a name's characters, which the viewer of an SVG finds in others.
        with warnings.catch_warnings(), matplotlib.style.context(["default", _SETTINGS]):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes, of a size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def label(text: object, longest: int = _LONGEST) -> str:
    """A user's word as a label: in one line, not endless, and nothing that a document could not hold."""
    signs = {"\n": "\u23ce", "\r": "\u240d", "\t": "\u21e5"}
    shown = writable("".join(signs.get(letter, letter) for letter in str(text)))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}\u2026"


def to_svg(figure: Figure) -> bytes:
    """Write a figure as an SVG document; the same figure gives the same bytes."""
    text = io.BytesIO()
    metadata: Any = {"Date": None, "Creator": None}
    figure.savefig(text, format="svg", metadata=metadata)
    return text.getvalue()


def to_inline(svg: bytes, name: str, alt: str) -> str:
    """Turn a document of `to_svg` into an element of a page: ids of its own, the page's colours, words for it."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(svg)  # noqa: S314 - made a moment ago by this package
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == f"{{{_SVG}}}metadata"]:
            parent.remove(child)
        for key, value in parent.attrib.items():
            parent.set(key, _on_page(key, value, name))
    width = float(root.attrib.pop("width").removesuffix("pt"))
    root.attrib.pop("height")
    pixels = round(width * 4 / 3)
    least = f";min-width:{pixels}px" if pixels > _WIDEST else ""
    root.set("style", f"max-width:{pixels}px{least}")
    root.set("role", "img")
    root.set("aria-label", writable(alt))
    return ET.tostring(root, encoding="unicode")


def _on_page(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{{{_XLINK}}}href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    value = value.replace("url(#", f"url(#{name}-")
    if key == "style":
        for colour, word in _VARIABLES.items():
            value = value.replace(colour, f"var({word})")
    return value
