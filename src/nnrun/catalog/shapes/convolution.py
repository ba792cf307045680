"""Layers with a window that moves over the input: convolutions, poolings, and the short-time Fourier transform."""

from __future__ import annotations

from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.layer_call import LayerCall, LayerShape, Rule, Shape, ShapeError, format_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIMENSIONS = {1: "steps", 2: "height, width", 3: "depth, height, width"}


def split_input(call: LayerCall, rank: int | None = None) -> tuple[Shape, int | None]:
    """Return the spatial dimensions and the channels of the only input."""
    rank = rank or call.rank
    names = f"channels, {_DIMENSIONS[rank]}" if call.channels_first else f"{_DIMENSIONS[rank]}, channels"
    return call.split_channels(call.shape(rank + 1, meaning=f"({names})"))


def window_positions(
    call: LayerCall, spatial: Shape, window: tuple[int, ...], strides: tuple[int, ...], padding: Any
) -> Shape:
    """Return the number of positions of a window in each dimension; `window` is its size with dilation."""
    if padding not in ("valid", "same", "causal") or (padding == "causal" and call.name != "Conv1D"):
        allowed = "'valid', 'same' or 'causal'" if call.name == "Conv1D" else "'valid' or 'same'"
        raise ShapeError(f"`padding` of {call.name} expects {allowed}, received {padding!r}.")
    output: list[int | None] = []
    for size, span, stride in zip(spatial, window, strides, strict=True):
        if stride < 1:
            raise ShapeError(f"`strides` of {call.name} expects integers of at least 1, received {list(strides)}.")
        if padding == "valid" and size is not None and size < span:
            raise ShapeError(
                f"{call.name} expects at least {span} along every dimension that its window covers, "
                f"received {format_shape(spatial)} with a window of {list(window)}.",
                "Use `padding: same`, a smaller window, or fewer poolings and strides before it.",
            )
        output.append(None if size is None else (size - (span if padding == "valid" else 1)) // stride + 1)
    return tuple(output)


def dilated_window(call: LayerCall) -> tuple[int, ...]:
    """Return the size of a kernel with its dilation."""
    sizes = zip(call.sizes("kernel_size"), call.sizes("dilation_rate"), strict=True)
    return tuple((size - 1) * rate + 1 for size, rate in sizes)


def refuse_strided_dilation(call: LayerCall) -> None:
    """Refuse strides together with a dilation."""
    strides, dilation = call.sizes("strides"), call.sizes("dilation_rate")
    if max(strides) > 1 and max(dilation) > 1:
        raise ShapeError(
            f"{call.name} expects either `strides` or `dilation_rate` above 1, received strides "
            f"{list(strides)} and dilation_rate {list(dilation)}."
        )


def by_rank(name: str, rule: Rule, ranks: Iterable[int] = (1, 2, 3)) -> dict[str, Rule]:
    """Return one rule for the layers of several ranks: `Conv{}D` for `Conv1D`, `Conv2D` and `Conv3D`."""
    return {name.format(rank): rule for rank in ranks}


def _moved_window(call: LayerCall, spatial: Shape) -> Shape:
    return window_positions(call, spatial, dilated_window(call), call.sizes("strides"), call["padding"])


def _conv(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    kernel, filters, groups = call.sizes("kernel_size"), call.positive("filters"), call.positive("groups")
    refuse_strided_dilation(call)
    channels = call.known(channels, "channels")
    for name, size in (("`filters`", filters), ("input channels", channels)):
        if size % groups:
            raise ShapeError(f"{call.name} expects {name} divisible by `groups`, received {size} and {groups}.")
    output = call.join_channels(_moved_window(call, spatial), filters)
    trained, frozen = call.kernel_parameters((*kernel, channels // groups, filters))
    return call.result(output, trained + filters * bool(call["use_bias"]), frozen)


def _depthwise(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    kernel = call.sizes("kernel_size")
    filters = call.known(channels, "channels") * call.positive("depth_multiplier")
    output = call.join_channels(_moved_window(call, spatial), filters)
    return call.result(output, (prod(kernel) + bool(call["use_bias"])) * filters)


def _separable(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    kernel, filters = call.sizes("kernel_size"), call.positive("filters")
    depth = call.known(channels, "channels") * call.positive("depth_multiplier")
    output = call.join_channels(_moved_window(call, spatial), filters)
    trained = prod(kernel) * depth + depth * filters + filters * bool(call["use_bias"])
    return call.result(output, trained)


def _transposed(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    kernel, filters, strides = call.sizes("kernel_size"), call.positive("filters"), call.sizes("strides")
    refuse_strided_dilation(call)
    extra: tuple[int | None, ...] = (None,) * call.rank
    if call["output_padding"] is not None:
        extra = sizes = call.sizes("output_padding", minimum=0)
        if any(more >= stride for more, stride in zip(sizes, strides, strict=True)):
            raise ShapeError(
                f"`output_padding` of {call.name} expects less than `strides` everywhere, received "
                f"{list(extra)} and {list(strides)}."
            )
    channels = call.known(channels, "channels")
    if call["padding"] not in ("valid", "same"):
        raise ShapeError(f"`padding` of {call.name} expects 'valid' or 'same', received {call['padding']!r}.")
    output = [
        _transposed_size(*sizes, same=call["padding"] == "same")
        for sizes in zip(spatial, dilated_window(call), strides, extra, strict=True)
    ]
    trained = prod(kernel) * channels * filters + filters * bool(call["use_bias"])
    return call.result(call.join_channels(output, filters), trained)


def _transposed_size(size: int | None, kernel: int, stride: int, extra: int | None, *, same: bool) -> int | None:
    if size is None:
        return None
    if same:
        return size * stride if extra is None else (size - 1) * stride + kernel % 2 + extra
    return (size - 1) * stride + kernel + (max(kernel, stride) - kernel if extra is None else extra)


def _spectrogram(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call, 1)
    frame = call.positive("frame_length")
    step = call["frame_step"] or frame // 2
    length = call["fft_length"] or 2 ** ceil(log2(frame))
    if step > frame or length < frame:
        raise ShapeError(
            f"STFTSpectrogram expects frame_step <= frame_length <= fft_length, received {step}, {frame} and {length}."
        )
    bins = length // 2 + 1
    kernels = (call["mode"] != "imag") + (call["mode"] != "real")
    frequencies = bins * 2 if call["mode"] == "stft" else bins
    channels = call.known(channels, "channels")
    (steps,) = window_positions(call, spatial, (frame,), (step,), call["padding"])
    if not call["expand_dims"]:
        output = call.join_channels((steps,), frequencies * channels)
    else:
        output = (channels, steps, frequencies) if call.channels_first else (steps, frequencies, channels)
    return call.result(output, kernels * frame * bins)


def _pooling(call: LayerCall) -> LayerShape:
    spatial, channels = split_input(call)
    window = call.sizes("pool_size")
    strides = window if call["strides"] is None else call.sizes("strides")
    return call.result(call.join_channels(window_positions(call, spatial, window, strides, call["padding"]), channels))


def _adaptive_pooling(call: LayerCall) -> LayerShape:
    _, channels = split_input(call)
    return call.result(call.join_channels(call.sizes("output_size"), channels))


def _global_pooling(call: LayerCall) -> LayerShape:
    _, channels = split_input(call)
    return call.result(call.join_channels((1,) * call.rank, channels) if call["keepdims"] else (channels,))


RULES: dict[str, Rule] = {
    **by_rank("Conv{}D", _conv),
    **by_rank("Conv{}DTranspose", _transposed),
    **by_rank("DepthwiseConv{}D", _depthwise, (1, 2)),
    **by_rank("SeparableConv{}D", _separable, (1, 2)),
    "STFTSpectrogram": _spectrogram,
    **by_rank("MaxPooling{}D", _pooling),
    **by_rank("AveragePooling{}D", _pooling),
    **by_rank("AdaptiveMaxPooling{}D", _adaptive_pooling),
    **by_rank("AdaptiveAveragePooling{}D", _adaptive_pooling),
    **by_rank("GlobalMaxPooling{}D", _global_pooling),
    **by_rank("GlobalAveragePooling{}D", _global_pooling),
}
