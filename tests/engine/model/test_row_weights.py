"""The weight of a row counts for each of its steps or pixels, whatever the loss and its reduction."""

from __future__ import annotations

import numpy as np
import pytest

from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.spec.facts import Facts, TargetFacts

pytestmark = pytest.mark.keras

STEPS = 8
#: Reductions of values of shape (rows, steps) with the weight of each row.
REDUCTIONS = {
    "sum_over_batch_size": lambda values, weights: (values * weights[:, None]).mean(),
    "sum": lambda values, weights: (values * weights[:, None]).sum(),
    "mean_with_sample_weight": lambda values, weights: np.average(values.mean(axis=1), weights=weights),
}


def log_cosh(truth: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Return the values of the loss of that name, shape (rows, steps)."""
    return np.log(np.cosh(output - truth)).mean(axis=-1)


LOSSES = {
    "MeanSquaredError": lambda truth, output: ((output - truth) ** 2).mean(axis=-1),
    "LogCosh": log_cosh,
    "CosineSimilarity": lambda truth, output: (
        -((truth * output).sum(axis=-1) / (np.linalg.norm(truth, axis=-1) * np.linalg.norm(output, axis=-1)))
    ),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows", [STEPS, 5])
def test_a_weight_counts_for_every_step(keras, config, rows: int, loss: str, reduction: str) -> None:
    """Also where a batch has as many rows as steps, which Keras would take for the steps."""
    training = f"loss: {{{loss}: {{reduction: {reduction}}}}}\n  optimizer: SGD"
    experiment, document = config("  - Dense: 3", training)
    facts = Facts("regression", "number", (STEPS, 2), targets=3, zero_one=False, positions=(STEPS,))
    builder = Builder(keras, facts, document.key_mark)
    model = compile_model(builder, experiment, {experiment.graph.inputs[0].name: (STEPS, 2)})
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(rows, STEPS, 2)).astype("float32"), rng.normal(size=(rows, STEPS, 3)).astype("float32")
    weights = rng.uniform(0.1, 3, rows).astype("float32")
    expected = REDUCTIONS[reduction](LOSSES[loss](y, np.asarray(model(x))), weights)
    found = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)["loss"]
    assert found == pytest.approx(expected, rel=1e-5)


def test_outputs_of_different_rank_have_the_same_weights(keras, config) -> None:
    """A class a step and a number a row, each weighed by its row; the loss along another axis too."""
    graph = """
  inputs: {row: $row}
  layers:
    - Dense: {from: row, units: 3, activation: softmax, name: tags}
    - Dense: {from: row, units: 3, activation: exponential, name: across}
    - Flatten: {from: row}
    - Dense: {units: 1, name: cost}
  outputs:
    tags: {loss: sparse_categorical_crossentropy}
    across: {loss: {CategoricalCrossentropy: {axis: 1}}}
    cost: {loss: mse}
"""
    experiment, document = config(graph, "optimizer: SGD")
    steps = (STEPS,)
    targets = {
        "tags": TargetFacts("integer", "classification", 3, 1, ("a", "b", "c"), positions=steps),
        "across": TargetFacts("one_hot", "classification", 3, 3, ("a", "b", "c"), positions=steps),
        "cost": TargetFacts("number", "regression", targets=1, zero_one=False),
    }
    facts = Facts("classification", "integer", (STEPS, 2), 3, 4, 1, target_names=tuple(targets), by_target=targets)
    model = compile_model(Builder(keras, facts, document.key_mark), experiment, {"row": (STEPS, 2)})
    rng = np.random.default_rng(4)
    x = {"row": rng.normal(size=(STEPS, STEPS, 2)).astype("float32")}
    tags, cost = rng.integers(0, 3, (STEPS, STEPS)), rng.normal(size=(STEPS, 1)).astype("float32")
    weights = rng.uniform(0.1, 3, STEPS).astype("float32")
    outputs = {name: np.asarray(one) for name, one in model(x).items()}
    one_hot = np.eye(3, dtype="float32")[tags]
    across = outputs["across"] / outputs["across"].sum(axis=1, keepdims=True)
    expected = {
        "tags_loss": -np.log(np.take_along_axis(outputs["tags"], tags[..., None], axis=2)[..., 0]).mean(axis=1),
        "across_loss": -(one_hot * np.log(across)).sum(axis=1).mean(axis=1),
        "cost_loss": (outputs["cost"] - cost)[:, 0] ** 2,
    }
    y = {"tags": tags, "across": one_hot, "cost": cost}
    found = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
    for name, values in expected.items():
        assert found[name] == pytest.approx((values * weights).mean(), rel=1e-4), name
