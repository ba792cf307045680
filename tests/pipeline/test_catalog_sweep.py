"""Every entry of the catalog that `check` accepts is trained for one batch: nothing falls through."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.shapes.backbones import known_backbones

_SPEC = importlib.util.spec_from_file_location("catalog_sweep", Path(__file__).with_name("catalog_sweep.py"))
catalog_sweep = importlib.util.module_from_spec(_SPEC)
sys.modules["catalog_sweep"] = catalog_sweep
_SPEC.loader.exec_module(catalog_sweep)

#: Entries that `check` accepts in no combination, with the reason.
NEVER_ACCEPTED = {
    "Accuracy": "outputs of a network never equal targets exactly",
    "categorical_generalized_cross_entropy": "a function with an argument that must be given",
    "threshold": "a function with arguments that must be given",
    "Equalization": "a fault of Keras'",
    "RandomCrop": "a fault of Keras'",
    "HashedCrossing": "it takes two inputs of one value each",
    "Input": "it stands first",
    "InputLayer": "it stands first",
    "StringLookup": "a model receives numbers",
    "TextVectorization": "a model receives numbers",
    "WordVectors": "it needs a file and a vocabulary",
    "TensorBoard": "its package is not installed",
    "OrbaxCheckpoint": "its package is not installed",
    "Model": "it takes a saved model",
    "Op": "it has an argument that must be given",
    "Sampling": "it takes two inputs of one shape",
    **dict.fromkeys(known_backbones(), "a large model; `tests/engine/model/test_whole_models.py` trains some"),
    **dict.fromkeys(lookup.hub_catalog()["entries"], "its package has an environment of its own (extra hub)"),
}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Return a sweep over small data."""
    return catalog_sweep.Sweep(tmp_path_factory.mktemp("swept"))


@pytest.mark.keras
@pytest.mark.parametrize("category", list(catalog_sweep.CASES))
def test_what_check_accepts_ends_well(sweep, category: str) -> None:
    """Each entry is trained once at least: training, scores, report and `eval` end well, with `check`'s figures."""
    sweep.try_all(category, catalog_sweep.CASES[category](), once=True)
    assert sweep.tally.fallen == {}
    covered, known = sweep.tally.covered, lookup.names(category) if category in lookup.CATEGORIES else ()
    assert [name for name in known if name not in covered and name not in NEVER_ACCEPTED] == []
