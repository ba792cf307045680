"""The shapes of Keras Hub's backbones, without its package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer

RESNET = lookup.hub_catalog()["entries"]["ResNetBackbone"]["hub"]["example"]
BERT = lookup.hub_catalog()["entries"]["BertBackbone"]["hub"]["example"]
VIT = lookup.hub_catalog()["entries"]["ViTBackbone"]["hub"]["example"]


def _output(name: str, arguments: dict[str, Any], shape: tuple[int | None, ...]) -> Any:
    return infer(name, arguments, [shape]).output


def test_the_arguments_decide_the_output() -> None:
    """A ResNet halves a picture by its first layers and its strides, a transformer has a row for each patch."""
    assert _output("ResNetBackbone", RESNET, (64, 64, 3)) == (8, 8, 64)
    assert _output("ViTBackbone", VIT, (64, 32, 3)) == (33, 8)
    assert _output("ViTBackbone", {**VIT, "use_class_token": False}, (64, 32, 3)) == (32, 8)
    assert _output("BertBackbone", BERT, (12,)) == (12, 8)
    assert _output("BertBackbone", {**BERT, "inner": ("pooled_output",)}, (12,)) == ((12, 8), (8,))


def test_the_arguments_of_a_folder_decide_it_too(tmp_path: Path) -> None:
    """`check` reads `config.json` of a preset; what the config of the experiment gives has priority."""
    config = {"class_name": "BertBackbone", "config": {**BERT, "hidden_dim": 6}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert _output("BertBackbone", {"preset": str(tmp_path)}, (12,)) == (12, 6)
    preset = {"file": str(tmp_path), "sha256": "0" * 64}
    assert _output("BertBackbone", {"preset": preset, "hidden_dim": 4}, (12,)) == (12, 4)


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "text"),
    [
        ("BertBackbone", BERT, (12, 8), "expects the numbers of the tokens of a text, 1 dimension"),
        ("BertBackbone", BERT, (513,), "at most 512 tokens"),
        ("BertBackbone", {**BERT, "hidden_dim": 9}, (12,), "`hidden_dim` that `num_heads` divides, received 9 and 2"),
        ("ViTBackbone", VIT, (60, 64, 3), r"`patch_size` \(8 x 8\) divides"),
        ("ViTBackbone", VIT, (64, 64), "height, width and channels"),
        ("ViTBackbone", {**VIT, "inner": ("vit_encoder",)}, (64, 64, 3), "no outputs of inner layers"),
    ],
)
def test_what_it_cannot_take_is_refused(name: str, arguments: Any, shape: tuple[int, ...], text: str) -> None:
    """The message has what was expected and received, and a hint."""
    with pytest.raises(ShapeError, match=text) as error:
        infer(name, arguments, [shape])
    assert error.value.hint


@pytest.mark.parametrize("arguments", [{"preset": "resnet_18_imagenet"}, {**RESNET, "inner": ("stack0",)}, {}])
def test_what_keras_hub_alone_knows_is_undecided(arguments: dict[str, Any]) -> None:
    """A preset that is not there yet, inner layers and missing arguments are no errors of shape."""
    with pytest.raises(Undecided):
        infer("ResNetBackbone", arguments, [(64, 64, 3)])
