"""The files of layers are found wherever a layer stands, and written back with their digests."""

from __future__ import annotations

from nnrun.config.document import parse
from nnrun.spec.experiment import validate
from nnrun.spec.layer_files import layer_files, with_files

CONFIG = """data: {source: cifar10}
define: {head: [{Model: head.keras}]}
model:
  - Model: {file: base.keras, name: base}
  - residual: {layers: [{VGG16: {weights: vgg.weights.h5, include_top: false}}]}
  - repeat: {times: 2, layers: [{TimeDistributed: {layer: {Model: {file: inner.keras}}}}]}
  - VGG19: {weights: {file: other.h5}, include_top: false}
  - ResNet50: {include_top: false}
  - ResNet50: {include_top: false, weights: null}
  - head
training: {loss: mse, optimizer: Adam}
"""


def test_every_layer_with_a_file_is_found_and_replaced() -> None:
    """In a stack, a residual, a repeat or a wrapper, a file becomes its absolute path with its digest."""
    model = validate(parse(CONFIG, "my.yaml")).model
    found = list(layer_files(model))
    assert [one.name for one in found] == ["base.keras", "vgg.weights.h5", "inner.keras", "other.h5", "head.keras"]
    located = with_files(model, {one.path: (f"/there/{one.name}", "0" * 64) for one in found})
    assert [(one.name, one.sha256) for one in layer_files(located)] == [
        (f"/there/{one.name}", "0" * 64) for one in found
    ]
