"""Backbones: the table agrees with Keras, and what cannot be is refused without it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnrun.catalog import lookup
from nnrun.catalog.backbone_weights import published_weights
from nnrun.catalog.shapes.backbones import inner_layers, known_backbones, size_after
from nnrun.catalog.shapes.infer import infer
from nnrun.catalog.shapes.layer_call import ShapeError, Undecided

NAMES = sorted(known_backbones())


def _conv(kind: str, size: int, kernel: int, stride: int) -> int:
    """Count the places of a kernel one by one."""
    if kind == "same":
        return len(range(0, size, stride))
    return len([start for start in range(0, size, stride) if start + kernel <= size])


@given(st.integers(1, 300), st.integers(1, 7), st.integers(1, 3))
def test_a_step_counts_the_places_of_its_kernel(size: int, kernel: int, stride: int) -> None:
    """The two formulas equal the number of places where a kernel stands, for every size, kernel and stride."""
    assert size_after([["same", stride]], size) == _conv("same", size, kernel, stride)
    if size >= kernel:
        assert size_after([["valid", kernel, stride]], size) == _conv("valid", size, kernel, stride)


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_has_a_shape_and_published_weights(name: str) -> None:
    """With its defaults, without its top, and for every inner layer of its table there is an answer without Keras."""
    entry = lookup.entry("layers", name)
    assert entry is not None
    assert entry.application is not None
    size = known_backbones()[name]["default_size"]
    assert infer(name, {}, [(size, size, 3)]).output == (1000,)
    whole = infer(name, {"include_top": False, "weights": None}, [(size, size, 3)])
    height, width, channels = whole.output
    assert height == width
    assert infer(name, {"include_top": False, "pooling": "avg"}, [(size, size, 3)]).output == (channels,)
    layers = list(inner_layers(name))
    found = infer(name, {"include_top": False, "inner": layers}, [(size, size, 3)]).output
    assert len(found) == len(layers) + 1
    for include_top in (True, False):
        file = published_weights(name, {"include_top": include_top}, (size, size))
        assert file is not None
        assert file.url.startswith("https://storage.googleapis.com/")


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "text"),
    [
        ("VGG16", {}, (28, 28, 3), "expects pictures of at least 32 x 32"),
        ("VGG16", {"weights": None}, (64, 64, 1), "expects 3 channels, as it prepares 3 channels"),
        ("VGG16", {"include_top": False}, (64, 64, 1), "expects 3 channels, as its weights are of pictures"),
        ("VGG16", {"classes": 10}, (224, 224, 3), "has a top of 1000 classes"),
        ("VGG16", {}, (64, 64, 3), "expects pictures of 224 x 224 with its top"),
        ("VGG16", {}, (64,), "expects an input of height, width and channels"),
        ("VGG16", {"include_top": False, "inner": ["block9_pool"]}, (64, 64, 3), "has no inner layer 'block9_pool'"),
    ],
)
def test_what_a_backbone_cannot_take_is_refused(name: str, arguments: Any, shape: Any, text: str) -> None:
    """A picture that is too small, of other channels, or for other classes than the weights is an error of check."""
    with pytest.raises(ShapeError, match=text):
        infer(name, arguments, [shape])


def test_channels_that_no_table_has_are_left_to_keras() -> None:
    """Another alpha changes the channels: check says that Keras decides."""
    with pytest.raises(Undecided, match="alpha"):
        infer("MobileNetV2", {"alpha": 0.5, "include_top": False}, [(96, 96, 3)])


@pytest.mark.keras
@pytest.mark.parametrize(("name", "size"), [("MobileNetV3Small", 75), ("VGG16", 47), ("InceptionV3", 80)])
def test_the_table_agrees_with_keras(name: str, size: int, keras: Any) -> None:
    """Output, inner outputs and the number of weights are those of the model that Keras makes."""
    variables = pytest.importorskip("keras.src.backend.common.variables")
    keras.backend.clear_session(free_memory=False)
    with pytest.MonkeyPatch.context() as patch, keras.StatelessScope():
        # Only shapes are compared: no weight needs a value.
        patch.setattr(variables, "initialize_all_variables", lambda: None)
        made = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
    layers = list(inner_layers(name))
    found = infer(name, {"include_top": False, "weights": None, "inner": layers}, [(size, size, 3)])
    known = {layer.name: layer.output.shape[1:] for layer in made.layers}
    assert found.output == (made.output_shape[1:], *(known[layer] for layer in layers))
    assert found.parameters == made.count_params()


def test_a_part_needs_no_more_than_its_name_and_arguments() -> None:
    """A backbone inside a wrapper has the shape that it has alone."""
    inner = SimpleNamespace(name="VGG16", arguments={"include_top": False, "pooling": "max", "weights": None})
    assert infer("TimeDistributed", {"layer": inner}, [(5, 64, 64, 3)]).output == (5, 512)
