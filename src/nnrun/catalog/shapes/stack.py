"""A chain of layers, walked from its input: one row for each, as in Keras' own summary."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.call import Output, PartLike, Shape, ShapeError, Undecided
from nnrun.catalog.shapes.defaults import class_name
from nnrun.catalog.shapes.infer import infer
from nnrun.catalog.shapes.recurrent import RECURRENT
from nnrun.catalog.shapes.wrappers import outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BENDING = (
    "RandomShear",
    "RandomTranslation",
    "RandomRotation",
    "Solarization",
    "RandomPosterization",
    "AutoContrast",
    "Equalization",
)
_COLOURING = ("RandomBrightness", "RandomColorDegeneration", "RandomContrast", "RandomSharpness")


class SwallowedSequence(ShapeError):  # noqa: N818 - it is named for what happened
    """A layer that wants a sequence of which the recurrent layer before it passes on only the last step."""


@dataclass(frozen=True)
class Row:
    """One layer of a chain.

    Attributes:
        index: The place of its part in the chain.
        name: What Keras calls the layer: the config's `name`, or `conv2d`, `conv2d_1`, ...
        class_name: Its class in Keras.
        output_shape: Its output without the batch, or a tuple of outputs; None where undecided or refused.
        parameters: How many numbers its weights have; None where undecided or refused.
        trainable: How many of them are trained; None where undecided or refused.
        error: Why the layer cannot take its input; the walk ends here.
        undecided: Why no rule can tell; None where one could.
    """

    index: int
    name: str
    class_name: str
    output_shape: Output | None = None
    parameters: int | None = None
    trainable: int | None = None
    error: ShapeError | None = None
    undecided: str | None = None


def walk(
    parts: Sequence[PartLike], input_shape: Shape, *, data_format: str = "channels_last", batch_size: int | None = None
) -> list[Row]:
    """Tell the shapes and parameters of a chain, up to its first error.

    Args:
        parts: The layers in order; a first `Input` states the input's shape and gets no row.
        input_shape: The shape of one example, without the batch; used where there is no `Input`.
        data_format: Where channels stand if a layer itself does not say.
        batch_size: The size of a batch where the model fixes it.
    """
    names, rows = automatic_names(parts), list[Row]()
    shapes: tuple[Shape, ...] = (tuple(input_shape),)
    reason: str | None = None
    for index, part in enumerate(parts):
        kind = class_name(part.name)
        if kind == "InputLayer":
            shapes = outputs(infer(part.name, part.arguments, shapes).output)
            batch_size = _stated_batch(part) or batch_size
            continue
        if reason is not None:
            rows.append(Row(index, names[index], kind, undecided=reason))
            continue
        try:
            found = infer(part.name, part.arguments, shapes, data_format=data_format, batch_size=batch_size)
        except ShapeError as error:
            return [
                *rows,
                Row(index, names[index], kind, error=swallowed_sequence(error, parts[:index], kind, shapes)),
            ]
        except Undecided as why:
            reason = f"{names[index]}: {why}"
            rows.append(Row(index, names[index], kind, undecided=str(why)))
            continue
        rows.append(Row(index, names[index], kind, found.output, found.parameters, found.trainable))
        shapes = outputs(found.output)
    return rows


def _stated_batch(part: PartLike) -> int | None:
    whole = part.arguments.get("batch_shape")
    size = whole[0] if whole else part.arguments.get("batch_size")
    return size if isinstance(size, int) else None


def automatic_names(parts: Sequence[PartLike]) -> list[str]:
    """The layers' names in a fresh session of Keras: the config's own, else the class in snake case, numbered.

    A layer inside a wrapper is made before its wrapper and takes a number too, though only the wrapper is shown.
    """
    taken: Counter[str] = Counter()
    return [_name(part, taken) for part in parts]


def _name(part: PartLike, taken: Counter[str]) -> str:
    for value in part.arguments.values():
        for inner in value if isinstance(value, list | tuple) else (value,):
            if hasattr(inner, "arguments") and getattr(inner, "category", "layers") == "layers":
                _name(inner, taken)
    kind = class_name(part.name)
    given = part.arguments.get("name")
    name = str(given) if given else _numbered(kind, taken)
    for made in _made_inside(kind, part.arguments):
        _numbered(made, taken)
    return name


def _numbered(kind: str, taken: Counter[str]) -> str:
    base = snake_case(kind)
    taken[base] += 1
    return base if taken[base] == 1 else f"{base}_{taken[base] - 1}"


def _made_inside(kind: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that a layer makes for itself, each of which takes a number as well."""
    if kind == "RNN":
        return ("StackedRNNCells",) if isinstance(arguments.get("cell"), list | tuple) else ()
    if kind == "AugMix":
        return (*_BENDING, *_COLOURING) if arguments.get("all_ops", True) else _BENDING
    if kind == "RandomColorJitter":
        return tuple(
            f"Random{what.title()}"
            for what in ("brightness", "contrast", "saturation", "hue")
            if arguments.get(f"{what}_factor") is not None
        )
    return {"RandAugment": (*_BENDING, *_COLOURING), "TextVectorization": ("StringLookup",)}.get(kind, ())


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in layer names: `conv2d_transpose`, `layer_normalization`, `lstm`."""
    parted = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def swallowed_sequence(error: ShapeError, before: Sequence[PartLike], kind: str, shapes: Sequence[Shape]) -> ShapeError:
    """The error, naming the recurrent layer that swallowed the sequence if there is one just before."""
    takes_sequence = kind in (
        *RECURRENT,
        "Bidirectional",
        "TimeDistributed",
        "Conv1D",
        "MaxPooling1D",
        "AveragePooling1D",
        "GlobalMaxPooling1D",
        "GlobalAveragePooling1D",
    )
    if not takes_sequence or len(shapes) != 1 or len(shapes[0]) != 1:
        return error
    for part in reversed(before):
        inner = part.arguments.get("layer", part) if class_name(part.name) == "Bidirectional" else part
        if class_name(getattr(inner, "name", "")) in RECURRENT:
            if inner.arguments.get("return_sequences"):
                return error
            return SwallowedSequence(
                error.text,
                f"Give the {class_name(inner.name)} before it `return_sequences: true`: it passes on "
                "only its last step.",
            )
        if class_name(part.name) not in (
            "Dropout",
            "BatchNormalization",
            "LayerNormalization",
            "Activation",
            "ReLU",
            "GaussianNoise",
        ):
            return error
    return error
