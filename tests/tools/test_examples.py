"""The configs in docs/examples: each is one that `nnrun check` accepts, and the page of them is up to date."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from tool_scripts import load_script

from nnrun.errors import ConfigError
from nnrun.pipeline.check import examine

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "docs" / "examples").glob("*/*.yaml"))
#: Parts of an example that has more than one config.
PARTS = {"mlp_image_classification_fnet", "fixres_small"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small data for all of them, made once."""
    folder = tmp_path_factory.mktemp("data")
    load_script("make_example_data").make(folder)
    return folder


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that makes the page."""
    return load_script("generate_examples")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_config_has_no_error(config: Path, data: Path) -> None:
    """`nnrun check` accepts it, with the shapes, types and values of its data, and finds nothing to warn of."""
    found = [one for one in examine(config, (), data).problems if one.severity != "note"]
    assert [(one.name, one.text) for one in found] == []


def test_the_page_is_not_stale(generator: ModuleType) -> None:
    """`python tools/generate_examples.py` would change nothing."""
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(generator.read_index())


def test_every_config_is_in_the_list(generator: ModuleType) -> None:
    """A config stands for an example of the list, or is a part of one."""
    listed = {group: set(examples) for group, examples in generator.read_index().items()}
    assert [one.name for one in CONFIGS if one.stem not in listed[one.parent.name] | PARTS] == []


def test_an_example_without_a_config_says_what_it_needs(generator: ModuleType) -> None:
    """What an example needs, code or what is missing, is said only where it has no config."""
    for group, examples in generator.read_index().items():
        for name, one in examples.items():
            has_config = (generator.EXAMPLES / group / f"{name}.yaml").exists()
            assert has_config == ("code" not in one and "missing" not in one), name


def test_what_is_made_shorter_is_still_a_config(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tools/train_examples.py` trains what `check` accepts: a replaced source, one epoch, small batches."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    script = load_script("train_examples")
    config = tmp_path / "mnist.yaml"
    config.write_text(script.shorten(next(p for p in CONFIGS if p.stem == "mnist_convnet").read_text("utf-8")), "utf-8")
    try:
        examined = examine(config, (), data)
    except ConfigError as error:
        pytest.fail(str(error))
    assert (examined.experiment.training.epochs, examined.experiment.training.batch_size) == (1, 16)
    assert examined.experiment.data.source.name == "npz"
