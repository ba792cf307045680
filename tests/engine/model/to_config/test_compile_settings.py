"""Losses, metrics and optimizers of compiled models as parts of a config, with their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nnrun.catalog import lookup
from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, ListOf, Number, PartOf
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model.to_config.compile_settings import CompileSettings, compile_settings
from nnrun.engine.model.to_config.saved_arguments import all_arguments_saved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.kinds import Kind
    from nnrun.catalog.lookup import Entry

pytestmark = pytest.mark.keras

_KEYS = {"losses": "loss", "metrics": "metrics", "optimizers": "optimizer"}
_VALUES = (3, 2, 1, 4, 0, 0.375, 0.625, 1.5, 3.5, -0.625)
#: What an argument needs next to it.
_WITH: dict[str, dict[str, Any]] = {
    "num_labels": {"multi_label": True},
    "ema_overwrite_frequency": {"use_ema": True},
    "ema_momentum": {"use_ema": True},
    "target_class_ids": {"num_classes": 4},
}


@pytest.fixture(scope="module")
def keras() -> Any:
    """Start Keras once."""
    return start_keras(BackendSettings(seed=7))


def _other_value(kind: Kind, default: object) -> Any:
    """Return a value of a kind that is not the default; None where there is none."""
    if isinstance(kind, AnyOf):
        return next((found for one in kind.kinds if (found := _other_value(one, default)) is not None), None)
    if isinstance(kind, Boolean):
        return not default
    if isinstance(kind, Choice):
        return next(one for one in kind.options if one != default)
    if isinstance(kind, (Integer, Number)):
        found = next(one for one in _VALUES if one != default and kind.accepts(one))
        return found if isinstance(kind, Integer) else float(found)
    if isinstance(kind, ListOf):
        item = _other_value(kind.item, None)
        lists = ([item] * count for count in range(1, 5))
        return next((one for one in lists if one != default and kind.accepts(one)), None)
    return None


def _entries(category: str) -> Iterator[Entry]:
    for name in lookup.names(category):
        entry = lookup.entry(category, name)
        if entry is not None and entry.name == name and entry.origin == "keras" and not entry.is_function:
            yield entry


def _required(entry: Entry) -> dict[str, Any]:
    found = {key: _other_value(one.kind, None) for key, one in entry.parameters.items() if one.required}
    if "target_class_ids" in found:
        found |= {"num_classes": 3, "target_class_ids": [1]}
    if any(isinstance(entry.parameters[key].kind, PartOf) for key in found):
        return {}
    return found


def _settings(keras: Any, category: str, value: Any, **options: Any) -> CompileSettings:
    saved = keras.saving.serialize_keras_object(value)
    key = _KEYS[category]
    return compile_settings({key: [saved] if key == "metrics" else saved}, ["y"], ["y"], **options)


def _arguments(settings: CompileSettings, category: str) -> dict[str, Any]:
    part = settings.training[_KEYS[category]]
    part = part[0] if category == "metrics" else part
    return next(iter(part.values())) if isinstance(part, dict) else {}


@pytest.mark.parametrize("category", _KEYS)
def test_an_argument_that_is_not_the_default_comes_back(keras: Any, category: str) -> None:
    """Each argument of each class of the catalog, given alone, and nothing that was not given."""
    tried = 0
    for entry in _entries(category):
        if entry.name == "LossScaleOptimizer":  # nnrun wraps the optimizer itself, by `precision`
            continue
        required = _required(entry)
        for key, parameter in entry.parameters.items():
            value = "mine" if key == "name" else "float64" if key == "dtype" else None
            value = _other_value(parameter.kind, parameter.default) if value is None else value
            if value is None or (category != "metrics" and key in ("name", "dtype")):
                continue
            needed = {name: one for name, one in _WITH.get(key, {}).items() if name in entry.parameters}
            given = {**required, **needed, key: value}
            made = getattr(getattr(keras, category), entry.name)(**given)
            with all_arguments_saved(keras):
                settings = _settings(keras, category, made)
            found = {name: one for name, one in _arguments(settings, category).items() if name != "exclude_layers"}
            assert found == given, f"{entry.name}: {key}"
            assert settings.notes == []
            tried += 1
    assert tried > {"losses": 40, "metrics": 100, "optimizers": 150}[category]


@pytest.mark.parametrize("name", list(lookup.names("schedules")))
def test_a_schedule_comes_back_inside_of_its_optimizer(keras: Any, name: str) -> None:
    """The learning rate of an optimizer may be a part with arguments of its own."""
    entry = lookup.entry("schedules", name)
    assert entry is not None
    given = {key: _other_value(one.kind, one.default) for key, one in entry.parameters.items() if key != "name"}
    given |= {"boundaries": [5], "values": [0.5, 0.25]} if "boundaries" in given else {}
    given = {key: one for key, one in given.items() if one is not None}
    schedule = getattr(keras.optimizers.schedules, entry.name)(**given)
    settings = _settings(keras, "optimizers", keras.optimizers.SGD(schedule))
    assert settings.training["optimizer"] == {"SGD": {"learning_rate": {entry.name: given}}}


def test_what_keras_does_not_save_is_said(keras: Any) -> None:
    """A file cannot tell the delta of Huber: a note names it; so for an axis, where an output has several."""
    settings = _settings(keras, "losses", keras.losses.Huber(delta=0.5))
    assert settings.training["loss"] == "Huber"
    assert settings.notes == ["Keras does not save delta of Huber: the config has its default, 1.0"]
    loss = keras.losses.CosineSimilarity(axis=1)
    assert _settings(keras, "losses", loss).notes == []
    notes = _settings(keras, "losses", loss, ranks=[3]).notes
    assert notes == ["Keras does not save axis of CosineSimilarity: the config has its default, -1"]


def test_keras_is_left_as_it_was(keras: Any) -> None:
    """After the block, and after an error inside of it."""
    before = keras.losses.Huber.get_config
    found = []

    def fail() -> None:
        with all_arguments_saved(keras):
            found.append(keras.losses.Huber(delta=2.0).get_config()["delta"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (found, keras.losses.Huber.get_config) == ([2.0], before)


def test_metrics_keep_names_of_their_own(keras: Any) -> None:
    """Callbacks watch them by name; one that Keras made of the class is left out, and so is the model's type."""
    own = _settings(keras, "metrics", keras.metrics.Precision(name="hits"))
    assert own.training["metrics"] == [{"Precision": {"name": "hits"}}]
    for made in (keras.metrics.AUC(), keras.metrics.AUC(), keras.metrics.MeanIoU(3)):
        assert "name" not in _arguments(_settings(keras, "metrics", made), "metrics")
    saved = _settings(keras, "metrics", keras.metrics.AUC(dtype="float64"), floatx="float64")
    assert saved.training["metrics"] == ["AUC"]


def test_a_function_with_arguments_is_left_out_with_a_note(keras: Any) -> None:
    """A config names functions without arguments."""
    metric = keras.metrics.MeanMetricWrapper(keras.losses.huber, delta=0.5)
    settings = _settings(keras, "metrics", metric)
    assert "metrics" not in settings.training
    assert "the argument delta has no counterpart" in settings.notes[0]
