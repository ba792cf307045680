"""Checks of what Keras accepts one by one, but cannot use together: arguments, weights and parts of other sections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nnrun.catalog.shapes.names import class_name
from nnrun.spec.augmented_targets import augmented_inputs
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.errors import Path
    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.shapes import NodeShape

#: Of these arguments an optimizer takes one.
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
#: Arguments of callbacks that act on batches unless they are `epoch` or 0.
_BATCHWISE = ("save_freq", "update_freq", "profile_batch")
#: Callbacks that act on every batch whatever their arguments.
_OF_BATCHES = ("OrbaxCheckpoint", "ProgbarLogger", "TerminateOnNaN")
_SPARSE_GRADIENTS = ("Embedding", "ReversibleEmbedding")
#: Layers that Keras cannot save, and so not keep, with a regularizer of their output.
_NOT_SAVED = ("ELU", "Identity")
#: The numbers of channels that layers which change colours take; Keras refuses others in the first step.
_CHANNELS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("RandomHue", "RandomSaturation", "RandomColorJitter"), (3,)),
    **dict.fromkeys(("AugMix", "RandAugment", "RandomColorDegeneration", "RandomGrayscale"), (1, 3)),
}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_VECTORS = ("bias", "beta", "gamma")
_ATTENTIONS = ("MultiHeadAttention", "GroupQueryAttention")


def check_combinations(context: CheckContext) -> Iterator[Finding]:
    """Find combinations that Keras refuses only while it builds or trains the model."""
    training = context.training
    metrics = [metric for one in context.graph.outputs for metric in one.metrics or ()]
    for part in (*training.metrics, *metrics):
        yield from _class_ids(part)
    yield from _optimizer(context)
    yield from _augmentation(context)
    yield from _executor(context)
    yield from _losses(context)
    yield from _half_precision(context)
    known: set[Path] = set()
    for row in context.rows:
        # The layers of a stack that is used several times have one place in the file.
        if row.path not in known:
            known.add(row.path)
            yield from _layer(context, row)


def _optimizer(context: CheckContext) -> Iterator[Finding]:
    training, optimizer = context.training, context.training.optimizer
    if optimizer is None:
        return
    given, place = optimizer.arguments, (*optimizer.path, optimizer.name)
    clipping = [name for name in _CLIPPING if given.get(name) is not None]
    if len(clipping) > 1:
        text = f"{optimizer.name} takes one of {', '.join(_CLIPPING)}, received {' and '.join(clipping)}"
        yield Finding((*place, clipping[1]), text, f"leave out {clipping[1]}", "cannot-combine")
    rate = given.get("learning_rate")
    if isinstance(rate, Part) and rate.name == "PiecewiseConstantDecay":
        yield from _piecewise(rate)
    sparse = next(
        (one.part.name for one in context.graph.nodes if class_name(one.part.name) in _SPARSE_GRADIENTS), None
    )
    if given.get("loss_scale_factor") is not None and sparse and context.experiment.backend == "tensorflow":
        text = f"Keras cannot scale the loss of a model with an {sparse}, whose gradients are sparse"
        yield Finding((*place, "loss_scale_factor"), text, "leave out loss_scale_factor", "cannot-combine")
    if optimizer.name == "Adafactor" and sparse and context.experiment.keras.floatx in ("float16", "bfloat16"):
        text = f"Adafactor cannot train an {sparse} in {context.experiment.keras.floatx} (a fault of Keras')"
        yield Finding(place, text, "write another optimizer, or precision: mixed_bfloat16", "cannot-combine")
    if optimizer.name == "RMSprop" and given.get("centered") and sparse and context.experiment.backend == "tensorflow":
        text = f"RMSprop with centered: true takes roots of negative numbers with an {sparse} (a fault of Keras')"
        yield Finding((*place, "centered"), text, "leave out centered, or write optimizer: Adam", "cannot-combine")
    for part in training.callbacks:
        if part.name == "SwapEMAWeights" and not given.get("use_ema"):
            text = f"SwapEMAWeights needs the averages of weights that use_ema keeps, and {optimizer.name} has none"
            hint = f"write optimizer: {{{optimizer.name}: {{use_ema: true}}}}"
            yield Finding((*part.path, part.name), text, hint, "cannot-combine")


def _executor(context: CheckContext) -> Iterator[Finding]:
    """Find callbacks that need every batch, where the config wants many batches in one call."""
    if context.training.execution.executor != "resident":
        return
    for part in context.training.callbacks:
        batchwise = [name for name in _BATCHWISE if part.arguments.get(name, "epoch") not in ("epoch", 0)]
        if batchwise or part.name in _OF_BATCHES:
            text = f"{part.name} needs every batch, and the resident executor takes many in one call"
            hint = f"write executor: auto, or leave out {batchwise[0] if batchwise else part.name}"
            yield Finding(("training", "execution", "executor"), text, hint, "cannot-combine")


def _losses(context: CheckContext) -> Iterator[Finding]:
    """Find losses that stay one number a row, where Keras needs a single one."""
    regularized = any(_is_regularized(node.part) for node in context.graph.nodes)
    if not (regularized or context.experiment.backend == "jax" or len(context.graph.outputs) > 1):
        return
    for loss in context.experiment.losses.values():
        if loss.arguments.get("reduction", "sum") in (None, "none"):
            where = "on JAX" if context.experiment.backend == "jax" else "next to regularizers or other losses"
            text = f"reduction: none leaves a loss for every row, which Keras cannot minimize {where}"
            yield Finding((*loss.path, loss.name, "reduction"), text, "leave out reduction", "cannot-combine")


def _is_regularized(part: Part) -> bool:
    inner = [one for value in part.arguments.values() for one in (value if isinstance(value, list) else [value])]
    parts = [one for one in inner if isinstance(one, Part)]
    is_layer = class_name(part.name) == "ActivityRegularization" if part.category == "layers" else False
    return is_layer or part.category == "regularizers" or any(map(_is_regularized, parts))


def _half_precision(context: CheckContext) -> Iterator[Finding]:
    """Find what the backends compute in float32 alone."""
    experiment, nodes = context.experiment, context.graph.nodes
    floatx = experiment.keras.floatx
    if floatx in ("float16", "bfloat16"):
        for node in nodes:
            path = next(_orthogonal_weights(node.part, node.path), None)
            if path is not None:
                text = f"an orthogonal start cannot be computed in {floatx}"
                hint = "write recurrent_initializer: GlorotUniform, or precision: mixed_bfloat16 instead of floatx"
                yield Finding(path, text, hint, "cannot-combine")
                break
    if experiment.backend != "tensorflow" or (floatx == "float32" and experiment.precision == "float32"):
        return
    for output in context.graph.outputs:
        last = next((node for node in nodes if node.name == output.source.name), None)
        if last is not None and last.part.arguments.get("dtype") == "float32":
            continue
        for metric in context.training.metrics if output.metrics is None else output.metrics:
            if class_name(metric.name).endswith("TopKCategoricalAccuracy"):
                text = f"TensorFlow computes {metric.name} of float32 outputs alone"
                hint = "add dtype: float32 to the last layer"
                yield Finding((*metric.path, metric.name), text, hint, "cannot-combine")


def _orthogonal_weights(part: Part, path: Path) -> Iterator[Path]:
    """Yield the places of weights that start orthogonal, by Keras' default those of recurrent layers."""
    if class_name(part.name).removesuffix("Cell") in _RECURRENT and "recurrent_initializer" not in part.arguments:
        yield path
    for name, value in part.arguments.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Part) and one.category == "layers":
                yield from _orthogonal_weights(one, (*one.path, one.name))
            elif isinstance(one, Part) and one.name == "Orthogonal":
                yield (*path, name)


def _piecewise(rate: Part) -> Iterator[Finding]:
    boundaries, values = (rate.arguments.get(name) for name in ("boundaries", "values"))
    if isinstance(boundaries, list) and isinstance(values, list) and len(values) != len(boundaries) + 1:
        text = f"{len(boundaries)} boundaries need {len(boundaries) + 1} values, received {len(values)}"
        yield Finding(
            (*rate.path, rate.name, "values"), text, "give one value before and after each boundary", "cannot-combine"
        )


def _class_ids(metric: Part) -> Iterator[Finding]:
    """Find classes that are counted out by `num_classes`."""
    count, ids = metric.arguments.get("num_classes"), metric.arguments.get("target_class_ids")
    if isinstance(count, int) and isinstance(ids, list):
        for index, one in enumerate(ids):
            if isinstance(one, int) and one >= count:
                text = f"there is no class {one} among num_classes: {count}, which are counted from 0"
                path = (*metric.path, metric.name, "target_class_ids", index)
                yield Finding(
                    path, text, f"write a number up to {count - 1}, or num_classes: $classes", "cannot-combine"
                )


def _augmentation(context: CheckContext) -> Iterator[Finding]:
    # Pictures next to columns are all of one shape.
    inputs = augmented_inputs(context.graph.inputs, context.facts)
    for part in context.training.augment if inputs else ():
        yield from _colours(context, part, context.input_shapes[inputs[0].name], (*part.path, part.name))


def _colours(context: CheckContext, part: Part, shape: Any, path: Path) -> Iterator[Finding]:
    allowed = _CHANNELS.get(part.name)
    if allowed is None or not shape or len(shape) < 3:
        return
    data_format = part.arguments.get("data_format") or context.experiment.keras.image_data_format
    channels = shape[-1] if data_format == "channels_last" else shape[-3]
    if channels not in (*allowed, None):
        takes = " or ".join(map(str, allowed))
        text = f"{part.name} changes colours, which takes {takes} channels, received {channels}"
        yield Finding(path, text, f"leave out {part.name}", "cannot-combine")


def _layer(context: CheckContext, row: NodeShape) -> Iterator[Finding]:
    if row.class_name == "Equalization":
        text = "Keras cannot put Equalization into a model (a fault of Keras')"
        yield Finding(row.path, text, "leave it out, or write BatchNormalization", "cannot-combine")
    if _names_glu(row.part):
        text = "Keras takes outputs of glu, which halves them, for twice as many as they are (a fault of Keras')"
        yield Finding(
            row.path, text, "write activation: silu, or Multiply a Dense and one with sigmoid", "cannot-combine"
        )
    if row.class_name == "RandomCrop" and row.inputs and row.output_shape != row.inputs[0]:
        text = "Keras crops in training alone, so that the layers after RandomCrop get two sizes (a fault of Keras')"
        yield Finding(row.path, text, "write CenterCrop, or RandomTranslation under augment", "cannot-combine")
    activation = row.part.arguments.get("activation")
    if isinstance(activation, Part) and activation.name == "glu":
        text = "glu halves the number of outputs, but Keras builds the next layers as if it kept them"
        yield Finding((*row.path, "activation"), text, "write another activation, such as silu", "cannot-combine")
    if row.inputs:
        yield from _colours(context, row.part, row.inputs[0], row.path)
    for name, value in row.part.arguments.items():
        on_waves = row.class_name == "Conv1D" and name == "kernel_initializer" and row.inputs[0][-1] in (1, None)
        if isinstance(value, Part) and value.name == "STFT" and not on_waves:
            text = "STFT makes the kernel of a Conv1D over one channel alone"
            yield Finding((*row.path, name), text, f"write {name}: GlorotUniform", "cannot-combine")
    yield from _regularizers(row.part, row.path)
    yield from _regularized_outputs(context, row.part, row.path)
    if row.part.arguments.get("activity_regularizer") and row.class_name in _NOT_SAVED:
        text = f"Keras cannot save {row.class_name} with activity_regularizer"
        yield Finding(
            (*row.path, "activity_regularizer"), text, "put ActivityRegularization after it instead", "cannot-combine"
        )


def _regularized_outputs(context: CheckContext, part: Part, path: Path) -> Iterator[Finding]:
    """Find regularizers of outputs of half precision, also inside of the layer."""
    precision = context.experiment.precision
    if precision == "float32" or context.experiment.backend != "tensorflow":
        return
    inner = [(one, (*one.path, one.name)) for one in part.inner("layers")]
    for layer, place in ((part, path), *inner):
        is_cell = class_name(layer.name).endswith("Cell")
        regularizer = layer.arguments.get("activity_regularizer") or class_name(layer.name) == "ActivityRegularization"
        if regularizer and not is_cell and layer.arguments.get("dtype") is None:
            text = (
                f"Keras cannot add what this regularizer makes of a {precision.removeprefix('mixed_')} output to the "
                "loss, which is float32"
            )
            yield Finding(place, text, f"add dtype: float32 to {layer.name}", "cannot-combine")


def _names_glu(part: Part) -> bool:
    """Return whether a layer, or one inside of it, has the activation glu."""
    for value in part.arguments.values():
        for one in value if isinstance(value, list) else [value]:
            if one == "glu" or (isinstance(one, Part) and (one.name == "glu" or _names_glu(one))):
                return True
    return False


def _regularizers(part: Part, path: Path) -> Iterator[Finding]:
    """Find parts that need a matrix, given to outputs or to weights of another rank."""
    for name, value in part.arguments.items():
        inner = value if isinstance(value, list) else [value]
        for layer in (one for one in inner if isinstance(one, Part) and one.category == "layers"):
            yield from _regularizers(layer, (*layer.path, layer.name))
        if not isinstance(value, Part):
            continue
        if name == "activity_regularizer" and value.name == "OrthogonalRegularizer":
            text = "OrthogonalRegularizer needs to know how many rows it gets, and an output has as many as the batch"
            yield Finding((*path, name), text, f"write {name}: L2", "cannot-combine")
            continue
        rank = _weight_rank(class_name(part.name), name)
        if rank is None or rank == 2:
            continue
        if value.name == "OrthogonalRegularizer" or (value.name == "Orthogonal" and rank < 2):
            needs = "two dimensions" if value.name == "OrthogonalRegularizer" else "two dimensions or more"
            text = f"{value.name} takes a weight of {needs}, and {name} gives it one of {rank}"
            other = "L2" if value.name == "OrthogonalRegularizer" else "Zeros"
            yield Finding((*path, name), text, f"write {name}: {other}", "cannot-combine")


def _weight_rank(layer: str, argument: str) -> int | None:
    """Return the number of dimensions of the weight that an argument is about; None where it is not known."""
    weight = argument.removesuffix("_regularizer").removesuffix("_initializer")
    if weight == argument:
        return None
    if weight in _VECTORS and layer not in (*_ATTENTIONS, "EinsumDense", "GRU", "GRUCell"):
        return 1
    if weight.endswith("kernel") or weight in ("depthwise", "pointwise"):
        convolution = re.search(r"Conv\w*?(\d)D", layer)
        return int(convolution[1]) + 2 if convolution else 3 if layer in _ATTENTIONS else None
    return None
