"""The least memory that training needs, estimated from shapes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.catalog.shapes.layer_call import outputs, product
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from nnrun.spec.findings.context import CheckContext

#: The bytes of one number: Keras' default is float32, in which policies such as mixed_float16 keep weights too.
_BYTES = 4
#: How many variables an optimizer of Keras 3 keeps for each trainable weight. Adafactor's row and column factors are
#: left out, and Muon is counted as if it treated every weight as Adam does.
_SLOTS = {
    "SGD": 0,
    "RMSprop": 1,
    "Adagrad": 1,
    "Adadelta": 2,
    "Adam": 2,
    "AdamW": 2,
    "Adamax": 2,
    "Nadam": 2,
    "Ftrl": 2,
    "Lion": 1,
    "Adafactor": 1,
    "Lamb": 2,
    "Muon": 2,
}
#: Arguments with which an optimizer keeps one variable more, where they are not false, 0 or null.
_MORE = ("momentum", "centered", "amsgrad", "use_ema", "gradient_accumulation_steps")


class Memory(NamedTuple):
    """Bytes of memory by their use; None where unknown.

    Attributes:
        weights: All weights.
        gradients: One number for each trainable weight.
        optimizer: The optimizer's variables.
        activations: Every layer's output for one batch, which the backward pass needs again.
        data: All examples and targets, which nnrun keeps in memory during training.
    """

    weights: int | None
    gradients: int | None
    optimizer: int | None
    activations: int | None
    data: int | None

    @property
    def total(self) -> int | None:
        """The sum; None where a part is unknown."""
        return _sum(list(self))

    def as_json(self) -> dict[str, int | None]:
        """Return plain data for `--json`, in bytes."""
        return {**self._asdict(), "total": self.total}


def estimate(context: CheckContext) -> Memory:
    """Estimate the memory that training needs, in bytes of float32 numbers.

    The sum is `4 * (P + T * (1 + s) + B * A + E)`: P weights, T of them trainable, s variables of the optimizer for
    each (read off the variables that Keras' optimizers build), B rows a batch, A numbers in the outputs of all layers
    for one row, E numbers in all examples and targets. It is a lower bound: convolutions need workspace, and
    TensorFlow itself 0.5 to 1 GB.
    """
    rows = [row for row in context.rows if row.used]
    trainable = _sum([row.trainable for row in rows if row.first])
    optimizer = context.training.optimizer
    slots = 0 if optimizer is None else slots_of(optimizer)
    outputs_of_row = _sum([_numbers(row.output_shape) for row in rows])
    return Memory(
        product((_BYTES, _sum([row.parameters for row in rows if row.first]))),
        product((_BYTES, trainable)),
        product((_BYTES, trainable, slots)),
        product((_BYTES, context.training.batch_size, outputs_of_row)),
        product((_BYTES, _numbers_of_data(context))),
    )


def slots_of(optimizer: Part) -> int | None:
    """Return how many variables an optimizer keeps for each trainable weight; None for an unknown optimizer."""
    inner = optimizer.arguments.get("inner_optimizer")
    if isinstance(inner, Part):
        return slots_of(inner)
    if optimizer.name not in _SLOTS:
        return None
    # `momentum` is an argument of SGD and RMSprop only.
    return _SLOTS[optimizer.name] + sum(bool(optimizer.arguments.get(key)) for key in _MORE)


def _numbers_of_data(context: CheckContext) -> int | None:
    facts = context.facts
    if facts is None or not facts.rows:
        return None
    split = context.experiment.data.split
    validates_on_test = split is not None and split.validation == "test"
    rows = sum(size for part, size in facts.rows.items() if not (validates_on_test and part == "validation"))
    # Streamed examples are in memory in small pieces only.
    example = 0 if facts.streamed else _sum([_numbers(shape) for shape in context.given.values()])
    return product((rows, None if example is None else example + (facts.targets or 1)))


def _numbers(output: Any) -> int | None:
    """Return how many numbers an output, or all outputs, of a layer has for one row."""
    if output is None:
        return None
    return _sum([product(shape) for shape in outputs(output)])


def _sum(numbers: list[int | None]) -> int | None:
    return None if None in numbers else sum(number for number in numbers if number is not None)
