"""The classic perceptron's rule: weights change on an error alone, by the example itself.

F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
Psychological Review 65 (1958), 386-408; the form with a learning rate and a bias as in M. Minsky and S. Papert,
"Perceptrons" (1969). The step has no gradient, so that no optimizer of Keras can train it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.resident import ResidentExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nnrun.engine.executors.compiled_steps import Programs, Tensors
    from nnrun.engine.executors.shuffle import Order


class PerceptronExecutor(ResidentExecutor):
    """Trains a single Dense of one `binary_step` unit row by row; scores as any model is scored.

    Args:
        tf: The TensorFlow module.
        model: A compiled Keras model of one Dense layer.
        batch_size: Rows per step of scoring; the rule itself takes one row at a time.
        learning_rate: The length of a step.
        programs: What scores the model, where it is not TensorFlow.
    """

    def __init__(
        self, tf: Any, model: Any, batch_size: int, learning_rate: float, programs: Programs | None = None
    ) -> None:
        super().__init__(tf, model, batch_size, programs=programs)
        self._rate = learning_rate

    def train(
        self,
        tensors: Tensors,
        order: Order,
        tell: Callable[[int], None],
        hears_steps: Any = None,  # noqa: ARG002 - there are no batches to hear of
    ) -> dict[str, float]:
        """Take every row once, in `order`, and give loss and metrics of the weights that this leaves.

        `updates` counts the rows that were wrong when they were met; where none was, training is over.
        """
        x, y, *weight = (np.asarray(field) for field in tensors.everything)
        steps = self._rate * (weight[0] if weight else np.ones(len(x)))
        layer = self._model.layers[-1]
        weights = [np.array(weight) for weight in layer.get_weights()]
        updates = learn(weights, x[order], y.reshape(-1)[order], steps[order])
        layer.set_weights(weights)
        tell(-(-len(order) // self._batch))
        if updates == 0:
            self._model.stop_training = True
        return {**self.evaluate(tensors), "updates": updates}


def learn(weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any], steps: NDArray[Any]) -> int:
    """Apply the rule to each row once, changing `weights` (kernel, and bias where there is one) in place.

    Args:
        weights: The kernel of shape (features, 1), and the bias of shape (1,).
        x: Rows of shape (rows, features).
        y: Their classes, 0 or 1, shape (rows,).
        steps: How far each row moves the weights.

    Returns:
        How many rows were wrong.
    """
    kernel, bias = weights[0][:, 0], weights[1] if len(weights) > 1 else np.zeros(1, weights[0].dtype)
    learns_bias, updates = len(weights) > 1, 0
    for row, true, step in zip(x, y, steps, strict=True):
        error = true - float(row @ kernel + bias[0] >= 0)
        if error:
            kernel += step * error * row
            bias += step * error * learns_bias
            updates += 1
    return updates
