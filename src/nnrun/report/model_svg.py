"""The drawing of a model as SVG, from Keras' own config, without Keras and without a drawing program."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from nnrun.formatting import format_count
from nnrun.report.graph_layout import layered_layout
from nnrun.report.model_graph import read_layer_graph, shape_text
from nnrun.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.report.model_graph import LayerBox

# All lengths are SVG user units, which a viewer shows as CSS pixels.
_FONT = "'DejaVu Sans', Verdana, Arial, sans-serif"
_FONT_SIZE, _LINE_HEIGHT = 12, 17
_PADDING, _GAP, _ROW_GAP, _MARGIN, _HEADER = 10, 28, 36, 24, 34
_MIN_WIDTH = 150
#: Characters of a line of arguments.
_WRAP = 34
#: The mean width of a character of DejaVu Sans, the widest of the fonts named, as a share of the font size.
_CHARACTER = 0.62
_COLOURS = {"input": ("#e6f4ea", "#2e7d4f"), "weights": ("#e8f0fb", "#3465a4"), "plain": ("#f5f5f5", "#8a8a8a")}


@dataclass(frozen=True)
class _Card:
    """The text of a box in lines, and the size that it needs."""

    box: LayerBox
    lines: tuple[str, ...]
    shape: str
    parameters: str
    width: float
    height: float


@dataclass(frozen=True)
class _Place:
    """The place of a box or dummy node: its centre, its own upper and lower edge, and those of its row."""

    centre: float
    top: float
    bottom: float
    row_top: float
    row_bottom: float


def draw_model(config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> str:
    """Draw a model: a box for each layer, arrows for its tensors, branches side by side.

    Layers with parameters are blue, inputs green; an output has a thick border. The drawing has a light background of
    its own, so that it is readable in dark viewers, too.

    Args:
        config: The parsed result of `Model.to_json()`: Sequential or Functional; a model within it is one box.
        rows: `name`, `shape` (batch axis first) and `parameters` of each layer, if known.

    Returns:
        The SVG document.
    """
    graph = read_layer_graph(config, rows)
    cards = [_card(box) for box in graph.boxes]
    layout = layered_layout([card.width for card in cards], graph.edges, _GAP)
    parameters = _parameters(sum(row.get("parameters") or 0 for row in rows))
    title = f"{graph.name}: {parameters}" if parameters else graph.name
    edges = [layout.centres[at] + card.width / 2 for at, card in enumerate(cards)]
    right = max([*edges, *layout.centres.values()], default=0.0)
    width = max(right, _text_width(title, _FONT_SIZE + 2)) + 2 * _MARGIN
    shift = (width - right) / 2  # a title wider than the boxes leaves room on both sides
    places: dict[int, _Place] = {}
    top = float(_MARGIN + _HEADER)
    for row in layout.rows:
        height = max(cards[at].height for at in row if at < len(cards))
        for at in row:
            spare = (height - cards[at].height) / 2 if at < len(cards) else 0.0
            places[at] = _Place(layout.centres[at] + shift, top + spare, top + height - spare, top, top + height)
        top += height + _ROW_GAP
    body = "".join(_arrow([places[at] for at in route]) for route in layout.routes)
    body += "".join(_drawn(card, places[at]) for at, card in enumerate(cards))
    return _document(title, width, top + _MARGIN - (_ROW_GAP if layout.rows else _MARGIN), body)


def _card(box: LayerBox) -> _Card:
    lines = _wrapped(box.arguments)
    shape = "" if box.shape is None else shape_text(box.shape)
    parameters = _parameters(box.parameters)
    head = _text_width(box.kind, _FONT_SIZE + 1) * 1.1 + _text_width(box.name) + _PADDING
    foot = _text_width(shape + parameters) + 2 * _PADDING
    width = max(_MIN_WIDTH, *map(_text_width, lines), foot, head) + 2 * _PADDING
    height = (1 + len(lines) + bool(shape or parameters)) * _LINE_HEIGHT + _PADDING * 1.2
    return _Card(box, lines, shape, parameters, width, height)


def _wrapped(words: Sequence[str]) -> tuple[str, ...]:
    """Join words to lines of at most `_WRAP` characters; a longer word is a line of its own."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= _WRAP:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return tuple(lines)


def _parameters(count: int | None) -> str:
    return format_count(count, "parameter") if count else ""


def _text_width(text: str, size: float = _FONT_SIZE) -> float:
    return sum(size if east_asian_width(letter) in "WF" else size * _CHARACTER for letter in text)


def _arrow(route: Sequence[_Place]) -> str:
    """Draw an edge straight through rows and curved only between them, so that it never crosses a box."""
    steps = [f"M{route[0].centre:.1f} {route[0].bottom:.1f}"]
    for start, end in pairwise(route):
        half = (start.row_bottom + end.row_top) / 2
        curve = f"C{start.centre:.1f} {half:.1f} {end.centre:.1f} {half:.1f} {end.centre:.1f} {end.row_top:.1f}"
        steps.append(f"V{start.row_bottom:.1f} {curve}")
    if route[-1].top != route[-1].row_top:  # a last step of length 0 would leave the arrowhead without a direction
        steps.append(f"V{route[-1].top:.1f}")
    return f'<path class="arrow" d="{" ".join(steps)}" marker-end="url(#tip)"/>\n'


def _drawn(card: _Card, place: _Place) -> str:
    box, left = card.box, place.centre - card.width / 2
    fill, line = _COLOURS["input" if box.is_input else "weights" if box.parameters else "plain"]
    frame = f'x="{left:.1f}" y="{place.top:.1f}" width="{card.width:.1f}" height="{card.height:.1f}" rx="6"'
    border = 2.4 if box.is_output else 1.2
    inner, outer = left + _PADDING, left + card.width - _PADDING
    base = place.top + _PADDING * 0.6 + _FONT_SIZE
    foot = base + _LINE_HEIGHT * (len(card.lines) + 1)
    texts = [_text("kind", inner, base, box.kind), _text("name end", outer, base, box.name)]
    texts += [_text("argument", inner, base + _LINE_HEIGHT * row, line) for row, line in enumerate(card.lines, start=1)]
    texts += [_text("shape", inner, foot, card.shape), _text("count end", outer, foot, card.parameters)]
    title = f"<title>{_escaped(f'{box.kind} {box.name}')}</title>"
    return f'<g>{title}<rect {frame} fill="{fill}" stroke="{line}" stroke-width="{border}"/>{"".join(texts)}</g>\n'


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{_escaped(text)}</text>' if text else ""


def _escaped(text: str) -> str:
    return escape(printable(text), quote=False)


def _document(title: str, width: float, height: float, body: str) -> str:
    style = (
        f"text{{font:{_FONT_SIZE}px {_FONT};fill:#333}} "
        f".kind{{font-weight:bold;font-size:{_FONT_SIZE + 1}px;fill:#111}} .end{{text-anchor:end}} "
        ".name{fill:#666} .shape,.count{fill:#555} "
        f".heading{{font-size:{_FONT_SIZE + 2}px;font-weight:bold}} .arrow{{fill:none;stroke:#777;stroke-width:1.3}}"
    )
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    tip = 'id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>{_escaped(title)}</title>\n<style>{style}</style>\n"
        f'<defs><marker {tip}><path d="M0 0.8 L8 4 L0 7.2 Z" fill="#777"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{_text("heading", _MARGIN, _MARGIN + _FONT_SIZE, title)}\n'
        f"{body}</svg>\n"
    )
