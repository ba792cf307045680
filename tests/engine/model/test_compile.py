"""The compiled model is the one that the plain Keras script would build."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnrun.config.document import Document
from nnrun.data.model_inputs import shapes
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.errors import BuildError
from nnrun.spec.experiment import Experiment
from nnrun.spec.facts import Facts


def build(keras: ModuleType, experiment: Experiment, facts: Facts, document: Document) -> Any:
    """Compile an experiment's model as a session does."""
    return compile_model(Builder(keras, facts, document.key_mark), experiment, shapes(facts, experiment.graph.inputs))


CONV = """
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu, kernel_initializer: he_normal}
  - BatchNormalization
  - MaxPooling2D
  - Dropout: 0.25
  - Flatten
  - Dense: {units: 5, kernel_regularizer: {L2: 0.01}}
  - Dense: {units: $classes, activation: softmax}
"""
LEARNING = """loss: categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01}}
  metrics: [accuracy, {TopKCategoricalAccuracy: {k: 2}}]"""


@pytest.mark.keras
def test_weights_equal_those_of_the_plain_script(config, facts) -> None:
    """With one seed, nnrun's model starts from the very weights of the equivalent Keras script."""
    keras = start_keras(BackendSettings(7))
    experiment, document = config(CONV, LEARNING, "seed: 7\n")
    ours = build(keras, experiment, facts(input_shape=(8, 8, 1)), document)
    keras.utils.set_random_seed(7)
    layers = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(5, kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    assert len(ours.variables) == len(theirs.variables)
    for left, right in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(left, right)
    theirs.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.01))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 8, 8, 1)).astype("float32"), np.eye(3)[rng.integers(0, 3, 16)].astype("float32")
    assert float(ours.train_on_batch(x, y)[0]) == float(theirs.train_on_batch(x, y))
    np.testing.assert_array_equal(ours.get_weights()[0], theirs.get_weights()[0])


@pytest.mark.keras
def test_metrics_have_keras_names(keras, config, facts) -> None:
    """Metrics have the names that Keras gives them in a script, `accuracy` and objects of classes alike."""
    metrics = "metrics: [accuracy, mse, Precision, {AUC: {name: area}}, huber]"
    training = f"loss: categorical_crossentropy\n  optimizer: Adam\n  {metrics}"
    experiment, document = config("  - Dense: $classes", training)
    model = build(keras, experiment, facts(), document)
    x, y = np.zeros((2, 4), "float32"), np.eye(3, dtype="float32")[:2]
    names = list(model.evaluate(x, y, verbose=0, return_dict=True))
    assert sorted(names) == sorted(["loss", "accuracy", "mean_squared_error", "precision", "area", "huber"])


@pytest.mark.keras
def test_accuracy_suits_the_targets(keras, config, facts) -> None:
    """`accuracy` is resolved by the shapes of targets and outputs, as Keras' own word is."""
    binary = ("binary_crossentropy", 1, np.array([[1.0], [0.0]]))
    for loss, units, y in (binary, ("sparse_categorical_crossentropy", 3, np.array([2, 0]))):
        training = f"loss: {loss}\n  optimizer: Adam\n  metrics: [accuracy]"
        experiment, document = config(f"  - Dense: {{units: {units}, activation: sigmoid, use_bias: true}}", training)
        model = build(keras, experiment, facts(), document)
        layer = model.layers[-1]
        layer.set_weights([np.eye(4, units, dtype="float32") * 9, np.full(units, -4, "float32")])
        x = np.eye(4, dtype="float32")[[units - 1, 0 if units > 1 else 1]]
        assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == 1.0


@pytest.mark.keras
def test_xla_is_never_keras_choice(keras, config, facts) -> None:
    """The model is compiled without XLA, which would change the last bits of every figure."""
    experiment, document = config("  - Dense: 3")
    assert build(keras, experiment, facts(), document).jit_compile is False


@pytest.mark.keras
@pytest.mark.parametrize("name", ["mnist-cnn", "v1.2", "a_b"])
def test_any_experiments_name_makes_a_model(keras, config, facts, name: str) -> None:
    """Names that the config language allows are names of models too."""
    experiment, document = config("  - Dense: 3", rest=f"name: {name}\n")
    model = build(keras, experiment, facts(), document)
    assert model.name == name.replace("-", "_").replace(".", "_")


@pytest.mark.keras
def test_input_first_states_the_shape(keras, config, facts) -> None:
    """A first part `Input` states the shape if the data have none."""
    experiment, document = config("  - Input: {shape: [6], name: numbers}\n  - Dense: 2")
    model = build(keras, experiment, facts(input_shape=None), document)
    assert model.input_shape == (None, 6)
    assert model.count_params() == 14


@pytest.mark.keras
def test_an_unknown_shape_says_what_to_write(keras, config, facts) -> None:
    """Data without a shape and a model without `Input` end with the line to add."""
    experiment, document = config("  - Dense: 2")
    with pytest.raises(BuildError) as caught:
        build(keras, experiment, facts(input_shape=None), document)
    assert "Input: {shape" in caught.value.problems[0].hint


REFUSED = {
    "Conv2D": ("  - Flatten\n  - Conv2D: {filters: 4, kernel_size: 3}", lambda k, x: k.layers.Conv2D(4, 3)(x), (4,)),
    "Reshape": ("  - Flatten\n  - Reshape: [3, 3]", lambda k, x: k.layers.Reshape((3, 3))(x), (4,)),
    "LSTM": ("  - Flatten\n  - LSTM: 5", lambda k, x: k.layers.LSTM(5)(x), (4,)),
    "Bidirectional": (
        "  - Flatten\n  - Bidirectional: {layer: {GRU: 5}}",
        lambda k, x: k.layers.Bidirectional(k.layers.GRU(5))(x),
        (4,),
    ),
}


@pytest.mark.keras
@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_that_keras_refuses_stands_at_its_layer(keras, config, facts, name: str) -> None:
    """A layer that cannot take its input is marked, and the error has Keras' whole message."""
    model, plain, shape = REFUSED[name]
    experiment, document = config(model)
    with pytest.raises(Exception, match=r".+") as theirs:
        plain(keras, keras.Input(shape))
    with pytest.raises(BuildError) as caught:
        build(keras, experiment, facts(input_shape=shape), document)
    (problem,) = caught.value.problems
    # Keras numbers its layers as it makes them; all else of the message is the same.
    assert _unnumbered(problem.text) == _unnumbered(f"Keras refused {name}: {str(theirs.value).strip()}")
    assert (problem.mark.line, problem.mark.column) == (5, 5)
    assert problem.mark.text.strip().startswith(f"- {name}")


def _unnumbered(text: str) -> str:
    return re.sub(r"_\d+\b", "", text)


@pytest.mark.keras
def test_learning_that_keras_refuses_stands_at_its_part(keras, config, facts) -> None:
    """Optimizers and metrics are marked as layers are."""
    training = "loss: mse\n  optimizer:\n    Adam: {clipnorm: 1.0, clipvalue: 1.0}"
    experiment, document = config("  - Dense: 2", training)
    with pytest.raises(BuildError) as caught:
        build(keras, experiment, facts(), document)
    assert caught.value.problems[0].mark.text.strip().startswith("Adam")


@pytest.mark.keras
def test_a_second_model_has_the_names_of_the_first(config, facts) -> None:
    """Names of layers and metrics do not depend on what the process built before."""
    experiment, document = config("  - Dense: 2\n  - Dense: 3", "loss: mse\n  optimizer: Adam\n  metrics: [Precision]")
    models = [build(start_keras(BackendSettings(7)), experiment, facts(), document) for _ in range(2)]
    named = [[layer.name for layer in model.layers] for model in models]
    assert named[0] == named[1]
    x = np.zeros((2, 4), "float32")
    assert all("precision" in model.evaluate(x, x[:, :3], verbose=0, return_dict=True) for model in models)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("settings", "computes"),
    [
        ("keras: {floatx: float64}\n", "float64"),
        ("precision: mixed_bfloat16\n", "bfloat16"),
        ("", "float32"),
    ],
)
def test_layers_compute_in_the_type_of_the_config(config, facts, settings: str, computes: str) -> None:
    """`floatx` is the type of all layers unless mixed precision is asked for."""
    experiment, document = config("  - Dense: {units: 3}", rest=settings)
    keras = start_keras(BackendSettings(7, floatx=experiment.keras.floatx))
    model = build(keras, experiment, facts(), document)
    assert model.layers[-1].compute_dtype == computes
    keras.config.set_floatx("float32")


@pytest.mark.keras
@pytest.mark.parametrize("operation", ["{mean: {axis: 0}}", "{mean: {axis: 0, keepdims: true}}", "{sum: {axis: null}}"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "sparse_categorical_crossentropy"])
def test_outputs_have_a_row_for_each_example(keras, config, facts, operation: str, loss: str) -> None:
    """A loss may compare the one row with every target, so that an operation over the batch is refused at its place."""
    experiment, document = config(f"\n  - Dense: 3\n  - Op: {{op: {operation}}}", f"loss: {loss}\n  optimizer: Adam")
    with pytest.raises(BuildError, match="expected outputs with a row for each example") as caught:
        build(keras, experiment, facts(), document)
    assert caught.value.problems[0].mark.line == document.mark(("model", 1)).line
