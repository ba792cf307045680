"""Whole numbers that float64 cannot tell apart, and numbers that float32, the precision of models, makes equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrun.data.columns import LONG

if TYPE_CHECKING:
    from collections.abc import Sequence

#: float32 holds every whole number up to this one.
_LONG_FLOAT32 = 2**24
#: Fractions are compared only if float32 divides their range into fewer steps.
_FEW_STEPS = 2**16
#: From this share of the different values on, those that become equal are worth reporting.
_MIN_SHARE = 0.001


def number_array(values: Sequence[float | int | None], *, is_key: bool = False) -> np.ndarray:
    """Return numbers as an array: float64, None as NaN; int64 or uint64 if some are integers beyond 2^53.

    Args:
        values: The numbers; integers beyond 2^53 as `NumberFormat.parse_exactly` returns them.
        is_key: Whether the numbers are only compared, as classes and groups are: beyond 2^64, or next to missing ones,
            they become text, None where missing.
    """
    is_long = any(isinstance(value, int) and abs(value) > LONG for value in values)
    is_whole = is_long and all(value is None or float(value).is_integer() for value in values)
    if is_whole and is_key and None in values:
        return _as_texts(values)
    if is_whole and None not in values:
        whole = [int(value) for value in values if value is not None]
        for dtype in ("int64", "uint64"):
            if np.iinfo(dtype).min <= min(whole) and max(whole) <= np.iinfo(dtype).max:
                return np.array(whole, dtype=dtype)
        if is_key:
            return _as_texts(whole)
    return np.array([np.nan if value is None else value for value in values], dtype="float64")


def _as_texts(values: Sequence[float | int | None]) -> np.ndarray:
    """Return whole numbers as text."""
    return np.array([None if value is None else str(int(value)) for value in values], dtype=object)


def from_integers(values: np.ndarray) -> np.ndarray:
    """Return integers as float64, unless some of them are beyond 2^53."""
    is_long = values.size > 0 and (int(values.max()) > LONG or int(values.min()) < -LONG)
    return values if is_long else values.astype("float64")


class Float32Loss(NamedTuple):
    """What float32 makes equal.

    Attributes:
        lost: How many different values become equal to another one.
        distinct: How many different values there are.
        pair: Two values that become equal.
    """

    lost: int
    distinct: int
    pair: tuple[str, str]

    def __str__(self) -> str:
        return (
            f"{self.pair[0]} and {self.pair[1]} are the same number in float32, the precision of models "
            f"({self.lost:,} of {self.distinct:,} different values become equal to another)"
        )


def float32_loss(values: np.ndarray, prepared: np.ndarray | None = None) -> Float32Loss | None:
    """Return which values of a column float32 makes equal; None if they are few, or none.

    Args:
        values: The numbers, shape (rows,); those that are not finite are left out.
        prepared: What a preparation made of each; None for the numbers themselves.
    """
    after = values if prepared is None else prepared
    known = np.isfinite(values) & np.isfinite(after)
    values, after = values[known], after[known]
    if not _may_lose(after if prepared is not None else values, values):
        return None
    distinct, first = np.unique(values, return_index=True)
    rounded = after[first].astype("float32")
    order = np.argsort(rounded, kind="stable")
    same = np.flatnonzero(np.diff(rounded[order]) == 0)
    if not len(same) or len(same) < _MIN_SHARE * len(distinct):
        return None
    one, other = sorted(distinct[order[[same[0], same[0] + 1]]].tolist())
    return Float32Loss(len(same), len(distinct), (_written(one), _written(other)))


def beyond_float32(values: np.ndarray) -> float | None:
    """Return the largest number of a column that float32 cannot hold; None if it holds all, but for infinite ones."""
    if values.dtype.kind != "f":
        return None
    known = values[np.isfinite(values)]
    largest = known[np.abs(known).argmax()] if known.size else 0.0
    return float(largest) if abs(largest) > np.finfo("float32").max else None


def _may_lose(after: np.ndarray, values: np.ndarray) -> bool:
    """Return whether it is worth comparing: long whole numbers always, fractions in a narrow range only."""
    if len(after) < 2:
        return False
    low, high = float(after.min()), float(after.max())
    largest = max(abs(low), abs(high))
    if high == low or (values.dtype.kind in "iu" and from_integers(values).dtype.kind in "iu"):
        return bool(values.max() > values.min())
    if largest >= _LONG_FLOAT32 and bool((values == np.floor(values)).all()):
        return True
    return _is_narrow(low, high)


def may_lose_precision(low: float, high: float) -> bool:
    """Return whether float32 may make different numbers of this range equal so that it is worth reporting."""
    return low <= high and (max(abs(low), abs(high)) >= _LONG_FLOAT32 or _is_narrow(low, high))


def _is_narrow(low: float, high: float) -> bool:
    """Return whether float32 divides a range into few steps."""
    largest = min(max(abs(low), abs(high)), float(np.finfo("float32").max))
    return high - low < _FEW_STEPS * float(np.spacing(np.float32(largest)))


def _written(value: float) -> str:
    return str(value) if isinstance(value, int) else str(int(value)) if value.is_integer() else repr(value)
