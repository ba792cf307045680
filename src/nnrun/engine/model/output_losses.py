"""The loss of each output of a model with several: the mean over examples, as the whole loss is."""

from __future__ import annotations

from typing import Any


def count_rows_of_output_losses(keras: Any, model: Any) -> None:
    """Let the mean loss of each output of a compiled model count each batch by its rows.

    Keras 3.15 does so where the number of rows is known when a step is compiled. Elsewhere all batches count alike,
    so that a smaller last one moves the figure away from the loss and from other figures of the same rows.
    """
    compute_loss, rows = model.compute_loss, _Rows()

    def counted(x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **more: Any) -> Any:
        compiled = model._compile_loss  # noqa: SLF001 - there is no public name of what keeps these means
        if not compiled.built:
            compiled.build(y, y_pred)
        rows.count = keras.ops.shape(keras.tree.flatten(y_pred)[0])[0]
        for metric in compiled.metrics:
            rows.weigh(metric)
        return compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **more)

    model.compute_loss = counted


class _Rows:
    """The number of rows of the batch at hand, by which means of losses count it."""

    def __init__(self) -> None:
        self.count: Any = None
        self._weighed: set[int] = set()

    def weigh(self, metric: Any) -> None:
        """Let a mean count its values by the rows, where their number is not given."""
        if id(metric) in self._weighed:
            return
        self._weighed.add(id(metric))
        update_state = metric.update_state

        def update(values: Any, sample_weight: Any = None) -> Any:
            return update_state(values, sample_weight=self.count if sample_weight is None else sample_weight)

        metric.update_state = update
