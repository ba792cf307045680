"""Weights of rows for losses that have a value at each position of a row, such as a step or a pixel."""

from __future__ import annotations

from typing import Any


def weigh_every_position(keras: Any, model: Any) -> None:
    """Let the weight of a row count for each of its positions, in the loss of a compiled model.

    Keras 3.15 multiplies values of shape (rows, steps) by weights of shape (rows,) as NumPy would: it fails, or, with
    as many rows in a batch as steps, weighs steps in place of rows.
    """
    if all(len(output.shape) <= 2 for output in model.outputs):
        return
    compute_loss = model.compute_loss

    def weighted(x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **more: Any) -> Any:
        if sample_weight is not None:
            sample_weight = _of_positions(keras, model, y, y_pred, sample_weight)
        return compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **more)

    model.compute_loss = weighted


def _of_positions(keras: Any, model: Any, y: Any, y_pred: Any, weights: Any) -> Any:
    """Return weights of shape (rows,) in the shape of the values of each output's loss, in the structure of outputs."""
    # Keras resolves losses by the first targets and outputs, and keeps them under no public name.
    compiled = model._compile_loss  # noqa: SLF001
    if not compiled.built:
        compiled.build(y, y_pred)
    found = {}
    for path, loss, *_ in compiled._flat_losses:  # noqa: SLF001
        # The path of a graph's output is its name, and that of a chain's is empty.
        truth, output = (y[path[0]], y_pred[path[0]]) if path else (y, y_pred)
        # Only the shape of these values is used, so that the compiled step does not compute them twice.
        values = loss.call(*(keras.ops.convert_to_tensor(one, dtype=loss.dtype) for one in (truth, output)))
        found[path] = _broadcast(keras.ops, weights, values)
    return found[()] if () in found else {path[0]: one for path, one in found.items()}


def _broadcast(ops: Any, weights: Any, values: Any) -> Any:
    """Repeat weights of shape (rows,) along the dimensions of values after the first."""
    positions = len(values.shape) - 1
    if positions < 1 or len(weights.shape) != 1:
        return weights
    return ops.broadcast_to(ops.reshape(weights, (-1, *(1,) * positions)), ops.shape(values))
