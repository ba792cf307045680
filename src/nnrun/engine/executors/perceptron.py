"""The classic perceptron's rule: weights change on an error alone, by the example itself.

F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
Psychological Review 65 (1958), 386-408; the form with a learning rate and a bias as in M. Minsky and S. Papert,
"Perceptrons" (1969). The step has no gradient, so that no optimizer of Keras can train it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.resident import ResidentExecutor, no_boundary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnrun.engine.executors.compiled_steps import CompiledSteps, Tensors
    from nnrun.engine.executors.logs import Labels
    from nnrun.engine.executors.resident import NextBoundary, OnSteps
    from nnrun.engine.executors.shuffle import Order


class PerceptronExecutor(ResidentExecutor):
    """Trains a single Dense of one `binary_step` unit row by row; evaluates as any executor does.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model of one Dense layer.
        batch_size: Rows per step of scoring; the rule itself takes one row at a time.
        learning_rate: The length of a step.
        steps: The model's compiled steps, if they are not TensorFlow's.
        labels: As for `ResidentExecutor`.
    """

    def __init__(
        self,
        tf: Any,
        model: Any,
        batch_size: int,
        learning_rate: float,
        steps: CompiledSteps | None = None,
        *,
        labels: Labels = MappingProxyType({}),
    ) -> None:
        super().__init__(tf, model, batch_size, steps=steps, labels=labels)
        self._learning_rate = learning_rate

    def train(
        self,
        tensors: Tensors,
        order: Order,
        on_steps: OnSteps,
        callbacks: Any = None,  # noqa: ARG002 - there are no batches
        *,
        first_step: int = 0,  # noqa: ARG002 - an epoch is done as a whole
        next_boundary: NextBoundary = no_boundary,  # noqa: ARG002
    ) -> dict[str, float]:
        """Learn from every row once, in `order`, and return loss and metrics of the weights after that.

        `updates` counts the rows that were wrong when their turn came; if none was, training is over.
        """
        x, y, *weight = (np.asarray(field) for field in tensors.in_memory)
        step_sizes = self._learning_rate * (weight[0] if weight else np.ones(len(x)))
        layer = self._model.layers[-1]
        weights = [np.array(weight) for weight in layer.get_weights()]
        updates = apply_rule(weights, x[order], y.reshape(-1)[order], step_sizes[order])
        layer.set_weights(weights)
        on_steps(-(-len(order) // self._batch_size), {})
        if updates == 0:
            self._model.stop_training = True
        return {**self.evaluate(tensors), "updates": updates}


def apply_rule(weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any], step_sizes: NDArray[Any]) -> int:
    """Apply the rule to each row once, changing `weights` (kernel, and bias if there is one) in place.

    Args:
        weights: The kernel of shape (features, 1), and the bias of shape (1,).
        x: Rows of shape (rows, features).
        y: Their classes, 0 or 1, shape (rows,).
        step_sizes: How far each row moves the weights.

    Returns:
        The number of rows that were wrong.
    """
    kernel, bias = weights[0][:, 0], weights[1] if len(weights) > 1 else np.zeros(1, weights[0].dtype)
    has_bias, updates = len(weights) > 1, 0
    for row, true, step_size in zip(x, y, step_sizes, strict=True):
        error = true - float(row @ kernel + bias[0] >= 0)
        if error:
            kernel += step_size * error * row
            bias += step_size * error * has_bias
            updates += 1
    return updates
