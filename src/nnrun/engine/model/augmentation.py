"""Random changes of training examples, inside the compiled step and outside of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.engine.model.build import Builder
    from nnrun.spec.part import Part


class Augmentation:
    """Random layers that every training batch goes through before the model's own training step.

    They are not part of the model: validation, scores, checkpoints and predictions do without them. Their seeds are
    drawn as the run's other seeds are, after the model's, so that its initial weights stay the same.

    Args:
        builder: Builds the layers.
        parts: The layers of the config.
    """

    def __init__(self, builder: Builder, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._layers = [builder.make(part) for part in parts]
        self._builder = builder
        self._initial_values: list[Any] = []

    @property
    def variables(self) -> list[Any]:
        """The layers' random state."""
        return [variable for layer in self._layers for variable in layer.variables]

    def attach(self, model: Any, example: Any) -> None:
        """Let `model` take its training steps on augmented batches; argument and errors are those of `build`."""
        self.build(example)
        keras_step = model.train_step

        def train_step(data: Any) -> Any:
            x, *rest = data
            return keras_step((self(x), *rest))

        model.train_step = train_step

    def build(self, example: Any) -> None:
        """Create the layers' variables for batches such as `example`, since a compiled loop can create none.

        Args:
            example: A batch of the inputs of a model that has one.

        Raises:
            BuildError: A layer refuses the examples, or changes their shape.
        """
        example = next(iter(example.values())) if isinstance(example, dict) else example
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

    def __call__(self, x: Any) -> Any:
        """Augment a batch; its shape stays the same."""
        if isinstance(x, dict):
            return {name: self(one) for name, one in x.items()}
        for layer in self._layers:
            x = layer(x, training=True)
        return x

    def reset(self) -> None:
        """Bring the layers' random state back to where it was at the first call of this method."""
        self._initial_values = self._initial_values or [variable.numpy() for variable in self.variables]
        for variable, value in zip(self.variables, self._initial_values, strict=True):
            variable.assign(value)
