"""The network and the training of a first config for a table, by the number of rows and what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_number
from nnrun.pipeline.init.config_text import ReasonedValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.pipeline.init.table_plan import TablePlan


#: Steps after which a small network has learned what a few rows show.
_STEPS = 3_000


@dataclass(frozen=True)
class Network:
    """A model and how it is trained.

    Attributes:
        layers: The layers.
        training: The keys of `training`.
        callbacks: The callbacks.
    """

    layers: Sequence[ReasonedValue]
    training: dict[str, ReasonedValue]
    callbacks: Sequence[ReasonedValue]


def network_for(plan: TablePlan) -> Network:
    """Return a small network for a table, and its training, which ends where the validation part gets no better."""
    if plan.is_series:
        return _series_network(plan)
    rows = plan.survey.rows_read
    batch = batch_size(rows)
    layers, optimizer = _dense_layers(plan)
    epochs, patience = (200, 20) if rows <= 20_000 else (50, 5)
    if len(plan.features) == 1 and plan.of_kind("free_text"):
        layers, optimizer = word_layers(), ReasonedValue({"Adam": 0.001})
        batch, epochs, patience = 32, 20, 3
    output, loss, metric = output_for(plan)
    why = "at most: EarlyStopping ends them"
    if plan.is_small:
        # No rows are kept for validation, so that the number of steps is fixed.
        epochs = max(10, min(300, _STEPS * batch // max(1, rows)))
        why = f"about {_STEPS:,} steps"
    training = {
        "loss": loss,
        "optimizer": optimizer,
        "metrics": ReasonedValue([metric]),
        "epochs": ReasonedValue(epochs, why),
        "batch_size": ReasonedValue(batch, "rows of a step"),
    }
    return Network([*layers, output], training, [] if plan.is_small else [early_stopping(patience)])


def _dense_layers(plan: TablePlan) -> tuple[list[ReasonedValue], ReasonedValue]:
    """Return the hidden layers over the columns of a table, and the optimizer.

    What keeps a network from fitting each of a few rows is measured (docs/decisions/0062 and 0082).
    """
    rows, by_heart = plan.survey.rows_read, "few rows are soon known by heart"
    small: dict[str, Any] = {"units": 32 if plan.task == "classes" else 64, "activation": "relu"}
    if plan.is_small and plan.task == "classes":
        layers = [ReasonedValue({"Dense": small}), ReasonedValue({"Dropout": 0.3}, by_heart)]
        return layers, ReasonedValue({"Adam": 0.001})
    if plan.is_small:
        decay = {"AdamW": {"learning_rate": 0.001, "weight_decay": 1.0}}
        return [ReasonedValue({"Dense": small})] * 2, ReasonedValue(decay, f"{by_heart}: weights decay to 0")
    units = next(units for most, units in ((2_000, 32), (20_000, 64), (float("inf"), 128)) if rows <= most)
    dense = ReasonedValue({"Dense": {"units": units, "activation": "relu"}})
    return [replace(dense, why=f"two layers of a width for {format_number(rows)} rows"), dense], ReasonedValue(
        {"Adam": 0.001}
    )


def word_layers() -> list[ReasonedValue]:
    """Return the first layers of a network for a sequence of words."""
    return [
        ReasonedValue({"Embedding": {"input_dim": "$vocabulary", "output_dim": 32}}, "a vector for each word"),
        ReasonedValue({"Conv1D": {"filters": 64, "kernel_size": 3, "activation": "relu"}}, "three words in a row"),
        ReasonedValue("GlobalMaxPooling1D"),
        ReasonedValue({"Dropout": 0.3}),
    ]


def output_for(plan: TablePlan) -> tuple[ReasonedValue, ReasonedValue, str]:
    """Return the last layer, the loss and the metric of a plan."""
    if plan.task == "classes":
        return class_output(plan.classes)
    return number_output(1 if len(plan.targets) == 1 else "$targets")


def number_output(units: int | str) -> tuple[ReasonedValue, ReasonedValue, str]:
    """Return the last layer, the loss and the metric for so many numbers."""
    return (
        ReasonedValue({"Dense": units}, "no activation: any number"),
        ReasonedValue("mean_squared_error"),
        "mean_absolute_error",
    )


def class_output(classes: int) -> tuple[ReasonedValue, ReasonedValue, str]:
    """Return the last layer, the loss and the metric for so many classes."""
    if classes == 2:
        layer = ReasonedValue({"Dense": {"units": 1, "activation": "sigmoid"}}, "the probability of the second class")
        return layer, ReasonedValue("binary_crossentropy"), "accuracy"
    layer = ReasonedValue({"Dense": {"units": "$classes", "activation": "softmax"}}, "a probability for each class")
    return layer, ReasonedValue("sparse_categorical_crossentropy"), "accuracy"


def batch_size(rows: int) -> int:
    """Return how many examples a step takes: few of few, so that an epoch has steps enough."""
    return next(size for most, size in ((40, 4), (2_000, 16), (20_000, 32), (float("inf"), 128)) if rows <= most)


def early_stopping(patience: int) -> ReasonedValue:
    """Return the callback that ends training where the validation part gets no better."""
    arguments: dict[str, Any] = {"monitor": "val_loss", "patience": patience, "restore_best_weights": True}
    return ReasonedValue({"EarlyStopping": arguments})


def _series_network(plan: TablePlan) -> Network:
    """Return a linear network over a window, whose outputs begin near the mean of the target."""
    mean, spread = plan.survey.column(plan.targets[0]).mean_and_spread
    # More steps come close to the least squares of the training rows, which forecast worse (docs/decisions/0062).
    epochs = max(20, min(300, _STEPS // 2 * 16 // plan.survey.rows_read))
    scale, offset = float(f"{spread:.3g}"), float(f"{mean:.3g}")
    layers = [
        ReasonedValue("Flatten"),
        ReasonedValue({"Dense": "$targets"}, "linear in the window"),
        ReasonedValue({"Rescaling": {"scale": scale, "offset": offset}}, "the spread and mean of the target"),
    ]
    training = {
        "loss": ReasonedValue("mean_squared_error"),
        "optimizer": ReasonedValue({"Adam": 0.01}),
        "metrics": ReasonedValue(["mean_absolute_error"]),
        "epochs": ReasonedValue(epochs, "the latest rows teach the most: none are kept for validation"),
        "batch_size": ReasonedValue(16),
    }
    return Network(layers, training, [])
