"""Elements of a report page (headline scores, tables, texts, images, sections), and names and values as page text."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_number
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.report.style import Plot

_SCORE_NAMES = {
    "error_percent": "error in %",
    "error_rate": "error rate",
    "roc_auc": "area under the ROC curve",
    "pr_auc": "average precision",
    "r2": "R²",
    "expected_calibration_error": "calibration error (ECE)",
    "bits_per_character": "bits per character",
    "nats_per_character": "nats per character",
    "f1": "F1",
    "mean_iou": "mean IoU",
    "psnr": "PSNR in dB",
    "psnr_peak": "largest value for the PSNR",
}


@dataclass(frozen=True)
class Headline:
    """A score at the top of the page.

    Attributes:
        name: The score and the part of the data.
        value: The score with its unit.
        detail: Its interval and the number of rows.
    """

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A table; the first cell of each row is the row's heading.

    Attributes:
        caption: The caption.
        headings: The heading of each column.
        rows: The cells of each row.
        collapsed: Whether the table is hidden until the reader opens it.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    collapsed: bool = False


@dataclass(frozen=True)
class TextBlock:
    """A preformatted text, such as a file of the run folder.

    Attributes:
        title: The title.
        content: The text.
        collapsed: Whether the text is hidden until the reader opens it.
        wrapped: Whether long lines are wrapped.
    """

    title: str
    content: str
    collapsed: bool = True
    wrapped: bool = False


@dataclass(frozen=True)
class EmbeddedImage:
    """An image inside the page.

    Attributes:
        source: The image as a `data:` URL.
        alt: A description for readers who cannot see it.
        caption: The text below it.
        thumbnail: Whether it is small, enlarged pixel by pixel, and shown in a gallery.
    """

    source: str
    alt: str
    caption: str = ""
    thumbnail: bool = False


@dataclass(frozen=True)
class ReportSection:
    """A section of the page.

    Attributes:
        id: The anchor of links to it.
        title: The heading.
        notes: Paragraphs at its beginning.
        terms: Pairs of a term and its value.
        plots: Plots.
        images: Images.
        tables: Tables.
        texts: Preformatted texts.
    """

    id: str
    title: str
    notes: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    plots: tuple[Plot, ...] = ()
    images: tuple[EmbeddedImage, ...] = ()
    tables: tuple[ReportTable, ...] = ()
    texts: tuple[TextBlock, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.notes or self.terms or self.plots or self.images or self.tables or self.texts)


def png_url(image: NDArray[Any]) -> str:
    """Return an image, uint8 of shape (height, width, 1, 3 or 4; the fourth is opacity), as a `data:` URL."""
    return f"data:image/png;base64,{base64.b64encode(png_bytes(image)).decode()}"


def png_bytes(image: NDArray[Any]) -> bytes:
    """Return the PNG file of an image, uint8 of shape (height, width, 1, 3 or 4)."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(content, format="png")
    return content.getvalue()


def score_name(name: str) -> str:
    """Return the name of a score in words: `mean_squared_error` as `mean squared error`."""
    return _SCORE_NAMES.get(name, name.replace("_", " "))


def score_title(name: str) -> str:
    """Return the same with a capital first letter."""
    text = score_name(name)
    return text[:1].upper() + text[1:]


def format_value(value: object) -> str:
    """Format a value of a run folder's JSON files; the strings `nan` and `inf` there stand for numbers."""
    return format_number(as_number(value) if isinstance(value, str) and as_number(value) is not None else value)


def format_percent(fraction: float) -> str:
    """Format a fraction as a percentage with at least three significant digits."""
    return f"{100 * fraction:.2f} %" if fraction < 0.1 else f"{100 * fraction:.1f} %"
