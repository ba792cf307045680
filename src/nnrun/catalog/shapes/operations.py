"""The shapes of `Op`, which applies an operation of `keras.ops`: of those that people use, the others are undecided.

Operations count the batch as axis 0, and know its size no better than Keras: shapes here begin with it, as None.
"""

from __future__ import annotations

import itertools
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

from nnrun.catalog import lookup
from nnrun.catalog.kinds import is_integer
from nnrun.catalog.shapes.layer_call import (
    LayerCall,
    LayerShape,
    Rule,
    Shape,
    ShapeError,
    Undecided,
    format_shape,
    product,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SAME = """abs absolute angle arccos arccosh arcsin arcsinh arctan arctanh argsort bitwise_invert bitwise_not cast cbrt
    ceil celu conj conjugate copy cos cosh cumprod cumsum deg2rad elu empty_like erf erfc erfinv exp exp2 expm1 fabs
    flip floor full_like gelu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh i0 imag isfinite isinf isnan
    isneginf isposinf isreal layer_normalization leaky_relu log log10 log1p log2 log_sigmoid log_softmax logical_not
    nan_to_num negative normalize ones_like rad2deg real reciprocal relu relu6 rms_normalization roll round rsqrt
    saturate_cast selu sigmoid sign signbit silu sin sinc sinh soft_shrink softmax softplus softsign sort sparse_plus
    sparse_sigmoid sparsemax sqrt square squareplus stop_gradient swish tan tanh tanh_shrink threshold tril triu trunc
    zeros_like nancumprod nancumsum"""
_BROADCAST = """add arctan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor clip divide
    divide_no_nan equal floor_divide fmax fmin fmod greater greater_equal heaviside hypot isclose
    left_shift less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply
    nextafter not_equal polar power right_shift subtract true_divide"""
_REDUCED = """all amax amin any argmax argmin count_nonzero logsumexp max mean min nanargmax nanargmin nanmax
    nanmean nanmin nanprod nanstd nansum nanvar prod ptp std sum var"""


class _OpCall:
    """An operation on tensors, some of which may be constants of the config.

    Attributes:
        name: The operation's name.
        shapes: The shapes of the tensors that the layers before it give, with the batch.
    """

    def __init__(self, call: LayerCall) -> None:
        part = call["op"]
        if not hasattr(part, "arguments"):
            raise Undecided("the operation is not known")
        entry = lookup.entry("ops", part.name)
        if entry is None:
            raise Undecided(f"there is no operation {part.name}")
        self.name, self._given, self._entry, self._call = entry.name, part.arguments, entry, call
        self.shapes: list[Shape] = [(None, *shape) for shape in call.inputs]
        self._require_count()

    def __getitem__(self, key: str) -> Any:
        value = self._given[key] if key in self._given else self._entry.parameters[key].default
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.startswith("$"):
                raise Undecided(f"`{key}` of {self.name} depends on {item}")
        return value

    def get(self, key: str) -> Any:
        """Return an argument's value; None where the operation has no such argument."""
        return self[key] if key in self._entry.parameters else None

    @property
    def constants(self) -> list[Shape]:
        """The shapes of the numbers that the config has in place of tensors."""
        return [
            _shape_of(self._given[key]) for key in self._entry.parameters if key in self._tensors() & {*self._given}
        ]

    @property
    def shape(self) -> Shape:
        """The shape of the first tensor."""
        if not self.shapes:
            raise Undecided(f"{self.name} has no tensor")
        return self.shapes[0]

    def error(self, text: str, hint: str | None = None) -> ShapeError:
        """Return the error that the operation cannot take its tensors."""
        received = " and ".join(format_shape(shape) for shape in self.shapes)
        return ShapeError(f"{self.name} {text}, received {received} (the first is the batch).", hint)

    def axis(self, value: Any, rank: int | None = None) -> int:
        """Return an axis, counted from 0."""
        rank = len(self.shape) if rank is None else rank
        if not is_integer(value) or not -rank <= value < rank:
            raise self.error(f"expects an axis from {-rank} to {rank - 1}, and has {value!r}", "Axis 0 is the batch.")
        return int(value) % rank

    def axes(self, value: Any) -> list[int]:
        """Return one axis or several, counted from 0; all of them for null."""
        if value is None:
            return list(range(len(self.shape)))
        return [self.axis(one) for one in (value if isinstance(value, list) else [value])]

    def result(self, *outputs: Shape) -> LayerShape:
        """Return shapes with the batch as a layer's outputs.

        Raises:
            Undecided: The batch is not the first dimension any more.
        """
        for shape in outputs:
            if not shape or shape[0] is not None:
                raise Undecided(f"{self.name} takes the examples of a batch together")
        return self._call.result(outputs[0][1:] if len(outputs) == 1 else tuple(shape[1:] for shape in outputs))

    def _tensors(self) -> set[str]:
        return set(tensor_arguments(self._entry))

    def _require_count(self) -> None:
        """Check that there are as many tensors as the operation takes."""
        if self._entry.listed:
            return
        missing = [key for key in self._entry.tensors if key not in self._given]
        most = [key for key in tensor_arguments(self._entry) if key not in self._given]
        count = len(self.shapes)
        if len(missing) <= count <= max(len(most), len(missing)):
            return
        expected = f"{len(missing)}" if len(missing) >= len(most) else f"{len(missing)} to {len(most)}"
        names = ", ".join(missing or most)
        example = f"from: [{', '.join('abcdef'[: len(missing)])}]"
        raise ShapeError(
            f"{self.name} expects {expected} tensor{'s' * (expected != '1')} ({names}), received {count}.",
            f"Name them, as in {{Op: {{op: {self.name}, {example}}}}}; a number may stand for one: "
            f"{{Op: {{op: {{{self.name}: {{{missing[-1]}: 2}}}}}}}}."
            if len(missing) > 1
            else None,
        )


def tensor_arguments(entry: lookup.Entry) -> tuple[str, ...]:
    """Return the arguments of an operation that may be tensors, in the order in which `from:` gives them."""
    return (*entry.tensors, *entry.optional_tensors)


def _shape_of(value: Any) -> Shape:
    if not isinstance(value, list):
        return ()
    return (len(value), *(_shape_of(value[0]) if value else ()))


def _broadcast(call: _OpCall, one: Shape, other: Shape) -> Shape:
    rank = max(len(one), len(other))
    first, second = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (one, other))
    output: list[int | None] = []
    for place, (a, b) in enumerate(zip(first, second, strict=True)):
        if len(one) != len(other) and None in (a, b) and place > 0 and {a, b} != {None, 1} and a != b:
            hint = "Give them as many dimensions first, with expand_dims or Reshape."
            raise call.error("expects tensors with as many dimensions, as the batch is the first of each", hint)
        if a is not None and b is not None and a != b and 1 not in (a, b):
            raise call.error("expects tensors of the same shape (or of size 1 where they differ)")
        output.append((b if a == 1 else a) if None not in (a, b) or 1 in (a, b) else None)
    return tuple(output)


def _broadcasted(call: _OpCall) -> LayerShape:
    shapes = [*call.shapes, *call.constants]
    return call.result(reduce(lambda one, other: _broadcast(call, one, other), shapes))


def _where(call: _OpCall) -> LayerShape:
    if len(call.shapes) + len(call.constants) != 3:
        hint = "Name three tensors in from:, or give a number for one of them: {where: {x2: 0.0}} takes two."
        raise call.error("expects a condition with both x1 and x2", hint)
    return _broadcasted(call)


def _reduced(call: _OpCall) -> LayerShape:
    axes, keeps = call.axes(call["axis"]), call.get("keepdims")
    if 0 in axes:
        raise Undecided(f"{call.name} goes over axis 0 too, which is the batch: write axis: 1, or [1, 2], or -1")
    if keeps:
        return call.result(tuple(1 if place in axes else size for place, size in enumerate(call.shape)))
    return call.result(tuple(size for place, size in enumerate(call.shape) if place not in axes))


def _reshape(call: _OpCall) -> LayerShape:
    value = call["newshape"]
    target = value if isinstance(value, list) else [value]
    inner = product(call.shape[1:])
    if target.count(-1) > 1 or not target:
        raise call.error(f"expects a shape with at most one -1, and has {value!r}")
    if target[0] != -1 or inner is None:
        raise Undecided("reshape: its first size is not -1, the batch")
    sides = prod(target[1:])
    if sides != inner:
        hint = f"The sizes after the batch must multiply to {inner}."
        raise call.error(f"expects as many values for each example as its input has, and has {value!r}", hint)
    return call.result((None, *target[1:]))


def _transpose(call: _OpCall) -> LayerShape:
    order, rank = call["axes"], len(call.shape)
    order = list(reversed(range(rank))) if order is None else [call.axis(one) for one in order]
    if sorted(order) != list(range(rank)):
        raise call.error(f"expects each axis from 0 to {rank - 1} once, and has {call['axes']!r}")
    if order[0] != 0:
        raise Undecided("transpose moves the batch")
    return call.result(tuple(call.shape[place] for place in order))


def _expand_dims(call: _OpCall) -> LayerShape:
    value = call["axis"]
    output = list(call.shape)
    rank = len(output) + len(value if isinstance(value, list) else [value])
    for axis in sorted(call.axis(one, rank) for one in (value if isinstance(value, list) else [value])):
        output.insert(axis, 1)
    return call.result(tuple(output))


def _squeeze(call: _OpCall) -> LayerShape:
    value = call["axis"]
    axes = [place for place, size in enumerate(call.shape) if size == 1] if value is None else call.axes(value)
    if any(call.shape[place] not in (1, None) or place == 0 for place in axes):
        raise call.error(f"expects axes of size 1, and has {value!r}")
    return call.result(tuple(size for place, size in enumerate(call.shape) if place not in axes))


def _swapaxes(call: _OpCall) -> LayerShape:
    one, other = call.axis(call["axis1"]), call.axis(call["axis2"])
    output = list(call.shape)
    output[one], output[other] = output[other], output[one]
    return call.result(tuple(output))


def _joined(call: _OpCall) -> LayerShape:
    axis, shapes = call.axis(call["axis"]), call.shapes
    alike = [[size for place, size in enumerate(shape) if place != axis] for shape in shapes]
    if any(len(one) != len(alike[0]) or _differ(one, alike[0]) for one in alike):
        raise call.error(f"expects tensors that differ only along axis {axis}")
    sizes = [shape[axis] for shape in shapes]
    size = None if None in sizes else sum(one for one in sizes if one is not None)
    if axis == 0:
        raise Undecided("concatenate joins along the batch")
    return call.result((*call.shape[:axis], size, *call.shape[axis + 1 :]))


def _differ(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return any(None not in (a, b) and a != b for a, b in zip(one, other, strict=True))


def _stacked(call: _OpCall) -> LayerShape:
    if any(len(shape) != len(call.shape) or _differ(shape, call.shape) for shape in call.shapes):
        raise call.error("expects tensors of one shape")
    axis = call.axis(call["axis"], len(call.shape) + 1)
    return call.result((*call.shape[:axis], len(call.shapes), *call.shape[axis:]))


def _split(call: _OpCall) -> LayerShape:
    axis, value = call.axis(call["axis"]), call["indices_or_sections"]
    size = call.shape[axis]
    if size is None:
        raise Undecided(f"{call.name} goes along an axis of unknown size")
    if isinstance(value, list):
        ends = [0, *(min(one, size) for one in value), size]
        sizes = [end - start for start, end in itertools.pairwise(ends)]
    elif call.name == "array_split":
        sizes = [size // value + (place < size % value) for place in range(value)]
    else:
        if value < 1 or size % value:
            raise call.error(f"expects a size of axis {axis} that can be divided into {value} equal parts")
        sizes = [size // value] * value
    return call.result(*((*call.shape[:axis], one, *call.shape[axis + 1 :]) for one in sizes))


def _unstack(call: _OpCall) -> LayerShape:
    axis = call.axis(call["axis"])
    size = call.shape[axis] if call["num"] is None else call["num"]
    if size is None or axis == 0:
        raise Undecided("unstack goes along an axis of unknown size")
    return call.result(*[(*call.shape[:axis], *call.shape[axis + 1 :])] * size)


def _matmul(call: _OpCall) -> LayerShape:
    if len(call.shapes) != 2 or min(map(len, call.shapes)) < 3:
        raise Undecided("matmul has a constant, or takes the examples of a batch together")
    one, other = call.shapes
    if one[-1] is not None and other[-2] is not None and one[-1] != other[-2]:
        raise call.error("expects the last size of the first tensor to be the last but one of the second")
    return call.result((*_broadcast(call, one[:-2], other[:-2]), one[-2], other[-1]))


def _einsum(call: _OpCall) -> LayerShape:
    text = str(call["subscripts"]).replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if "..." in text or not arrow:
        raise Undecided("einsum: dots, or no arrow")
    if [len(term) for term in terms] != [len(shape) for shape in call.shapes]:
        raise call.error(f"expects one letter for each dimension in {text!r}", "The first letter is the batch.")
    sizes: dict[str, int | None] = {}
    for term, shape in zip(terms, call.shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            if None not in (sizes.get(letter, size), size) and sizes.get(letter, size) != size:
                raise call.error(f"expects one size for {letter!r} of {text!r}")
            sizes[letter] = sizes.get(letter) if size is None else size
    if any(letter not in sizes for letter in right):
        raise call.error(f"expects every letter after the arrow of {text!r} before it too")
    return call.result(tuple(sizes[letter] for letter in right))


def _blocks(call: _OpCall) -> LayerShape:
    size, first = call["block_size"], call["data_format"] == "channels_first"
    if len(call.shape) != 4:
        raise call.error("expects pictures: (height, width, channels)", "Put a Reshape before it.")
    if size < 2:
        raise call.error(f"expects a block_size of at least 2, and has {size}")
    channels, height, width = (call.shape[place] for place in ((1, 2, 3) if first else (3, 1, 2)))
    to_space = call.name == "depth_to_space"
    area = size * size
    wrong = [channels] if to_space else [height, width]
    if any(one is not None and one % (area if to_space else size) for one in wrong):
        what = f"channels that {area} divides" if to_space else f"height and width that {size} divides"
        raise call.error(f"expects {what}")

    def scaled(side: int | None, factor: int) -> int | None:
        return None if side is None else side * factor if to_space else side // factor

    channels = None if channels is None else channels // area if to_space else channels * area
    sides = (scaled(height, size), scaled(width, size))
    return call.result((None, channels, *sides) if first else (None, *sides, channels))


def _pad(call: _OpCall) -> LayerShape:
    value, rank = call["pad_width"], len(call.shape)
    if is_integer(value):
        value = [[value, value]] * rank
    elif value and is_integer(value[0]):
        value = [value] * rank
    if len(value) != rank or any(len(pair) != 2 for pair in value):
        raise call.error(f"expects a pair for each of {rank} dimensions, the batch first, and has {value!r}")
    if sum(value[0]):
        raise Undecided("pad adds examples to the batch")
    return call.result(
        tuple(None if size is None else size + sum(pair) for size, pair in zip(call.shape, value, strict=True))
    )


def _repeat(call: _OpCall) -> LayerShape:
    count = call["repeats"]
    if call["axis"] is None or not is_integer(count):
        raise Undecided("repeat without an axis takes the examples of a batch together")
    axis = call.axis(call["axis"])
    size = call.shape[axis]
    return call.result((*call.shape[:axis], None if size is None else size * count, *call.shape[axis + 1 :]))


def _rfft(call: _OpCall) -> LayerShape:
    length = call["fft_length"] or call.shape[-1]
    output = (*call.shape[:-1], None if length is None else length // 2 + 1)
    return call.result(output, output)


def _complex_pair(call: _OpCall) -> LayerShape:
    if len(call.shapes) != 2 or call.shapes[0] != call.shapes[1]:
        raise call.error("expects a real and an imaginary part of one shape", "Name them: from: [real, imaginary]")
    return call.result(call.shape, call.shape)


def _irfft(call: _OpCall) -> LayerShape:
    size = call.shape[-1]
    length = call["fft_length"] or (None if size is None else 2 * (size - 1))
    return call.result((*call.shape[:-1], length))


def _one_hot(call: _OpCall) -> LayerShape:
    axis = call.axis(call["axis"], len(call.shape) + 1)
    return call.result((*call.shape[:axis], call["num_classes"], *call.shape[axis:]))


def _top_k(call: _OpCall) -> LayerShape:
    size, k = call.shape[-1], call["k"]
    if size is not None and size < k:
        raise call.error(f"expects a last size of at least {k}")
    output = (*call.shape[:-1], k)
    return call.result(output, output)


def _diff(call: _OpCall) -> LayerShape:
    axis = call.axis(call["axis"])
    size = call.shape[axis]
    return call.result(
        (*call.shape[:axis], None if size is None else max(size - call["n"], 0), *call.shape[axis + 1 :])
    )


def _norm(call: _OpCall) -> LayerShape:
    if call["axis"] is None:
        raise Undecided("norm goes over axis 0 too, which is the batch: write axis: -1")
    return _reduced(call)


def _moments(call: _OpCall) -> LayerShape:
    axes = call.axes(call["axes"])
    if 0 in axes:
        raise Undecided("moments goes over axis 0 too, which is the batch")
    kept = [(1 if place in axes else size, place in axes) for place, size in enumerate(call.shape)]
    output = tuple(size for size, is_reduced in kept if call["keepdims"] or not is_reduced)
    return call.result(output, output)


def _slice(call: _OpCall) -> LayerShape:
    starts, sizes, rank = call["start_indices"], call["shape"], len(call.shape)
    sizes = sizes if isinstance(sizes, list) else [sizes]
    if not isinstance(starts, list) or len(starts) != rank or len(sizes) != rank:
        raise call.error(f"expects a start and a size for each of {rank} dimensions, the batch first")
    if starts[0] != 0 or sizes[0] != -1:
        raise Undecided("slice takes some of the examples of a batch: axis 0 has start 0 and size -1")
    output: list[int | None] = [None]
    for axis in range(1, rank):
        whole, start, size = call.shape[axis], starts[axis], sizes[axis]
        if start < 0 or size < -1 or (whole is not None and max(start, start + size) > whole):
            raise call.error(f"expects a start and a size within axis {axis}, and has {start} and {size}")
        output.append((None if whole is None else whole - start) if size == -1 else size)
    return call.result(tuple(output))


#: The rules of operations.
OPERATIONS: Mapping[str, Callable[[_OpCall], LayerShape]] = {
    **dict.fromkeys(_SAME.split(), lambda call: call.result(call.shape)),
    **dict.fromkeys(_BROADCAST.split(), _broadcasted),
    **dict.fromkeys(_REDUCED.split(), _reduced),
    **dict.fromkeys(("split", "array_split"), _split),
    **dict.fromkeys(("depth_to_space", "space_to_depth"), _blocks),
    **dict.fromkeys(("fft", "fft2", "ifft2"), _complex_pair),
    "concatenate": _joined,
    "diff": _diff,
    "einsum": _einsum,
    "expand_dims": _expand_dims,
    "irfft": _irfft,
    "matmul": _matmul,
    "moments": _moments,
    "norm": _norm,
    "one_hot": _one_hot,
    "pad": _pad,
    "repeat": _repeat,
    "reshape": _reshape,
    "rfft": _rfft,
    "slice": _slice,
    "squeeze": _squeeze,
    "stack": _stacked,
    "swapaxes": _swapaxes,
    "top_k": _top_k,
    "transpose": _transpose,
    "unstack": _unstack,
    "where": _where,
}


def _op(call: LayerCall) -> LayerShape:
    operation = _OpCall(call)
    rule = OPERATIONS.get(operation.name)
    if rule is None:
        raise Undecided(f"there is no rule for the operation {operation.name}")
    return rule(operation)


def _sampling(call: LayerCall) -> LayerShape:
    if len(call.inputs) != 2 or call.inputs[0] != call.inputs[1]:
        raise ShapeError(
            f"Sampling expects a mean and the logarithm of a variance, of one shape, received {call.received()}.",
            "Name them: Sampling: {from: [mean, log_variance]}.",
        )
    return call.result(call.inputs[0])


RULES: dict[str, Rule] = {"Op": _op, "Sampling": _sampling}
