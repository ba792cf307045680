"""The layout of a graph in rows, top to bottom: each box below all its inputs, branches side by side.

The method is the usual one for layered drawings (Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11, 1981): rows by longest
path, dummy nodes where an edge crosses a row, an order within the rows by the mean position of the neighbours, and
then positions as close to the neighbours' mean as the widths allow.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ORDER_SWEEPS = 8
_POSITION_SWEEPS = 200
#: The weight of an edge, which pulls its ends below each other. The only edge between two boxes, and the inside of a
#: long edge, should be straight; a shortcut should not bend the main line. Chosen by looking at the drawings.
_ONLY_EDGE, _BRANCH, _SHORTCUT, _INSIDE_LONG_EDGE = 10.0, 1.0, 0.1, 10.0
#: Positioning stops when no position changes by more than this in a sweep.
_TOLERANCE = 0.25


@dataclass(frozen=True)
class GraphLayout:
    """The positions of boxes and edges.

    Attributes:
        rows: The boxes and dummy nodes of each row, left to right; dummy nodes have the indices after the boxes'.
        centres: The horizontal centre of each box and dummy node, in the unit of the widths; the leftmost edge is 0.
        routes: For each edge the nodes that it passes, its two ends included.
    """

    rows: tuple[tuple[int, ...], ...]
    centres: Mapping[int, float]
    routes: tuple[tuple[int, ...], ...]


def layered_layout(widths: Sequence[float], edges: Sequence[tuple[int, int]], gap: float) -> GraphLayout:
    """Compute the layout of an acyclic graph.

    Args:
        widths: The width of each box.
        edges: Pairs of indices of `widths`: from, to.
        gap: The space between neighbours in a row.
    """
    ranks = _ranks(len(widths), edges)
    routes: list[tuple[int, ...]] = []
    for source, target in edges:
        crossed = range(ranks[source] + 1, ranks[target])
        routes.append((source, *range(len(ranks), len(ranks) + len(crossed)), target))
        ranks += crossed
    count = len(ranks)
    sizes = [*widths, *[gap / 2] * (count - len(widths))]
    above, below = _neighbours(count, [edge for route in routes for edge in pairwise(route)])
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for node in dict.fromkeys([*(node for route in routes for node in route), *range(count)]):
        rows[ranks[node]].append(node)
    rows = _ordered(rows, above, below)
    centres = _positions(rows, sizes, _weights(routes, count), gap)
    left = min((centres[node] - sizes[node] / 2 for node in centres), default=0.0)
    return GraphLayout(tuple(map(tuple, rows)), {node: x - left for node, x in centres.items()}, tuple(routes))


def _neighbours(count: int, edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return each box's row: one below its lowest input; a box without inputs is right above its first user."""
    above, below = _neighbours(count, edges)
    missing = [len(sources) for sources in above]
    ready = [node for node in range(count) if not missing[node]]
    ranks = [0] * count
    for node in ready:
        for target in below[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    for node in range(count):
        if not above[node] and below[node]:
            ranks[node] = min(ranks[target] for target in below[node]) - 1
    return ranks


def _ordered(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """Sort each row by the mean position of its neighbours, downwards and upwards in turn; return the best order."""
    rows = [list(row) for row in rows]
    found = [(_crossings(rows, below), rows)]
    for sweep in range(_ORDER_SWEEPS):
        rows = [list(row) for row in rows]
        neighbours, in_turn = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for before, row in pairwise(in_turn):
            positions = {node: position for position, node in enumerate(before)}
            means = {node: float(position) for position, node in enumerate(row)}
            for node in row:
                if neighbours[node]:
                    means[node] = sum(positions[other] for other in neighbours[node]) / len(neighbours[node])
            row.sort(key=means.__getitem__)
        found.append((_crossings(rows, below), rows))
    return min(found, key=lambda order: order[0])[1]


def _crossings(rows: Sequence[Sequence[int]], below: list[list[int]]) -> int:
    """Count the pairs of edges that cross between neighbouring rows."""
    total = 0
    for upper, lower in pairwise(rows):
        positions = {node: position for position, node in enumerate(lower)}
        seen: list[int] = []
        for end in (end for node in upper for end in sorted(positions[target] for target in below[node])):
            at = bisect_right(seen, end)
            total += len(seen) - at
            seen.insert(at, end)
    return total


def _weights(routes: Sequence[tuple[int, ...]], count: int) -> list[dict[int, float]]:
    """Return the weight of the edge to each neighbour, for each box and dummy node."""
    leaving, entering = Counter(route[0] for route in routes), Counter(route[-1] for route in routes)
    weights: list[dict[int, float]] = [{} for _ in range(count)]
    for route in routes:
        source, target = route[0], route[-1]
        if len(route) == 2:
            end = _ONLY_EDGE if leaving[source] == entering[target] == 1 else _BRANCH
        else:
            end = _BRANCH if leaving[source] == 1 else _SHORTCUT
        for upper, lower in pairwise(route):
            is_inside = upper != source and lower != target
            weights[upper][lower] = weights[lower][upper] = _INSIDE_LONG_EDGE if is_inside else end
    return weights


def _positions(
    rows: Sequence[Sequence[int]], sizes: Sequence[float], weights: Sequence[Mapping[int, float]], gap: float
) -> dict[int, float]:
    """Make all edges as short as the widths allow (least squares), row by row, downwards and upwards in turn."""
    steps = {tuple(row): [(sizes[a] + sizes[b]) / 2 + gap for a, b in pairwise(row)] for row in rows}
    centres: dict[int, float] = {}
    for row in rows:
        middle = sum(steps[tuple(row)]) / 2
        centres |= dict(zip(row, _spread([-middle] * len(row), [1.0] * len(row), steps[tuple(row)]), strict=True))
    for sweep in range(_POSITION_SWEEPS):
        before = dict(centres)
        for row in rows if sweep % 2 == 0 else reversed(rows):
            # A box without neighbours stays where it is.
            near = [weights[node] or {node: 1.0} for node in row]
            totals = [sum(around.values()) for around in near]
            means = [
                sum(centres[other] * weight for other, weight in around.items()) / total
                for around, total in zip(near, totals, strict=True)
            ]
            centres |= dict(zip(row, _spread(means, totals, steps[tuple(row)]), strict=True))
        if all(abs(centres[node] - before[node]) < _TOLERANCE for node in centres):
            break
    return centres


def _spread(wanted: Sequence[float], weights: Sequence[float], steps: Sequence[float]) -> list[float]:
    """Return the positions closest to the wanted ones (least squares) with at least `steps` between neighbours.

    Without the steps this is isotonic regression, which pooling adjacent violators solves exactly.
    """
    offsets = list(accumulate(steps, initial=0.0))
    pools: list[tuple[float, float, int]] = []
    for position, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = position - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_total, other_count = pools.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total, count = total + other_total, count + other_count
        pools.append((mean, total, count))
    pooled = [mean for mean, _, count in pools for _ in range(count)]
    return [position + offset for position, offset in zip(pooled, offsets, strict=True)]
