"""The frozen part of a model, computed once over the data: training reads what it puts out in place of examples.

The model stays whole: its optimizer, checkpoints, state and scores know nothing of this. Only while training steps,
and those of the validation between them, are traced does the model's call begin after its frozen part.

An operation belongs to the frozen part if it takes nothing but inputs and outputs of that part, has no trainable
weights, and computes in training what it computes otherwise: that is tried on a few examples, so that a `Dropout`, a
`BatchNormalization` in training mode or a layer of the user's own that draws numbers is noticed whatever its name is.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrun.engine.executors.compiled_steps import Tensors, take_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Examples on which operations are tried.
_TRIED = 4


class NothingFrozenError(Exception):
    """The frozen part has no weights; the message says what stands before them."""


@dataclass(frozen=True, eq=False)
class FeatureTake:
    """How steps take rows of features; see `Tensors.take`.

    Attributes:
        part: The frozen part that has made them.
    """

    part: FrozenPart

    def __call__(self, tf: Any, fields: Any, index: Any) -> Any:
        """Take the rows at `index` from every field."""
        return take_rows(tf, fields, index)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Let the model's call begin after the frozen part, inside the `with` block."""
        model, part = self.part.model, self.part

        def call(features: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: ARG001 - Keras' own
            return part.compute_rest(features, training=training)

        model.call, model._assert_input_compatibility = call, lambda *_: None  # noqa: SLF001
        try:
            yield
        finally:
            del model.call, model._assert_input_compatibility  # noqa: SLF001


class FrozenPart:
    """The frozen part of a functional model.

    Args:
        tf: The TensorFlow module.
        model: The model, whose layers are frozen already.
        example: A few examples, as the model takes them.

    Attributes:
        model: The model.
        layers: The names of its layers that have weights.

    Raises:
        NothingFrozenError: There is nothing with weights that could be computed once.
    """

    def __init__(self, tf: Any, model: Any, example: Any) -> None:
        self._tf, self.model = tf, model
        self._nodes = [
            node
            for depth in sorted(model._nodes_by_depth, reverse=True)  # noqa: SLF001 - Keras' own order of computation
            for node in model._nodes_by_depth[depth]  # noqa: SLF001
            if not node.is_input
        ]
        self._frozen, blocker = self._find(example)
        operations = [node.operation for node in self._nodes if id(node) in self._frozen]
        self.layers = list(dict.fromkeys(one.name for one in operations if getattr(one, "weights", ())))
        if not self.layers:
            raise NothingFrozenError(blocker or "no layer at the model's beginning is frozen")
        later = [one for one in self._nodes if id(one) not in self._frozen and self._is_frozen_layer(one.operation)]
        if later and blocker is not None:
            raise NothingFrozenError(f"{blocker} and stands before '{later[0].operation.name}', which is frozen")
        self._boundary = self._find_boundary()

    def _find(self, example: Any) -> tuple[set[int], str | None]:
        """Return the ids of the nodes of the frozen part, and why the first node that could have been one is none."""
        known = dict(zip(map(id, self.model.inputs), self._flat_inputs(example), strict=True))
        frozen: set[int] = set()
        blocker: str | None = None
        for node in self._nodes:
            if any(id(one) not in known for one in node.input_tensors):
                continue
            if getattr(node.operation, "trainable_variables", ()):
                continue
            outputs, reason = self._try(node, known)
            if reason is None:
                frozen.add(id(node))
                known |= zip(map(id, node.outputs), outputs, strict=True)
            else:
                blocker = blocker or reason
        return frozen, blocker

    def _try(self, node: Any, known: Mapping[int, Any]) -> tuple[list[Any], str | None]:
        """Compute a node outside of training and in it; return its outputs, and why it is not of the frozen part."""
        variables = list(getattr(node.operation, "variables", ()))
        before = [np.array(one) for one in variables]
        outputs, trained = (self._compute(node, known, training=training) for training in (False, True))
        changed = any(not np.array_equal(old, new, equal_nan=True) for old, new in zip(before, variables, strict=True))
        for one, old in zip(variables, before, strict=True):
            one.assign(old)
        kind = f"'{node.operation.name}' ({type(node.operation).__name__})"
        masks = sys.modules["keras.src.backend"].get_keras_mask
        if any(masks(one) is not None for one in outputs):
            return outputs, f"{kind} masks steps"
        if getattr(node.operation, "losses", ()):
            return outputs, f"{kind} adds to the loss"
        if changed or not all(map(np.array_equal, outputs, trained)):
            return outputs, f"{kind} computes something else in training"
        return outputs, None

    def _is_frozen_layer(self, operation: Any) -> bool:
        return bool(getattr(operation, "weights", ())) and not operation.trainable_variables

    def _find_boundary(self) -> list[Any]:
        """Return the symbolic tensors, of inputs or of the frozen part, that the rest of the model takes."""
        known = {id(one) for one in self.model.inputs}
        known |= {id(one) for node in self._nodes if id(node) in self._frozen for one in node.outputs}
        taken = [one for node in self._nodes if id(node) not in self._frozen for one in node.input_tensors]
        found = {id(one): one for one in (*taken, *self.model.outputs) if id(one) in known}
        return list(found.values())

    def _flat_inputs(self, inputs: Any) -> list[Any]:
        flat: list[Any] = self.model._standardize_inputs(inputs)  # noqa: SLF001 - by the names of the inputs
        return flat

    def _compute(self, node: Any, known: Mapping[int, Any], *, training: bool | None) -> list[Any]:
        arguments, options = node.arguments.fill_in(known)
        with_training = sys.modules["keras.src.models.functional"].operation_fn(node.operation, training=training)
        outputs: list[Any] = self._tf.nest.flatten(with_training(*arguments, **options))
        return outputs

    def compute_rest(self, features: Any, *, training: bool | None) -> Any:
        """Return the model's outputs, computed from rows of features."""
        known = dict(zip(map(id, self._boundary), self._tf.nest.flatten(features), strict=True))
        for node in self._nodes:
            if id(node) not in self._frozen and all(id(one) in known for one in node.input_tensors):
                known |= zip(map(id, node.outputs), self._compute(node, known, training=training), strict=True)
        outputs = [known[id(one)] for one in self.model.outputs]
        return self._tf.nest.pack_sequence_as(self.model._outputs_struct, outputs)  # noqa: SLF001

    def replace_examples(self, tensors: Tensors, batch_size: int) -> Tensors:
        """Return a part of the data with features in place of its examples.

        Args:
            tensors: The part.
            batch_size: Rows that are computed at once.
        """
        tf = self._tf

        @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def compute(examples: Any) -> list[Any]:
            known = dict(zip(map(id, self.model.inputs), self._flat_inputs(examples), strict=True))
            for node in self._nodes:
                if id(node) in self._frozen:
                    known |= zip(map(id, node.outputs), self._compute(node, known, training=False), strict=True)
            return [known[id(one)] for one in self._boundary]

        x = tensors.fields[0]
        blocks: Sequence[list[Any]] = [
            compute(tf.nest.map_structure(lambda one, first=first: one[first : first + batch_size], x))
            for first in range(0, tensors.rows, batch_size)
        ]
        features = tuple(tf.concat(one, axis=0) for one in zip(*blocks, strict=True))
        return replace(tensors, fields=(features, *tensors.fields[1:]), take=FeatureTake(self))


def frozen_part(tf: Any, model: Any, tensors: Tensors) -> FrozenPart:
    """Return the frozen part of a model for a part of the data.

    Raises:
        NothingFrozenError: There is none, or the data are not examples in memory.
    """
    if tensors.take is not take_rows:
        raise NothingFrozenError(
            "the examples are not in memory as the model takes them: windows of a text, or a stream"
        )
    return FrozenPart(tf, model, tf.nest.map_structure(lambda one: one[:_TRIED], tensors.fields[0]))


def feature_bytes(tensors: Tensors) -> int:
    """Return how many bytes the features of a part have."""
    return sum(int(np.prod(one.shape)) * one.dtype.size for one in tensors.fields[0])
