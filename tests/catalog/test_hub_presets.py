"""The backbones of Keras Hub in the catalog: the same with and without its package."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from tool_scripts import load_script

from nnrun.catalog import lookup
from nnrun.catalog.describe import example_part
from nnrun.catalog.hub_presets import preset_folder, presets_of, published_files, read_settings
from nnrun.spec.part import read_part

NAMES = tuple(lookup.hub_catalog()["entries"])


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_of_a_small_one_and_all_defaults_are_accepted(name: str) -> None:
    """The example of the reference is a part of the language, and every default is of its parameter's kind."""
    entry = lookup.entry("layers", name)
    assert entry is not None
    assert entry.hub is not None
    assert read_part("layers", example_part(entry))[1] == ()
    assert set(entry.hub["required"]) <= set(entry.hub["example"])
    for parameter in entry.parameters.values():
        assert parameter.kind.accepts(parameter.default), parameter.name


def test_every_preset_is_of_a_backbone_and_has_addresses() -> None:
    """A published preset has the address of each of its files, with the version that the package names."""
    assert {preset for name in NAMES for preset in presets_of(name)} == set(lookup.hub_catalog()["presets"])
    files = published_files("ResNetBackbone", {"preset": "resnet_18_imagenet"})
    assert [file.name for file in files] == ["config.json", "model.weights.h5", "image_converter.json"]
    assert files[0].url.startswith("https://www.kaggle.com/api/v1/models/keras/resnetv1/keras/resnet_18_imagenet/")
    assert files[0].url.endswith("/download/config.json")
    assert files[1].most > 4 * 11_000_000
    assert preset_folder("resnet_18_imagenet", Path("data")).parent == Path("data/keras-hub/resnet_18_imagenet")
    less = {"preset": "resnet_18_imagenet", "preprocess": False, "load_weights": False}
    assert [file.name for file in published_files("ResNetBackbone", less)] == ["config.json"]


@pytest.mark.parametrize("content", ["[]", "{}", '{"config": 1, "class_name": "X"}', "no json"])
def test_a_config_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    """What is no config of Keras Hub is a ValueError, whatever it is."""
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"config|Expecting"):
        read_settings(tmp_path)


@pytest.mark.hub
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(find_spec("keras_hub") is None, reason="Keras Hub is not installed (extra hub)")
def test_the_table_is_that_of_the_installed_package() -> None:
    """What is committed is what `python tools/generate_hub.py` writes."""
    tool = load_script("generate_hub")
    assert json.loads(json.dumps(tool.generate())) == dict(lookup.hub_catalog()), tool.COMMAND
