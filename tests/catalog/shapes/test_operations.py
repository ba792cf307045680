"""The shapes of operations: by our rules, and by Keras."""

from __future__ import annotations

from typing import Any

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.kinds import is_integer, to_keras
from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.layer_call import outputs
from nnrun.catalog.shapes.operations import OPERATIONS
from nnrun.spec.part import Part

#: Operations with arguments, the shapes of their tensors, and the outputs.
CASES: list[tuple[str, dict[str, Any], list[tuple[int | None, ...]], Any]] = [
    ("relu", {}, [(4, 6)], (4, 6)),
    ("cast", {"dtype": "int32"}, [(4, 6)], (4, 6)),
    ("clip", {"x_min": 0, "x_max": 6}, [(4, 6)], (4, 6)),
    ("subtract", {}, [(4, 6), (4, 1)], (4, 6)),
    ("multiply", {"x2": 2}, [(4, 6)], (4, 6)),
    ("multiply", {"x1": [1, 2, 3, 4, 5, 6]}, [(4, 6)], (4, 6)),
    ("where", {"x2": 0.0}, [(4,), (4,)], (4,)),
    ("mean", {"axis": [1, 2]}, [(4, 6, 3)], (3,)),
    ("mean", {"axis": -1, "keepdims": True}, [(4, 6)], (4, 1)),
    ("argmax", {"axis": 1}, [(4, 6)], (6,)),
    ("norm", {"axis": -1}, [(4, 6)], (4,)),
    ("moments", {"axes": [1]}, [(4, 6)], ((6,), (6,))),
    ("reshape", {"newshape": [-1, 3, 8]}, [(4, 6)], (3, 8)),
    ("transpose", {"axes": [0, 2, 1]}, [(4, 6)], (6, 4)),
    ("expand_dims", {"axis": -1}, [(4, 6)], (4, 6, 1)),
    ("expand_dims", {"axis": 1}, [(4, 6)], (1, 4, 6)),
    ("squeeze", {"axis": 1}, [(1, 6)], (6,)),
    ("swapaxes", {"axis1": 1, "axis2": 2}, [(4, 6)], (6, 4)),
    ("concatenate", {"axis": -1}, [(4, 6), (4, 2)], (4, 8)),
    ("stack", {"axis": 1}, [(4, 6), (4, 6)], (2, 4, 6)),
    ("split", {"indices_or_sections": 3, "axis": -1}, [(4, 6)], ((4, 2),) * 3),
    ("split", {"indices_or_sections": [1, 4], "axis": 2}, [(4, 6)], ((4, 1), (4, 3), (4, 2))),
    ("array_split", {"indices_or_sections": 4, "axis": 2}, [(4, 6)], ((4, 2), (4, 2), (4, 1), (4, 1))),
    ("unstack", {"axis": 1}, [(2, 6)], ((6,), (6,))),
    ("matmul", {}, [(4, 6), (6, 5)], (4, 5)),
    ("einsum", {"subscripts": "bij,bkj->bik"}, [(4, 6), (3, 6)], (4, 3)),
    ("space_to_depth", {"block_size": 2}, [(4, 6, 3)], (2, 3, 12)),
    ("depth_to_space", {"block_size": 2}, [(4, 6, 12)], (8, 12, 3)),
    ("pad", {"pad_width": [[0, 0], [1, 2], [0, 0]]}, [(4, 6)], (7, 6)),
    ("repeat", {"repeats": 3, "axis": 1}, [(4, 6)], (12, 6)),
    ("rfft", {}, [(4, 6)], ((4, 4), (4, 4))),
    ("fft", {}, [(4, 6), (4, 6)], ((4, 6), (4, 6))),
    ("irfft", {}, [(4, 4), (4, 4)], (4, 6)),
    ("one_hot", {"num_classes": 5}, [(4,)], (4, 5)),
    ("top_k", {"k": 2}, [(4, 6)], ((4, 2), (4, 2))),
    ("diff", {"n": 2, "axis": 1}, [(4, 6)], (2, 6)),
    ("slice", {"start_indices": [0, 1, 0], "shape": [-1, 2, 6]}, [(4, 6)], (2, 6)),
]


def _infer(name: str, arguments: dict[str, Any], shapes: list[tuple[int | None, ...]]) -> Any:
    return infer("Op", {"op": Part("ops", name, arguments)}, shapes).output


@pytest.mark.parametrize(("name", "arguments", "shapes", "expected"), CASES)
def test_an_operation_has_the_shape_of_its_rule(name: str, arguments: Any, shapes: Any, expected: Any) -> None:
    """One output, or several, without the batch."""
    assert _infer(name, arguments, shapes) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "shapes", "text"),
    [
        ("subtract", {}, [(4, 6), (5, 6)], "the same shape"),
        ("subtract", {}, [(6,), (4, 6)], "as many dimensions"),
        ("subtract", {}, [(6,)], r"expects 2 tensors \(x1, x2\), received 1"),
        ("relu", {}, [(6,), (6,)], "expects 1 tensor"),
        ("where", {"x2": 0.0}, [(6,)], "a condition with both x1 and x2"),
        ("where", {}, [(6,)], "a condition with both x1 and x2"),
        ("mean", {"axis": 3}, [(4, 6)], "an axis from -3 to 2, and has 3"),
        ("reshape", {"newshape": [-1, 5]}, [(4, 6)], "as many values"),
        ("transpose", {"axes": [0, 1]}, [(4, 6)], "each axis from 0 to 2 once"),
        ("squeeze", {"axis": 1}, [(4, 6)], "axes of size 1"),
        ("concatenate", {"axis": 1}, [(4, 6), (4, 5)], "differ only along axis 1"),
        ("stack", {}, [(4,), (5,)], "one shape"),
        ("split", {"indices_or_sections": 4, "axis": -1}, [(4, 6)], "4 equal parts"),
        ("matmul", {}, [(4, 6), (5, 6)], "the last size"),
        ("einsum", {"subscripts": "bij,bkj->bik"}, [(4, 6), (3, 5)], "one size for 'j'"),
        ("einsum", {"subscripts": "ij->j"}, [(4, 6)], "one letter for each dimension"),
        ("depth_to_space", {"block_size": 2}, [(4, 6, 3)], "channels that 4 divides"),
        ("space_to_depth", {"block_size": 4}, [(4, 6, 3)], "height and width that 4 divides"),
        ("depth_to_space", {"block_size": 2}, [(4, 6)], "expects pictures"),
        ("fft", {}, [(4, 6)], "a real and an imaginary part"),
        ("top_k", {"k": 9}, [(4, 6)], "a last size of at least 9"),
        ("slice", {"start_indices": [0, 3, 0], "shape": [-1, 2, 6]}, [(4, 6)], "within axis 1, and has 3 and 2"),
        ("slice", {"start_indices": [0, 1], "shape": [-1, 2]}, [(4, 6)], "for each of 3 dimensions"),
    ],
)
def test_tensors_that_an_operation_cannot_take_are_refused(name: str, arguments: Any, shapes: Any, text: str) -> None:
    """With what it expects, and the shapes with the batch."""
    with pytest.raises(ShapeError, match=text):
        _infer(name, arguments, shapes)


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"),
    [
        ("mean", {}, [(4, 6)]),
        ("mean", {"axis": 0}, [(4, 6)]),
        ("reshape", {"newshape": [8, 3]}, [(4, 6)]),
        ("concatenate", {}, [(4, 6), (4, 6)]),
        ("reshape", {"newshape": [-1, "$classes"]}, [(4, 6)]),
        ("cholesky", {}, [(4, 4)]),
        ("unfold", {"kernel_size": 3}, [(3, 8, 9)]),
        ("slice", {"start_indices": [1, 0, 0], "shape": [2, 4, 6]}, [(4, 6)]),
    ],
)
def test_what_mixes_examples_or_has_no_rule_is_undecided(name: str, arguments: Any, shapes: Any) -> None:
    """Keras decides, where `check --build` asks it."""
    with pytest.raises(Undecided):
        _infer(name, arguments, shapes)


def test_sampling_needs_two_tensors_of_one_shape() -> None:
    """A mean and the logarithm of a variance."""
    assert infer("Sampling", {}, [(4,), (4,)]).output == (4,)
    with pytest.raises(ShapeError, match="a mean and the logarithm of a variance"):
        infer("Sampling", {}, [(4,), (5,)])


def _tensor_count(name: str) -> int:
    entry = lookup.entry("ops", name)
    assert entry is not None
    return 2 if entry.listed else len(entry.tensors)


@pytest.mark.keras
def test_keras_computes_the_same_shapes() -> None:
    """Of every operation with a rule: the cases above, and others with an axis and the defaults of a config."""
    import keras

    from nnrun.engine.model.layers import Op

    cases = [(name, arguments, shapes) for name, arguments, shapes, _ in CASES]
    known = {name for name, *_ in cases}
    numbers: dict[str, Any] = {"dtype": "int32", "shift": 1}
    for name in sorted(set(OPERATIONS) - known):
        entry = lookup.entry("ops", name)
        assert entry is not None, name
        arguments = {one.name: numbers.get(one.name, 1.0) for one in entry.parameters.values() if one.required}
        arguments |= {"axis": 1} if "axis" in entry.parameters else {}
        arguments |= {
            one.name: to_keras(one.kind, one.default)
            for one in entry.parameters.values()
            if is_integer(one.default) and one.name not in arguments and one.name not in entry.optional_tensors
        }
        cases.append((name, arguments, [(4, 6)] * _tensor_count(name)))
    integers = {one for one in OPERATIONS if one.startswith(("bitwise", "left_", "right_", "one_hot"))}
    for name, arguments, shapes in cases:
        layer = Op({"name": name, "arguments": arguments}, autocast=False)
        dtype = "int32" if name in integers else "bool" if name.startswith("logical") else "float32"
        tensors = [keras.KerasTensor((None, *shape), dtype) for shape in shapes]
        made = layer(tensors if len(tensors) > 1 else tensors[0])
        found = tuple(tuple(one.shape[1:]) for one in keras.tree.flatten(made))
        assert outputs(_infer(name, arguments, shapes)) == found, name
