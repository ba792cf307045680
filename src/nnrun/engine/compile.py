"""An experiment and the facts of its data to a compiled Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.engine.build import Builder
from nnrun.errors import BuildError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from nnrun.errors import Mark, Path
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts


def compile_model(keras: ModuleType, experiment: Experiment, facts: Facts, mark_of: Callable[[Path], Mark]) -> Any:
    """Build the model that `experiment` describes and compile it with its loss, optimizer and metrics.

    Raises:
        BuildError: Where Keras refuses a part, at the part's place in the config.
    """
    builder = Builder(keras, facts, mark_of)
    model = _chain(keras, builder, experiment, facts, mark_of)
    set_learning(model, builder, experiment)
    return model


def set_learning(model: Any, builder: Builder, experiment: Experiment) -> None:
    """Give `model` the experiment's loss, optimizer and metrics."""
    training = experiment.training
    # XLA is chosen by nnrun's executors, not by Keras: on CPU it makes convolutions ten times slower.
    model.compile(
        optimizer=builder.make(training.optimizer),
        loss=builder.make(training.loss),
        metrics=[builder.make(metric) for metric in training.metrics],
        jit_compile=False,
    )


def _chain(
    keras: ModuleType, builder: Builder, experiment: Experiment, facts: Facts, mark_of: Callable[[Path], Mark]
) -> Any:
    parts = list(experiment.model)
    if parts[0].name == "Input":
        inputs = builder.make(parts.pop(0))
    elif facts.input_shape is not None:
        inputs = keras.Input(tuple(facts.input_shape))
    else:
        text = "these data do not say the shape of one example"
        raise BuildError([Problem(mark_of(("model",)), text, "start the model with 'Input: {shape: [...]}'")])
    tensor = inputs
    for part in parts:
        layer = builder.make(part)
        try:
            tensor = layer(tensor)
        except Exception as error:  # Keras raises whatever its layers raise
            raise builder.refusal(part, error) from error
    return keras.Model(inputs, tensor, name=_keras_name(experiment.name))


def _keras_name(name: str) -> str:
    """Make a name that Keras accepts for a model: it may not hold a slash, and TensorFlow wants no dots first."""
    return name.replace(".", "_").replace("-", "_")
