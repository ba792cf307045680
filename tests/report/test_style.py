"""The look of figures, and their conversion to SVG documents and elements of a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.style import (
    CLASS_COLOURS,
    FIRST,
    GRID,
    INK,
    MUTED,
    PAPER,
    SECOND,
    THIRD,
    new_figure,
    plot_style,
    short_label,
    to_inline_svg,
    to_svg,
)

# Drawing plots imports matplotlib and scikit-learn, which takes 2 s.
pytestmark = pytest.mark.slow


def _svg(title: str = "a title") -> bytes:
    with plot_style():
        figure, axes = new_figure()
        axes.plot([1, 2], [3, 4], color=FIRST, marker="o", label=short_label(title))
        axes.legend()
        return to_svg(figure)


def test_the_same_figure_gives_the_same_bytes() -> None:
    """Equal figures give equal bytes: a document contains no date and no random ids."""
    assert _svg() == _svg()


def test_the_user_s_matplotlib_settings_change_nothing() -> None:
    """A plot is the same under any user settings, which are restored afterwards."""
    expected = _svg()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert _svg() == expected
        assert mpl.rcParams["font.size"] == 30


def test_on_a_page_ids_are_unique_and_colours_are_variables() -> None:
    """Two plots of a page share no id, references still resolve, and every colour with a variable is replaced by it."""
    one, other = (to_inline_svg(_svg(), name, "a description") for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r'href="#([^"]+)"', one)) | set(re.findall(r"url\(#([^)]+)\)", one)) <= ids[0]
    assert [colour for colour in (INK, MUTED, GRID, PAPER, FIRST, SECOND, THIRD) if colour in one] == []
    assert "var(--first)" in one
    assert ET.fromstring(one).attrib["aria-label"] == "a description"  # noqa: S314 - this package's own


@pytest.mark.parametrize("text", ["<b>&\"'", "$\\frac{$", "$x$", "猫 犬", "\x00\x1b[31m", "a\nb"])
def test_any_text_can_be_a_label(text: str) -> None:
    """A user's text is shown as it is, never read as a formula or markup, and without a warning."""
    root = ET.fromstring(_svg(text))  # noqa: S314 - this package's own
    shown = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert short_label(text) in shown


@given(st.text())
def test_labels_are_short_and_printable(text: str) -> None:
    """A short_label fits its place, is one line, and is made of what XML can hold."""
    shown = short_label(text)
    assert len(shown) <= 24
    assert "\n" not in shown
    ET.fromstring(f"<a>{shown.replace('&', '&amp;').replace('<', '&lt;')}</a>".encode())  # noqa: S314


def test_a_wide_figure_is_scrolled_instead_of_shrunk() -> None:
    """A figure wider than the page keeps its size; a narrower one shrinks with the screen."""
    with plot_style():
        wide = to_inline_svg(to_svg(new_figure(14, 5)[0]), "w", "")
        narrow = to_inline_svg(to_svg(new_figure()[0]), "n", "")
    assert "min-width:1344px" in wide
    assert "min-width" not in narrow.partition(">")[0]


def _luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.1, section 'relative luminance')."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", CLASS_COLOURS)
@pytest.mark.parametrize("paper", ["#ffffff", "#14181d"])
def test_lines_are_visible_on_light_and_dark(colour: str, paper: str) -> None:
    """Colours that the page does not replace have a contrast of at least 2.4 on both of its backgrounds."""
    light, dark = sorted((_luminance(colour), _luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 2.4
