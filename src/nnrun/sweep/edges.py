"""A best value at the edge of what was tried: a better one may lie beyond it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from math import log
from shlex import quote
from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import is_number
from nnrun.config.dump import dump_inline
from nnrun.spec.sweep import RangeSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.sweep.study import Group

#: The share of a range, at either end, that counts as its edge.
_EDGE = 0.05
#: Of fewer values in a list, each one is at an edge.
_FEWEST = 3
#: Lists of which each number is at least this many times the one before are continued by factors.
_FACTOR = 1.5


@dataclass(frozen=True)
class EdgeFinding:
    """The best combination has a value at the edge of what was tried.

    Attributes:
        path: The parameter.
        value: Its value in the best combination.
        text: The finding in a sentence.
        hint: What to type next.
        name: The name of the finding.
    """

    path: str
    value: float
    text: str
    hint: str
    name: str = "best-at-edge"

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return asdict(self)


def find_edges(groups: Sequence[Group], space: object) -> list[EdgeFinding]:
    """Find the parameters whose best value is at the edge of its range, or is the first or last of a list of numbers.

    Args:
        groups: The combinations, the best first.
        space: The section `sweep.parameters`; of a parameter that is not there, the values that were tried count.
    """
    best, found = groups[0], []
    space = space if isinstance(space, dict) else {}
    for path, value in best.parameters.items():
        if not is_number(value):
            continue
        domain = space.get(path)
        if isinstance(domain, dict) and "low" in domain and "high" in domain:
            wider = _wider_range(RangeSpec(**{key: domain[key] for key in _RANGE if key in domain}), value)
        else:
            tried = domain if isinstance(domain, list) else [group.parameters.get(path) for group in groups]
            wider = _wider_list(tried, value)
        if wider is not None:
            side, setting = wider
            text = f"the best {path} is {dump_inline(value)}, at the {side} end of what was tried"
            hint = f"nnrun sweep CONFIG --grid {quote(f'{path}={setting}')}"
            found.append(EdgeFinding(path, value, text, hint))
    return found


_RANGE = ("low", "high", "step", "log")


def _wider_range(domain: RangeSpec, value: float) -> tuple[str, str] | None:
    """Return at which end of a range a value is, and the wider range; None where it is at none, or none is possible."""
    low, high = domain.low, domain.high
    if domain.log:
        share = (log(value) - log(low)) / (log(high) - log(low)) if value > 0 else 0.5
    else:
        share = (value - low) / (high - low)
    side = "lower" if share <= _EDGE else "upper" if share >= 1 - _EDGE else None
    if side is None:
        return None
    if side == "lower":
        beyond = _below(low, low / 10 if domain.log else low - (high - low), whole=domain.is_whole)
    else:
        beyond = _above(low, high, 10 * high if domain.log else high + (high - low))
    if beyond is None:
        return None
    more = [f"step: {dump_inline(domain.step)}"] if domain.step is not None else []
    more += ["log: true"] if domain.log else []
    ends = (beyond, high) if side == "lower" else (low, beyond)
    written = ", ".join(
        [f"low: {_written(ends[0], whole=domain.is_whole)}", f"high: {_written(ends[1], whole=domain.is_whole)}", *more]
    )
    return side, f"{{{written}}}"


def _wider_list(tried: Sequence[Any], value: float) -> tuple[str, str] | None:
    """Return at which end of some numbers a value is, and further numbers; None as for `_wider_range`."""
    numbers = sorted({one for one in tried if is_number(one)})
    if len(numbers) < _FEWEST or any(one is not None and not is_number(one) for one in tried):
        return None
    factors = numbers[0] > 0 and all(b / a >= _FACTOR for a, b in pairwise(numbers))
    whole = all(isinstance(one, int) for one in numbers)
    if value == numbers[0]:
        first, second = numbers[:2]
        beyond = _below(first, first * first / second if factors else first - (second - first), whole=whole)
        shown = [beyond, first, second]
        side = "lower"
    elif value == numbers[-1]:
        before, last = numbers[-2:]
        beyond = _above(numbers[0], last, last * last / before if factors else last + (last - before))
        shown = [before, last, beyond]
        side = "upper"
    else:
        return None
    return None if beyond is None else (side, ",".join(_written(one, whole=whole) for one in shown))


def _below(low: float, candidate: float, *, whole: bool) -> float | None:
    """Return a smaller value: of positive ones a positive one, as most parameters are not negative; None if none is."""
    if low == 0 or (whole and low == 1):
        return None
    if low > 0 and candidate <= 0:
        candidate = low / 2
    return max(int(candidate), 1 if low > 0 else int(candidate)) if whole else candidate


def _above(low: float, high: float, candidate: float) -> float | None:
    """Return a larger value: of shares a share, which 1 is the end of; None if there is none."""
    candidate = float(f"{candidate:.4g}")
    if low < 0 or high > 1 or isinstance(high, int):
        return candidate
    if high == 1:
        return None
    return candidate if candidate <= 1 else (1 + high) / 2


def _written(value: float | None, *, whole: bool) -> str:
    return dump_inline(round(value or 0)) if whole else dump_inline(float(f"{value:.4g}"))
