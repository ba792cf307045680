"""The layout of a graph in rows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.graph_layout import GraphLayout, layered_layout

GAP = 20.0


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, int]]]:
    """Generate acyclic graphs: every edge goes from a lower to a higher index."""
    count = draw(st.integers(1, 12))
    widths = draw(st.lists(st.floats(10, 300), min_size=count, max_size=count))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return widths, edges


def _row_of(layout: GraphLayout) -> dict[int, int]:
    return {node: number for number, row in enumerate(layout.rows) for node in row}


@given(graphs())
def test_every_box_is_below_its_inputs(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """Edges go downwards through every row between their ends, and every box is in one row."""
    widths, edges = graph
    layout = layered_layout(widths, edges, GAP)
    rows = _row_of(layout)
    assert set(range(len(widths))) <= set(rows)
    assert [(route[0], route[-1]) for route in layout.routes] == edges
    for route in layout.routes:
        assert all(rows[lower] == rows[upper] + 1 for upper, lower in pairwise(route))


@given(graphs())
def test_no_two_boxes_of_a_row_overlap(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """Neighbours keep the gap, and no box is left of 0."""
    widths, edges = graph
    layout = layered_layout(widths, edges, GAP)
    for row in layout.rows:
        boxes = [node for node in row if node < len(widths)]
        assert all(layout.centres[node] - widths[node] / 2 >= -1e-6 for node in boxes)
        for left, right in pairwise(boxes):
            space = layout.centres[right] - layout.centres[left] - (widths[left] + widths[right]) / 2
            assert space >= GAP - 1e-6


@given(graphs())
def test_edges_pass_between_boxes(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """An edge that crosses a row touches none of its boxes."""
    widths, edges = graph
    layout = layered_layout(widths, edges, GAP)
    rows = _row_of(layout)
    for route in layout.routes:
        for dummy in route[1:-1]:
            for box in (node for node in layout.rows[rows[dummy]] if node < len(widths)):
                assert abs(layout.centres[dummy] - layout.centres[box]) >= widths[box] / 2


def test_a_chain_is_a_straight_line() -> None:
    """The boxes of a chain are centred below each other, whatever their widths."""
    layout = layered_layout([50.0, 200.0, 80.0], [(0, 1), (1, 2)], GAP)
    assert layout.centres[0] == pytest.approx(layout.centres[1]) == pytest.approx(layout.centres[2])


def test_branches_are_side_by_side_and_join_in_the_middle() -> None:
    """Two equal branches are left and right of the line through their start and end."""
    layout = layered_layout([100.0] * 4, [(0, 1), (0, 2), (1, 3), (2, 3)], GAP)
    assert layout.rows == ((0,), (1, 2), (3,))
    assert layout.centres[0] == pytest.approx((layout.centres[1] + layout.centres[2]) / 2, abs=1)
    assert layout.centres[3] == pytest.approx(layout.centres[0], abs=1)


def test_avoidable_crossings_are_removed() -> None:
    """Two separate chains in crossing order are drawn without a crossing."""
    layout = layered_layout([50.0] * 4, [(0, 3), (1, 2)], GAP)
    upper, lower = layout.rows
    assert [{0: 3, 1: 2}[node] for node in upper] == list(lower)


def test_a_late_input_is_right_above_its_user() -> None:
    """An input that is first used in a low row is in the row above that, not at the top."""
    layout = layered_layout([50.0] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)], GAP)
    assert _row_of(layout)[4] == _row_of(layout)[3] - 1


def test_a_graph_without_boxes_is_empty() -> None:
    """A graph without boxes has an empty layout."""
    assert layered_layout([], [], GAP).rows == ()
