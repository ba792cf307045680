"""Random stacks of layers, by our rules and by Keras: `python random_stacks.py 2000` prints the figures."""

# ruff: noqa: S311, T201

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keras_truth import chain_rows, keras_rows, runs

from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.layer_call import outputs
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Shape = tuple[int | None, ...]


@dataclass
class Figures:
    """The results of a comparison of our rules with Keras.

    Attributes:
        counts: `equal`, `both_refuse`, `refused_when_run` (Keras builds it but cannot run it), `undecided`, `disagree`.
        disagreements: A sentence for each stack on which the two differ.
        layers: The number of stacks with each layer.
    """

    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    layers: Counter[str] = field(default_factory=Counter)


def part(name: str, /, **arguments: Any) -> Part:
    """A layer of a config."""
    return Part("layers", name, arguments)


def _some(rng: random.Random, **choices: Sequence[Any]) -> dict[str, Any]:
    """Each argument half of the time, with one of its values; an argument called `must_...` always."""
    found = {}
    for key, values in choices.items():
        if key.startswith("must_") or rng.random() < 0.5:
            found[key.removeprefix("must_")] = rng.choice(values)
    return found


def _per_dimension(rng: random.Random, rank: int, low: int, high: int) -> Any:
    if rng.random() < 0.6:
        return rng.randint(low, high)
    return [rng.randint(low, high) for _ in range(rank)]


def _format(rng: random.Random) -> dict[str, Any]:
    return {"data_format": "channels_first"} if rng.random() < 0.08 else {}


def convolution(rng: random.Random, rank: int) -> Part:
    """A convolution of any kind."""
    kinds = ["Conv{}D"] * 3 + ["Conv{}DTranspose"] + (["DepthwiseConv{}D", "SeparableConv{}D"] if rank < 3 else [])
    name = rng.choice(kinds).format(rank)
    given = {"kernel_size": _per_dimension(rng, rank, 1, 4), **_format(rng)}
    if not name.startswith("Depthwise"):
        given["filters"] = rng.choice([1, 2, 3, 4, 6, 8])
    given |= _some(
        rng,
        padding=["valid", "same", "same", "causal"] if rank == 1 else ["valid", "same"],
        use_bias=[True, False],
        trainable=[True, True, False],
    )
    if rng.random() < 0.4:
        given["strides"] = _per_dimension(rng, rank, 1, 3)
    if rng.random() < 0.2:
        given["dilation_rate"] = _per_dimension(rng, rank, 1, 3)
    if name.startswith(("Depthwise", "Separable")):
        given |= _some(rng, depth_multiplier=[1, 2, 3])
    elif name.endswith("Transpose"):
        given |= _some(rng, output_padding=[None, 0, 1, [0] * rank])
    elif rng.random() < 0.2:
        given["groups"] = rng.choice([1, 2, 3])
    return part(name, **given)


def pooling(rng: random.Random, rank: int) -> Part:
    """A pooling of any kind."""
    kind = rng.choice(["MaxPooling{}D", "AveragePooling{}D", "MaxPool{}D", "Global", "Adaptive"])
    side = rng.choice(["Max", "Average"])
    if kind == "Global":
        return part(f"Global{side}Pooling{rank}D", **_some(rng, keepdims=[True, False]), **_format(rng))
    if kind == "Adaptive":
        return part(f"Adaptive{side}Pooling{rank}D", output_size=_per_dimension(rng, rank, 1, 4), **_format(rng))
    given = {"pool_size": _per_dimension(rng, rank, 1, 4), **_some(rng, padding=["valid", "same"]), **_format(rng)}
    if rng.random() < 0.4:
        given["strides"] = _per_dimension(rng, rank, 1, 3)
    return part(kind.format(rank), **given)


def resized(rng: random.Random, rank: int) -> Part:
    """A layer that crops, pads or enlarges."""
    kind = rng.choice(["Cropping{}D", "ZeroPadding{}D", "UpSampling{}D"])
    shape = _format(rng) if rank > 1 else {}
    if kind.startswith("Up"):
        return part(
            kind.format(rank), size=rng.randint(1, 3) if rank == 1 else _per_dimension(rng, rank, 1, 3), **shape
        )
    key = "cropping" if kind.startswith("Crop") else "padding"
    ends: Any = rng.randint(0, 3)
    if rng.random() < 0.5:
        pairs = [[rng.randint(0, 3), rng.randint(0, 3)] for _ in range(rank)]
        ends = pairs[0] if rank == 1 else pairs
    return part(kind.format(rank), **{key: ends}, **shape)


def recurrent(rng: random.Random) -> Part:
    """A recurrent layer, possibly bidirectional or with stacked cells."""
    flags = _some(rng, return_sequences=[True, True, False], use_bias=[True, False], trainable=[True, False])
    if rng.random() < 0.08:
        flags["return_state"] = True
    if rng.random() < 0.03:
        flags["stateful"] = True
    if rng.random() < 0.2:
        cells = [
            part(
                rng.choice(["LSTMCell", "GRUCell", "SimpleRNNCell"]),
                units=rng.randint(1, 6),
                **_some(rng, use_bias=[True, False]),
            )
            for _ in range(rng.randint(1, 3))
        ]
        flags.pop("use_bias", None)
        cell: Any = rng.choice([cells[0], cells, part("StackedRNNCells", cells=cells)])
        layer = part("RNN", cell=cell, **flags)
    else:
        name = rng.choice(["LSTM", "GRU", "SimpleRNN"])
        layer = part(
            name, units=rng.randint(1, 7), **flags, **(_some(rng, reset_after=[True, False]) if name == "GRU" else {})
        )
    if rng.random() < 0.3:
        return part("Bidirectional", layer=layer, **_some(rng, merge_mode=["concat", "sum", "mul", "ave", None]))
    return layer


def convolutional_lstm(rng: random.Random, rank: int) -> Part:
    """A ConvLSTM of 1 to 3 spatial dimensions."""
    given = _some(
        rng,
        padding=["valid", "same"],
        return_sequences=[True, False],
        use_bias=[True, False],
        strides=[1, 2],
        dilation_rate=[1, 2],
    )
    layer = part(f"ConvLSTM{rank}D", filters=rng.randint(1, 4), kernel_size=_per_dimension(rng, rank, 1, 3), **given)
    return part("Bidirectional", layer=layer) if rng.random() < 0.2 else layer


def normalisation(rng: random.Random, rank: int) -> Part:
    """A normalisation along some axis."""
    name = rng.choice(
        [
            "BatchNormalization",
            "LayerNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "UnitNormalization",
            "Normalization",
        ]
    )
    given = _some(rng, axis=[-1, -1, 1, rank, rank + 1, -rank]) if rng.random() < 0.5 else {}
    if name in ("BatchNormalization", "LayerNormalization", "GroupNormalization"):
        given |= _some(rng, center=[True, False], scale=[True, False], trainable=[True, False])
    if name == "GroupNormalization":
        given["groups"] = rng.choice([1, 2, 3, 4, -1])
    if name == "BatchNormalization":
        given |= _some(rng, renorm=[False, False, True])
    if name in ("LayerNormalization", "RMSNormalization", "UnitNormalization") and rng.random() < 0.3:
        given["axis"] = rng.choice([[-1], [1, -1], [1], [-1, -2]])
    return part(name, **given)


def anywhere(rng: random.Random, shape: Shape) -> Part:
    """A layer that takes an input of any rank."""
    rank = len(shape)
    makers: list[Callable[[], Part]] = [
        lambda: part("Dense", units=rng.randint(1, 9), **_some(rng, use_bias=[True, False], trainable=[True, False])),
        lambda: part("Flatten"),
        lambda: part("Activation", activation="relu"),
        lambda: part(rng.choice(["ReLU", "LeakyReLU", "ELU", "Identity", "Masking", "ActivityRegularization"])),
        lambda: part("Softmax", **_some(rng, axis=[-1, 1, rank])),
        lambda: part("PReLU", **_some(rng, shared_axes=[None, [1], [1, 2], 1, [rank]])),
        lambda: part(rng.choice(["Dropout", "AlphaDropout", "GaussianDropout"]), rate=rng.choice([0.0, 0.3])),
        lambda: part("GaussianNoise", stddev=0.1),
        lambda: normalisation(rng, rank),
        lambda: part("Reshape", target_shape=_target(rng, shape)),
        lambda: part("Permute", dims=_order(rng, rank)),
        lambda: part("Rescaling", scale=2.0),
        lambda: part("SpectralNormalization", layer=part("Dense", units=rng.randint(1, 5))),
        lambda: part("TimeDistributed", layer=_inside(rng, shape[1:])),
        lambda: part("Embedding", input_dim=rng.randint(2, 9), output_dim=rng.randint(1, 5)),
        lambda: part(
            "CategoryEncoding", num_tokens=rng.randint(1, 5), output_mode=rng.choice(["one_hot", "multi_hot", "count"])
        ),
        lambda: part("Hashing", num_bins=3, **_some(rng, output_mode=["int", "one_hot", "multi_hot"])),
        lambda: part(
            "Discretization", bin_boundaries=[0.0, 1.0], **_some(rng, output_mode=["int", "one_hot", "multi_hot"])
        ),
        lambda: part(
            "EinsumDense",
            equation=rng.choice(["ab,bc->ac", "...b,bc->...c", "abc,cd->abd", "ab...,bc->ac..."]),
            output_shape=rng.choice([4, [None, 4], [4], [None, None, 4]]),
            **_some(rng, bias_axes=["c", "d"]),
        ),
    ]
    return rng.choice(makers)()


def _target(rng: random.Random, shape: Shape) -> list[int]:
    sizes = [size for size in shape if size is not None]
    rng.shuffle(sizes)
    fold = rng.random()
    if fold < 0.3 and sizes:
        sizes[0] = -1
    elif fold < 0.5:
        sizes = [*sizes, 1]
    elif fold < 0.6:
        sizes = [*sizes, rng.randint(1, 3)]
    elif fold < 0.8:
        sizes = [rng.choice([1, 2, 3, 4]), -1]
    return sizes or [-1]


def _order(rng: random.Random, rank: int) -> list[int]:
    order = list(range(1, rank + 1 + (rng.random() < 0.1)))
    rng.shuffle(order)
    return order


def _inside(rng: random.Random, shape: Shape) -> Part:
    found = layer_for(rng, shape)
    return part("Dense", units=3) if found.name in ("TimeDistributed", "SpectralNormalization") else found


def layer_for(rng: random.Random, shape: Shape) -> Part:
    """A layer that probably accepts an input of this shape."""
    rank = len(shape)
    fitting: list[Callable[[], Part]] = [lambda: anywhere(rng, shape)]
    if 2 <= rank <= 4:
        fitting += [
            lambda: convolution(rng, rank - 1),
            lambda: pooling(rng, rank - 1),
            lambda: resized(rng, rank - 1),
            lambda: part(f"SpatialDropout{rank - 1}D", rate=0.2),
        ]
    if rank == 1:
        fitting += [lambda: part("RepeatVector", n=rng.randint(1, 4))]
    if rank == 2:
        fitting += [lambda: recurrent(rng)] * 3
    if 3 <= rank <= 4:
        fitting += [lambda: convolutional_lstm(rng, rank - 2)]
    if rank == 3:
        fitting += [
            lambda: part(
                rng.choice(["RandomFlip", "AutoContrast", "Equalization", "RandomGrayscale", "RandAugment", "AugMix"])
            ),
            lambda: part(
                rng.choice(["Resizing", "CenterCrop", "RandomCrop"]), height=rng.randint(1, 6), width=rng.randint(1, 6)
            ),
        ]
    return rng.choice(fitting)()


def input_shape(rng: random.Random) -> Shape:
    """Vectors, sequences, pictures, volumes and films; now and then with an open dimension."""
    rank = rng.choice([1, 2, 2, 2, 3, 3, 3, 3, 4, 4])
    shape: list[int | None] = [rng.randint(1, 12) for _ in range(rank)]
    if rng.random() < 0.2:
        shape[rng.randrange(rank)] = None
    return tuple(shape)


def random_stack(rng: random.Random) -> tuple[Shape, list[Part]]:
    """An input's shape and a chain of layers, each chosen for the shape before it but for one in twelve."""
    start = shape = input_shape(rng)
    parts: list[Part] = []
    for _ in range(rng.randint(1, 7)):
        chosen = layer_for(rng, shape if rng.random() > 1 / 12 else input_shape(rng))
        if (found := _fits(chosen, shape)) is None and rng.random() < 0.6:
            # Most mistakes are thrown away, or few stacks would grow long.
            continue
        parts.append(chosen)
        if found is None:
            break
        shape = found
    return start, parts or [part("Flatten")]


def _fits(chosen: Part, shape: Shape) -> Shape | None:
    try:
        return outputs(infer(chosen.name, chosen.arguments, [shape]).output)[0]
    except (ShapeError, Undecided):
        return None


def compare_one(shape: Shape, parts: list[Part], data_format: str = "channels_last") -> tuple[str, str]:
    """Compare our rows with Keras': return the verdict and, for `disagree`, the difference."""
    ours = chain_rows(parts, shape, data_format=data_format)
    theirs, layers, refused = keras_rows(parts, shape)
    undecided = next((row.index for row in ours if row.undecided), None)
    failed = ours[-1].index if ours and ours[-1].error else None
    known = [
        (row.name, outputs(row.output_shape), row.parameters, row.trainable)
        for row in ours
        if row.output_shape is not None
    ]
    common = min(len(known), len(theirs))
    where = f"{shape} -> {[(each.name, dict(each.arguments)) for each in parts]}"
    if known[:common] != theirs[:common]:
        return "disagree", f"{where}: ours {known[:common]}, Keras' {theirs[:common]}"
    if undecided is not None:
        return "undecided", where
    if failed == refused:
        return ("equal" if failed is None else "both_refuse"), ""
    if failed is not None and (refused is None or refused > failed) and not runs(layers[: failed + 1], shape):
        return "refused_when_run", ""
    return "disagree", f"{where}: ours refuse at {failed} ({ours[-1].error}), Keras at {refused}"


def compare(count: int, seed: int = 1, data_format: str = "channels_last") -> Figures:
    """Compare `count` random stacks with Keras, where `data_format` is Keras' global one."""
    import keras

    keras.config.set_image_data_format(data_format)
    try:
        return _compare(count, seed, data_format)
    finally:
        keras.config.set_image_data_format("channels_last")


def _compare(count: int, seed: int, data_format: str) -> Figures:
    rng, figures = random.Random(seed), Figures()
    for _ in range(count):
        shape, parts = random_stack(rng)
        verdict, difference = compare_one(shape, parts, data_format)
        figures.counts[verdict] += 1
        figures.layers.update(each.name for each in parts)
        if difference and verdict == "disagree":
            figures.disagreements.append(difference)
    return figures


if __name__ == "__main__":
    result = compare(int(sys.argv[1]) if len(sys.argv) > 1 else 300, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(dict(result.counts), f"{len(result.layers)} kinds of layer")
    print(*result.disagreements[:20], sep="\n")
