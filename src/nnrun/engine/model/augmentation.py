"""Random changes of training examples, inside the compiled step and outside of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.spec.augmented_targets import MIXING, MOVING, OF_ANY_SIZE, augmented_inputs, picture_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.engine.model.build import Builder
    from nnrun.spec.augmented_targets import PictureTarget
    from nnrun.spec.experiment import Experiment
    from nnrun.spec.facts import Facts
    from nnrun.spec.part import Part


class Augmentation:
    """Random layers that every training batch goes through before the model's own training step.

    They are not part of the model: validation, scores, checkpoints and predictions do without them. Their seeds are
    drawn as the run's other seeds are, after the model's, so that its initial weights stay the same.

    Layers that move pixels move those of targets that are pictures in the same way, masks by the nearest pixel; layers
    that mix examples mix their targets.

    Args:
        keras: The Keras module.
        builder: Builds the layers.
        parts: The layers of the config.
        target: The target that is a picture, or None.
        inputs: The names of the inputs that are changed; None changes the only one.
    """

    def __init__(
        self,
        keras: Any,
        builder: Builder,
        parts: Sequence[Part],
        target: PictureTarget | None,
        inputs: Sequence[str] | None = None,
    ) -> None:
        self._parts = parts
        self._layers = [builder.make(part) for part in parts]
        self._keras, self._builder, self._target, self._inputs = keras, builder, target, inputs
        self._initial_values: list[Any] = []

    @classmethod
    def for_training(cls, keras: Any, builder: Builder, experiment: Experiment, facts: Facts) -> Augmentation:
        """Return the augmentation of a config, which knows whether its target is a picture, and which inputs are."""
        inputs = experiment.graph.inputs
        names = None if len(inputs) == 1 else [one.name for one in augmented_inputs(inputs, facts)]
        return cls(keras, builder, experiment.training.augment, picture_target(experiment, facts), names)

    @property
    def variables(self) -> list[Any]:
        """The layers' random state."""
        return [variable for layer in self._layers for variable in layer.variables]

    def attach(self, model: Any, example: Any) -> None:
        """Let `model` take its training steps on augmented batches; argument and errors are those of `build`."""
        self.build(example)
        keras_step = model.train_step

        def train_step(data: Any) -> Any:
            return keras_step(self(data))

        model.train_step = train_step

    def build(self, example: Any) -> None:
        """Create the layers' variables for batches such as `example`, since a compiled loop can create none.

        Args:
            example: A batch of the model's inputs.

        Raises:
            BuildError: A layer refuses the examples, or changes their shape.
        """
        if isinstance(example, dict):
            # The pictures of several inputs have one shape.
            example = example[self._inputs[0]] if self._inputs else next(iter(example.values()))
        for layer, part in zip(self._layers, self._parts, strict=True):
            try:
                shape = layer(example, training=True).shape
            except Exception as error:  # Keras raises whatever its layers raise
                raise self._builder.refusal(part, error) from error
            if tuple(shape[1:]) != tuple(example.shape[1:]):
                text = f"{part.name} makes examples of {list(shape[1:])} from {list(example.shape[1:])}"
                hint = "augmentation keeps the shape that the model takes in validation and test too"
                raise self._builder.error((*part.path, part.name), text, hint)
        self.reset()

    def __call__(self, batch: Any) -> Any:
        """Augment a batch, of examples, targets and what else there is; its shapes stay the same."""
        x, *rest = batch
        for layer, part in zip(self._layers, self._parts, strict=True):
            if part.name in MIXING:
                x, rest[0] = self._together(x, rest[0], lambda *pair, mixing=layer: self._mixed(mixing, *pair))
            elif part.name in MOVING and self._target is not None:
                x, rest[0] = self._together(x, rest[0], lambda *pair, moving=layer: self._moved(moving, *pair))
            elif self._inputs is not None:
                x = {**x, **{name: layer(x[name], training=True) for name in self._inputs}}
            else:
                x = self._keras.tree.map_structure(lambda one, own=layer: own(one, training=True), x)
        return (x, *rest)

    def _together(self, x: Any, y: Any, change: Any) -> tuple[Any, Any]:
        """Change the only input and the only target together, each of which may have a name."""
        tree = self._keras.tree
        (only_x,), (only_y,) = tree.flatten(x), tree.flatten(y)
        new_x, new_y = change(only_x, only_y)
        return tree.pack_sequence_as(x, [new_x]), tree.pack_sequence_as(y, [new_y])

    def _mixed(self, layer: Any, x: Any, y: Any) -> tuple[Any, Any]:
        found = layer({"images": x, "labels": y}, training=True)
        return found["images"], self._keras.ops.cast(found["labels"], y.dtype)

    def _moved(self, layer: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """Move the pixels of pictures and of their targets in the same way."""
        ops, target = self._keras.ops, self._target
        assert target is not None, "only targets that are pictures are moved"  # noqa: S101
        if not target.is_mask and type(layer).__name__ != OF_ANY_SIZE:
            # As channels of one picture, so that both are interpolated between pixels.
            whole = layer(ops.concatenate([x, ops.cast(y, x.dtype)], axis=-1), training=True)
            return whole[..., : x.shape[-1]], ops.cast(whole[..., x.shape[-1] :], y.dtype)
        masks = ops.argmax(y, axis=-1) if target.kind == "one_hot" else y
        masks = masks[..., None] if target.kind in ("integer", "one_hot") else masks
        found = layer({"images": x, "segmentation_masks": ops.cast(masks, x.dtype)}, training=True)
        moved = found["segmentation_masks"]
        if target.kind == "one_hot":
            return found["images"], ops.cast(ops.one_hot(ops.cast(moved[..., 0], "int32"), y.shape[-1]), y.dtype)
        return found["images"], ops.cast(moved[..., 0] if target.kind == "integer" else moved, y.dtype)

    def reset(self) -> None:
        """Bring the layers' random state back to where it was at the first call of this method."""
        self._initial_values = self._initial_values or [variable.numpy() for variable in self.variables]
        for variable, value in zip(self.variables, self._initial_values, strict=True):
            variable.assign(value)
