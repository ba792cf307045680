"""The look of the plots, and their conversion to SVG documents for a file and for a page.

The colours are few and fixed (some also in `plots.mplstyle`), so that the page can replace them by its own where it is
dark.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from nnrun.formatting import DIRECTION_CONTROLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Characters that XML 1.0 cannot hold, escaped or not, and HTML should not; and those that turn the text around them.
_NOT_PRINTABLE = re.compile(f"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[{DIRECTION_CONTROLS}]")
INK, MUTED, GRID, PAPER = "#1b1f24", "#5f6b7a", "#d5dbe3", "#ffffff"
#: Training, validation, and a third series.
FIRST, SECOND, THIRD = "#1f6fb4", "#c2500b", "#2e7d4f"
#: The lines of up to ten classes: visible both on a light and on a dark page, which does not replace them.
CLASS_COLOURS = (
    *("#6a5acd", "#3f9fd0", "#2f9e8f", "#1f9950", "#8f8f2c"),
    *("#b8922a", "#cc6677", "#b0407a", "#aa4fae", "#7f7f7f"),
)
#: The variables of `page.css` that replace these colours.
_CSS_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    FIRST: "--first",
    SECOND: "--second",
    THIRD: "--third",
}
#: Inches: a page shows two such figures side by side, a telephone one, at their own size.
WIDTH, HEIGHT = 4.4, 2.9
#: Pixels; a wider figure is scrolled instead of shrunk to the page.
_PAGE_WIDTH = 950
_LABEL_LENGTH = 24
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Plot:
    """A plot of the page, also kept as an SVG file.

    Attributes:
        name: The file name without its suffix.
        title: The heading.
        alt: A description for readers who cannot see it.
        figure: The figure.
        caption: The text below it.
        wide: Whether it takes the page's whole width.
    """

    name: str
    title: str
    alt: str
    figure: Figure
    caption: str = ""
    wide: bool = False


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in this style, whatever the user's matplotlib settings are, and without warnings on the screen."""
    import matplotlib.style

    settings = str(resources.files("nnrun.report").joinpath("plots.mplstyle"))
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # A font without the characters of a label causes a warning; the viewer of the SVG takes them from another font.
        with warnings.catch_warnings(), matplotlib.style.context(["default", settings]):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """Create a figure with one pair of axes; `width` and `height` in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def printable(text: str) -> str:
    """Replace the characters that no XML document can hold, such as control characters, and direction controls."""
    return _NOT_PRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def short_label(text: object, length: int = _LABEL_LENGTH) -> str:
    """Return a user's text as a label: on one line, at most `length` characters, and printable."""
    symbols = {"\n": "\u23ce", "\r": "\u240d", "\t": "\u21e5"}
    shown = printable("".join(symbols.get(letter, letter) for letter in str(text)))
    return shown if len(shown) <= length else f"{shown[: length - 1]}\u2026"


def to_svg(figure: Figure) -> bytes:
    """Render a figure as an SVG document; equal figures give equal bytes."""
    content = io.BytesIO()
    metadata: Any = {"Date": None, "Creator": None}
    figure.savefig(content, format="svg", metadata=metadata)
    return content.getvalue()


def to_inline_svg(svg: bytes, name: str, alt: str) -> str:
    """Convert a document of `to_svg` to an element of a page.

    Args:
        svg: The document.
        name: The prefix that makes its ids unique on the page.
        alt: A description for readers who cannot see it.
    """
    from xml.etree import ElementTree as ET

    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(svg)  # noqa: S314 - the document is this package's own
    for parent in list(root.iter()):
        for child in parent.findall(f"{{{_SVG}}}metadata"):
            parent.remove(child)
        for key, value in parent.attrib.items():
            parent.set(key, _inline_attribute(key, value, name))
    pixels = round(float(root.attrib.pop("width").removesuffix("pt")) * 4 / 3)
    root.attrib.pop("height")
    min_width = f";min-width:{pixels}px" if pixels > _PAGE_WIDTH else ""
    root.attrib |= {"style": f"max-width:{pixels}px{min_width}", "role": "img", "aria-label": printable(alt)}
    return ET.tostring(root, encoding="unicode")


def _inline_attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{{{_XLINK}}}href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    value = value.replace("url(#", f"url(#{name}-")
    if key == "style":
        for colour, variable in _CSS_VARIABLES.items():
            value = value.replace(colour, f"var({variable})")
    return value
