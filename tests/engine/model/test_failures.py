"""Errors of Keras while a model is trained are reported at the part of the config that was at work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnrun.data.dataset import Dataset
from nnrun.engine.model.build import Builder
from nnrun.engine.model.compile import compile_model
from nnrun.engine.model.failures import errors_at_parts
from nnrun.engine.session import Session
from nnrun.errors import BuildError, RunError
from nnrun.progress import NullProgress
from nnrun.spec.facts import Facts

LAST = "  - Dense: {units: 3, activation: softmax}"
TRAINING = "loss: categorical_crossentropy\n  optimizer: Adam"


@pytest.fixture
def refusal(config, facts, part, tmp_path: Path) -> Callable[..., BuildError]:
    """Train a model on random numbers, and return the error."""

    def train(model: str, training: str = TRAINING) -> BuildError:
        experiment, document = config(model, training)
        data = Dataset(part(20, (4,)), None, part(9, (4,)), facts())
        log = tmp_path / "log.txt"
        with (
            pytest.raises(BuildError) as caught,
            Session.open(
                experiment, facts(), document.key_mark, threads=1, log=log, phase=lambda _: nullcontext()
            ) as session,
        ):
            session.fit(data, tmp_path, tmp_path / "best.keras", NullProgress(), lambda _: None)
        return caught.value

    return train


@pytest.mark.keras
def test_an_operation_that_fails_on_the_data_is_reported_at_its_layer(refusal) -> None:
    """TensorFlow names an operation of the graph; the message is its own, and the place the layer of the config."""
    encoding = "CategoryEncoding: {num_tokens: 3, output_mode: multi_hot}"
    (problem,) = refusal(f"  - Dense: 4\n  - {encoding}\n{LAST}").problems
    assert problem.mark.line == 5
    assert problem.text.startswith("Keras refused CategoryEncoding: Input 'in' must be non-negative!")
    assert "node" not in problem.text


@pytest.mark.keras
def test_a_part_that_fails_in_a_step_is_reported_at_its_place(refusal) -> None:
    """A regularizer, a schedule or an optimizer that fails while a step is traced is the innermost part at work."""
    regularizer = "activity_regularizer: OrthogonalRegularizer"
    (problem,) = refusal(f"  - RepeatVector: {{n: 2, {regularizer}}}\n  - Flatten\n{LAST}").problems
    assert problem.text.startswith("Keras refused OrthogonalRegularizer: ")
    assert "\x1b" not in problem.text
    assert problem.mark.text[problem.mark.column - 1 :].startswith("OrthogonalRegularizer")


@pytest.mark.keras
def test_a_metric_that_does_not_take_the_targets_is_reported_at_its_place(refusal) -> None:
    """Where a metric fails and not the loss, the metric must change."""
    training = f"{TRAINING}\n  metrics: [R2Score, SparseCategoricalCrossentropy]"
    (problem,) = refusal(LAST, training).problems
    assert problem.mark.text[problem.mark.column - 1 :].startswith("SparseCategoricalCrossentropy")


def test_errors_of_nnrun_itself_stay_bugs(facts) -> None:
    """An error that no library raised and no part of the config caused is not blamed on Keras."""
    builder = Builder.__new__(Builder)
    builder.made = []
    with pytest.raises(TypeError), errors_at_parts(builder):
        raise TypeError("a list plus a number")


def test_too_little_memory_is_said_as_such() -> None:
    """What to reduce is said, instead of a bug."""
    builder: Any = Builder.__new__(Builder)
    with pytest.raises(RunError, match="the memory is not enough") as caught, errors_at_parts(builder):
        raise MemoryError("Unable to allocate 7 TiB")
    assert "batch_size" in caught.value.hint


@pytest.mark.keras
@pytest.mark.parametrize("optimizer", ["RMSprop: {epsilon: 0}", "Adagrad: {learning_rate: 1.0e+30}"])
def test_an_embedding_that_diverges_is_reported_as_such(keras, config, optimizer: str) -> None:
    """Keras would look for rows that an embedding does not have, once it divides by 0 or by what is not finite."""
    training = f"loss: mse\n  optimizer: {{{optimizer}}}\n  batch_size: 4"
    experiment, document = config("  - Embedding: {input_dim: 90, output_dim: 2}\n  - Flatten\n  - Dense: 1", training)
    facts = Facts("regression", "number", (6,), targets=1, vocabulary=90)
    builder = Builder(keras, facts, document.key_mark)
    model = compile_model(builder, experiment, {experiment.graph.inputs[0].name: (6,)})
    x = np.tile(np.array([[3, 3, 3, 4, 4, 5]]), (8, 1))
    with pytest.raises(RunError, match="training diverged") as caught, errors_at_parts(builder):
        model.fit(x, np.arange(8.0)[:, None], batch_size=4, epochs=3, verbose=0)
    assert "learning_rate" in caught.value.hint
