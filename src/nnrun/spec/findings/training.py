"""Checks of training: the backend, batches, augmentation, samples and the perceptron rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.catalog.shapes.infer import ShapeError, Undecided, infer
from nnrun.catalog.shapes.layer_call import format_shape
from nnrun.spec.augmented_targets import (
    DEGRADING,
    MIXING,
    MOVING,
    MOVING_ALONE,
    OF_ANY_SIZE,
    augmented_inputs,
    picture_target,
)
from nnrun.spec.finding import Finding
from nnrun.spec.part import Part
from nnrun.spec.targets import target_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.catalog.shapes.layer_call import Shape
    from nnrun.errors import Path
    from nnrun.spec.augmented_targets import PictureTarget
    from nnrun.spec.findings.context import CheckContext

#: Layers of Keras that look words up in tables of TensorFlow.
_TENSORFLOW_LAYERS = frozenset(("TextVectorization", "StringLookup", "IntegerLookup", "Hashing", "HashedCrossing"))


def check_backend(context: CheckContext) -> Iterator[Finding]:
    """Find layers, data and settings that do not work with `backend: jax`."""
    if context.experiment.backend != "jax":
        return
    for node in context.graph.nodes:
        if node.part.name in _TENSORFLOW_LAYERS:
            text = f"{node.part.name} is made of TensorFlow operations, and the backend is jax"
            yield Finding(node.path, text, "leave out backend: jax", "not-on-jax")
    if context.facts is not None and context.facts.streamed:
        text = "streaming data from disk needs TensorFlow, and the backend is jax"
        yield Finding(("backend",), text, "leave out backend: jax, or write stream: false in the source", "not-on-jax")
    if context.training.execution.xla is False:
        text = "JAX compiles every step with XLA, and the config has xla: false"
        yield Finding(("training", "execution", "xla"), text, "leave out xla", "not-on-jax")


def check_batches(context: CheckContext) -> Iterator[Finding]:
    """Find batches that are too large, and validation on the test part."""
    rows = context.facts.rows.get("train") if context.facts is not None else None
    size = context.training.batch_size
    if rows is not None and size > rows:
        text = f"a batch of {size} is larger than the {rows} training rows, so an epoch is a single step"
        path, hint = ("training", "batch_size"), f"write batch_size: {min(32, rows)}"
        yield Finding(path, text, hint, "batch-larger-than-data", "warning")
    split = context.experiment.data.split
    if split is not None and split.validation == "test":
        text = "the test part is used for validation, so test scores are too optimistic if validation decides anything"
        hint = "write validation: 0.1 to hold out training rows instead"
        yield Finding(("data", "split", "validation"), text, hint, "test-part-watched", "warning")


def check_augment(context: CheckContext) -> Iterator[Finding]:
    """Find `augment:` of a model with several inputs, and random layers that cannot take the examples."""
    inputs = augmented_inputs(context.graph.inputs, context.facts)
    if context.facts is None and context.experiment.data.source.name == "images":
        return  # which inputs are pictures is not known
    if context.training.augment and not inputs:
        text = f"augment: needs a model with one input, and this model has {len(context.graph.inputs)}"
        hint = "put the random layers into the model after the input they are for; they are active in training only"
        yield Finding(("training", "augment"), text, hint, "augment-of-several-inputs", at_key=True)
        return
    shapes = [context.input_shapes[one.name] for one in inputs]
    for shape in shapes:
        if shape is not None:
            yield from _augmented_examples(context, shape)
    if shapes and None not in shapes:
        yield from _augmented_targets(context, shapes[0])


def _augmented_examples(context: CheckContext, shape: Shape) -> Iterator[Finding]:
    """Find layers that cannot take the examples of an input, or that change their shape."""
    for part in context.training.augment:
        try:
            found = infer(part.name, part.arguments, [shape], data_format=context.experiment.keras.image_data_format)
            if found.output != shape:
                text = f"the model takes examples of {format_shape(shape)}, and {part.name} makes others of them"
                hint = "leave it out, or write RandomTranslation or RandomZoom"
                yield Finding(part.path, text, hint, "shape-impossible")
        except ShapeError as error:
            yield Finding(part.path, error.text.rstrip("."), error.hint and error.hint.rstrip("."), "shape-impossible")
        except Undecided:
            continue


def _augmented_targets(context: CheckContext, shape: Shape | None) -> Iterator[Finding]:
    """Find layers that cannot change targets as they change examples."""
    target = picture_target(context.experiment, context.facts)
    outputs = context.graph.outputs
    for part in context.training.augment:
        if part.name in MIXING:
            found = _mixing(context, target)
            if found is not None:
                yield Finding(part.path, f"{part.name} mixes {found[0]}", found[1], "augment-of-targets")
        elif target is not None:
            yield from _moving(part, target, shape, context.experiment.keras.image_data_format)
        elif part.name in MOVING and len(outputs) > 1 and _has_pictures(context):
            text = f"{part.name} moves the pixels of examples, but not those of the targets of {len(outputs)} outputs"
            yield Finding(part.path, text, "leave it out", "augment-of-targets")


def _has_pictures(context: CheckContext) -> bool:
    abouts = [context.target_facts(output) for output in context.graph.outputs]
    return any(about is not None and len(about.positions) == 2 for about in abouts)


def _mixing(context: CheckContext, target: PictureTarget | None) -> tuple[str, str] | None:
    """Return what cannot be mixed and what to write instead; None where targets can be mixed."""
    outputs, inputs = context.graph.outputs, context.graph.inputs
    for what, several in (("examples of one input", inputs), ("targets of one output", outputs)):
        if len(several) > 1:
            return f"the {what}, and this model has {len(several)}", "leave it out"
    if target is not None:
        return "one row of labels an example, and the targets are pictures", "leave it out, or write RandomFlip"
    if context.training.class_weight is not None:
        return "classes, so that no example has the weight of one", "leave out class_weight"
    loss = context.experiment.losses[outputs[0].name]
    if target_form(loss) == "integer":
        hint = "write loss: categorical_crossentropy, whose targets are one-hot"
        return "labels, of which class numbers have no mean", hint
    about = context.target_facts(outputs[0])
    if about is not None and about.positions:
        return "one row of labels an example, and the targets have several positions", "leave it out"
    return None


def _moving(part: Part, target: PictureTarget, shape: Shape | None, data_format: str) -> Iterator[Finding]:
    """Find layers that cannot do to a picture as target what they do to the example."""
    moves = part.name in MOVING
    noun = "masks" if target.is_mask else "target pictures"
    size = None if shape is None or len(shape) != 3 else (shape[0], shape[1])
    if part.name in MOVING_ALONE or (moves and data_format == "channels_first"):
        text = f"{part.name} moves the pixels of examples, but cannot move those of their {noun}"
        yield Finding(part.path, text, "write RandomFlip, RandomRotation or the like", "augment-of-targets")
    elif moves and part.name != OF_ANY_SIZE and None not in (size, *target.size) and size != target.size:
        text = f"{part.name} moves pixels of examples, and their {noun} have another size {list(target.size)}"
        yield Finding(part.path, text, "write RandomFlip, which moves both", "augment-of-targets")
    elif not (moves or target.is_mask or part.name in DEGRADING):
        text = f"{part.name} changes the colours of examples, and leaves those of their {noun}"
        yield Finding(part.path, text, "leave it out if both should have the same", "augment-of-targets", "warning")


def check_samples(context: CheckContext) -> Iterator[Finding]:
    """Find `samples:` of a model that does not continue a text."""
    if context.training.samples is None:
        return
    source = context.experiment.data.source
    entry = lookup.entry("sources", source.name)
    path, outputs = ("training", "samples"), len(context.graph.outputs)
    # Sources of a text to continue have the argument `predict`; a reader of the user's own does not.
    if entry is None or "predict" not in entry.parameters:
        text = f"samples: needs a text source, and {source.name} is not one"
        yield Finding(path, text, "leave out samples, or use a text as source", "samples-of-no-text", at_key=True)
    elif outputs != 1:
        text = f"samples: needs a model with one output, and this model has {outputs}"
        yield Finding(path, text, "leave out samples", "samples-of-no-text", at_key=True)


def check_perceptron(context: CheckContext) -> Iterator[Finding]:
    """Find models that the perceptron rule cannot train: all but a single unit with a step activation."""
    found = _not_a_perceptron(context) if context.training.is_perceptron else None
    if found is not None:
        hint = "write model: [{Dense: {units: 1, activation: binary_step}}], or leave out rule: perceptron"
        yield Finding(*found, hint, "perceptron-of-one-unit")


def _not_a_perceptron(context: CheckContext) -> tuple[Path, str] | None:
    names = [node.part.name for node in context.graph.nodes]
    if names != ["Dense"] or not context.graph.chain:
        received = f"{len(names)} layers" if len(names) > 1 else names[0] if names else "none"
        return ("model",), f"rule: perceptron trains a single Dense layer, and the model has {received}"
    dense = context.graph.nodes[0]
    units, activation = dense.part.arguments.get("units"), dense.part.arguments.get("activation")
    if units not in (1, "$targets"):
        return (*dense.path, "units"), f"rule: perceptron trains one unit, and this Dense layer has {units}"
    name = activation.name if isinstance(activation, Part) else activation
    if name != "binary_step":
        return (*dense.path, "activation"), f"rule: perceptron needs activation: binary_step, received {name or 'none'}"
    return None
