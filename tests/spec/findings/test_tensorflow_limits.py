"""What Keras builds but TensorFlow cannot compute is refused, and nothing else is."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from nnrun.config.dump import dump_inline
from nnrun.spec.facts import Facts


def facts(*shape: int) -> Facts:
    """Return the facts of arrays of this shape in ten classes."""
    return Facts("classification", "integer", shape, classes=10, targets=1, rows={"train": 100, "test": 20})


def model(*layers: dict[str, Any] | str) -> str:
    """Return these layers before a classifier, as a config writes them."""
    lines = [*layers, "Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    return "\n".join(f"- {dump_inline(line)}" for line in lines)


@pytest.fixture
def keras() -> Any:
    """Return Keras on TensorFlow."""
    from nnrun.engine.backend.start import BackendSettings, start_keras

    return start_keras(BackendSettings(seed=7))


def refusals(found, shape: tuple[int, ...], *layers: dict[str, Any] | str, **sections: str) -> list[Any]:
    """Return the findings of combinations in a model of these layers."""
    return [one for one in found(facts(*shape), model=model(*layers), **sections) if one.name == "cannot-combine"]


def computes(layer: Any, shape: tuple[int, ...]) -> bool:
    """Return whether TensorFlow computes a layer on two examples inside a compiled function."""
    import tensorflow as tf

    try:
        return min(tf.function(layer)(tf.ones((2, *shape))).shape) > 0
    except (ValueError, tf.errors.OpError):
        return False


@pytest.mark.parametrize(
    ("shape", "layer", "hint"),
    [
        ((8, 3), {"AdaptiveMaxPooling1D": {"output_size": 1}}, "write GlobalMaxPooling1D: {keepdims: true}"),
        ((8, 8, 3), {"AdaptiveAveragePooling2D": 1}, "write GlobalAveragePooling2D: {keepdims: true}"),
        ((6, 6, 1, 1), {"AdaptiveAveragePooling3D": [1, 3, 1]}, "write AveragePooling3D: {pool_size: [6, 2, 1]}"),
        ((6, 1, 1, 1), {"AdaptiveMaxPooling3D": 2}, "write an output_size of 2 or more, for dimensions of 2 or more"),
        (
            (3, 8, 8),
            {"AdaptiveMaxPooling2D": {"output_size": 1, "data_format": "channels_first"}},
            "write GlobalMaxPooling2D: {keepdims: true, data_format: channels_first}",
        ),
    ],
)
def test_the_hint_is_a_pooling_that_makes_the_same(found, shape: tuple[int, ...], layer: dict, hint: str) -> None:
    """Where there is one; Keras on JAX computes the layer itself."""
    (one,) = refusals(found, shape, layer)
    assert (one.path[:2], one.hint) == (("model", 0), hint)
    assert not refusals(found, shape, layer, backend="jax")


def test_layers_inside_of_layers_are_examined(found) -> None:
    """At the inner layer's place, with the shape that it gets there."""
    inner = {"AdaptiveAveragePooling1D": {"output_size": 1}}
    (one,) = refusals(found, (4, 5, 3), {"TimeDistributed": {"layer": inner}})
    assert one.path == ("model", 0, "TimeDistributed", "layer", "AdaptiveAveragePooling1D")
    assert not refusals(found, (4, 5, 3), {"TimeDistributed": {"layer": {"AdaptiveAveragePooling1D": 2}}})
    pipeline = {"Pipeline": {"layers": [{"Reshape": [2, 2, 2, 2, 1]}, "Softmax"]}}
    (one,) = refusals(found, (16,), pipeline)
    assert one.path[-1] == "Softmax"


@pytest.mark.keras
def test_adaptive_poolings_are_refused_where_tensorflow_cannot_pool(found, keras) -> None:
    """For every size before and after, from 1 to 4."""
    for kind, before, after in product(("Average", "Max"), range(1, 5), range(1, 5)):
        for rank in (1, 2):
            name, shape = f"Adaptive{kind}Pooling{rank}D", (before, *(4,) * (rank - 1), 2)
            sizes = [after, *[2] * (rank - 1)]
            refused = bool(refusals(found, shape, {name: {"output_size": sizes}}))
            layer = getattr(keras.layers, name)(sizes)
            assert refused is not computes(layer, shape), (name, shape, sizes)


@pytest.mark.keras
def test_the_other_pooling_has_the_same_values(keras) -> None:
    """Windows of equal size, one after the other."""
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("float32")
    theirs = keras.layers.AdaptiveAveragePooling2D((3, 2))(x)
    np.testing.assert_allclose(theirs, keras.layers.AveragePooling2D((2, 2))(x), rtol=1e-5)


@pytest.mark.keras
def test_softmax_and_attention_are_refused_where_they_have_too_many_dimensions(found, keras) -> None:
    """For every number of dimensions and attended axes up to 6."""
    layers: list[tuple[str, dict[str, Any]]] = [
        ("Softmax", {}),
        ("Softmax", {"axis": 1}),
        ("Softmax", {"axis": [1, 2]}),
        ("Activation", {"activation": "softmax"}),
        ("Activation", {"activation": "log_softmax"}),
        ("Dense", {"units": 2, "activation": "softmax"}),
    ]
    for (name, arguments), rank in product(layers, range(3, 7)):
        refused = bool(refusals(found, (2,) * rank, {name: arguments} if arguments else name))
        layer = getattr(keras.layers, name)(**arguments)
        assert refused is not computes(layer, (2,) * rank), (name, arguments, rank)


@pytest.mark.keras
@pytest.mark.parametrize("axes", [None, [1], [2], [1, 2], [1, 2, 3]])
def test_attention_is_refused_where_its_scores_have_too_many_dimensions(found, keras, axes: list[int] | None) -> None:
    """A pair of dimensions for each attended axis, one for the others, and one for the heads."""
    arguments = {"num_heads": 2, "key_dim": 2, **({} if axes is None else {"attention_axes": axes})}
    for rank in range(max(axes or [1]) + 1, 7):
        shape, attention = (2,) * rank, {"MultiHeadAttention": {**arguments, "name": "attend", "from": ["x", "x"]}}
        layers = "\n".join(f"  - {dump_inline(one)}" for one in (attention, "Flatten", {"Dense": 10}))
        graph = f"inputs: {{x: $input}}\nlayers:\n{layers}"
        findings = [one for one in found(facts(*shape), model=graph) if one.name == "cannot-combine"]
        layer = keras.layers.MultiHeadAttention(**arguments)
        assert bool(findings) is not computes(lambda x, one=layer: one(x, x), shape), (shape, findings)


@pytest.mark.keras
@pytest.mark.parametrize("rank", [1, 2])
def test_transposed_convolutions_are_refused_where_outputs_are_too_few(found, keras, rank: int) -> None:
    """For every padding, size of the kernel, stride and padding of the output."""
    for padding, kernel, stride, extra in product(("same", "valid"), (1, 2, 3, 4), (1, 2, 3), (None, 0, 1)):
        if extra is not None and extra >= stride:
            continue
        arguments = {"filters": 2, "kernel_size": kernel, "strides": stride, "padding": padding}
        arguments |= {} if extra is None else {"output_padding": extra}
        name, shape = f"Conv{rank}DTranspose", (*(3,) * rank, 2)
        refused = bool(refusals(found, shape, {name: arguments}))
        layer = getattr(keras.layers, name)(**arguments)
        assert refused is not computes(layer, shape), (name, arguments)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_attention_of_one_head_is_refused_where_its_scores_have_too_many_dimensions(found, keras, name: str) -> None:
    """Its scores have as many dimensions as its inputs."""
    for rank in range(2, 7):
        layers = "\n".join(
            f"  - {dump_inline(one)}" for one in ({name: {"from": ["x", "x"]}}, "Flatten", {"Dense": 10})
        )
        graph = f"inputs: {{x: $input}}\nlayers:\n{layers}"
        findings = [one for one in found(facts(*(2,) * rank), model=graph) if one.name == "cannot-combine"]
        layer = getattr(keras.layers, name)()
        assert bool(findings) is not computes(lambda x, one=layer: one([x, x]), (2,) * rank), (rank, findings)


@pytest.mark.keras
def test_tiles_that_a_reflection_cannot_fill_are_refused(found, keras) -> None:
    """For every size of an image and number of tiles."""
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    for size, tiles in product((1, 2, 3, 4, 5, 8), (1, 2, 4, 7, 8)):
        refused = refusals(found, (size, 8, 1), {name: {"tile_grid_size": [tiles, 4]}})
        layer = getattr(keras.layers, name)(tile_grid_size=(tiles, 4))
        assert bool(refused) is not computes(layer, (size, 8, 1)), (size, tiles)
        assert not refused or refused[0].hint == f"write tile_grid_size: [{min(tiles, size)}, 4]"
