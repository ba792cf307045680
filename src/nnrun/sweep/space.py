"""The search space of a sweep, and the combinations that a grid or chance takes from it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from nnrun.config.dump import dump_inline
from nnrun.errors import RunError
from nnrun.spec.sweep import RangeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.spec.sweep import SweepSpec

#: More trials than this are a mistake, as a rule: a grid of 10^9 would not end.
MOST_TRIALS = 100_000

#: The values of all parameters of one combination, by path.
Values = dict[str, Any]


def as_options(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the `--set` options that give a config these values."""
    return tuple(f"{path}={dump_inline(value)}" for path, value in values.items())


def shown_value(value: Any) -> str:
    """Return a value for a table or plot: a number with five digits, anything else as in a config."""
    return f"{value:.5g}" if isinstance(value, float) else dump_inline(value)


@dataclass(frozen=True)
class Space:
    """The values of each parameter, by its path: a sequence, or a range of all numbers between two.

    Attributes:
        domains: The values, in the order of the config.
    """

    domains: Mapping[str, Sequence[Any] | RangeSpec]

    @classmethod
    def of(cls, sweep: SweepSpec) -> Space:
        """Return the space of a valid section `sweep:`."""
        return cls({path: _domain(value) for path, value in (sweep.parameters or {}).items()})

    @property
    def size(self) -> int | None:
        """The number of its combinations; None if a range has endless values."""
        if any(isinstance(domain, RangeSpec) for domain in self.domains.values()):
            return None
        return math.prod(len(domain) for domain in self._listed())

    def combinations(self, sweep: SweepSpec, seed: int) -> list[Values]:
        """Return the combinations that a sweep tries, in order.

        Those drawn by chance depend on the seed alone, and none comes twice where values can be listed.

        Args:
            sweep: The method and the number of trials.
            seed: The config's seed.

        Raises:
            RunError: They cannot be listed, are too many, or fewer than asked for.
        """
        if sweep.method == "grid":
            return list(self._grid())
        trials = sweep.trials or 1
        self._require_few(trials)
        size = self.size
        if size is None:
            # Each trial has a generator of its own, so that trial 7 is the same one of 10 and of 40.
            return [self._draw(random.Random(f"{seed}/{trial}")) for trial in range(trials)]  # noqa: S311
        if trials > size:
            hint = "write method: grid without trials, or fewer trials"
            raise RunError(f"the space has {size} combinations, and {trials} trials are asked for", hint)
        return [self._at(index) for index in random.Random(seed).sample(range(size), trials)]  # noqa: S311

    def _listed(self) -> list[Sequence[Any]]:
        return [domain for domain in self.domains.values() if not isinstance(domain, RangeSpec)]

    def _grid(self) -> Iterator[Values]:
        endless = next((path for path, domain in self.domains.items() if isinstance(domain, RangeSpec)), None)
        if endless is not None:
            text = f"a grid needs values that can be listed, and '{endless}' is a range without a step"
            raise RunError(text, "add a step, write a list of values, or write method: random and trials: 40")
        self._require_few(self.size or 0)
        return (dict(zip(self.domains, values, strict=True)) for values in product(*self._listed()))

    def _require_few(self, trials: int) -> None:
        if trials > MOST_TRIALS:
            text = f"a sweep has at most {MOST_TRIALS:,} trials, received {trials:,}"
            raise RunError(text, "write fewer values, or method: random and trials: 40")

    def _at(self, index: int) -> Values:
        """Return the combination of a number: its digits, where each parameter has its own base."""
        values: Values = {}
        for path, domain in reversed(list(self.domains.items())):
            assert not isinstance(domain, RangeSpec), "endless spaces have no numbers"  # noqa: S101
            index, digit = divmod(index, len(domain))
            values[path] = domain[digit]
        return {path: values[path] for path in self.domains}

    def _draw(self, generator: random.Random) -> Values:
        return {path: _drawn(domain, generator) for path, domain in self.domains.items()}


def _domain(value: Any) -> Sequence[Any] | RangeSpec:
    if isinstance(value, list):
        return value
    found = RangeSpec(**value)
    # A logarithmic range of whole numbers has other odds than its values one by one.
    return found if found.values is None or found.log else found.values


def _drawn(domain: Sequence[Any] | RangeSpec, generator: random.Random) -> Any:
    if not isinstance(domain, RangeSpec):
        return domain[generator.randrange(len(domain))]
    if not domain.log:
        return generator.uniform(domain.low, domain.high)
    if not domain.is_whole:
        return math.exp(generator.uniform(math.log(domain.low), math.log(domain.high)))
    # Each whole number has the interval of half a unit around it.
    number = math.exp(generator.uniform(math.log(domain.low - 0.5), math.log(domain.high + 0.5)))
    return min(max(round(number), int(domain.low)), int(domain.high))
