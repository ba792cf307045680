"""One layer applied to one input: what every shape rule reads, and what it returns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

from nnrun.catalog.kinds import is_integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The size of each dimension without the batch; None for an open one.
Shape = tuple[int | None, ...]
Output = Shape | tuple[Shape, ...]


class PartLike(Protocol):
    """A part of a config as the rules need it: a name of the catalog, and the arguments that the config gives."""

    @property
    def name(self) -> str:
        """The catalog's name, such as `Conv2D`."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments in the config; nested layers are parts again."""


@dataclass(frozen=True)
class LayerShape:
    """The output of a layer and the size of its weights.

    Attributes:
        output: The output's shape, or a tuple of shapes where the layer has several outputs.
        parameters: The number of values in its weights; None where undecided.
        trainable: The number of trainable values; None where undecided.
    """

    output: Output
    parameters: int | None
    trainable: int | None


class ShapeError(ValueError):
    """A layer that cannot take its input.

    Args:
        text: What was expected and what was received.
        hint: What to type next.
    """

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


class Undecided(Exception):  # noqa: N818 - not an error
    """No rule gives the layer's output, or something that it depends on is unknown."""


@dataclass(frozen=True)
class LayerCall:
    """A layer's arguments together with the shapes of its inputs.

    Attributes:
        name: The layer's class in Keras.
        given: The arguments in the config.
        defaults: Keras' defaults of all arguments.
        inputs: The shapes of all tensors that the layer is called on.
        data_format: Where channels are if the layer itself does not have it.
        batch_size: The batch size where the model fixes it.
        nested_call: Returns the call of a layer inside this one on some shapes.
        infer: Returns the output of a call by the rule of its layer.
    """

    name: str
    given: Mapping[str, Any]
    defaults: Mapping[str, Any]
    inputs: Sequence[Shape]
    data_format: str
    batch_size: int | None
    nested_call: Callable[[PartLike, Sequence[Shape]], LayerCall]
    infer: Callable[[LayerCall], LayerShape]

    # Arguments ------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        """Return an argument's value, Keras' default where the config does not give it.

        Raises:
            Undecided: The value is a fact that is not known yet, or a required argument is missing.
        """
        if key not in self.given and key not in self.defaults:
            raise Undecided(f"{self.name} needs `{key}`, which is not given")
        value = self.given[key] if key in self.given else self.defaults[key]
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, str) and item.startswith("$"):
                raise Undecided(f"`{key}` of {self.name} depends on {item}")
        return value

    def get(self, key: str) -> Any:
        """Return an argument's value, or None where the layer has no such argument."""
        return self[key] if key in self.given or key in self.defaults else None

    def call_argument(self, key: str) -> Any:
        """Return an argument of the layer's call, such as `return_attention_scores`."""
        return (self.given.get("call") or {}).get(key)

    def positive(self, key: str) -> int:
        """Return an argument that is one positive integer."""
        value = self[key]
        if not is_integer(value) or value < 1:
            raise ShapeError(f"`{key}` of {self.name} expects a positive integer, received {value!r}.")
        return int(value)

    def sizes(self, key: str, count: int | None = None, *, minimum: int = 1) -> tuple[int, ...]:
        """Return an argument that is one integer for all of `count` dimensions, or a list with one for each."""
        count, value = count or self.rank, self[key]
        sizes = (value,) * count if is_integer(value) else tuple(value) if isinstance(value, list | tuple) else ()
        if len(sizes) != count or not all(is_integer(size) and size >= minimum for size in sizes):
            raise ShapeError(
                f"`{key}` of {self.name} expects an integer or a list of {count}, each at least {minimum}, "
                f"received {value!r}."
            )
        return sizes

    def margins(self, key: str) -> tuple[tuple[int, int], ...]:
        """Return what `cropping` or `padding` removes from or adds to both ends of each dimension."""
        if self.rank == 1:
            first, last = self.sizes(key, 2, minimum=0)
            return ((first, last),)
        value = self[key]
        ends = [value] * self.rank if is_integer(value) else value if isinstance(value, list | tuple) else []
        pairs = [(end, end) if is_integer(end) else tuple(end) if isinstance(end, list | tuple) else () for end in ends]
        are_sizes = all(is_integer(size) and size >= 0 for pair in pairs for size in pair)
        if [len(pair) for pair in pairs] != [2] * self.rank or not are_sizes:
            raise ShapeError(
                f"`{key}` of {self.name} expects an integer of at least 0 or a list of {self.rank} pairs of them, "
                f"received {value!r}."
            )
        return tuple((pair[0], pair[1]) for pair in pairs)

    def axis(self, axis: int, shape: Shape) -> int | None:
        """Return the index into `shape` of an axis that Keras counts with the batch as 0; None for the batch."""
        rank = len(shape) + 1
        if not is_integer(axis) or not -rank <= axis < rank:
            raise ShapeError(
                f"`axis` of {self.name} expects an integer from {-rank} to {rank - 1} for the input "
                f"{format_shape(shape)}, received {axis!r}.",
                "Axis 0 is the batch, axis 1 the first dimension of the input.",
            )
        return axis % rank - 1 if axis % rank else None

    def axes(self, axes: Any, shape: Shape) -> list[int | None]:
        """Return the indexes of one axis or several, none of which may be named twice; as of `axis`."""
        several = list(axes) if isinstance(axes, list | tuple) else [axes]
        indexes = [self.axis(axis, shape) for axis in several]
        if len(set(indexes)) < len(indexes):
            raise ShapeError(
                f"`axis` of {self.name} expects each axis once for the input {format_shape(shape)}, received {axes!r}.",
                "A negative axis counts from the end: -1 is the last one.",
            )
        return indexes

    # Inputs ---------------------------------------------------------------------------------------------------------

    @property
    def rank(self) -> int:
        """The number of spatial dimensions of the layer: 2 for `Conv2D`."""
        found = re.search(r"([123])D", self.name)
        if found is None:
            raise Undecided(f"{self.name} does not have a number of dimensions")
        return int(found[1])

    def shape(self, rank: int | None = None, *, minimum: int = 0, meaning: str = "") -> Shape:
        """Return the shape of the only input.

        Args:
            rank: The number of dimensions that it must have.
            minimum: The number of dimensions that it must have at least.
            meaning: The names of the dimensions, for the message.
        """
        if len(self.inputs) != 1:
            raise ShapeError(
                f"{self.name} expects one input, received {len(self.inputs)}.",
                "Merge them first (Concatenate, Add), take one of them (`from: name.0`), or let the layer before it "
                "have one output.",
            )
        shape = self.inputs[0]
        if len(shape) < minimum or (rank is not None and len(shape) != rank):
            raise self.wrong_rank(shape, rank, minimum, meaning)
        return shape

    def wrong_rank(self, shape: Shape, rank: int | None, minimum: int, meaning: str) -> ShapeError:
        """Return the error for an input with another number of dimensions."""
        number = minimum if rank is None else rank
        expected = f"{number}{' or more' if rank is None else ''} dimension{'s' if number != 1 or rank is None else ''}"
        expected = f"{meaning}, {expected}" if meaning else expected
        text = f"{self.name} expects an input of {expected}, received {format_shape(shape)}."
        return ShapeError(text, _rank_hint(shape, rank))

    def known(self, size: int | None, name: str) -> int:
        """Return a size that weights depend on.

        Raises:
            ShapeError: The size is open.
        """
        if size is None:
            raise ShapeError(
                f"{self.name} expects {name} of a known size, received {self.received()}.",
                "Give the size in the shape of the input.",
            )
        return size

    def received(self) -> str:
        """Return all input shapes for a message."""
        return " and ".join(format_shape(shape) for shape in self.inputs)

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the spatial dimensions."""
        if "data_format" not in self.given and "data_format" not in self.defaults:
            return False
        return (self["data_format"] or self.data_format) == "channels_first"

    def split_channels(self, shape: Shape) -> tuple[Shape, int | None]:
        """Return the spatial dimensions and the channels of a shape."""
        return (shape[1:], shape[0]) if self.channels_first else (shape[:-1], shape[-1])

    def join_channels(self, spatial: Iterable[int | None], channels: int | None) -> Shape:
        """Return the shape with these spatial dimensions and channels."""
        return (channels, *spatial) if self.channels_first else (*spatial, channels)

    # Results --------------------------------------------------------------------------------------------------------

    def result(self, output: Output, trained: int = 0, frozen: int = 0) -> LayerShape:
        """Return the output of a layer with `trained` weights (but for `trainable: false`) and `frozen` ones."""
        trainable = self.given.get("trainable", True)
        return LayerShape(output, trained + frozen, trained if trainable else 0)

    def wrapper_result(self, output: Output, inner: Iterable[LayerShape], frozen: int = 0) -> LayerShape:
        """Return the output of a layer with the weights of the layers inside it, and `frozen` ones of its own.

        Its own `trainable: false` is applied by `infer` at the top of the model only: in Keras it does not hide the
        weights of the inner layers from a layer around it.
        """
        trained = total = 0
        for layer in inner:
            if layer.parameters is None or layer.trainable is None:
                return LayerShape(output, None, None)
            trained, total = trained + layer.trainable, total + layer.parameters
        return LayerShape(output, total + frozen, trained)

    def kernel_parameters(self, kernel: Iterable[int]) -> tuple[int, int]:
        """Return the numbers of trained and of frozen values of a kernel; `lora_rank` freezes it."""
        kernel, rank = tuple(kernel), self.get("lora_rank")
        if not rank:
            return prod(kernel), 0
        return prod(kernel[:-1]) * rank + rank * kernel[-1], prod(kernel)

    def nested(self, part: PartLike, inputs: Sequence[Shape]) -> LayerShape:
        """Return the output of a layer inside this one on `inputs`."""
        return self.infer(self.nested_call(part, inputs))


#: The rule of a layer.
Rule = Callable[[LayerCall], LayerShape]


def outputs(output: Output) -> tuple[Shape, ...]:
    """Return a layer's outputs, one or several, as a tuple."""
    if output and isinstance(output[0], tuple):
        return output
    return (output,)  # type: ignore[return-value]


def product(sizes: Sequence[int | None]) -> int | None:
    """Return the product of some sizes; None where one of them is open."""
    return None if None in sizes else prod(size for size in sizes if size is not None)


def format_shape(shape: Shape) -> str:
    """Return a shape as a config writes it: `[28, null, 1]`."""
    return f"[{', '.join('null' if size is None else str(size) for size in shape)}]"


def _rank_hint(shape: Shape, rank: int | None) -> str | None:
    """Return how to get from a shape to one of `rank` dimensions."""
    if rank is None or rank == len(shape):
        return None
    if rank == 1:
        return "Put `Flatten` (or a global pooling) before it."
    if len(shape) == rank - 1:
        return f"Put a `Reshape` before it, such as {{Reshape: {format_shape((*shape, 1))}}}."
    return f"Put a `Reshape` to {rank} dimensions before it."
