"""What a layer of Keras makes of its inputs: output shape and parameters, as data, without Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes import (
    attention,
    convolution,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
    wrappers,
)
from nnrun.catalog.shapes.call import Call, LayerShape, PartLike, Shape, ShapeError, Undecided
from nnrun.catalog.shapes.defaults import class_name, defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["RULES", "UNDECIDED", "LayerShape", "Shape", "ShapeError", "Undecided", "infer"]

RULES: dict[str, Callable[[Call], LayerShape]] = {
    **core.RULES,
    **convolution.RULES,
    **pooling.RULES,
    **recurrent.RULES,
    **reshaping.RULES,
    **merging.RULES,
    **normalization.RULES,
    **attention.RULES,
    **wrappers.RULES,
    **preprocessing.RULES,
}

#: Layers that no rule can decide, with the reason.
UNDECIDED = {
    "Lambda": "a Lambda's function decides its output",
    "TFSMLayer": "the saved model inside decides",
    "JaxLayer": "the function inside decides",
    "FlaxLayer": "the module inside decides",
    "TorchModuleWrapper": "the module inside decides",
    "Layer": "the base class of all layers has no computation of its own",
    "Wrapper": "the base class of wrappers has no computation of its own",
}


def infer(
    name: str,
    arguments: Mapping[str, Any],
    inputs: Sequence[Shape],
    *,
    data_format: str = "channels_last",
    batch_size: int | None = None,
) -> LayerShape:
    """Tell the output shape and parameters of one layer.

    Args:
        name: A name of `keras.layers`, aliases included.
        arguments: Only what the config says; nested layers are parts, facts are replaced where they are known.
        inputs: The shape of every tensor that the layer is called on, without the batch.
        data_format: Where channels stand if the layer itself does not say.
        batch_size: The size of a batch where the model fixes it.

    Raises:
        ShapeError: The layer cannot take these inputs.
        Undecided: No rule, or something that the answer depends on is not known.
    """
    try:
        found = _decide(_call(name, arguments, inputs, data_format, batch_size))
    except (ShapeError, Undecided):
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        # An argument of a wrong type is for the check of arguments to name, which knows its place.
        raise Undecided(f"an argument of {name} is not what it takes") from error
    return replace(found, trainable=0) if found.trainable and arguments.get("trainable") is False else found


def _decide(call: Call) -> LayerShape:
    if call.name in UNDECIDED:
        raise Undecided(UNDECIDED[call.name])
    if call.name not in RULES:
        raise Undecided(f"there is no rule for {call.name}")
    # A quantised layer keeps other weights than its floating-point twin.
    if "_from_" in str(call.given.get("dtype", "")) or call.get("quantization_config") is not None:
        raise Undecided(f"{call.name} is quantised")
    return RULES[call.name](call)


def _call(
    name: str, arguments: Mapping[str, Any], inputs: Sequence[Shape], data_format: str, batch_size: int | None
) -> Call:
    def enter(part: PartLike, shapes: Sequence[Shape]) -> Call:
        if not hasattr(part, "name") or not hasattr(part, "arguments"):
            raise Undecided(f"what stands inside {name} is not a layer of Keras")
        return _call(part.name, part.arguments, shapes, data_format, batch_size)

    return Call(
        class_name(name), arguments, defaults(name), tuple(map(tuple, inputs)), data_format, batch_size, enter, _decide
    )
