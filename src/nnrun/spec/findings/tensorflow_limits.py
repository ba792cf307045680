"""Checks of what Keras builds but TensorFlow cannot compute: it refuses these layers only in the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nnrun.catalog import lookup
from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.layer_call import format_shape, outputs
from nnrun.catalog.shapes.names import class_name
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext

#: The most dimensions, with the batch, of a softmax on CPU, and of two tensors that are broadcast together.
_OF_SOFTMAX, _OF_BROADCAST = 5, 8


class _Call(NamedTuple):
    """A layer applied to an input, also one inside of another layer.

    Attributes:
        part: The layer.
        path: Its place in the config.
        shape: The shape of one example of its first input.
        data_format: Where channels are if the layer itself does not have it.
    """

    part: Part
    path: Path
    shape: Shape
    data_format: str

    @property
    def name(self) -> str:
        """The layer's class in Keras."""
        return class_name(self.part.name)

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the spatial dimensions."""
        return (self.part.arguments.get("data_format") or self.data_format) == "channels_first"

    def output(self) -> Shape | None:
        """Return the shape of one example of the output; None where it is not known."""
        try:
            found = infer(self.part.name, self.part.arguments, [self.shape], data_format=self.data_format).output
        except (ShapeError, Undecided):
            return None
        return outputs(found)[0]


def check_tensorflow_limits(context: CheckContext) -> Iterator[Finding]:
    """Find layers that TensorFlow cannot compute for their shapes."""
    if context.experiment.backend != "tensorflow":
        return
    known: set[Path] = set()
    for row in context.rows:
        # The layers of a stack that is used several times have one place in the file.
        if row.error is None and row.inputs and row.path not in known:
            known.add(row.path)
            call = _Call(row.part, row.path, row.inputs[0], context.experiment.keras.image_data_format)
            for each in _with_inner(call):
                yield from _pooling(each)
                yield from _softmax(each)
                yield from _attention(each)
                yield from _tiles(each)
                yield from _transposed(each)


def _with_inner(call: _Call) -> Iterator[_Call]:
    """Yield a call and those of the layers inside of it."""
    yield call
    inner = call.part.arguments.get("layer", call.part.arguments.get("layers"))
    shape: Shape | None = call.shape[1:] if call.name == "TimeDistributed" else call.shape
    if call.name not in ("TimeDistributed", "SpectralNormalization", "Pipeline", "Sequential"):
        return
    for part in inner if isinstance(inner, list) else [inner]:
        if not isinstance(part, Part) or shape is None:
            return
        each = _Call(part, (*part.path, part.name), shape, call.data_format)
        yield from _with_inner(each)
        shape = each.output()


def _pooling(call: _Call) -> Iterator[Finding]:
    """Find adaptive poolings whose second window, one larger than the first, is larger than the input."""
    sizes = call.part.arguments.get("output_size")
    spatial = call.shape[1:] if call.channels_first else call.shape[:-1]
    if not call.name.startswith("Adaptive") or sizes is None:
        return
    sizes = (sizes,) * len(spatial) if isinstance(sizes, int) else tuple(sizes)
    if len(sizes) != len(spatial) or not all(isinstance(size, int) for size in (*sizes, *spatial)):
        return
    if any(1 in pair for pair in zip(spatial, sizes, strict=True)):
        text = (
            f"Keras cannot pool to or from a single position on TensorFlow: {call.name} makes {format_shape(sizes)} of "
        )
        text += f"{format_shape(spatial)}"
        yield Finding(call.path, text, _other_pooling(call, spatial, sizes), "cannot-combine")


def _other_pooling(call: _Call, spatial: Sequence[int | None], sizes: Sequence[int]) -> str:
    """Return a pooling that makes the same of the input, where there is one."""
    kind, rank = "Average" if "Average" in call.name else "Max", len(sizes)
    same = f", data_format: {call.part.arguments['data_format']}" if "data_format" in call.part.arguments else ""
    if all(size == 1 for size in sizes):
        return f"write Global{kind}Pooling{rank}D: {{keepdims: true{same}}}"
    windows = [divmod(before or 0, after) for before, after in zip(spatial, sizes, strict=True)]
    if all(window and not rest for window, rest in windows):
        return f"write {kind}Pooling{rank}D: {{pool_size: {[window for window, _ in windows]}{same}}}"
    return "write an output_size of 2 or more, for dimensions of 2 or more"


def _softmax(call: _Call) -> Iterator[Finding]:
    """Find a softmax of too many dimensions."""
    place, shape, axes = call.path, None, call.part.arguments.get("axis", -1)
    if call.name == "Softmax" and (not isinstance(axes, list) or len(axes) == 1):
        shape = call.shape
    elif _activation(call.part) == "softmax":
        place, shape = (*call.path, "activation"), call.output()
    if shape is not None and len(shape) >= _OF_SOFTMAX:
        most = f"up to {_OF_SOFTMAX - 1} dimensions an example"
        text = f"TensorFlow computes a softmax of {most}, received {format_shape(shape)}"
        yield Finding(place, text, "put a Reshape to fewer dimensions before it", "cannot-combine")


def _activation(part: Part) -> str | None:
    entry = lookup.entry("layers", part.name)
    if entry is None or entry.origin == "user":
        return None
    given = part.arguments.get("activation")
    return given.name if isinstance(given, Part) else given if isinstance(given, str) else None


def _attention(call: _Call) -> Iterator[Finding]:
    """Find attention whose scores have too many dimensions: a pair of each attended axis, the others, and the heads."""
    hint = "put a Reshape to [steps, features] before it"
    if call.name in ("Attention", "AdditiveAttention") and len(call.shape) >= _OF_SOFTMAX:
        text = f"TensorFlow computes scores of attention of up to {_OF_SOFTMAX} dimensions, and {call.name} of "
        yield Finding(
            call.path, f"{text}{format_shape(call.shape)} makes {len(call.shape) + 1}", hint, "cannot-combine"
        )
    if call.name != "MultiHeadAttention":
        return
    given = call.part.arguments.get("attention_axes")
    axes = len(call.shape) - 1 if given is None else len(given) if isinstance(given, list) else 1
    scores = len(call.shape) + 1 + axes
    most = _OF_SOFTMAX if axes == 1 else _OF_BROADCAST
    if scores > most:
        text = f"TensorFlow computes scores of attention of up to {most} dimensions, and {format_shape(call.shape)} "
        text += f"with {axes} attended {'axis' if axes == 1 else 'axes'} makes {scores} of them"
        yield Finding(call.path, text, hint, "cannot-combine")


def _tiles(call: _Call) -> Iterator[Finding]:
    """Find equalizations whose tiles need more rows or columns than a reflection of the image has."""
    if call.name != "ContrastLimitedAdaptiveHistogramEqualization":
        return
    sizes = call.shape[-2:] if call.channels_first else call.shape[-3:-1]
    tiles = _for_each(call.part.arguments.get("tile_grid_size") or 8, 2)
    known = [(size, count) for size, count in zip(sizes, tiles, strict=False) if isinstance(size, int)]
    if any(-(-size // count) * count > 2 * size for size, count in known):
        text = (
            f"Keras fills {format_shape(sizes)} up to {tiles[0]} x {tiles[1]} tiles by a reflection, which is too small"
        )
        fitting = [
            min(count, size) if isinstance(size, int) else count for size, count in zip(sizes, tiles, strict=True)
        ]
        yield Finding(call.path, text, f"write tile_grid_size: {fitting}", "cannot-combine")


def _transposed(call: _Call) -> Iterator[Finding]:
    """Find transposed convolutions of fewer outputs than TensorFlow can convolve back to the input."""
    padding = call.part.arguments.get("output_padding")
    if not (call.name.startswith("Conv") and call.name.endswith("Transpose")) or padding is None:
        return
    if call.part.arguments.get("padding") != "same":
        return
    rank = len(call.shape) - 1
    kernel, dilation = (_for_each(call.part.arguments.get(key, 1), rank) for key in ("kernel_size", "dilation_rate"))
    spans = [(size - 1) * rate + 1 for size, rate in zip(kernel, dilation, strict=True)]
    if any(span % 2 == 0 and not extra for span, extra in zip(spans, _for_each(padding, rank), strict=True)):
        text = f"TensorFlow cannot compute {call.name} with padding: same, output_padding: 0 and an even kernel_size"
        yield Finding((*call.path, "output_padding"), text, "leave out output_padding", "cannot-combine")


def _for_each(value: object, rank: int) -> list[int]:
    """Return an argument that is one number for all dimensions, or a list, as one for each."""
    return [int(one) for one in value] if isinstance(value, list | tuple) else [int(str(value))] * rank
