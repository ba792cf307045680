"""Laying out a graph in rows, top to bottom: each box below all that it takes, branches side by side.

The method is the usual one for layered drawings (Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11, 1981): rows by longest
path, unseen stand-ins where an arrow crosses a row, an order within rows by the mean place of neighbours, and then
places as near to the neighbours' mean as the widths allow.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ORDER_SWEEPS = 8
_PLACE_SWEEPS = 200
#: How hard a link pulls its ends under each other. The only way between two boxes and the inside of a long arrow
#: should run straight, but a shortcut should not drag the main line aside. Chosen by looking at the pictures.
_ONLY_WAY, _BRANCH, _SHORTCUT, _INSIDE_LONG_ARROW = 10.0, 1.0, 0.1, 10.0
#: Placing stops when nothing moves further than this in a sweep.
_STILL = 0.25


@dataclass(frozen=True)
class Layout:
    """Where everything goes.

    Attributes:
        rows: For each row the boxes and stand-ins in it, left to right. A stand-in's number is past the last box.
        centres: The horizontal centre of each box and stand-in, in the unit of the widths; the smallest left edge is 0.
        routes: For each arrow the boxes and stand-ins it goes through, its two ends included.
    """

    rows: tuple[tuple[int, ...], ...]
    centres: Mapping[int, float]
    routes: tuple[tuple[int, ...], ...]


def lay_out(widths: Sequence[float], edges: Sequence[tuple[int, int]], gap: float) -> Layout:
    """Lay out an acyclic graph.

    Args:
        widths: Each box's width.
        edges: The arrows, as pairs of places in `widths`.
        gap: The space between neighbours in a row.
    """
    ranks = _ranks(len(widths), edges)
    routes, standing = _routes(ranks, edges, len(widths))
    all_ranks = ranks + standing
    sizes = [*widths, *(gap / 2 for _ in standing)]
    links = [link for route in routes for link in pairwise(route)]
    above, below = _neighbours(len(all_ranks), links)
    rows: list[list[int]] = [[] for _ in range(max(all_ranks, default=-1) + 1)]
    for node in _by_first_seen(routes, len(all_ranks)):
        rows[all_ranks[node]].append(node)
    _order(rows, above, below)
    centres = _place(rows, sizes, _pulls(routes, len(all_ranks)), gap)
    left = min((centres[node] - sizes[node] / 2 for node in centres), default=0.0)
    return Layout(tuple(map(tuple, rows)), {node: x - left for node, x in centres.items()}, tuple(routes))


def _neighbours(count: int, links: Iterable[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Each box's row: one below the lowest it takes; a box that takes nothing stands right above its first taker."""
    above, below = _neighbours(count, edges)
    waiting = [len(sources) for sources in above]
    ready = [node for node in range(count) if not waiting[node]]
    ranks = [0] * count
    for node in ready:
        for target in below[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in range(count):
        if not above[node] and below[node]:
            ranks[node] = min(ranks[target] for target in below[node]) - 1
    return ranks


def _routes(ranks: list[int], edges: Sequence[tuple[int, int]], first: int) -> tuple[list[tuple[int, ...]], list[int]]:
    """Each arrow's way through the rows, and the rows of the stand-ins made for it."""
    routes: list[tuple[int, ...]] = []
    standing: list[int] = []
    for source, target in edges:
        crossed = range(ranks[source] + 1, ranks[target])
        begin = first + len(standing)
        standing += crossed
        routes.append((source, *range(begin, begin + len(crossed)), target))
    return routes, standing


def _by_first_seen(routes: Sequence[tuple[int, ...]], count: int) -> list[int]:
    seen = dict.fromkeys(node for route in routes for node in route)
    return list(dict.fromkeys([*seen, *range(count)]))


def _order(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> None:
    """Sort each row by the mean place of its neighbours, downwards and upwards in turn; keep the best of all orders."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_ORDER_SWEEPS):
        links, fixed = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for before, row in pairwise(fixed):
            places = {node: place for place, node in enumerate(before)}
            own = {node: place for place, node in enumerate(row)}
            row.sort(key=lambda node: _mean([places[near] for near in links[node]], own[node]))
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: Sequence[Sequence[int]], below: list[list[int]]) -> int:
    """How many pairs of arrows cross between neighbouring rows."""
    total = 0
    for upper, lower in pairwise(rows):
        places = {node: place for place, node in enumerate(lower)}
        seen: list[int] = []
        for end in (place for node in upper for place in sorted(places[target] for target in below[node])):
            at = bisect_right(seen, end)
            total += len(seen) - at
            seen.insert(at, end)
    return total


def _pulls(routes: Sequence[tuple[int, ...]], count: int) -> list[dict[int, float]]:
    """For each box and stand-in how hard each of its neighbours, above and below, pulls it."""
    leaving, entering = Counter(route[0] for route in routes), Counter(route[-1] for route in routes)
    pulls: list[dict[int, float]] = [{} for _ in range(count)]
    for route in routes:
        source, target = route[0], route[-1]
        if len(route) == 2:
            end = _ONLY_WAY if leaving[source] == entering[target] == 1 else _BRANCH
        else:
            end = _BRANCH if leaving[source] == 1 else _SHORTCUT
        for upper, lower in pairwise(route):
            inside = upper != source and lower != target
            pulls[upper][lower] = pulls[lower][upper] = _INSIDE_LONG_ARROW if inside else end
    return pulls


def _place(
    rows: Sequence[Sequence[int]], sizes: Sequence[float], pulls: Sequence[Mapping[int, float]], gap: float
) -> dict[int, float]:
    """Draw all links as short as the widths allow (least squares), a row at a time, downwards and upwards in turn."""
    steps = {tuple(row): _steps(row, sizes, gap) for row in rows}
    centres: dict[int, float] = {}
    for row in rows:
        middle = sum(steps[tuple(row)]) / 2
        centres |= dict(zip(row, _apart([-middle] * len(row), [1.0] * len(row), steps[tuple(row)]), strict=True))
    for sweep in range(_PLACE_SWEEPS):
        before = dict(centres)
        for row in rows if sweep % 2 == 0 else reversed(rows):
            centres |= _drawn(row, centres, pulls, steps[tuple(row)])
        if all(abs(centres[node] - before[node]) < _STILL for node in centres):
            break
    return centres


def _drawn(
    row: Sequence[int], centres: Mapping[int, float], pulls: Sequence[Mapping[int, float]], steps: Sequence[float]
) -> dict[int, float]:
    """The best places for one row while the others stay; a box without any link stays too."""
    near = [pulls[node] or {node: 1.0} for node in row]
    weights = [sum(around.values()) for around in near]
    wished = [
        sum(centres[other] * pull for other, pull in around.items()) / weight
        for around, weight in zip(near, weights, strict=True)
    ]
    return dict(zip(row, _apart(wished, weights, steps), strict=True))


def _steps(row: Sequence[int], sizes: Sequence[float], gap: float) -> list[float]:
    return [(sizes[left] + sizes[right]) / 2 + gap for left, right in pairwise(row)]


def _apart(wished: Sequence[float], weights: Sequence[float], steps: Sequence[float]) -> list[float]:
    """The places nearest to those wished (least squares) with at least `steps` between neighbours.

    With the steps taken off, that is isotonic regression, which pooling adjacent violators solves exactly.
    """
    offsets = list(accumulate(steps, initial=0.0))
    pools: list[tuple[float, float, int]] = []
    for wish, weight, offset in zip(wished, weights, offsets, strict=True):
        mean, total, count = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_total, other_count = pools.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total, count = total + other_total, count + other_count
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(flat, offsets, strict=True)]
