"""The code of a Keras model."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from nnrun.errors import RunError

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras on TensorFlow."""
    from nnrun.engine.backend.start import BackendSettings, start_keras

    return start_keras(BackendSettings(seed=1))


def rebuilt(keras: Any, model: Any) -> Any:
    """Build a model by its code, with the same weights."""
    from nnrun.export.keras_code import ModelCode

    code = ModelCode(keras)
    text = code.write(model)
    names: dict[str, Any] = {"keras": keras, "Any": Any}
    for definition in (*code.definitions.values(), text):
        exec(compile(definition, "model.py", "exec"), names)  # noqa: S102 - that is what is tested
    built = names["build_model"]()
    built.set_weights(model.get_weights())
    return built


def test_the_code_builds_an_equal_model(keras: Any) -> None:
    """Shared layers, wrapped layers, masks, inner models, operations and nnrun's own layers compute the same."""
    from nnrun.engine.model.layers import Op, PositionEmbedding

    tokens, numbers = keras.Input((6,), name="tokens"), keras.Input((3,), name="my numbers")
    x = PositionEmbedding(6)(keras.layers.Embedding(9, 4, mask_zero=True)(tokens))
    x = keras.layers.Bidirectional(keras.layers.LSTM(3))(x)
    shared = keras.layers.Dense(3, activation="relu", name="class")
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="inner one")
    y = Op({"name": "maximum", "arguments": {"x2": 0.25}})(inner(shared(numbers)))
    z = Op({"name": "multiply", "arguments": {}})([y, inner(shared(shared(numbers)))])
    model = keras.Model({"tokens": tokens, "my numbers": numbers}, {"a": keras.layers.Concatenate()([x, z]), "b": y})
    inputs = {
        "tokens": np.array([[1, 2, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8]]),
        "my numbers": np.arange(6, dtype="float32").reshape(2, 3),
    }
    expected, found = model(inputs), rebuilt(keras, model)(inputs)
    for name in ("a", "b"):
        np.testing.assert_allclose(np.asarray(found[name]), np.asarray(expected[name]), atol=1e-7)


def test_names_stay_names(keras: Any) -> None:
    """The names of models and layers that look like code are texts, or plain variables, in it."""
    from nnrun.export.keras_code import ModelCode

    bad = "x'\n    import os\n    os.system('id')"
    entry = keras.Input((2,), name="entry")
    layer = keras.layers.Dense(2, name=bad)
    model = keras.Model(entry, layer(layer(entry)), name=bad)
    tree = ast.parse(ModelCode(keras).write(model))
    assert not [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    assert {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)} & {"os", "import"} == set()


def test_code_of_the_users_own_is_refused(keras: Any) -> None:
    """A layer that is none of Keras' or nnrun's is named, and another format proposed."""
    from nnrun.export.keras_code import ModelCode

    @keras.saving.register_keras_serializable(package="mine")
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    entry = keras.Input((2,))
    model = keras.Model(entry, Doubled(name="twice")(entry))
    with pytest.raises(RunError, match="the layer twice") as caught:
        ModelCode(keras).write(model)
    assert caught.value.hint == "export it to saved_model, which needs no code"
