"""The section `training:`: the loss, the optimizer, the number of epochs, callbacks and the rest of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nnrun.catalog.kinds import AnyOf, Boolean, Choice, Integer, ListOf, MappingOf, Number, String
from nnrun.config.dump import dump_inline
from nnrun.spec.section import Refusal, Section, key, part_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.spec.part import Part

#: Random layers that keep the shape of examples, in addition to all whose name begins with `Random`.
_RANDOM_LAYERS = ("RandAugment", "AugMix", "MixUp", "CutMix", "GaussianNoise")

#: TensorFlow counts the rows of a batch in 32 bits.
_LARGEST_BATCH = 2**31 - 1


def _refuse_augment(parts: Sequence[Part]) -> Refusal | None:
    """Refuse layers that are not random; those belong in the model or in `prepare:`."""
    for part in parts:
        if not part.name.startswith("Random") and part.name not in _RANDOM_LAYERS:
            text = f"augment takes random layers of Keras, and {part.name} is not one"
            return Refusal(text, "write RandomFlip, RandomRotation, RandomTranslation, RandomZoom or the like")
    return None


@dataclass(frozen=True)
class BestSpec(Section):
    """Which epoch's model is kept as `best.keras`.

    Attributes:
        monitor: The metric to monitor, as named in `metrics.jsonl`; None: `val_loss` where there is a validation
            part, else `loss`.
        mode: Whether a smaller or a larger value is better; `auto` decides by the metric's name as Keras does.
        over: With `phase`, every phase of training begins a new best, so that it is of the last one; None: it is of
            all epochs.
    """

    monitor: str | None = key(String(), None)
    mode: Literal["auto", "min", "max"] = key(Choice(("auto", "min", "max")), "auto")
    over: Literal["phase"] | None = key(Choice(("phase",)), None)


@dataclass(frozen=True)
class ExecutionSpec(Section):
    """How training is executed: what changes its duration, but not what is computed.

    Attributes:
        xla: Whether XLA compiles the steps; `auto` decides by the model's layers and sizes. Results with and without
            it differ by rounding, and by the numbers drawn where a layer draws random numbers.
        executor: Whether an epoch is one compiled program (`resident`) or a call for each step (`stepwise`), which
            gives the same bits more slowly; `auto` is `resident` unless a callback needs every batch.
        halves: Whether large recurrent layers compute a batch in two halves, in parallel on the cores; results then
            differ by rounding from those of Keras' own `fit`.
    """

    xla: bool | Literal["auto"] = key(AnyOf((Choice(("auto",)), Boolean())), "auto")
    executor: Literal["auto", "resident", "stepwise"] = key(Choice(("auto", "resident", "stepwise")), "auto")
    halves: bool = key(Boolean(), default=True)


@dataclass(frozen=True)
class SamplesSpec(Section):
    """The text that a model of a text writes during training, into the log and `samples.jsonl`.

    Attributes:
        every: The number of epochs from one sample to the next.
        length: The number of characters (words, bytes) of a sample.
        temperature: Below 1 likely tokens are drawn more often, above 1 less often; 0 takes the most likely.
        seed_text: The text that a sample continues, of any length; None: the first window of the validation part,
            else of the training part.
    """

    every: int = key(Integer(1), 1)
    length: int = key(Integer(1), 200)
    temperature: float = key(Number(0), 0.7)
    seed_text: str | None = key(String(), None)


@dataclass(frozen=True)
class SaveEverySpec(Section):
    """When the state is saved from which a stopped run continues, in addition to the end of training and every stop.

    At the end of an epoch it is saved if 2 seconds have passed, or longer where saving takes more than a fiftieth of
    the time.

    Attributes:
        minutes: The minutes within an epoch after which it is saved.
        steps: The number of steps after which it is saved, also within an epoch.
        epochs: The number of epochs after which it is saved, whatever the time.
        keep: How many of these states are kept, so that `nnrun fork --at-epoch` can begin from them; the newest one
            always is.
    """

    minutes: float = key(Number(0, exclusive_minimum=True), 5.0)
    steps: int | None = key(Integer(1), None)
    epochs: int | None = key(Integer(1), None)
    keep: int = key(Integer(0), 0)


@dataclass(frozen=True)
class TrainingSpec(Section):
    """The loss, the optimizer, the number of epochs, callbacks and the rest of training.

    Attributes:
        rule: How weights are updated: along the gradient, or by the perceptron rule, after an error alone.
        loss: A loss of Keras; None where every output has its own, and for the perceptron rule.
        optimizer: An optimizer of Keras; None for the perceptron rule.
        learning_rate: The step size of the perceptron rule, 1 by default; an optimizer has its own.
        metrics: Metrics of Keras, in addition to the loss.
        epochs: The number of passes over the training rows; Keras' default is 1.
        batch_size: Rows per step; Keras' default is 32.
        shuffle: Whether every epoch has a new order of rows, which depends on seed and epoch alone.
        class_weight: The weight of each class, by name or number; `balanced` gives all classes the same total.
        augment: Random layers of Keras, applied to training batches only.
        callbacks: Callbacks of Keras; paths that they write are inside the run folder.
        best: Which epoch's model is kept.
        samples: The text that a model of a text writes during training.
        save_every: When the state is saved from which a stopped run continues.
        on_nan: What happens where a loss is infinite or not a number: training ends with a message that names the
            step and the layer (`stop`), goes on (`ignore`), or goes back to the start of the epoch and takes its rows
            in another order (`rollback`), at most five times in a run.
        execution: How training is executed.
        cache_frozen: Whether the frozen layers before the first trained one are computed once over the data, and what
            follows is trained on what they put out.
        thaw: Patterns of layers that are trained from now on: `name`, `backbone/block_1*`, or a class.
        freeze: Patterns of layers that are not trained, also where `thaw` has a pattern of them.
        phases: The phases of a training that is a list of them, each in full; empty for all others. Everything else is
            then that of the last phase, but for `epochs`, which is the sum.
    """

    rule: Literal["gradient", "perceptron"] = key(Choice(("gradient", "perceptron")), "gradient")
    loss: Part | None = key(part_of("losses"), None)
    optimizer: Part | None = key(part_of("optimizers"), None, needed_unless=("rule", "perceptron"))
    learning_rate: float | None = key(Number(0, exclusive_minimum=True), None)
    metrics: tuple[Part, ...] = key(parts_of("metrics"), ())
    epochs: int = key(Integer(1), 1)
    batch_size: int = key(Integer(1, _LARGEST_BATCH), 32)
    shuffle: bool = key(Boolean(), default=True)
    class_weight: Mapping[str, float] | Literal["balanced"] | None = key(
        AnyOf((Choice(("balanced",)), MappingOf(Number(0)))), None
    )
    augment: tuple[Part, ...] = key(parts_of("layers"), (), refuses=_refuse_augment)
    callbacks: tuple[Part, ...] = key(parts_of("callbacks"), ())
    best: BestSpec = key(BestSpec, BestSpec())
    samples: SamplesSpec | None = key(SamplesSpec, None)
    save_every: SaveEverySpec = key(SaveEverySpec, SaveEverySpec())
    on_nan: Literal["stop", "ignore", "rollback"] = key(Choice(("stop", "ignore", "rollback")), "stop")
    execution: ExecutionSpec = key(ExecutionSpec, ExecutionSpec())
    cache_frozen: bool = key(Boolean(), default=False)
    freeze: tuple[str, ...] = key(ListOf(String()), ())
    thaw: tuple[str, ...] = key(ListOf(String()), ())
    phases: tuple[TrainingSpec, ...] = ()

    @property
    def is_perceptron(self) -> bool:
        """Whether weights are updated by the perceptron rule."""
        return self.rule == "perceptron"

    @property
    def step_size(self) -> float:
        """The step size of the perceptron rule."""
        return 1.0 if self.learning_rate is None else self.learning_rate

    def refusal(self) -> Refusal | None:
        """Refuse what only the other of the two rules accepts, and another order of rows that are not shuffled."""
        if self.on_nan == "rollback" and not self.shuffle:
            text = "on_nan: rollback takes the rows of an epoch in another order, and shuffle: false forbids that"
            return Refusal(text, "write on_nan: stop, or shuffle: true", "on_nan")
        if not self.is_perceptron:
            if self.learning_rate is None:
                return None
            return Refusal("learning_rate belongs to the optimizer", self._optimizer_line(), "learning_rate")
        given = [
            name for name in ("loss", "optimizer", "class_weight", "augment", "freeze", "thaw") if getattr(self, name)
        ]
        if not given:
            return None
        hint = f"leave out {given[0]}, or leave out rule: perceptron"
        return Refusal(f"rule: perceptron takes no {given[0]}", hint, given[0])

    def _optimizer_line(self) -> str:
        """Return the optimizer with the section's learning rate, as a config has it."""
        name, arguments = ("Adam", {}) if self.optimizer is None else (self.optimizer.name, self.optimizer.arguments)
        if "learning_rate" in arguments:
            return "leave it out, the optimizer has a learning_rate"
        plain = {key: value for key, value in arguments.items() if isinstance(value, str | int | float)}
        return f"write optimizer: {dump_inline({name: {**plain, 'learning_rate': self.learning_rate}})}"
