"""The memory that training needs, estimated from shapes."""

from __future__ import annotations

import pytest

from nnrun.spec.facts import Facts
from nnrun.spec.findings.context import CheckContext
from nnrun.spec.memory import estimate, slots_of
from nnrun.spec.part import Part, read_part
from nnrun.spec.shapes import infer_shapes

FACTS = Facts("regression", "number", (3,), targets=1, rows={"train": 80, "test": 20})
OPTIMIZERS = [
    "SGD",
    {"SGD": {"momentum": 0.9}},
    "RMSprop",
    {"RMSprop": {"momentum": 0.5, "centered": True}},
    "Adagrad",
    "Adadelta",
    "Adam",
    {"Adam": {"amsgrad": True}},
    {"Adam": {"use_ema": True}},
    {"Adam": {"gradient_accumulation_steps": 2}},
    "AdamW",
    "Adamax",
    "Nadam",
    "Ftrl",
    "Lion",
    "Lamb",
    {"LossScaleOptimizer": {"inner_optimizer": {"Adam": {}}}},
]


def _part(value: object) -> Part:
    part, errors = read_part("optimizers", value)
    assert errors == ()
    assert part is not None
    return part


@pytest.fixture
def context(experiment) -> CheckContext:
    """Two layers, of 16 and 5 weights, at a batch of 10."""
    value = experiment(model="- Dense: 4\n- Dense: 1", training="loss: mse\noptimizer: Adam\nbatch_size: 10")
    return CheckContext(value, FACTS, {"input": (3,)}, infer_shapes(value.graph, FACTS, {"input": (3,)}))


def test_each_part_of_the_formula_counts(context: CheckContext) -> None:
    """Weights, gradients, two variables of Adam, outputs of a batch, and all examples with their targets."""
    memory = estimate(context)
    assert memory == (21 * 4, 21 * 4, 42 * 4, 10 * 5 * 4, 100 * 4 * 4)
    assert memory.as_json()["total"] == 4 * (21 + 21 + 42 + 50 + 400)


def test_an_unknown_use_of_memory_is_none(context: CheckContext) -> None:
    """Without rows the memory of the data is unknown, and so is the sum, but not the rest."""
    memory = estimate(CheckContext(context.experiment, None, {}, context.rows))
    assert (memory.weights, memory.data, memory.total) == (84, None, None)


@pytest.mark.keras
@pytest.mark.parametrize("value", OPTIMIZERS, ids=str)
def test_slots_are_those_that_keras_builds(value: object) -> None:
    """An optimizer of Keras keeps as many variables for each weight as `slots_of` returns."""
    import numpy as np

    from nnrun.engine.backend.start import BackendSettings, start_keras
    from nnrun.engine.model.build import Builder

    keras = start_keras(BackendSettings(seed=1))
    optimizer = Builder(keras, FACTS, lambda _: None).make(_part(value))
    optimizer.build([keras.Variable(np.zeros((6, 4), "float32"))])
    kept = sum(int(np.prod(one.shape)) for one in optimizer.variables if one.shape != ())
    assert kept == 24 * (slots_of(_part(value)) or 0)
