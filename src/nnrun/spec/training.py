"""The section `training:`: what is minimised, how, how long, and what watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, MappingOf, Number, String
from nnrun.spec.section import Key, Refusal, Section, part_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.spec.part import Part

#: Layers that change examples at random and keep their shape, beside all whose name begins with `Random`.
_RANDOM_TOO = ("RandAugment", "AugMix", "GaussianNoise")


def _refuse_augment(parts: Sequence[Part]) -> Refusal | None:
    """Refuse layers that are not random, which belong into the model or into `prepare:`."""
    for part in parts:
        if not part.name.startswith("Random") and part.name not in _RANDOM_TOO:
            text = f"augment takes Keras' random layers, and {part.name} is none"
            return text, "write RandomFlip, RandomRotation, RandomTranslation, RandomZoom or the like"
    return None


@dataclass(frozen=True)
class Best(Section):
    """Which epoch's model is kept as `best.keras`.

    Attributes:
        monitor: The metric to watch, as `metrics.jsonl` names it; None: `val_loss` where there is a validation
            part, else `loss`.
        mode: Whether less or more is better; `auto` decides by the metric's name as Keras does.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "monitor": Key(String(), None),
        "mode": Key(Choice(("auto", "min", "max")), "auto"),
    }

    monitor: str | None = None
    mode: Literal["auto", "min", "max"] = "auto"


@dataclass(frozen=True)
class Execution(Section):
    """How training is executed; it changes the time that a run takes, and not what is computed.

    Attributes:
        xla: Whether XLA compiles the steps; `auto` decides by the model's layers and sizes. Figures with and without
            it differ by rounding, and where a layer draws random numbers by what is drawn.
        executor: Whether an epoch is one compiled program (`resident`) or a call for each step (`stepwise`), which
            gives the same bits more slowly; `auto` is `resident` unless a callback needs every batch.
        halves: Whether large recurrent layers take a batch in two halves, side by side on the cores; figures then
            differ by rounding from those of Keras' own `fit`.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "xla": Key(AnyOf((Choice(("auto",)), Boolean())), "auto"),
        "executor": Key(Choice(("auto", "resident", "stepwise")), "auto"),
        "halves": Key(Boolean(), True),
    }

    xla: bool | Literal["auto"] = "auto"
    executor: Literal["auto", "resident", "stepwise"] = "auto"
    halves: bool = True


@dataclass(frozen=True)
class Samples(Section):
    """What a model of a text writes while it is trained, into the log and `samples.jsonl`; weights do not change by it.

    Attributes:
        every: After how many epochs it writes again.
        length: How many characters (words, bytes) it writes.
        temperature: Below 1 it draws more surely, above 1 more freely; 0 takes the most probable.
        seed_text: What it writes on from, of any length; None: the first window of the validation part, else of the
            training part.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "every": Key(Integer(1), 1),
        "length": Key(Integer(1), 200),
        "temperature": Key(Number(0), 0.7),
        "seed_text": Key(String(), None),
    }

    every: int = 1
    length: int = 200
    temperature: float = 0.7
    seed_text: str | None = None


@dataclass(frozen=True)
class TrainingSpec(Section):
    """What is minimised, how, how long, and what watches.

    Attributes:
        rule: How weights change: along the gradient, or by the perceptron's rule, on an error alone.
        loss: A loss of Keras; None where every output has its own, and for the perceptron's rule.
        optimizer: An optimizer of Keras; None for the perceptron's rule.
        learning_rate: The step of the perceptron's rule, 1 by default; an optimizer has its own.
        metrics: Metrics of Keras, beside the loss.
        epochs: How many times the training rows are seen; Keras' default is 1.
        batch_size: Rows per step; Keras' default is 32.
        shuffle: Whether every epoch sees the rows in a new order, a pure function of seed and epoch.
        class_weight: How much each class counts, by name or number; `balanced` makes all classes count alike.
        augment: Random layers of Keras that training batches go through, and nothing else.
        callbacks: Callbacks of Keras; paths they write lie inside the run folder.
        best: Which epoch's model is kept.
        samples: What a model of a text writes while it is trained.
        execution: How training is executed.
    """

    KEYS: ClassVar[Mapping[str, Key]] = {
        "rule": Key(Choice(("gradient", "perceptron")), "gradient"),
        "loss": Key(part_of("losses"), None),
        "optimizer": Key(part_of("optimizers"), None, needed_unless=("rule", "perceptron")),
        "learning_rate": Key(Number(0, exclusive_minimum=True), None),
        "metrics": Key(parts_of("metrics"), ()),
        "epochs": Key(Integer(1), 1),
        "batch_size": Key(Integer(1), 32),
        "shuffle": Key(Boolean(), default=True),
        "class_weight": Key(AnyOf((Choice(("balanced",)), MappingOf(Number(0)))), None),
        "augment": Key(parts_of("layers"), (), _refuse_augment),
        "callbacks": Key(parts_of("callbacks"), ()),
        "best": Key(Best, Best()),
        "samples": Key(Samples, None),
        "execution": Key(Execution, Execution()),
    }

    rule: Literal["gradient", "perceptron"] = "gradient"
    loss: Part | None = None
    optimizer: Part | None = None
    learning_rate: float | None = None
    metrics: tuple[Part, ...] = ()
    epochs: int = 1
    batch_size: int = 32
    shuffle: bool = True
    class_weight: Mapping[str, float] | Literal["balanced"] | None = None
    augment: tuple[Part, ...] = ()
    callbacks: tuple[Part, ...] = ()
    best: Best = Best()
    samples: Samples | None = None
    execution: Execution = Execution()

    @property
    def is_perceptron(self) -> bool:
        """Whether weights change by the perceptron's rule."""
        return self.rule == "perceptron"

    @property
    def step_size(self) -> float:
        """How far the perceptron's rule moves the weights on an error."""
        return 1.0 if self.learning_rate is None else self.learning_rate

    def refusal(self) -> Refusal | None:
        """Refuse what only one of the two rules takes."""
        if not self.is_perceptron:
            if self.learning_rate is None:
                return None
            return "learning_rate belongs to the optimizer", "write optimizer: {Adam: {learning_rate: 0.001}}"
        given = [name for name in ("loss", "optimizer", "class_weight", "augment") if getattr(self, name)]
        if not given:
            return None
        return f"rule: perceptron takes no {given[0]}", f"leave out {given[0]}, or leave out rule: perceptron"
