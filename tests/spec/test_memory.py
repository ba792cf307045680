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


def _part(said: object) -> Part:
    part, errors = read_part("optimizers", said)
    assert errors == ()
    assert part is not None
    return part


@pytest.fixture
def case(experiment) -> CheckContext:
    """Two layers, of 16 and 5 weights, at a batch of 10."""
    said = experiment(model="- Dense: 4\n- Dense: 1", training="loss: mse\noptimizer: Adam\nbatch_size: 10")
    return CheckContext(said, FACTS, {"input": (3,)}, infer_shapes(said.graph, FACTS, {"input": (3,)}))


def test_each_part_of_the_formula_counts(case: CheckContext) -> None:
    """Weights, gradients, two numbers of Adam's, outputs of a batch, and all examples with their targets."""
    told = estimate(case)
    assert told == (21 * 4, 21 * 4, 42 * 4, 10 * 5 * 4, 100 * 4 * 4)
    assert told.as_json()["total"] == 4 * (21 + 21 + 42 + 50 + 400)


def test_what_is_not_known_is_said_to_be_unknown(case: CheckContext) -> None:
    """Without rows the data's part is unknown, and so is the sum, but not the rest."""
    told = estimate(CheckContext(case.experiment, None, {}, case.rows))
    assert (told.weights, told.data, told.total) == (84, None, None)


@pytest.mark.keras
@pytest.mark.parametrize("said", OPTIMIZERS, ids=str)
def test_slots_are_those_that_keras_builds(said: object) -> None:
    """An optimizer of Keras keeps as many numbers for each weight as we say."""
    import numpy as np

    from nnrun.engine.backend.start import BackendSettings, start_keras
    from nnrun.engine.model.build import Builder

    keras = start_keras(BackendSettings(seed=1))
    optimizer = Builder(keras, FACTS, lambda _: None).make(_part(said))
    optimizer.build([keras.Variable(np.zeros((6, 4), "float32"))])
    kept = sum(int(np.prod(one.shape)) for one in optimizer.variables if one.shape != ())
    assert kept == 24 * (slots_of(_part(said)) or 0)
