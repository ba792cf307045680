"""The search space of a sweep, and the combinations that a grid, chance or a Sobol sequence takes from it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from nnrun.config.dotted import split_path
from nnrun.config.dump import dump_inline
from nnrun.errors import RunError
from nnrun.spec.sweep import RangeSpec, parents, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nnrun.spec.sweep import SweepSpec

#: More trials than this are a mistake, as a rule: a grid of 10^9 would not end.
MOST_TRIALS = 100_000
#: Chance and a Sobol sequence may come back to a combination: they end after this many for each trial.
_MOST_POINTS = 64

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
    """The values of each parameter, by its path: a list, or a range.

    Attributes:
        parameters: The lists and ranges, in the order of the config.
    """

    parameters: Mapping[str, Sequence[Any] | RangeSpec]

    @classmethod
    def of(cls, sweep: SweepSpec) -> Space:
        """Return the space of a valid section `sweep:`."""
        parameters = (sweep.parameters or {}).items()
        return cls({path: value if isinstance(value, list) else RangeSpec(**value) for path, value in parameters})

    @cached_property
    def domains(self) -> Mapping[str, Sequence[Any] | RangeSpec]:
        """The values of each parameter as a sequence, where they can be listed and are equally likely.

        A parameter that is a part of another one comes after it.
        """
        order: list[str] = []
        for path in self.parameters:
            self._append(order, path)
        return {path: _domain(self.parameters[path]) for path in order}

    @property
    def size(self) -> int | None:
        """The number of its combinations; None if a range has endless values."""
        if any(isinstance(domain, RangeSpec) for domain in self.domains.values()):
            return None
        return self._count(self._roots)

    @property
    def always(self) -> tuple[str, ...]:
        """The parameters that every combination has."""
        return tuple(self._roots)

    def has(self, path: str, values: Mapping[str, Any]) -> bool:
        """Return whether a combination has a parameter, by its values of those before it."""
        above = self._above[path]
        return above is None or (above in values and takes(values[above], self._rest(path)))

    def fill(self, value_of: Callable[[str], Any]) -> Values:
        """Return the combination whose parameters have the values that are asked for by path, in order."""
        values: Values = {}
        for path in self.domains:
            if self.has(path, values):
                values[path] = value_of(path)
        return values

    def combinations(self, sweep: SweepSpec, seed: int) -> list[Values]:
        """Return the combinations that a sweep tries, in order, where they depend on no result.

        Those drawn by chance depend on the seed alone, and none comes twice.

        Args:
            sweep: The method and the number of trials.
            seed: The config's seed.

        Raises:
            RunError: They cannot be listed, are too many, or fewer than asked for.
        """
        self.require_possible(sweep)
        if sweep.method == "grid":
            return [self._at(self._roots, index) for index in range(self._count(self._roots))]
        trials = sweep.trials or 1
        if sweep.method == "qmc":
            return self._spread(trials, seed)
        size = self.size
        if size is None:
            # Also where some values are endless, choices that do not have them may come again.
            drawn = (self.draw(seed, number) for number in range(_MOST_POINTS * trials))
            found = _different(drawn, trials)
            if len(found) < trials:
                text = f"chance finds {len(found)} different combinations here, and {trials} trials are asked for"
                raise RunError(text, "write a wider range, or fewer trials")
            return found
        return [self._at(self._roots, index) for index in random.Random(seed).sample(range(size), trials)]  # noqa: S311

    def draw(self, seed: int, trial: int) -> Values:
        """Return a combination that is drawn by chance; draw 7 is the same one of 10 and of 40."""
        generator = random.Random(f"{seed}/{trial}")  # noqa: S311
        return self.fill(lambda path: _value_at(self.domains[path], generator.random()))

    def require_possible(self, sweep: SweepSpec) -> None:
        """Check that a sweep can have its trials, without listing them.

        Raises:
            RunError: A grid has endless values, the trials are too many, or the space has fewer combinations.
        """
        endless = next((path for path, domain in self.domains.items() if isinstance(domain, RangeSpec)), None)
        if sweep.method == "grid" and endless is not None:
            text = f"a grid needs values that can be listed, and '{endless}' is a range without a step"
            raise RunError(text, "add a step, write a list of values, or write method: random and trials: 40")
        size = self.size
        trials = (size if sweep.method == "grid" else sweep.trials) or 1
        if trials > MOST_TRIALS:
            text = f"a sweep has at most {MOST_TRIALS:,} combinations, received {trials:,}"
            raise RunError(text, "write fewer values, or method: random and trials: 40")
        if size is not None and trials > size:
            hint = "write method: grid without trials, or fewer trials"
            raise RunError(f"the space has {size} combinations, and {trials} trials are asked for", hint)

    def _append(self, order: list[str], path: str) -> None:
        above = self._above[path]
        if above is not None:
            self._append(order, above)
        if path not in order:
            order.append(path)

    @cached_property
    def _above(self) -> Mapping[str, str | None]:
        return parents(self.parameters)

    @cached_property
    def _roots(self) -> list[str]:
        return [path for path in self.domains if self._above[path] is None]

    @cached_property
    def _parts(self) -> Mapping[str, list[str]]:
        return {path: [one for one in self.domains if self._above[one] == path] for path in self.domains}

    def _rest(self, path: str) -> list[str]:
        return split_path(path)[len(split_path(self._above[path] or "")) :]

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        """The number of combinations of each parameter, those that are parts of it included."""
        sizes: dict[str, int] = {}
        for path, domain in reversed(list(self.domains.items())):
            assert not isinstance(domain, RangeSpec), "endless spaces have no size"  # noqa: S101
            parts = self._parts[path]
            sizes[path] = len(domain)
            if parts:
                sizes[path] = sum(math.prod(sizes[one] for one in parts if self._goes_on(one, v)) for v in domain)
        return sizes

    def _goes_on(self, path: str, value: Any) -> bool:
        return takes(value, self._rest(path))

    def _count(self, paths: Sequence[str]) -> int:
        return math.prod(self._sizes[path] for path in paths)

    def _at(self, paths: Sequence[str], index: int) -> Values:
        """Return the combination of a number: its digits, where each parameter has its own base."""
        values: Values = {}
        for path in reversed(paths):
            index, digit = divmod(index, self._sizes[path])
            values |= self._one(path, digit)
        return {path: values[path] for path in self.domains if path in values}

    def _one(self, path: str, index: int) -> Values:
        """Return the combination of a number of one parameter and its parts."""
        domain, parts = self.domains[path], self._parts[path]
        assert not isinstance(domain, RangeSpec), "endless spaces have no numbers"  # noqa: S101
        if not parts:
            return {path: domain[index]}
        for value in domain:
            inside = [one for one in parts if self._goes_on(one, value)]
            if index < self._count(inside):
                return {path: value, **self._at(inside, index)}
            index -= self._count(inside)
        raise IndexError(index)

    def _spread(self, trials: int, seed: int) -> list[Values]:
        """Return combinations that fill the space more evenly than chance does, none of them twice.

        Raises:
            RunError: The sequence has not so many different ones.
        """
        points = islice(_sobol_points(list(self.domains), seed, trials), _MOST_POINTS * trials)
        made = (self.fill(lambda path, at=point: _value_at(self.domains[path], at[path])) for point in points)  # type: ignore[misc]
        found = _different(made, trials)
        if len(found) < trials:
            text = f"the Sobol sequence has {len(found)} different combinations here, and {trials} trials are asked for"
            raise RunError(text, "write method: random, or grid without trials")
        return found


def _different(made: Iterable[Values], trials: int) -> list[Values]:
    """Return the first combinations of which none is one of those before it; fewer where no others are made."""
    found: dict[str, Values] = {}
    for values in made:
        found.setdefault(dump_inline(values), values)
        if len(found) == trials:
            break
    return list(found.values())


def _sobol_points(paths: Sequence[str], seed: int, first: int) -> Iterator[dict[str, float]]:
    """Yield the points of a Sobol sequence, a number from 0 to 1 for each path.

    The sequence has no chance in it, and is moved by a distance that depends on the seed (Cranley and Patterson, 1976):
    the same seed has the same points with every version of SciPy and NumPy.
    """
    from scipy.stats import qmc

    shifts = [random.Random(f"{seed}/{path}").random() for path in paths]  # noqa: S311
    engine = qmc.Sobol(len(paths), scramble=False)
    # The sequence is balanced where it ends at a power of two, as is each part of it that is as long as all before.
    exponent = max(3, math.ceil(math.log2(first)))
    rows = engine.random_base2(exponent)
    while True:
        for row in rows.tolist():
            yield {path: (at + shift) % 1.0 for path, at, shift in zip(paths, row, shifts, strict=True)}
        rows = engine.random_base2(exponent)
        exponent += 1


def _domain(value: Any) -> Sequence[Any] | RangeSpec:
    if isinstance(value, RangeSpec):
        # A logarithmic range of whole numbers has other odds than its values one by one.
        return value if value.values is None or value.log else value.values
    return list(value)


def _value_at(domain: Sequence[Any] | RangeSpec, share: float) -> Any:
    """Return the value that a share, from 0 to below 1, of the domain is below."""
    if not isinstance(domain, RangeSpec):
        return domain[int(share * len(domain))]
    if not domain.log:
        return domain.low + share * (domain.high - domain.low)
    if not domain.is_whole:
        return min(max(_power(domain.low, domain.high, share), domain.low), domain.high)
    # Each whole number has the interval of half a unit around it.
    number = round(_power(domain.low - 0.5, domain.high + 0.5, share))
    return min(max(number, int(domain.low)), int(domain.high))


def _power(low: float, high: float, share: float) -> float:
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
