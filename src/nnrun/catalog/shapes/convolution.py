"""Convolutions: plain, depthwise, separable, transposed and short-time Fourier."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import Call, LayerShape, Shape, ShapeError, count, is_integer, show
from nnrun.catalog.shapes.lora import with_lora

if TYPE_CHECKING:
    from collections.abc import Callable

_MEANINGS = {1: "(steps, channels)", 2: "(height, width, channels)", 3: "(depth, height, width, channels)"}
_MEANINGS_FIRST = {1: "(channels, steps)", 2: "(channels, height, width)", 3: "(channels, depth, height, width)"}


def picture(call: Call, rank: int) -> tuple[Shape, int | None]:
    """The spatial dimensions and channels of the only input, which must have `rank` spatial dimensions."""
    meaning = (_MEANINGS_FIRST if call.channels_first else _MEANINGS)[rank]
    return call.split(call.shape(rank + 1, meaning=meaning))


def slide(call: Call, spatial: Shape, window: tuple[int, ...], strides: tuple[int, ...], padding: Any) -> Shape:
    """How often a window fits, per dimension; `window` is the size it covers, dilation counted."""
    if padding not in ("valid", "same", "causal") or (padding == "causal" and call.name != "Conv1D"):
        allowed = "'valid', 'same' or 'causal'" if call.name == "Conv1D" else "'valid' or 'same'"
        raise ShapeError(f"`padding` of {call.name} expects {allowed}, received {padding!r}.")
    output: list[int | None] = []
    for size, covered, stride in zip(spatial, window, strides, strict=True):
        if stride < 1:
            raise ShapeError(f"`strides` of {call.name} expects integers of at least 1, received {list(strides)}.")
        if padding == "valid" and size is not None and size < covered:
            raise ShapeError(
                f"{call.name} expects at least {covered} along every dimension that its window covers, "
                f"received {show(spatial)} with a window of {list(window)}.",
                "Use `padding: same`, a smaller window, or fewer poolings and strides before it.",
            )
        output.append(
            None
            if size is None
            else ((size - covered) // stride + 1 if padding == "valid" else (size - 1) // stride + 1)
        )
    return tuple(output)


def covered(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """How much of the input a dilated kernel spans."""
    return tuple((size - 1) * rate + 1 for size, rate in zip(kernel, dilation, strict=True))


def positive(call: Call, key: str) -> int:
    """An argument that is one positive integer."""
    value = call[key]
    if not is_integer(value) or value < 1:
        raise ShapeError(f"`{key}` of {call.name} expects a positive integer, received {value!r}.")
    return int(value)


def _refuse_strided_dilation(call: Call, strides: tuple[int, ...], dilation: tuple[int, ...]) -> None:
    if max(strides) > 1 and max(dilation) > 1:
        raise ShapeError(
            f"{call.name} expects either `strides` or `dilation_rate` above 1, received strides "
            f"{list(strides)} and dilation_rate {list(dilation)}."
        )


def _plain(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        kernel, strides = call.sizes("kernel_size", rank), call.sizes("strides", rank)
        dilation, filters, groups = (
            call.sizes("dilation_rate", rank),
            positive(call, "filters"),
            positive(call, "groups"),
        )
        _refuse_strided_dilation(call, strides, dilation)
        channels = call.known(channels, "channels")
        for what, size in (("`filters`", filters), ("input channels", channels)):
            if size % groups:
                raise ShapeError(f"{call.name} expects {what} divisible by `groups`, received {size} and {groups}.")
        output = slide(call, spatial, covered(kernel, dilation), strides, call["padding"])
        shape = (*kernel, channels // groups, filters)
        trained, frozen = with_lora(call, shape)
        return call.answer(call.join(output, filters), trained + filters * bool(call["use_bias"]), frozen)

    return rule


def _depthwise(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        kernel, multiplier = call.sizes("kernel_size", rank), positive(call, "depth_multiplier")
        channels = call.known(channels, "channels")
        output = slide(
            call,
            spatial,
            covered(kernel, call.sizes("dilation_rate", rank)),
            call.sizes("strides", rank),
            call["padding"],
        )
        filters = channels * multiplier
        return call.answer(call.join(output, filters), count(kernel) * filters + filters * bool(call["use_bias"]))

    return rule


def _separable(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        kernel, filters = call.sizes("kernel_size", rank), positive(call, "filters")
        deep = call.known(channels, "channels") * positive(call, "depth_multiplier")
        output = slide(
            call,
            spatial,
            covered(kernel, call.sizes("dilation_rate", rank)),
            call.sizes("strides", rank),
            call["padding"],
        )
        trained = count(kernel) * deep + deep * filters + filters * bool(call["use_bias"])
        return call.answer(call.join(output, filters), trained)

    return rule


def _transposed(rank: int) -> Callable[[Call], LayerShape]:
    def rule(call: Call) -> LayerShape:
        spatial, channels = picture(call, rank)
        kernel, filters, strides = (
            call.sizes("kernel_size", rank),
            positive(call, "filters"),
            call.sizes("strides", rank),
        )
        dilation = call.sizes("dilation_rate", rank)
        _refuse_strided_dilation(call, strides, dilation)
        extra: tuple[int | None, ...] = (None,) * rank
        if call["output_padding"] is not None:
            extra = sizes = call.sizes("output_padding", rank, least=0)
            if any(more >= stride for more, stride in zip(sizes, strides, strict=True)):
                raise ShapeError(
                    f"`output_padding` of {call.name} expects less than `strides` everywhere, received "
                    f"{list(extra)} and {list(strides)}."
                )
        channels = call.known(channels, "channels")
        if call["padding"] not in ("valid", "same"):
            raise ShapeError(f"`padding` of {call.name} expects 'valid' or 'same', received {call['padding']!r}.")
        output = [
            _widened(*sizes, same=call["padding"] == "same")
            for sizes in zip(spatial, covered(kernel, dilation), strides, extra, strict=True)
        ]
        trained = count(kernel) * channels * filters + filters * bool(call["use_bias"])
        return call.answer(call.join(output, filters), trained)

    return rule


def _widened(size: int | None, kernel: int, stride: int, extra: int | None, *, same: bool) -> int | None:
    if size is None:
        return None
    if same:
        return size * stride if extra is None else (size - 1) * stride + kernel % 2 + extra
    return (size - 1) * stride + kernel + (max(kernel, stride) - kernel if extra is None else extra)


def _spectrogram(call: Call) -> LayerShape:
    spatial, channels = picture(call, 1)
    frame = positive(call, "frame_length")
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
    (steps,) = slide(call, spatial, (frame,), (step,), call["padding"])
    if not call["expand_dims"]:
        output = call.join((steps,), frequencies * channels)
    else:
        output = (channels, steps, frequencies) if call.channels_first else (steps, frequencies, channels)
    return call.answer(output, kernels * frame * bins)


RULES: dict[str, Callable[[Call], LayerShape]] = {
    **{f"Conv{rank}D": _plain(rank) for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _transposed(rank) for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _depthwise(rank) for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _separable(rank) for rank in (1, 2)},
    "STFTSpectrogram": _spectrogram,
}
