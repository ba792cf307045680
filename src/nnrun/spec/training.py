"""The section `training:`: what is minimised, how, how long, and what watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, MappingOf, Number, Text
from nnrun.spec.section import Key, Section, part_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.part import Part


@dataclass(frozen=True)
class Best(Section):
    """Which epoch's model is kept as `best.keras`.

    Attributes:
        monitor: The metric to watch, as `metrics.jsonl` names it; None: `val_loss` where there is a validation
            part, else `loss`.
        mode: Whether less or more is better; `auto` decides by the metric's name as Keras does.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "monitor": Key(Text(), None),
        "mode": Key(Choice(("auto", "min", "max")), "auto"),
    }

    monitor: str | None = None
    mode: Literal["auto", "min", "max"] = "auto"


@dataclass(frozen=True)
class TrainingSpec(Section):
    """What is minimised, how, how long, and what watches.

    Attributes:
        loss: A loss of Keras; None where every output has its own.
        optimizer: An optimizer of Keras.
        metrics: Metrics of Keras, beside the loss.
        epochs: How many times the training rows are seen; Keras' default is 1.
        batch_size: Rows per step; Keras' default is 32.
        shuffle: Whether every epoch sees the rows in a new order, a pure function of seed and epoch.
        class_weight: How much each class counts, by name or number; `balanced` makes all classes count alike.
        callbacks: Callbacks of Keras; paths they write lie inside the run folder.
        best: Which epoch's model is kept.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "loss": Key(part_of("losses"), None),
        "optimizer": Key(part_of("optimizers")),
        "metrics": Key(parts_of("metrics"), ()),
        "epochs": Key(Integer(1), 1),
        "batch_size": Key(Integer(1), 32),
        "shuffle": Key(Boolean(), default=True),
        "class_weight": Key(AnyOf((Choice(("balanced",)), MappingOf(Number(0)))), None),
        "callbacks": Key(parts_of("callbacks"), ()),
        "best": Key(Best, Best()),
    }

    loss: Part | None
    optimizer: Part
    metrics: tuple[Part, ...] = ()
    epochs: int = 1
    batch_size: int = 32
    shuffle: bool = True
    class_weight: Mapping[str, float] | Literal["balanced"] | None = None
    callbacks: tuple[Part, ...] = ()
    best: Best = Best()
