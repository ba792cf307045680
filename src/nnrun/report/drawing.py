"""A model as a picture in SVG, drawn from Keras' own config without Keras and without any drawing program."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from nnrun.report.layout import lay_out
from nnrun.report.model_graph import TIMES, read_graph
from nnrun.report.words import writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.report.layout import Layout
    from nnrun.report.model_graph import Box, Graph

# All lengths are SVG user units, which a viewer shows as CSS pixels.
_FONT = "'DejaVu Sans', Verdana, Arial, sans-serif"
_TEXT, _LINE = 12, 17
_PADDING, _GAP, _ROW_GAP, _MARGIN, _HEADER = 10, 28, 36, 24, 34
_LEAST_WIDTH = 150
_WRAP = 34
#: A letter's mean width in DejaVu Sans, the widest of the fonts named, as a share of the font's size.
_LETTER = 0.62
_COLOURS = {"input": ("#e6f4ea", "#2e7d4f"), "weights": ("#e8f0fb", "#3465a4"), "plain": ("#f5f5f5", "#8a8a8a")}


def draw(config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> str:
    """Draw a model: a box for each layer, arrows for its tensors, branches side by side.

    Layers with parameters are blue, inputs green; an output has a strong border. The picture brings its own light
    background, so it reads the same in dark viewers.

    Args:
        config: What `Model.to_json()` gives, parsed: Sequential or Functional, models within models as one box.
        rows: For each layer `name`, `shape` (the batch's size first) and `parameters`, where known.

    Returns:
        The SVG document.
    """
    graph = read_graph(config, rows)
    cards = [_card(box) for box in graph.boxes]
    layout = lay_out([card.width for card in cards], graph.edges, _GAP)
    bands = _bands(layout, cards)
    spots = _spots(layout, cards, bands)
    title = _title(graph, rows)
    edges = [layout.centres[at] + card.width / 2 for at, card in enumerate(cards)]
    right = max([*edges, *layout.centres.values()], default=0.0)
    width = max(right, _width(title, _TEXT + 2)) + 2 * _MARGIN
    # A title wider than the boxes leaves room beside them, which is shared out.
    shift = (width - right) / 2
    parts = [_arrow([spots[at] for at in route], shift) for route in layout.routes]
    parts += [_shown(card, spots[at].centre + shift, spots[at].top) for at, card in enumerate(cards)]
    return _document(title, width, bands[-1][1] + _MARGIN if bands else _HEADER + _MARGIN, "".join(parts))


@dataclass(frozen=True)
class _Card:
    """A box's text in lines, and the size that it needs."""

    box: Box
    lines: tuple[str, ...]
    foot: tuple[str, str]
    width: float
    height: float


def _card(box: Box) -> _Card:
    lines = _wrapped(box.arguments)
    foot = (_shape(box.shape), _count(box.parameters))
    head = _width(box.kind, _TEXT + 1) * 1.1 + _width(box.name, _TEXT) + _PADDING
    widths = [_width(line, _TEXT) for line in lines] + [_width("".join(foot), _TEXT) + _PADDING * 2, head]
    return _Card(
        box,
        lines,
        foot,
        max(_LEAST_WIDTH, *widths) + 2 * _PADDING,
        (1 + len(lines) + (1 if any(foot) else 0)) * _LINE + _PADDING * 1.2,
    )


def _wrapped(words: Sequence[str]) -> tuple[str, ...]:
    """Arguments in lines of at most `_WRAP` letters, one alone where it is longer."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= _WRAP:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return tuple(lines)


def _shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return ""
    return f" {TIMES} ".join("any" if size is None else str(size) for size in shape) or "one number"


def _count(parameters: int | None) -> str:
    if not parameters:
        return ""
    return f"{parameters:,} parameter{'s' if parameters > 1 else ''}"


def _title(graph: Graph, rows: Sequence[Mapping[str, Any]]) -> str:
    total = sum(row.get("parameters") or 0 for row in rows)
    return f"{graph.name}: {_count(total)}" if total else graph.name


def _width(text: str, size: float) -> float:
    return sum(size if east_asian_width(letter) in "WF" else size * _LETTER for letter in text)


@dataclass(frozen=True)
class _Spot:
    """Where a box or a stand-in lies: its centre, its own edges, and those of its row."""

    centre: float
    top: float
    bottom: float
    band: tuple[float, float]


def _bands(layout: Layout, cards: Sequence[_Card]) -> list[tuple[float, float]]:
    """The upper and lower edge of each row: as high as its highest box."""
    bands: list[tuple[float, float]] = []
    top = float(_MARGIN + _HEADER)
    for row in layout.rows:
        bottom = top + max(cards[at].height for at in row if at < len(cards))
        bands.append((top, bottom))
        top = bottom + _ROW_GAP
    return bands


def _spots(layout: Layout, cards: Sequence[_Card], bands: Sequence[tuple[float, float]]) -> dict[int, _Spot]:
    """Boxes in the middle of their rows; a stand-in fills its row's height."""
    spots: dict[int, _Spot] = {}
    for row, band in zip(layout.rows, bands, strict=True):
        for at in row:
            spare = (band[1] - band[0] - cards[at].height) / 2 if at < len(cards) else 0.0
            spots[at] = _Spot(layout.centres[at], band[0] + spare, band[1] - spare, band)
    return spots


def _arrow(route: Sequence[_Spot], shift: float) -> str:
    """A line straight through rows and curved only between them, so that it never crosses a box."""
    steps = [f"M{route[0].centre + shift:.1f} {route[0].bottom:.1f}"]
    for start, end in pairwise(route):
        x, to_x = start.centre + shift, end.centre + shift
        y, to_y = start.band[1], end.band[0]
        half = (y + to_y) / 2
        steps.append(f"V{y:.1f} C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
    if route[-1].top != route[-1].band[0]:  # a last step of no length would give the tip no direction
        steps.append(f"V{route[-1].top:.1f}")
    return f'<path class="arrow" d="{" ".join(steps)}" marker-end="url(#tip)"/>\n'


def _shown(card: _Card, centre: float, top: float) -> str:
    box, left, right = card.box, centre - card.width / 2, centre + card.width / 2
    fill, line = _COLOURS["input" if box.is_input else "weights" if box.parameters else "plain"]
    border = 2.4 if box.is_output else 1.2
    frame = f'x="{left:.1f}" y="{top:.1f}" width="{card.width:.1f}" height="{card.height:.1f}" rx="6"'
    parts = [f'<rect {frame} fill="{fill}" stroke="{line}" stroke-width="{border}"/>']
    base = top + _PADDING * 0.6 + _TEXT
    inner, far = left + _PADDING, right - _PADDING
    parts += [_text("kind", inner, base, box.kind), _text("name end", far, base, box.name)]
    parts += [_text("argument", inner, base + _LINE * row, line) for row, line in enumerate(card.lines, start=1)]
    foot = base + _LINE * (len(card.lines) + 1)
    parts += [_text("shape", inner, foot, card.foot[0]), _text("count end", far, foot, card.foot[1])]
    return f"<g><title>{_escaped(f'{box.kind} {box.name}')}</title>{''.join(parts)}</g>\n"


def _text(style: str, x: float, y: float, words: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{_escaped(words)}</text>' if words else ""


def _escaped(words: str) -> str:
    return escape(writable(words))


def _document(title: str, width: float, height: float, body: str) -> str:
    style = (
        f"text{{font:{_TEXT}px {_FONT};fill:#333}} .kind{{font-weight:bold;font-size:{_TEXT + 1}px;fill:#111}} "
        ".end{text-anchor:end} .name{fill:#666} .shape,.count{fill:#555} "
        f".heading{{font-size:{_TEXT + 2}px;font-weight:bold}} .arrow{{fill:none;stroke:#777;stroke-width:1.3}}"
    )
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    tip = 'id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>{_escaped(title)}</title>\n<style>{style}</style>\n"
        f'<defs><marker {tip}><path d="M0 0.8 L8 4 L0 7.2 Z" fill="#777"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{_text("heading", _MARGIN, _MARGIN + _TEXT, title)}\n'
        f"{body}</svg>\n"
    )
