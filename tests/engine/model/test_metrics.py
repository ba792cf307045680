"""Metrics see probabilities of every output by its own loss, and a saved model loads without nnrun."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model, compile_training
from nnrun.errors import BuildError
from nnrun.spec.facts import Facts, TargetFacts

TWO = """
  inputs: {row: $row}
  layers:
    - Dense: {from: row, units: 1, name: sick}
    - Dense: {from: row, units: 1, name: cost}
  outputs:
    sick: {loss: {BinaryCrossentropy: {from_logits: true}}, metrics: [accuracy, Precision, AUC]}
    cost: {loss: mean_squared_error, metrics: [mean_absolute_error]}
"""


@pytest.mark.keras
def test_each_output_is_read_by_its_own_loss(keras, config, tmp_path: Path) -> None:
    """Of two outputs the logits are seen as probabilities, the numbers as they are; plain Keras loads the model."""
    experiment, document = config(TWO, "optimizer: SGD")
    targets = {
        "sick": TargetFacts("binary", "classification", 2, 1, ("no", "yes")),
        "cost": TargetFacts("number", "regression", targets=1, zero_one=False),
    }
    facts = Facts("classification", "binary", (4,), 2, 4, 1, target_names=("sick", "cost"), by_target=targets)
    model = compile_model(Builder(keras, facts, document.key_mark), experiment, {"row": (4,)})
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 4)).astype("float32")
    y = {"sick": rng.integers(0, 2, (40, 1)).astype("float32"), "cost": rng.normal(size=(40, 1)).astype("float32")}
    figures = model.evaluate({"row": x}, y, verbose=0, return_dict=True)
    outputs = {name: np.asarray(one) for name, one in model({"row": x}).items()}
    positive = outputs["sick"] > 0
    assert figures["sick_accuracy"] == pytest.approx(np.mean(positive == (y["sick"] == 1)))
    assert figures["sick_precision"] == pytest.approx(y["sick"][positive].mean())
    assert figures["cost_mean_absolute_error"] == pytest.approx(np.abs(outputs["cost"] - y["cost"]).mean(), rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict({"row": x}, verbose=0)["sick"], outputs["sick"])


@pytest.mark.keras
def test_a_metric_that_is_known_to_be_wrong_after_loading_is_refused_there(keras, config) -> None:
    """What only the loaded data show is refused at the metric; a run that exists is evaluated as it was trained."""
    experiment, document = config("  - Dense: 1", "loss: mse\n  optimizer: SGD\n  metrics: [accuracy]")
    facts = Facts("regression", "number", (4,), targets=1, zero_one=False)
    builder = Builder(keras, facts, document.key_mark)
    with pytest.raises(BuildError, match="accuracy compares classes, but the target is numbers") as caught:
        compile_model(builder, experiment, {experiment.graph.inputs[0].name: (4,)})
    assert caught.value.problems[0].mark.line == 8
    row = keras.Input((4,))
    compile_training(keras.Model(row, keras.layers.Dense(1)(row)), builder, experiment, refuse=False)


@pytest.mark.keras
@pytest.mark.parametrize("aggregation", [None, "uniform_average", "variance_weighted_average"])
@pytest.mark.parametrize(("regressors", "columns"), [(1, 1), (2, 2), (3, 2), (19, 2), (30, 1)])
def test_an_adjusted_r2_counts_rows(keras, config, aggregation: str | None, regressors: int, columns: int) -> None:
    """It is that of scikit-learn's R2 and the number of rows, in a compiled step; R2 itself where rows are too few."""
    metric = f"{{R2Score: {{num_regressors: {regressors}, class_aggregation: {aggregation or 'null'}}}}}"
    training = f"loss: mse\n  optimizer: SGD\n  metrics: [{metric}]"
    experiment, document = config(f"  - Dense: {columns}", training)
    facts = Facts("regression", "number", (4,), targets=columns, zero_one=False)
    builder = Builder(keras, facts, document.key_mark)
    model = compile_model(builder, experiment, {experiment.graph.inputs[0].name: (4,)})
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 4)).astype("float32"), rng.normal(size=(20, columns)).astype("float32")
    figures = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    kind = {None: "raw_values", "variance_weighted_average": "variance_weighted"}.get(aggregation, aggregation)
    plain = r2_score(y, np.asarray(model(x)), multioutput=kind)
    left = 20 - regressors - 1
    expected = 1 - (1 - plain) * 19 / left if left > 0 else plain
    np.testing.assert_allclose(figures["r2_score"], expected, rtol=1e-4)
