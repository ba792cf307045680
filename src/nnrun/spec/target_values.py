"""What is known of the values of a target of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: The values of each column of each target, by the target's key and the column's name.
    ValuesByTarget: TypeAlias = "Mapping[str, Mapping[str, TargetValues]]"


@dataclass(frozen=True)
class TargetValues:
    """The values of one column of numbers that a loss compares with.

    Attributes:
        least: The least value of all parts.
        most: The largest value of all parts.
        mean: The mean of the training rows.
        deviation: The standard deviation of the training rows, with the divisor n.
    """

    least: float
    most: float
    mean: float
    deviation: float
