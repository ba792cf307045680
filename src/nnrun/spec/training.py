"""The section `training:`: what is minimised, how, how long, and what watches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from nnrun.spec.section import Section, part_field, parts_field


class Best(Section):
    """Which epoch's model is kept as `best.keras`.

    Attributes:
        monitor: The metric to watch, as `metrics.jsonl` names it; None: `val_loss` where there is a validation
            part, else `loss`.
        mode: Whether less or more is better; `auto` decides by the metric's name as Keras does.
    """

    monitor: StrictStr | None = None
    mode: Literal["auto", "min", "max"] = "auto"


class TrainingSpec(Section):
    """What is minimised, how, how long, and what watches.

    Attributes:
        loss: A loss of Keras.
        optimizer: An optimizer of Keras.
        metrics: Metrics of Keras, beside the loss.
        epochs: How many times the training rows are seen; Keras' default is 1.
        batch_size: Rows per step; Keras' default is 32.
        shuffle: Whether every epoch sees the rows in a new order, a pure function of seed and epoch.
        callbacks: Callbacks of Keras; paths they write lie inside the run folder.
        best: Which epoch's model is kept.
    """

    loss: part_field("losses")  # type: ignore[valid-type]
    optimizer: part_field("optimizers")  # type: ignore[valid-type]
    metrics: parts_field("metrics") = ()  # type: ignore[valid-type]
    epochs: Annotated[StrictInt, Field(ge=1)] = 1
    batch_size: Annotated[StrictInt, Field(ge=1)] = 32
    shuffle: StrictBool = True
    callbacks: parts_field("callbacks") = ()  # type: ignore[valid-type]
    best: Best = Best()
