"""Parts become the Keras objects they name, and every refusal of Keras' stands at its place in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnrun.catalog import lookup
from nnrun.engine.model.build import Builder
from nnrun.errors import BuildError
from nnrun.spec.part import Part, read_part


@pytest.fixture
def make(keras, facts) -> Callable[[str, object], Any]:
    """Make the Keras object of a part of a category, given as in a config."""
    builder = Builder(keras, facts(), lambda _: None)

    def build(category: str, value: object) -> Any:
        part, errors = read_part(category, value)
        assert errors == ()
        return builder.make(part)

    return build


CATEGORIES = ("optimizers", "losses", "metrics", "initializers", "regularizers", "constraints", "activations")


@pytest.mark.keras
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_part_without_required_arguments_is_made(keras, make, category: str) -> None:
    """Whatever the catalog offers by name alone is an object of that name, or a function that Keras compiles."""
    made = 0
    for name in lookup.names(category):
        entry = lookup.entry(category, name)
        needs = entry.refused or any(parameter.required for parameter in entry.parameters.values())
        # These are the bases that others derive from, and two that hold other optimizers.
        if needs or name in ("Loss", "Metric", "Optimizer", "OptimizerMap", "MultiOptimizer", "MeanMetricWrapper"):
            continue
        thing = make(category, name)
        if category == "activations":
            assert callable(thing)
        elif entry.is_function:
            # The word `crossentropy` stands for a loss that Keras chooses when it compiles.
            assert name == "crossentropy" or getattr(keras, category).get(thing) is not None
            assert name in (thing, getattr(thing, "__name__", None))
        else:
            own = entry.origin == "nnrun"
            assert type(thing).__name__ == name if own else type(thing) is getattr(getattr(keras, category), name)
        made += 1
    assert made >= 3


@pytest.mark.keras
def test_nested_parts_are_made_inside_out(keras, make) -> None:
    """Initializers, regularizers, constraints and activations inside a layer are objects with their arguments."""
    layer = make(
        "layers",
        {
            "Dense": {
                "units": 5,
                "activation": "tanh",
                "kernel_initializer": {"RandomNormal": {"stddev": 0.5}},
                "kernel_regularizer": {"L2": 0.125},
                "kernel_constraint": {"MaxNorm": 2},
            }
        },
    )
    assert isinstance(layer, keras.layers.Dense)
    assert (layer.units, layer.activation) == (5, keras.activations.tanh)
    assert isinstance(layer.kernel_initializer, keras.initializers.RandomNormal)
    assert layer.kernel_initializer.stddev == 0.5
    assert float(layer.kernel_regularizer.l2) == 0.125
    assert layer.kernel_constraint.max_value == 2


@pytest.mark.keras
def test_wrappers_wrap_layers(keras, make) -> None:
    """Bidirectional, TimeDistributed and lists of cells take layers as parts, as deep as one likes."""
    both = make("layers", {"Bidirectional": {"layer": {"LSTM": {"units": 4, "return_sequences": True}}}})
    assert isinstance(both.forward_layer, keras.layers.LSTM)
    assert (both.forward_layer.units, both.forward_layer.return_sequences) == (4, True)
    each = make("layers", {"TimeDistributed": {"layer": {"Dense": {"units": 3, "kernel_regularizer": {"L1": 0.5}}}}})
    assert isinstance(each.layer, keras.layers.Dense)
    assert float(each.layer.kernel_regularizer.l1) == 0.5
    stacked = make("layers", {"RNN": {"cell": {"StackedRNNCells": {"cells": [{"GRUCell": 2}, {"LSTMCell": 3}]}}}})
    assert [type(cell).__name__ for cell in stacked.cell.cells] == ["GRUCell", "LSTMCell"]


@pytest.mark.keras
def test_schedules_drive_optimizers(keras, make) -> None:
    """A schedule under `learning_rate` is the optimizer's own, with its arguments."""
    schedule = {"ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5}}
    optimizer = make("optimizers", {"SGD": {"learning_rate": schedule, "momentum": 0.9}})
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.iterations.assign(10)
    assert float(optimizer.learning_rate) == 0.25


@pytest.mark.keras
def test_numbers_suit_what_keras_insists_on(make) -> None:
    """`learning_rate: 1` is a fine float, although Keras refuses the integer."""
    assert float(make("optimizers", {"SGD": {"learning_rate": 1}}).learning_rate) == 1.0


@pytest.mark.keras
def test_arguments_of_losses_metrics_and_callbacks_arrive(make, keras) -> None:
    """Objects of every other category have the arguments that the config gives them."""
    assert make("losses", {"CategoricalCrossentropy": {"label_smoothing": 0.25}}).label_smoothing == 0.25
    assert make("metrics", {"AUC": {"num_thresholds": 7, "name": "area"}}).name == "area"
    stopping = make("callbacks", {"EarlyStopping": {"monitor": "loss", "patience": 3}})
    assert isinstance(stopping, keras.callbacks.EarlyStopping)
    assert (stopping.monitor, stopping.patience) == ("loss", 3)


@pytest.mark.keras
def test_binary_step_is_saved_and_comes_back(keras, make, tmp_path) -> None:
    """The activation of nnrun's own is 1 from 0 upwards, and a checkpoint that holds it loads without running code."""
    layer = make("layers", {"Dense": {"units": 2, "activation": "binary_step"}})
    model = keras.Sequential([keras.Input((1,)), layer, make("layers", {"Activation": "binary_step"})])
    layer.set_weights([np.array([[1.0, -1.0]]), np.array([0.0, -0.5])])
    x = np.array([[-1.0], [0.0], [0.5]])
    assert model.layers[0](x).numpy().tolist() == [[0, 1], [1, 0], [1, 0]]
    model.save(tmp_path / "step.keras")
    again = keras.saving.load_model(tmp_path / "step.keras", safe_mode=True)
    np.testing.assert_array_equal(again(x), model(x))


@pytest.mark.keras
def test_facts_stand_for_their_numbers(keras, facts) -> None:
    """Words with a dollar are replaced wherever they stand, nested parts and lists included."""
    builder = Builder(keras, facts(input_shape=(2, 6), vocabulary=11), lambda _: None)
    assert builder.make(Part("layers", "Dense", {"units": "$classes"})).units == 3
    assert builder.make(Part("layers", "Embedding", {"input_dim": "$vocabulary", "output_dim": 2})).input_dim == 11
    assert builder.make(Part("layers", "Reshape", {"target_shape": ["$features", "$classes"]})).target_shape == (4, 3)
    assert tuple(builder.make(Part("layers", "Input", {"shape": "$input_shape"})).shape) == (None, 2, 6)
    wrapped = Part("layers", "TimeDistributed", {"layer": Part("layers", "Dense", {"units": "$targets"})})
    assert builder.make(wrapped).layer.units == 3


@pytest.mark.keras
def test_an_unknown_fact_is_refused_at_its_place(keras, facts, config) -> None:
    """A word whose number the data do not teach is named, with the line it stands in."""
    experiment, document = config("  - Flatten\n  - Dense: $vocabulary")
    with pytest.raises(BuildError) as caught:
        Builder(keras, facts(), document.key_mark).make(experiment.graph.nodes[1].part)
    (problem,) = caught.value.problems
    assert "'$vocabulary'" in problem.text
    assert problem.mark.text == "  - Dense: $vocabulary"
    assert problem.hint == "write a number instead"


@pytest.mark.keras
def test_a_refused_argument_carries_keras_whole_message(keras, facts, config) -> None:
    """Keras' message about an impossible argument is shown in full, at the part, nested ones included."""
    with pytest.raises(ValueError, match="not supported in conjunction") as theirs:
        keras.layers.Conv2D(4, 3, strides=2, dilation_rate=2)
    conv = "Conv2D: {filters: 4, kernel_size: 3, strides: 2, dilation_rate: 2}"
    model = f"  - TimeDistributed:\n      layer:\n        {conv}"
    experiment, document = config(model)
    with pytest.raises(BuildError) as caught:
        Builder(keras, facts(), document.key_mark).make(experiment.graph.nodes[0].part)
    (problem,) = caught.value.problems
    assert problem.text == f"Keras refused Conv2D: {theirs.value}"
    assert problem.mark.text.strip().startswith("Conv2D:")
    assert problem.mark.text[problem.mark.column - 1 :].startswith("Conv2D")
    assert problem.hint == "nnrun explain Conv2D"


@pytest.mark.keras
def test_filled_in_arguments_win(keras, facts, tmp_path) -> None:
    """Arguments that nnrun fills in replace those of the config."""
    part = Part("callbacks", "CSVLogger", {"filename": "theirs.csv", "separator": ";"})
    logger = Builder(keras, facts(), lambda _: None).make(part, filename=str(tmp_path / "ours.csv"))
    assert (logger.filename, logger.sep) == (str(tmp_path / "ours.csv"), ";")
