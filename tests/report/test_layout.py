"""Laying out graphs in rows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.report.layout import Layout, lay_out

GAP = 20.0


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, int]]]:
    """Acyclic graphs: every arrow goes from a lower to a higher number."""
    count = draw(st.integers(1, 12))
    widths = draw(st.lists(st.floats(10, 300), min_size=count, max_size=count))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return widths, edges


def _row_of(layout: Layout) -> dict[int, int]:
    return {node: number for number, row in enumerate(layout.rows) for node in row}


@given(graphs())
def test_every_box_lies_below_all_that_it_takes(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """Arrows go downwards, through every row between their ends, and every box is in one row."""
    widths, edges = graph
    layout = lay_out(widths, edges, GAP)
    rows = _row_of(layout)
    assert set(range(len(widths))) <= set(rows)
    assert [(route[0], route[-1]) for route in layout.routes] == edges
    for route in layout.routes:
        assert all(rows[lower] == rows[upper] + 1 for upper, lower in pairwise(route))


@given(graphs())
def test_no_two_boxes_of_a_row_overlap(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """Neighbours keep the gap, and nothing lies left of 0."""
    widths, edges = graph
    layout = lay_out(widths, edges, GAP)
    for row in layout.rows:
        boxes = [node for node in row if node < len(widths)]
        assert all(layout.centres[node] - widths[node] / 2 >= -1e-6 for node in boxes)
        for left, right in pairwise(boxes):
            space = layout.centres[right] - layout.centres[left] - (widths[left] + widths[right]) / 2
            assert space >= GAP - 1e-6


@given(graphs())
def test_arrows_pass_between_boxes(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    """Where an arrow crosses a row it keeps clear of that row's boxes."""
    widths, edges = graph
    layout = lay_out(widths, edges, GAP)
    rows = _row_of(layout)
    for route in layout.routes:
        for stand_in in route[1:-1]:
            for box in (node for node in layout.rows[rows[stand_in]] if node < len(widths)):
                assert abs(layout.centres[stand_in] - layout.centres[box]) >= widths[box] / 2


def test_a_chain_is_a_straight_line() -> None:
    """Boxes in a row of layers stand under each other, whatever their widths."""
    layout = lay_out([50.0, 200.0, 80.0], [(0, 1), (1, 2)], GAP)
    assert layout.centres[0] == pytest.approx(layout.centres[1]) == pytest.approx(layout.centres[2])


def test_branches_stand_side_by_side_and_join_in_the_middle() -> None:
    """Two equal branches lie left and right of the line through their start and end."""
    layout = lay_out([100.0] * 4, [(0, 1), (0, 2), (1, 3), (2, 3)], GAP)
    assert layout.rows == ((0,), (1, 2), (3,))
    assert layout.centres[0] == pytest.approx((layout.centres[1] + layout.centres[2]) / 2, abs=1)
    assert layout.centres[3] == pytest.approx(layout.centres[0], abs=1)


def test_crossings_are_taken_out() -> None:
    """Two separate chains whose boxes come crosswise are drawn without a crossing."""
    layout = lay_out([50.0] * 4, [(0, 3), (1, 2)], GAP)
    upper, lower = layout.rows
    assert [{0: 3, 1: 2}[node] for node in upper] == list(lower)


def test_a_late_input_stands_right_above_its_taker() -> None:
    """An input that is first used far down is drawn there, not at the top."""
    layout = lay_out([50.0] * 5, [(0, 1), (1, 2), (2, 3), (4, 3)], GAP)
    assert _row_of(layout)[4] == _row_of(layout)[3] - 1


def test_a_graph_without_boxes_is_empty() -> None:
    """Nothing to draw is no error."""
    assert lay_out([], [], GAP).rows == ()
