"""The committed catalog, the installed Keras and nnrun's own classes agree."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nnrun.catalog import lookup

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.catalog.lookup import Entry

pytestmark = pytest.mark.keras

KERAS = (
    "layers",
    "optimizers",
    "schedules",
    "losses",
    "metrics",
    "callbacks",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
)

#: What no required arguments of the catalog suffice for, and why.
NOT_MADE = {
    ("layers", "Discretization"): "it needs one of two arguments, `num_bins` or `bin_boundaries`",
    ("layers", "Input"): "it needs one of two arguments, `shape` or `batch_shape`",
    ("layers", "InputLayer"): "it needs one of two arguments, `shape` or `batch_shape`",
    ("callbacks", "OrbaxCheckpoint"): "it needs the package orbax-checkpoint",
    ("losses", "crossentropy"): "a word that Keras' compile resolves",
    ("metrics", "accuracy"): "a word that Keras' compile resolves",
    ("activations", "binary_step"): "nnrun's own, made by the engine",
}
#: One more argument that makes them after all.
MADE_WITH = {"Discretization": {"num_bins": 4}, "Input": {"shape": [4]}, "InputLayer": {"batch_shape": [None, 4]}}


def _entries(*, all_of_them: bool) -> list[Any]:
    named = [(category, name) for category in KERAS for name in lookup.names(category)]
    # nnrun's own layers, and models of keras.applications, are made in the engine's tests.
    found = [key for key in named if lookup.entry(*key).origin == "keras" or key[0] == "activations"]
    found = [key for key in found if lookup.entry(*key).application is None]
    return [pytest.param(lookup.entry(*key), id="-".join(key)) for key in found if all_of_them or key not in NOT_MADE]


def _made_or_known(entry: Entry) -> bool:
    return (entry.category, entry.name) not in NOT_MADE or entry.name in MADE_WITH


@pytest.mark.parametrize("entry", _entries(all_of_them=False))
def test_every_entry_is_made_from_its_required_arguments_alone(entry: Entry, make: Callable[..., Any]) -> None:
    """The arguments that the catalog calls required suffice for Keras."""
    assert make(entry) is not None


@pytest.mark.parametrize("entry", [param for param in _entries(all_of_them=True) if _made_or_known(param.values[0])])
def test_every_entry_is_made_with_all_its_defaults_written_out(entry: Entry, make: Callable[..., Any]) -> None:
    """Keras accepts every parameter of the catalog, and every default (lists too)."""
    assert make(entry, in_full=True, **MADE_WITH.get(entry.name, {})) is not None


@pytest.mark.parametrize("key", [key for key in NOT_MADE if key[1] in MADE_WITH], ids="-".join)
def test_an_entry_that_needs_one_of_two_arguments_is_refused_without_either(
    key: tuple[str, str], make: Callable[..., Any]
) -> None:
    """The reasons in the table above are true: Keras refuses the layer without either argument."""
    with pytest.raises(ValueError, match=r"must pass|need to set"):
        make(lookup.entry(*key))


def test_a_required_argument_is_one_that_keras_cannot_do_without(
    usable: Callable[..., list[Entry]], keras: Any
) -> None:
    """Keras refuses every layer, optimizer, loss, metric and callback without its required arguments."""
    for entry in usable("layers", "optimizers", "schedules", "losses", "metrics", "callbacks"):
        needs = any(parameter.required for parameter in entry.parameters.values())
        if entry.is_function or entry.origin != "keras" or not needs:
            continue
        home = keras.optimizers.schedules if entry.category == "schedules" else getattr(keras, entry.category)
        with pytest.raises((TypeError, ValueError)):
            getattr(home, entry.name)()


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_an_integer_is_given_to_keras_as_the_float_it_asks_for(optimizer: str, make: Callable[..., Any]) -> None:
    """`learning_rate: 1` is a float for Keras, which refuses an integer."""
    assert float(make(lookup.entry("optimizers", optimizer), learning_rate=1).learning_rate) == 1.0


@pytest.mark.parametrize(("word", "rows"), [("accuracy", 1), ("acc", 1), ("crossentropy", 1), ("ce", 1)])
def test_words_that_compile_resolves_are_resolved_by_keras(word: str, rows: int, keras: Any) -> None:
    """The words that the generator adds by hand are words that Keras' `compile` knows."""
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1, activation="sigmoid")])
    loss, metrics = (word, []) if lookup.entry("losses", word) else ("mse", [word])
    model.compile(loss=loss, metrics=metrics)
    scores = model.evaluate(keras.ops.ones([rows, 2]), keras.ops.ones([rows, 1]), verbose=0, return_dict=True)
    assert set(scores) == {"loss", *metrics}


def test_the_committed_catalog_is_what_the_installed_keras_offers(keras: Any, generator: ModuleType) -> None:
    """The committed file equals what the generator writes from the installed Keras and nnrun's own parts."""
    committed = generator.FILE.read_text(encoding="utf-8")
    if json.loads(committed)["keras"] != keras.__version__:
        pytest.skip(f"the catalog is of Keras {json.loads(committed)['keras']}, not {keras.__version__}")
    assert committed == generator.to_text(generator.generate()), f"stale: run {generator.COMMAND}"


def test_every_public_layer_of_keras_is_in_the_catalog(keras: Any) -> None:
    """All layers that Keras exports are in the catalog, aliases included: 164 names in Keras 3.15."""
    public = {
        name
        for name, thing in vars(keras.layers).items()
        if inspect.isclass(thing) and issubclass(thing, keras.layers.Layer)
    }
    missing = {name for name in public if lookup.entry("layers", name) is None}
    assert not missing
    assert len(public) >= 160


@pytest.mark.parametrize(
    "category", ["optimizers", "losses", "metrics", "initializers", "regularizers", "constraints", "activations"]
)
def test_a_string_means_what_keras_resolves_it_to(category: str, keras: Any, generator: ModuleType) -> None:
    """Every string of Keras' own registry leads to the entry of the object that Keras finds under it."""
    registry = importlib.import_module(f"keras.src.{category}").ALL_OBJECTS_DICT
    public = getattr(keras, category)
    for word, thing in registry.items():
        entry = lookup.entry(category, word)
        if word in generator.OWN.get(category, {}):
            continue
        if entry is not None:
            assert getattr(public, entry.name) is thing
        else:
            assert thing not in vars(public).values()


def test_nothing_of_this_machine_is_in_the_catalog(generator: ModuleType) -> None:
    """The committed file names no folder of the machine that wrote it."""
    assert str(Path.home()) not in generator.FILE.read_text(encoding="utf-8")
