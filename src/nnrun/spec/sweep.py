"""The section `sweep:`: which values of which keys are tried, how they are chosen, and by which score one is best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog.kinds import AnyOf, AnyValue, Boolean, Choice, Integer, ListOf, Number, String
from nnrun.config.dotted import MissingStepError, parse_path
from nnrun.config.render import format_value
from nnrun.spec.section import Refusal, Section, key, read_section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.spec.reader import Reader

_EXAMPLE = "training.batch_size: [16, 32], or training.optimizer.Adam.learning_rate: {low: 1e-4, high: 0.1, log: true}"


@dataclass(frozen=True)
class RangeSpec(Section):
    """A range of numbers of which values are tried; whole numbers if both ends, and the step, are whole.

    Attributes:
        low: The smallest value.
        high: The largest value; with a step, values go up to it.
        step: The distance of two values; None: every value between the ends, of whole numbers each one.
        log: Whether values are drawn evenly by their logarithm, as for learning rates.
    """

    low: float = key(Number())
    high: float = key(Number())
    step: float | None = key(Number(0, exclusive_minimum=True), None)
    log: bool = key(Boolean(), default=False)

    def refusal(self) -> Refusal | None:
        """Refuse ranges without values, and logarithms of what has none."""
        if not self.low < self.high:
            text = f"expected low below high, received low: {self.low:g} and high: {self.high:g}"
            return Refusal(text, f"write {{low: {self.high:g}, high: {self.low:g}}}", "high")
        if self.log and self.low <= 0:
            text = f"a range with log: true begins above 0, received low: {self.low:g}"
            return Refusal(text, f"write low: {self.high / 1000:g}, or leave out log: true", "low")
        if self.log and self.step is not None:
            return Refusal("log: true and step cannot both be given", "leave out one of the two", "step")
        if self.step is not None and self.step > self.high - self.low:
            text = f"the step {self.step:g} is larger than the range from {self.low:g} to {self.high:g}"
            return Refusal(text, f"write step: {(self.high - self.low) / 4:g}", "step")
        return None

    @property
    def is_whole(self) -> bool:
        """Whether all its values are whole numbers."""
        return all(isinstance(one, int) for one in (self.low, self.high, self.low if self.step is None else self.step))

    @property
    def values(self) -> range | list[float] | None:
        """Its values where they can be listed; None for a range of all numbers between two."""
        if self.is_whole:
            return range(int(self.low), int(self.high) + 1, int(self.step or 1))
        if self.step is None:
            return None
        count = math.floor((self.high - self.low) / self.step * (1 + 1e-12)) + 1
        return [float(f"{self.low + index * self.step:.12g}") for index in range(count)]


@dataclass(frozen=True)
class SweepSpec(Section):
    """Trainings of one config with other values of some of its keys: `nnrun sweep`.

    Attributes:
        parameters: Which keys vary, by their dotted paths as for `--set`: each has a list of values, which may be whole
            layers or optimizers, or a range such as `{low: 1e-4, high: 0.1, log: true}`.
        method: How values are combined: all with all (`grid`), or drawn by chance (`random`).
        trials: How many combinations are drawn; a grid has all.
        seeds: With how many seeds each combination is trained, the config's own first; or a list of seeds.
        choose_by: The score by which a combination is best, as a path in `scores.json`; None: the most informative
            score of the validation part, or of the folds.
        mode: Whether a smaller or a larger score is better; `auto` decides by the score's name as Keras does.
    """

    parameters: Mapping[str, Any] | None = key(AnyValue(), None)
    method: Literal["grid", "random"] = key(Choice(("grid", "random")), "grid")
    trials: int | None = key(Integer(1), None)
    seeds: int | tuple[int, ...] = key(AnyOf((Integer(1), ListOf(Integer(0)))), 1)
    choose_by: str | None = key(String(), None)
    mode: Literal["auto", "min", "max"] = key(Choice(("auto", "min", "max")), "auto")

    def refusal(self) -> Refusal | None:
        """Refuse a number of trials that the method does not have, and seeds that stand twice."""
        if self.method == "grid" and self.trials is not None:
            text = "a grid has all combinations, so trials cannot be given"
            return Refusal(text, "leave out trials, or write method: random", "trials")
        if self.method == "random" and self.trials is None:
            return Refusal("method: random needs the number of trials", "add a line 'trials: 40'", "method")
        if isinstance(self.seeds, tuple | list) and len(set(self.seeds)) < len(self.seeds):
            return Refusal(f"a seed stands twice in {list(self.seeds)}", "write each seed once", "seeds")
        return None


def read_parameters(sweep: object, reader: Reader) -> None:
    """Add an error for every parameter of the section that has no values."""
    parameters = sweep.get("parameters") if isinstance(sweep, dict) else None
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        text = f"expected a mapping of paths to values, received {format_value(parameters)}"
        reader.add_error(("sweep", "parameters"), text, f"write {_EXAMPLE}")
        return
    for path, one in parameters.items():
        _read_parameter(reader, path, one)


def _read_parameter(reader: Reader, path: str, value: object) -> None:
    place = ("sweep", "parameters", path)
    try:
        first = parse_path(path)[0].key
    except MissingStepError:
        text = f"expected the path of a key, received {format_value(path)}"
        reader.add_error(place, text, "write it as for --set: training.batch_size", at_key=True)
        return
    if first in ("sweep", "seed", "name", "expect", "silence", "extends"):
        hint = "write seeds: 5" if first == "seed" else "vary keys of data, model or training"
        reader.add_error(place, f"'{first}' cannot be varied by a sweep", hint, at_key=True)
    elif isinstance(value, dict) and ("low" in value or "high" in value):
        read_section(reader, RangeSpec, value, place)
    elif not isinstance(value, list):
        text = f"expected a list of values or a range for '{path}', received {format_value(value)}"
        reader.add_error(place, text, f"write {_EXAMPLE}")
    elif not value:
        reader.add_error(place, f"expected values for '{path}', received an empty list", f"write {_EXAMPLE}")
    else:
        double = next((index for index, one in enumerate(value) if one in value[:index]), None)
        if double is not None:
            text = f"{format_value(value[double])} stands twice"
            reader.add_error((*place, double), text, "write it once")
