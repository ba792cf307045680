"""The output shape and the weights of a layer of Keras, computed from its arguments and inputs, without Keras."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.shapes import (
    attention,
    backbones,
    convolution,
    core,
    hub,
    merging,
    normalization,
    operations,
    preprocessing,
    recurrent,
    reshaping,
    saved_model,
    wrappers,
)
from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, PartLike, Rule, Shape, ShapeError, Undecided
from nnrun.catalog.shapes.names import class_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RULES", "UNDECIDED", "LayerShape", "Shape", "ShapeError", "Undecided", "infer"]

RULES: dict[str, Rule] = {
    **core.RULES,
    **convolution.RULES,
    **recurrent.RULES,
    **reshaping.RULES,
    **merging.RULES,
    **normalization.RULES,
    **attention.RULES,
    **wrappers.RULES,
    **preprocessing.RULES,
    **operations.RULES,
    **saved_model.RULES,
}

#: Layers without a rule, with the reason.
UNDECIDED = {
    "Lambda": "a Lambda's function decides its output",
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
    """Compute the output shape and the weights of one layer.

    Args:
        name: A name of `keras.layers`, aliases included.
        arguments: The arguments in the config; nested layers are parts, known facts are replaced by their values.
        inputs: The shape of every tensor that the layer is called on, without the batch.
        data_format: Where channels are if the layer itself does not have it.
        batch_size: The batch size where the model fixes it.

    Raises:
        ShapeError: The layer cannot take these inputs.
        Undecided: There is no rule, or something that the output depends on is unknown.
    """
    try:
        found = _apply_rule(_layer_call(name, arguments, inputs, data_format, batch_size))
    except (ShapeError, Undecided):
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        # The check of arguments reports those of a wrong type, with their place.
        raise Undecided(f"an argument of {name} has a wrong type") from error
    return replace(found, trainable=0) if found.trainable and arguments.get("trainable") is False else found


def _apply_rule(call: LayerCall) -> LayerShape:
    if call.name in UNDECIDED:
        raise Undecided(UNDECIDED[call.name])
    if backbones.is_backbone(call.name):
        return backbones.backbone(call)
    if hub.is_hub_backbone(call.name):
        return hub.backbone(call)
    if call.name not in RULES:
        raise Undecided(f"there is no rule for {call.name}")
    # A quantised layer has other weights.
    if "_from_" in str(call.given.get("dtype", "")) or call.get("quantization_config") is not None:
        raise Undecided(f"{call.name} is quantised")
    return RULES[call.name](call)


def _layer_call(
    name: str, arguments: Mapping[str, Any], inputs: Sequence[Shape], data_format: str, batch_size: int | None
) -> LayerCall:
    def nested_call(part: PartLike, shapes: Sequence[Shape]) -> LayerCall:
        if not hasattr(part, "name") or not hasattr(part, "arguments"):
            raise Undecided(f"a value inside {name} is not a layer of Keras")
        return _layer_call(part.name, part.arguments, shapes, data_format, batch_size)

    return LayerCall(
        name=class_name(name),
        given=arguments,
        defaults=_defaults(name),
        inputs=tuple(map(tuple, inputs)),
        data_format=data_format,
        batch_size=batch_size,
        nested_call=nested_call,
        infer=_apply_rule,
    )


@cache
def _defaults(name: str) -> Mapping[str, Any]:
    entry = lookup.entry("layers", name)
    if entry is None:
        return {}
    return {key: parameter.default for key, parameter in entry.parameters.items() if not parameter.required}
