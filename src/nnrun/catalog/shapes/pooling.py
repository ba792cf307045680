"""Poolings: windowed, adaptive and global."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog.shapes.convolution import picture, slide

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnrun.catalog.shapes.call import Call, LayerShape


def _windowed(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        window = call.sizes("pool_size", rank)
        strides = window if call["strides"] is None else call.sizes("strides", rank)
        return call.answer(call.join(slide(call, spatial, window, strides, call["padding"]), channels))

    return rule


def _adaptive(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        _, channels = picture(call, rank)
        return call.answer(call.join(call.sizes("output_size", rank), channels))

    return rule


def _global(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        _, channels = picture(call, rank)
        return call.answer(call.join((1,) * rank, channels) if call["keepdims"] else (channels,))

    return rule


RULES: dict[str, Callable[[Call], LayerShape]] = {
    name.format(rank): rule(rank)
    for rank in (1, 2, 3)
    for rule, names in (
        (_windowed, ("MaxPooling{}D", "AveragePooling{}D")),
        (_adaptive, ("AdaptiveMaxPooling{}D", "AdaptiveAveragePooling{}D")),
        (_global, ("GlobalMaxPooling{}D", "GlobalAveragePooling{}D")),
    )
    for name in names
}
