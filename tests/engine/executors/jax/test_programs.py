"""Models whose programs are equal share them; what is part of a program tells them apart."""

from __future__ import annotations

import pytest

from nnrun.catalog.lookup import with_user_entries
from nnrun.config.document import parse
from nnrun.config.overrides import apply
from nnrun.engine.executors.jax.programs import SharedPrograms, program_identity
from nnrun.spec.experiment import validate
from nnrun.spec.facts import Facts

CONFIG = """name: tiny
seed: 7
backend: jax
data: {source: {inline: {rows: [[1, 2], [3, 4]]}}}
model:
  - Dense: {units: 4, activation: relu, kernel_initializer: {RandomNormal: {stddev: 0.1}}}
  - Dropout: 0.2
  - Dense: 1
training:
  loss: mean_squared_error
  optimizer: {Adam: {learning_rate: 0.1}}
  epochs: 3
  batch_size: 5
"""
FACTS = Facts("regression", "number", (1,), rows={"train": 20})


def identity(*sets: str, facts: Facts = FACTS) -> str | None:
    """Return the identity of the config's programs with `--set` options."""
    return program_identity(validate(apply(parse(CONFIG, "x.yaml"), sets)), facts)


@pytest.mark.parametrize(
    "option",
    [
        "seed=8",
        "training.optimizer.Adam.learning_rate=0.3",
        "training.optimizer=Adam",
        "training.epochs=9",
        "training.callbacks=[EarlyStopping]",
        "model.0.Dense.kernel_initializer=zeros",
        "model.0.Dense.kernel_initializer.RandomNormal.stddev=0.5",
        "name=other",
    ],
)
def test_models_that_differ_in_data_share_their_programs(option: str) -> None:
    """Seeds, initial weights and learning rates are arguments; how long is trained is not in a step."""
    assert identity(option) == identity()


@pytest.mark.parametrize(
    "option",
    [
        "model.0.Dense.units=8",
        "model.0.Dense.activation=tanh",
        "model.1.Dropout=0.3",
        "model.0.Dense.kernel_regularizer=l2",
        "training.optimizer.Adam.beta_1=0.8",
        "training.optimizer.Adam.learning_rate={CosineDecay: {initial_learning_rate: 0.1, decay_steps: 5}}",
        "training.optimizer=SGD",
        "training.loss=mean_absolute_error",
        "training.metrics=[mean_absolute_error]",
        "training.batch_size=6",
        "keras.epsilon=1e-6",
        "precision=mixed_bfloat16",
    ],
)
def test_models_that_differ_in_their_steps_share_none(option: str) -> None:
    """Whatever a step computes with that is no argument of it."""
    assert identity(option) != identity()


def test_numbers_that_are_arguments_are_no_part_of_a_program() -> None:
    """A rate, weight decay or momentum, where the model has it as an argument; otherwise it tells programs apart."""
    sgd = "training.optimizer={SGD: {momentum: 0.9, weight_decay: 0.01}}"
    other = ("model.1.Dropout=0.3", "training.optimizer={SGD: {momentum: 0.8, weight_decay: 0.02}}")

    def traced(*sets: str, numbers: tuple[float, ...]) -> str | None:
        return program_identity(validate(apply(parse(CONFIG, "x.yaml"), sets)), FACTS, numbers)

    assert traced(sgd, numbers=(0.2, 0.9, 0.01)) == traced(*other, numbers=(0.3, 0.8, 0.02))
    assert traced(sgd, numbers=(0.2, 0.9, 0.01)) != traced(*other, numbers=(0.3, 0.8))
    assert traced("model.1.Dropout=0", numbers=(0.2,)) != traced(numbers=(0.2,)) != identity()
    assert traced("model.1={AlphaDropout: 0.2}", numbers=(0.2,)) != traced(
        "model.1={AlphaDropout: 0.3}", numbers=(0.3,)
    )


def test_nothing_is_known_of_models_with_code_of_the_users_own() -> None:
    """Nor of texts, streams, augmented batches and several devices, whose batches are taken in other ways."""
    from dataclasses import replace

    assert identity(facts=replace(FACTS, rows={"train": 30})) == identity()
    assert identity(facts=replace(FACTS, input_shape=(2,))) != identity()
    assert identity(facts=replace(FACTS, window=5)) is None
    assert identity(facts=replace(FACTS, streamed=True)) is None
    assert identity("training.augment=[{GaussianNoise: 0.1}]") is None
    assert identity("distribution={data_parallel: 2}") is None
    with with_user_entries([]):
        assert identity() is not None


def test_the_programs_of_the_last_models_are_kept() -> None:
    """Of many models those of the first ones are made again."""
    shared, made = SharedPrograms(), []

    def program(name: str) -> str:
        def make() -> str:
            made.append(name)
            return name

        return str(shared.get(name, "train", make))

    assert [program("a"), program("a"), program("b")] == ["a", "a", "b"]
    assert made == ["a", "b"]
    for number in range(8):
        program(str(number))
    program("a")
    assert made.count("a") == 2
    shared.get(None, "train", lambda: made.append("no identity"))
    shared.get(None, "train", lambda: made.append("no identity"))
    assert made.count("no identity") == 2
