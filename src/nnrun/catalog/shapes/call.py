"""One layer met by one input: what every shape rule reads, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: The size of each dimension without the batch; None for an open one.
Shape = tuple[int | None, ...]
Output = Shape | tuple[Shape, ...]


class PartLike(Protocol):
    """What the rules need of a part of a config: its name in the catalog and what the config says."""

    @property
    def name(self) -> str:
        """The catalog's name, such as `Conv2D`."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the config says; nested layers are parts again."""


@dataclass(frozen=True)
class LayerShape:
    """What a layer makes of its input.

    Attributes:
        output: The output's shape, or a tuple of shapes where the layer has several outputs.
        parameters: How many numbers its weights have; None where undecided.
        trainable: How many of them are trained; None where undecided.
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


class Undecided(Exception):  # noqa: N818 - it is an answer, not a mistake
    """No rule says what the layer makes of its input, or what it depends on cannot be known here."""


@dataclass(frozen=True)
class Call:
    """A layer's arguments together with the shapes it is given.

    Attributes:
        name: The layer's class in Keras.
        given: Only the arguments that the config says.
        defaults: Keras' defaults of the others.
        inputs: The shapes of all tensors that the layer is called on.
        data_format: Where channels stand if the layer itself does not say.
        batch_size: The batch's size where the model fixes it.
        enter: The call of a layer inside this one.
        decide: The rule of a layer, asked.
    """

    name: str
    given: Mapping[str, Any]
    defaults: Mapping[str, Any]
    inputs: Sequence[Shape]
    data_format: str
    batch_size: int | None
    enter: Callable[[PartLike, Sequence[Shape]], Call]
    decide: Callable[[Call], LayerShape]

    def __getitem__(self, key: str) -> Any:
        """The argument's value, Keras' default where the config says nothing.

        Raises:
            Undecided: The value is a fact that is not known yet, or a needed argument is missing.
        """
        if key not in self.given and key not in self.defaults:
            raise Undecided(f"{self.name} needs `{key}`, which is not given")
        value = self.given[key] if key in self.given else self.defaults[key]
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, str) and item.startswith("$"):
                raise Undecided(f"`{key}` of {self.name} depends on {item}")
        return value

    def get(self, key: str) -> Any:
        """The argument's value, or None where the layer has no such argument."""
        return self[key] if key in self.given or key in self.defaults else None

    def option(self, key: str) -> Any:
        """An argument of the layer's call, such as `return_attention_scores`."""
        options = self.given.get("call") or {}
        return options.get(key)

    @property
    def channels_first(self) -> bool:
        """Whether the channels stand before the spatial dimensions; never where the layer has no such choice."""
        if "data_format" not in self.given and "data_format" not in self.defaults:
            return False
        return (self["data_format"] or self.data_format) == "channels_first"

    def nested(self, part: PartLike, inputs: Sequence[Shape]) -> LayerShape:
        """What a layer inside this one makes of `inputs`."""
        return self.decide(self.enter(part, inputs))

    def shape(self, rank: int | None = None, *, least: int = 0, meaning: str = "") -> Shape:
        """The only input's shape, of `rank` dimensions, or of at least `least`; `meaning` names them for the user."""
        if len(self.inputs) != 1:
            raise ShapeError(
                f"{self.name} expects one input, received {len(self.inputs)}.",
                "Merge them first (Concatenate, Add), take one of them (`from: name.0`), or let the layer before it "
                "have one output.",
            )
        shape = self.inputs[0]
        if len(shape) < least or (rank is not None and len(shape) != rank):
            raise self.wrong_rank(shape, rank, least, meaning)
        return shape

    def wrong_rank(self, shape: Shape, rank: int | None, least: int, meaning: str) -> ShapeError:
        """The error for an input of another number of dimensions."""
        wanted = f"{least} or more dimensions" if rank is None else "1 dimension" if rank == 1 else f"{rank} dimensions"
        expected = f"{meaning}, {wanted}" if meaning else wanted
        return ShapeError(
            f"{self.name} expects an input of {expected}, received {show(shape)}.", rank_hint(shape, rank)
        )

    def sizes(self, key: str, count: int, *, least: int = 1) -> tuple[int, ...]:
        """An argument that is one integer for all dimensions, or a list with one for each of `count`."""
        value = self[key]
        sizes = (value,) * count if is_integer(value) else tuple(value) if isinstance(value, list | tuple) else ()
        if len(sizes) != count or not all(is_integer(size) and size >= least for size in sizes):
            raise ShapeError(
                f"`{key}` of {self.name} expects an integer or a list of {count}, each at least {least}, "
                f"received {value!r}."
            )
        return sizes

    def pairs(self, key: str, count: int) -> tuple[tuple[int, int], ...]:
        """What is taken from or added to both ends of `count` dimensions, as `cropping` and `padding` say it."""
        value = self[key]
        if is_integer(value) and value >= 0:
            return ((value, value),) * count
        ends = [
            (end, end) if is_integer(end) else tuple(end) if isinstance(end, list | tuple) else ()
            for end in (value if isinstance(value, list | tuple) else ())
        ]
        if len(ends) != count or not all(
            len(end) == 2 and all(is_integer(size) and size >= 0 for size in end) for end in ends
        ):
            raise ShapeError(
                f"`{key}` of {self.name} expects an integer of at least 0 or a list of {count} pairs of them, "
                f"received {value!r}."
            )
        return tuple((end[0], end[1]) for end in ends)

    def split(self, shape: Shape) -> tuple[Shape, int | None]:
        """The spatial dimensions and the channels of a picture-like shape."""
        return (shape[1:], shape[0]) if self.channels_first else (shape[:-1], shape[-1])

    def join(self, spatial: Iterable[int | None], channels: int | None) -> Shape:
        """The reverse of `split`."""
        return (channels, *spatial) if self.channels_first else (*spatial, channels)

    def known(self, size: int | None, what: str) -> int:
        """A size that weights depend on.

        Raises:
            ShapeError: The size is open.
        """
        if size is None:
            raise ShapeError(
                f"{self.name} expects {what} of a known size, received {self.received()}.",
                "State the size where the input's shape is given.",
            )
        return size

    def received(self) -> str:
        """All input shapes, for messages."""
        return " and ".join(show(shape) for shape in self.inputs)

    def answer(self, output: Output, trained: int = 0, frozen: int = 0) -> LayerShape:
        """The rule's answer: `trained` parameters (frozen all the same by `trainable: false`) and `frozen` ones."""
        trainable = self.given.get("trainable", True)
        return LayerShape(output, trained + frozen, trained if trainable else 0)

    def wrapped(self, output: Output, inner: Iterable[LayerShape], frozen: int = 0) -> LayerShape:
        """The answer of a layer whose parameters are those of the layers inside it, and `frozen` of its own.

        Its own `trainable: false` is applied where the model meets it (`infer`): Keras lets it hide the weights inside
        only from there, not from a layer around it.
        """
        trained = total = 0
        for layer in inner:
            if layer.parameters is None or layer.trainable is None:
                return LayerShape(output, None, None)
            trained, total = trained + layer.trainable, total + layer.parameters
        return LayerShape(output, total + frozen, trained)

    def axis(self, axis: int, shape: Shape) -> int | None:
        """The index into `shape` of an axis that Keras counts with the batch as 0; None for the batch itself."""
        rank = len(shape) + 1
        if not is_integer(axis) or not -rank <= axis < rank:
            raise ShapeError(
                f"`axis` of {self.name} expects an integer from {-rank} to {rank - 1} for the input "
                f"{show(shape)}, received {axis!r}.",
                "Axis 0 is the batch, axis 1 the first of the input.",
            )
        return axis % rank - 1 if axis % rank else None


def is_integer(value: object) -> bool:
    """Whether `value` is a whole number (`true` is none)."""
    return isinstance(value, int) and not isinstance(value, bool)


def show(shape: Shape) -> str:
    """A shape as a config writes it: `[28, null, 1]`."""
    return f"[{', '.join('null' if size is None else str(size) for size in shape)}]"


def count(shape: Iterable[int]) -> int:
    """How many numbers a weight of this shape has."""
    return prod(shape)


def rank_hint(shape: Shape, rank: int | None) -> str | None:
    """How to come from a shape to one of `rank` dimensions."""
    if rank is None or rank == len(shape):
        return None
    if rank == 1:
        return "Put `Flatten` (or a global pooling) before it."
    if len(shape) == rank - 1:
        return f"Put a `Reshape` before it, such as {{Reshape: {show((*shape, 1))}}}."
    return f"Put a `Reshape` to {rank} dimensions before it."
