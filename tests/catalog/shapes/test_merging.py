"""Layers that merge several tensors into one."""

from __future__ import annotations

import pytest

from nnrun.catalog.shapes.infer import ShapeError, infer
from nnrun.spec.part import Part

PAIRS = [
    [(4, 3), (4, 3)],
    [(4, 3), (1, 3)],
    [(4, 3), (3,)],
    [(4, 3), (4, 2)],
    [(None, 3), (4, 3)],
    [(4, 3), (4, 3), (1, 1)],
    [(4, 3)],
    [(2, 4, 3), (3,)],
]
CASES = [
    *[
        (name, {}, shapes)
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
        for shapes in PAIRS
    ],
    *[
        ("Concatenate", given, shapes)
        for given in ({}, {"axis": 1}, {"axis": -2}, {"axis": 3})
        for shapes in (
            [(4, 3), (4, 2)],
            [(4, 3), (5, 3)],
            [(4, 3), (4, 3)],
            [(4, None), (4, 3)],
            [(None, 3), (4, 3)],
            [(4, 3), (4,)],
            [(4, 3), (4, 3), (4, 1)],
        )
    ],
    *[
        ("Dot", {"axes": axes}, shapes)
        for axes in (1, -1, [1, 2], [2, 1], [2, 2], [-1, 1])
        for shapes in ([(4, 3), (4, 3)], [(4, 3), (3, 4)], [(4,), (4,)], [(4,), (3, 4)], [(2, 4, 3), (4, 2)])
    ],
]


@pytest.mark.keras
def test_merges_are_those_of_keras(truth):
    """Every merge has Keras' output shape, and is refused where Keras refuses it."""
    assert truth.differences([(Part("layers", name, arguments), shapes) for name, arguments, shapes in CASES]) == []


def test_mismatch_names_all_shapes():
    """A Concatenate of shapes that do not match names them."""
    with pytest.raises(ShapeError, match=r"differ only along axis -1, received \[4, 3\] and \[5, 3\]"):
        infer("Concatenate", {}, [(4, 3), (5, 3)])


def test_merge_of_one_input_is_refused():
    """The error for a merge in a plain chain explains how to name its inputs."""
    with pytest.raises(ShapeError, match="list of 2 or more inputs, received 1") as refusal:
        infer("Add", {}, [(4, 3)])
    assert "from: [first, second]" in refusal.value.hint
