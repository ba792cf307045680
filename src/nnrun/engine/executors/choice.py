"""Which executor trains a model: a rule over its layers, its sizes and the device, so that two runs of a config agree.

A choice by timing inside a run would make two runs of one config differ in their last bits. What the rule rests on was
measured by `benchmarks/executors.py` and is told in `docs/performance.md`; what it weighs, `nnrun calibrate` measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from nnrun.engine.executors.xla_rule import Costs

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Layers of which XLA makes faster programs on a CPU; the sweep has them, or they are nothing but arithmetic.
PLAIN = frozenset(
    """
    InputLayer Dense Embedding Flatten Reshape Permute RepeatVector Activation ReLU LeakyReLU PReLU ELU Softmax
    BatchNormalization LayerNormalization Add Subtract Multiply Average Maximum Minimum Concatenate
    GlobalAveragePooling1D GlobalMaxPooling1D
    """.split()  # noqa: SIM905 - names are read more easily as words
)
#: Layers that loop over time steps, of which XLA gains most.
RECURRENT = frozenset(("SimpleRNN", "LSTM", "GRU"))
#: Layers of which XLA gains much where they are small, and nothing where they are large.
ATTENTION = frozenset(("MultiHeadAttention",))
#: nnrun's own layers that are nothing but arithmetic.
OWN = frozenset(("PositionEmbedding",))

#: An attention that gives more numbers a step than this is too large: 102,400 gained 1.5 to 1.9, 262,144 1.1.
_MOST_ATTENDED = 131_072
#: Microseconds that XLA saves a step for each attention, at least, and seconds that it takes longer to compile.
_ATTENTION_SAVES, _ATTENTION_COMPILES = 1000.0, 1.2
#: XLA has to save this many times what compiling takes.
_WORTH = 2.0


@dataclass(frozen=True)
class Choice:
    """How training is executed.

    Attributes:
        xla: Whether XLA compiles the training steps.
        why: Why so, for the record.
    """

    xla: bool
    why: str

    @property
    def name(self) -> str:
        """What the record calls it."""
        return "resident+xla" if self.xla else "resident"


def choose(  # noqa: PLR0913 - all that decides
    model: Any,
    steps: int,
    *,
    batch: int = 32,
    cpu: bool = True,
    augmented: bool = False,
    in_pieces: bool = False,
    wanted: bool | Literal["auto"] = "auto",
    costs: tuple[Costs, str] = (Costs(), "built-in estimates"),
) -> Choice:
    """Choose how a model is trained.

    Args:
        model: The model.
        steps: How many steps its training takes at most.
        batch: How many examples a step takes.
        cpu: Whether a CPU computes.
        augmented: Whether training batches are changed at random.
        in_pieces: Whether the order of rows is too long to be laid out (`nnrun.engine.executors.shuffle.LONGEST`).
        wanted: What the config says: `auto`, or whether XLA is used.
        costs: What XLA gains and costs, and where that is from.
    """
    if wanted != "auto":
        return Choice(wanted, f"the config says xla: {str(wanted).lower()}")
    if not cpu:
        return Choice(False, "no XLA on a GPU: not measured yet")
    if augmented:
        return Choice(False, "no XLA: it is slow at the random numbers of augment")
    if in_pieces:
        # Of a text of 100 MB: 0.5 s a step instead of 0.15 s, and 1,062 MB instead of 866 MB.
        return Choice(False, "no XLA: the order of so many rows comes in pieces, and it compiles anew for each size")
    met = list(_flat(model))
    against = _obstacle(met, batch)
    if against is not None:
        return Choice(False, against)
    weighs, origin = costs
    cost = weighs.compiling + weighs.recurrent * sum(one.kind in RECURRENT for one in met)
    cost += _ATTENTION_COMPILES * sum(one.kind in ATTENTION for one in met)
    saved = steps * _gain(met, weighs) / 1e6
    weighed = f"about {saved:.1f} s saved in {steps:,} steps, {cost:.1f} s more to compile ({origin})"
    return Choice(saved >= _WORTH * cost, f"{'XLA' if saved >= _WORTH * cost else 'no XLA'}: {weighed}")


@dataclass(frozen=True)
class _Met:
    """A layer met on the walk, with the time steps that a recurrent one loops over (None: they vary)."""

    layer: Any
    times: int | None = 0

    @property
    def kind(self) -> str:
        return type(self.layer).__name__


def _flat(model: Any) -> Iterator[_Met]:
    """Walk all layers, those inside models and wrappers too."""
    for layer in model.layers:
        # What a wrapper wraps was never called by itself and knows no input.
        inside = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer", "layer")]
        if getattr(layer, "layers", None):
            yield from _flat(layer)
            continue
        for one in [one for one in inside if one is not None] or [layer]:
            yield _Met(one, _times(layer) if type(one).__name__ in RECURRENT else 0)


def _times(layer: Any) -> int | None:
    # Beside its examples a layer may take a mask or where to begin.
    first = layer.input[0] if isinstance(layer.input, list) else layer.input
    times: int | None = first.shape[1]
    return times


def _too_large(attention: Any, batch: int) -> str | None:
    """Say that an attention gives too many numbers a step to gain, or that nobody can tell how many."""
    once = len(attention._inbound_nodes) == 1  # noqa: SLF001 - no public count
    shape = attention.output.shape[1:] if once else (None,)
    if None in shape:
        return f"no XLA: how much {attention.name} attends to varies"
    numbers = batch * prod(shape)
    if numbers > _MOST_ATTENDED:
        return f"no XLA: {attention.name} gives {numbers:,} numbers a step, of which it gains too little"
    return None


def _obstacle(met: list[_Met], batch: int) -> str | None:
    """Say what speaks against XLA whatever the number of steps, if anything does."""
    for one in met:
        name = one.layer.name
        if _is_random(one.layer):
            # XLA also draws others than TensorFlow does, so that figures would differ by more than rounding.
            return f"no XLA: it is slow at the random numbers of {name}"
        own = type(one.layer).__module__ == "nnrun.engine.model.layers" and one.kind in OWN
        keras_own = type(one.layer).__module__.startswith("keras.") and one.kind in PLAIN | RECURRENT | ATTENTION
        if not (own or keras_own):
            return f"no XLA: {name} is a {one.kind}, which it makes slower or which was not measured"
        if one.kind in ATTENTION and (large := _too_large(one.layer, batch)) is not None:
            return large
        if getattr(one.layer, "mask_zero", False):
            return f"no XLA: {name} hides steps, which was not measured"
        if one.times is None:
            return f"no XLA: the number of steps that {name} takes varies"
    return None


def _is_random(layer: Any) -> bool:
    """Tell whether a layer draws random numbers; recurrent ones have a generator even where they use none."""
    if type(layer).__name__ in RECURRENT:
        return bool(layer.dropout or layer.recurrent_dropout)
    return any("seed_generator" in variable.path for variable in layer.non_trainable_variables)


def _gain(met: list[_Met], costs: Costs) -> float:
    """Estimate what XLA saves a step, in microseconds."""
    weighty = [one.layer for one in met if one.layer.trainable_weights and one.kind not in RECURRENT]
    weights = sum(layer.count_params() for layer in weighty)
    times = sum(one.times or 0 for one in met)
    attention = _ATTENTION_SAVES * sum(one.kind in ATTENTION for one in met)
    return attention + costs.layer * len(weighty) + costs.weight * float(weights) + costs.time * times
