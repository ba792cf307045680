"""Operations, sampling and the contrastive loss in models that are trained, saved and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras with nnrun's own layers."""
    import keras

    from nnrun.engine.model import layers  # noqa: F401 - registers them

    return keras


def _op(keras: Any, name: str, **arguments: Any) -> Any:
    return keras.saving.get_registered_object("nnrun>Op")({"name": name, "arguments": arguments})


def test_a_saved_model_has_its_operations(keras: Any, tmp_path: Path) -> None:
    """With their arguments and constants, and without code of the user's."""
    start = keras.Input((4, 6))
    left, right = _op(keras, "split", indices_or_sections=2, axis=-1)(start)
    product = _op(keras, "einsum", subscripts="bij,bkj->bik")([left, right])
    scaled = _op(keras, "multiply", x2=[1.0, 2.0, 3.0, 4.0])(_op(keras, "mean", axis=1)(product))
    model = keras.Model(start, _op(keras, "where", x2=0.0)([_op(keras, "greater", x2=0.5)(scaled), scaled]))
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    expected = np.einsum("bij,bkj->bik", x[..., :3], x[..., 3:]).mean(1) * [1, 2, 3, 4]
    expected = np.where(expected > 0.5, expected, 0)
    for one in (model, keras.models.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(one.predict_on_batch(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    "op",
    [
        {"name": "vectorize", "arguments": {"pyfunc": "os.system"}},
        {"name": "__import__", "arguments": {}},
        {"name": ["relu"], "arguments": {}},
        {"name": "relu", "arguments": {"x": {"class_name": "Lambda"}}},
        {"name": "mean", "arguments": {"axis": "all"}},
        {"name": "mean", "arguments": {"where": 1}},
    ],
)
def test_a_model_of_others_names_operations_of_the_catalog_alone(keras: Any, op: dict[str, Any]) -> None:
    """No function that takes code, nothing beyond `keras.ops`, and values of the kinds that arguments take."""
    # Keras wraps what a constructor raises.
    with pytest.raises((TypeError, ValueError), match=r"expected the name of an operation|has no argument"):
        keras.saving.get_registered_object("nnrun>Op").from_config({"op": op})


def test_sampling_draws_in_training_alone(keras: Any) -> None:
    """Elsewhere it returns the mean; the divergence, which is 0 for a standard normal distribution, is in the loss."""
    sampling = keras.saving.get_registered_object("nnrun>Sampling")(beta=2.0, seed=1)
    zeros, mean = np.zeros((1000, 3), "float32"), np.full((1000, 3), 2.0, "float32")
    assert np.array_equal(sampling([mean, zeros]), mean)
    # Half the square of the mean, of each of three dimensions, twice.
    assert float(sampling.losses[0]) == pytest.approx(2 * 3 * 0.5 * 4)
    first, second = (np.asarray(sampling([mean, zeros], training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    assert first.mean() == pytest.approx(2, abs=0.1)
    assert first.std() == pytest.approx(1, abs=0.1)
    sampling([zeros, zeros])
    assert float(sampling.losses[-1]) == pytest.approx(0)
    again = keras.saving.get_registered_object("nnrun>Sampling").from_config(sampling.get_config())
    assert np.array_equal(np.asarray(again([mean, zeros], training=True)), first)


def test_the_contrastive_loss_is_that_of_its_paper(keras: Any) -> None:
    """Half the square of the distance for a pair that belongs together, half that of what lacks to the margin else."""
    loss = keras.saving.get_registered_object("nnrun>Contrastive")(margin=2.0)
    assert float(loss(np.array([[0.0]]), np.array([[3.0]]))) == pytest.approx(4.5)
    assert float(loss(np.array([[1.0]]), np.array([[0.5]]))) == pytest.approx(0.5 * 1.5**2)
    assert float(loss(np.array([[1.0]]), np.array([[2.5]]))) == 0
