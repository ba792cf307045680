"""Random changes of training examples, inside the compiled step and outside of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.errors import BuildError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nnrun.engine.model.build import Builder
    from nnrun.errors import Mark, Path
    from nnrun.spec.part import Part


class Augmentation:
    """Layers that every training batch goes through before the model's own training step.

    They are no part of the model: validation, scores, checkpoints and predictions never meet them. Their seeds are
    drawn where the run's other seeds are drawn, after the model's, so that its first weights stay as they are.

    Args:
        builder: Makes the layers.
        parts: The layers as the config says them.
    """

    def __init__(self, builder: Builder, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._layers = [builder.make(part) for part in parts]
        self._builder = builder
        self._begin: list[Any] = []

    @property
    def variables(self) -> list[Any]:
        """The layers' random state."""
        return [variable for layer in self._layers for variable in layer.variables]

    def attach(self, model: Any, example: Any, mark_of: Callable[[Path], Mark]) -> None:
        """Let `model` take its training steps on augmented batches; arguments and errors are those of `fit_to`."""
        self.fit_to(example, mark_of)
        own = model.train_step

        def train_step(data: Any) -> Any:
            x, *rest = data
            return own((self(x), *rest))

        model.train_step = train_step

    def fit_to(self, example: Any, mark_of: Callable[[Path], Mark]) -> None:
        """Make the layers' variables for batches such as `example`, since a compiled loop can make none.

        Args:
            example: A batch of the inputs of a model that has one.
            mark_of: Finds the place of a path in the config.

        Raises:
            BuildError: Where a layer refuses the examples, or changes their shape.
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
                raise BuildError([Problem(mark_of((*part.path, part.name)), text, hint)])
        self.renew()

    def __call__(self, x: Any) -> Any:
        """Give another look of a batch, of the same shape."""
        if isinstance(x, dict):
            return {name: self(one) for name, one in x.items()}
        for layer in self._layers:
            x = layer(x, training=True)
        return x

    def renew(self) -> None:
        """Bring the layers' random state back to where it was when this was called first."""
        self._begin = self._begin or [variable.numpy() for variable in self.variables]
        for variable, value in zip(self.variables, self._begin, strict=True):
            variable.assign(value)
