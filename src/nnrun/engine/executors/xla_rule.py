"""The rule by which XLA compiles the training steps: layers, sizes and the device decide, so that two runs agree.

A choice by timing inside a run would make two runs of one config differ in their last bits. The rule's figures are low
estimates of the sweep that `benchmarks/executors.py` measured; `docs/performance.md` has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Keras layers whose steps XLA makes faster on a CPU: measured in the sweep, or nothing but arithmetic.
FASTER_LAYERS = frozenset(
    """
    InputLayer Dense Embedding Flatten Reshape Permute RepeatVector Activation ReLU LeakyReLU PReLU ELU Softmax
    BatchNormalization LayerNormalization Add Subtract Multiply Average Maximum Minimum Concatenate
    GlobalAveragePooling1D GlobalMaxPooling1D
    """.split()  # noqa: SIM905 - names are read more easily as words
)
#: Layers that loop over time steps, which gain most.
RECURRENT_LAYERS = frozenset(("SimpleRNN", "LSTM", "GRU"))
#: Layers that gain much where they are small, and nothing where they are large.
ATTENTION_LAYERS = frozenset(("MultiHeadAttention",))
#: nnrun's own layers that are nothing but arithmetic.
OWN_LAYERS = frozenset(("PositionEmbedding",))

#: Microseconds that XLA saves a step for each layer with weights, trainable weight, time step, and attention.
LAYER_SAVES, WEIGHT_SAVES, TIME_STEP_SAVES, ATTENTION_SAVES = 40.0, 0.0005, 40.0, 1000.0
#: Seconds that compiling takes longer with XLA, and how much longer still for each recurrent layer and attention.
COMPILING_COSTS, RECURRENT_COSTS, ATTENTION_COSTS = 0.5, 1.5, 1.2
#: XLA must save this many times what compiling costs.
_REQUIRED_RATIO = 2.0
#: An attention with more output values a step is too large: 102,400 gained 1.5 to 1.9, 262,144 gained 1.1.
_MAX_ATTENTION_OUTPUTS = 131_072


@dataclass(frozen=True)
class XlaDecision:
    """Whether XLA compiles the training steps, and why, for the record."""

    use_xla: bool
    reason: str


@dataclass(frozen=True)
class _LayerUse:
    """A layer of the model and the time steps that a recurrent one loops over (None: they vary)."""

    layer: Any
    time_steps: int | None = 0

    @property
    def kind(self) -> str:
        return type(self.layer).__name__


def decide_xla(
    model: Any,
    steps: int,
    *,
    batch_size: int = 32,
    on_cpu: bool = True,
    augmented: bool = False,
    long_order: bool = False,
    requested: bool | Literal["auto"] = "auto",
) -> XlaDecision:
    """Decide whether XLA compiles the training steps of a model.

    Args:
        model: The model.
        steps: The number of training steps, at most.
        batch_size: Rows per step.
        on_cpu: Whether a CPU computes.
        augmented: Whether training batches are changed at random.
        long_order: Whether the order of rows is too long for one array (`shuffle.MAX_ARRAY_ROWS`).
        requested: The config's `xla:`.
    """
    if requested != "auto":
        return XlaDecision(requested, f"the config says xla: {str(requested).lower()}")
    if not on_cpu:
        return XlaDecision(False, "no XLA on a GPU: not measured yet")
    if augmented:
        return XlaDecision(False, "no XLA: it is slow at the random numbers of augment")
    if long_order:
        # Of a text of 100 MB: 0.5 s a step instead of 0.15 s, and 1,062 MB instead of 866 MB.
        return XlaDecision(
            False, "no XLA: the order of so many rows comes in pieces, and it compiles again for each size"
        )
    layers = list(_all_layers(model))
    obstacle = _obstacle(layers, batch_size)
    if obstacle is not None:
        return XlaDecision(False, obstacle)
    costs = COMPILING_COSTS + RECURRENT_COSTS * sum(one.kind in RECURRENT_LAYERS for one in layers)
    costs += ATTENTION_COSTS * sum(one.kind in ATTENTION_LAYERS for one in layers)
    saves = steps * _saved_per_step(layers) / 1e6
    use_xla = saves >= _REQUIRED_RATIO * costs
    estimate = f"about {saves:.1f} s saved in {steps:,} steps, {costs:.1f} s more to compile"
    return XlaDecision(use_xla, f"{'XLA' if use_xla else 'no XLA'}: {estimate}")


def _all_layers(model: Any) -> Iterator[_LayerUse]:
    """Yield all layers, those inside models and wrappers included."""
    for layer in model.layers:
        # What a wrapper wraps was never called by itself and knows no input.
        wrapped = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer", "layer")]
        if getattr(layer, "layers", None):
            yield from _all_layers(layer)
            continue
        for one in [one for one in wrapped if one is not None] or [layer]:
            yield _LayerUse(one, _time_steps(layer) if type(one).__name__ in RECURRENT_LAYERS else 0)


def _time_steps(layer: Any) -> int | None:
    # In addition to its examples a layer may take a mask or an initial state.
    first = layer.input[0] if isinstance(layer.input, list) else layer.input
    time_steps: int | None = first.shape[1]
    return time_steps


def _obstacle(layers: list[_LayerUse], batch_size: int) -> str | None:
    """Return why XLA is not used whatever the number of steps, or None."""
    for use in layers:
        layer, name = use.layer, use.layer.name
        if _is_random(layer):
            # XLA also draws other numbers than TensorFlow does, so that figures would differ by more than rounding.
            return f"no XLA: it is slow at the random numbers of {name}"
        own = type(layer).__module__ == "nnrun.engine.model.layers" and use.kind in OWN_LAYERS
        keras_own = (
            type(layer).__module__.startswith("keras.")
            and use.kind in FASTER_LAYERS | RECURRENT_LAYERS | ATTENTION_LAYERS
        )
        if not (own or keras_own):
            return f"no XLA: {name} is a {use.kind}, which it makes slower or which was not measured"
        if use.kind in ATTENTION_LAYERS and (too_large := _attention_obstacle(layer, batch_size)) is not None:
            return too_large
        if getattr(layer, "mask_zero", False):
            return f"no XLA: {name} masks steps, which was not measured"
        if use.time_steps is None:
            return f"no XLA: the number of time steps of {name} varies"
    return None


def _is_random(layer: Any) -> bool:
    """Whether a layer draws random numbers; recurrent ones have a generator even where they use none."""
    if type(layer).__name__ in RECURRENT_LAYERS:
        return bool(layer.dropout or layer.recurrent_dropout)
    return any("seed_generator" in variable.path for variable in layer.non_trainable_variables)


def _attention_obstacle(attention: Any, batch_size: int) -> str | None:
    called_once = len(attention._inbound_nodes) == 1  # noqa: SLF001 - no public count
    shape = attention.output.shape[1:] if called_once else (None,)
    if None in shape:
        return f"no XLA: the number of output values of {attention.name} varies"
    count = batch_size * prod(shape)
    if count > _MAX_ATTENTION_OUTPUTS:
        return f"no XLA: {attention.name} has {count:,} output values a step, too many to gain enough"
    return None


def _saved_per_step(layers: list[_LayerUse]) -> float:
    """Estimate how many microseconds XLA saves a step."""
    weighted = [use.layer for use in layers if use.layer.trainable_weights and use.kind not in RECURRENT_LAYERS]
    weights = sum(layer.count_params() for layer in weighted)
    time_steps = sum(use.time_steps or 0 for use in layers)
    attention = ATTENTION_SAVES * sum(use.kind in ATTENTION_LAYERS for use in layers)
    return attention + LAYER_SAVES * len(weighted) + WEIGHT_SAVES * float(weights) + TIME_STEP_SAVES * time_steps
