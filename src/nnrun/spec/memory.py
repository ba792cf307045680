"""How much memory training needs at least, estimated from shapes alone."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from nnrun.catalog.shapes.wrappers import outputs
from nnrun.spec.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.catalog.shapes.call import Shape
    from nnrun.spec.findings.case import Case

#: The bytes of one number: Keras' default is float32, and policies such as mixed_float16 keep weights in it.
_BYTES = 4
#: How many numbers an optimizer keeps for each one that is trained, as Keras 3 builds it. Adafactor's row and column
#: factors are left out, and Muon is counted as if it treated every weight as Adam does.
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
#: Arguments of optimizers that make them keep one number more, where they are not false, 0 or null.
_MORE = ("momentum", "centered", "amsgrad", "use_ema", "gradient_accumulation_steps")


class Memory(NamedTuple):
    """Bytes of memory by what they hold; None where that cannot be told.

    Attributes:
        weights: All weights.
        gradients: One number for each weight that is trained.
        optimizer: What the optimizer remembers of each.
        activations: Every layer's output for one batch, which the backward pass needs again.
        data: All examples and targets, which nnrun keeps in memory while it trains.
    """

    weights: int | None
    gradients: int | None
    optimizer: int | None
    activations: int | None
    data: int | None

    @property
    def total(self) -> int | None:
        """All of it; None where a part cannot be told."""
        return None if None in self else sum(part for part in self if part is not None)

    def as_json(self) -> dict[str, int | None]:
        """Plain data for `--json`, in bytes."""
        return {**self._asdict(), "total": self.total}


def estimate(case: Case) -> Memory:
    """Estimate the memory that training holds, in bytes of float32 numbers.

    The sum is `4 * (P + T * (1 + s) + B * A + E)`: P weights, T of them trained, s numbers an optimizer keeps for each
    (read off the variables that Keras' optimizers build), B rows a batch, A numbers in the outputs of all layers for
    one row, E numbers in all examples and targets. It is a lower bound: convolutions take room to work in, and
    TensorFlow itself 0.5 to 1 GB.
    """
    rows = [row for row in case.rows if row.used]
    trained = _sum([row.row.trainable for row in rows if row.first])
    optimizer = case.training.optimizer
    slots = 0 if optimizer is None else slots_of(optimizer)
    return Memory(
        _bytes(_sum([row.row.parameters for row in rows if row.first])),
        _bytes(trained),
        _bytes(None if trained is None or slots is None else trained * slots),
        _bytes(_times(case.training.batch_size, _sum([_numbers(row.row.output_shape) for row in rows]))),
        _bytes(_data(case)),
    )


def slots_of(optimizer: Part) -> int | None:
    """How many numbers an optimizer keeps for each weight that is trained; None for one that is not known."""
    inner = optimizer.arguments.get("inner_optimizer")
    if isinstance(inner, Part):
        return slots_of(inner)
    if optimizer.name not in _SLOTS:
        return None
    # Adafactor and the kin of Adam call no argument of theirs `momentum`: only SGD and RMSprop do.
    return _SLOTS[optimizer.name] + sum(bool(optimizer.arguments.get(key)) for key in _MORE)


def _data(case: Case) -> int | None:
    if case.facts is None or not case.facts.rows:
        return None
    split = case.experiment.data.split
    rows: Mapping[str, int] = case.facts.rows
    twice = split is not None and split.validation == "test"
    count = sum(size for part, size in rows.items() if not (twice and part == "validation"))
    # What streams is in memory in small pieces only.
    example = 0 if case.facts.streamed else _sum([_numbers(shape) for shape in case.given.values()])
    return _times(count, None if example is None else example + (case.facts.targets or 1))


def _numbers(output: Any) -> int | None:
    if output is None:
        return None
    shapes: tuple[Shape, ...] = outputs(output)
    sizes = [[size for size in shape if size is not None] for shape in shapes]
    return sum(map(prod, sizes)) if all(map(_whole, shapes)) else None


def _whole(shape: Shape) -> bool:
    return None not in shape


def _sum(numbers: list[int | None]) -> int | None:
    return None if None in numbers else sum(number for number in numbers if number is not None)


def _times(one: int, other: int | None) -> int | None:
    return None if other is None else one * other


def _bytes(numbers: int | None) -> int | None:
    return _times(_BYTES, numbers)
