"""The section `sweep:`: which values of which keys are tried, how they are chosen, and by which score one is best.

A parameter whose path goes on from that of another one exists only where the value of that one has what the path names:
`training.optimizer.SGD.momentum` where `training.optimizer` is an SGD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nnrun.catalog.kinds import AnyOf, AnyValue, Boolean, Choice, Integer, ListOf, Number, String
from nnrun.config.dotted import MissingStepError, is_index, parse_path, split_path
from nnrun.config.render import format_value
from nnrun.spec.section import Refusal, Section, key, read_section
from nnrun.spec.sweep_pruning import read_pruning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nnrun.spec.reader import Reader

#: Methods that list all combinations at the start, and those whose suggestions depend on earlier trials.
_LISTING = ("grid", "random", "qmc")
_SUGGESTING = ("tpe", "cmaes")
METHODS = (*_LISTING, *_SUGGESTING)
#: The values of a range with a step are listed, but for whole numbers.
_MOST_STEPS = 100_000
#: The most trials that one program trains at once.
LARGEST_GROUP = 256
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
            turned = f"write {{low: {self.high:g}, high: {self.low:g}}}"
            alone = f"write a larger high, or the value alone in a list: [{self.low:g}]"
            return Refusal(text, turned if self.low > self.high else alone, "high")
        if self.log and self.low <= 0:
            text = f"a range with log: true begins above 0, received low: {self.low:g}"
            return Refusal(text, f"write low: {self.high / 1000:g}, or leave out log: true", "low")
        if self.log and self.step is not None:
            return Refusal("log: true and step cannot both be given", "leave out one of the two", "step")
        if self.step is not None and self.step > self.high - self.low:
            text = f"the step {self.step:g} is larger than the range from {self.low:g} to {self.high:g}"
            return Refusal(text, f"write step: {(self.high - self.low) / 4:g}", "step")
        if self.step is not None and not self.is_whole and (self.high - self.low) / self.step > _MOST_STEPS:
            text = f"the step {self.step:g} makes {(self.high - self.low) / self.step:,.0f} values"
            return Refusal(text, f"leave out step, or write at most {_MOST_STEPS:,} values", "step")
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
        method: How values are combined: all with all (`grid`), drawn by chance (`random`), spread evenly by a Sobol
            sequence (`qmc`), or suggested from the trials so far, by a tree-structured Parzen estimator (`tpe`) or
            CMA-ES (`cmaes`).
        trials: How many combinations are tried; a grid has all.
        seeds: With how many seeds each combination is trained, the config's own first; or a list of seeds.
        choose_by: The score by which a combination is best, as a path in `scores.json`; None: the most informative
            score of the validation part, or of the folds.
        pruning: Which trials are stopped early, as those of earlier rounds were better after as many epochs: below
            their `median`, or by `hyperband`; a mapping gives arguments: `{median: {n_warmup_steps: 5}}`.
        mode: Whether a smaller or a larger score is better; `auto` decides by the score's name as Keras does.
        mapped: How many trials are trained at once by one program, with `backend: jax`: those that differ in nothing
            but the seed, initializers, the learning rate, weight decay, SGD's momentum and rates of Dropout. The last
            bits of all figures depend on this number.
    """

    parameters: Mapping[str, Any] | None = key(AnyValue(), None)
    method: Literal["grid", "random", "qmc", "tpe", "cmaes"] = key(Choice(METHODS), "grid")
    trials: int | None = key(Integer(1), None)
    seeds: int | tuple[int, ...] = key(AnyOf((Integer(1), ListOf(Integer(0)))), 1)
    choose_by: str | None = key(String(), None)
    mode: Literal["auto", "min", "max"] = key(Choice(("auto", "min", "max")), "auto")
    pruning: Any = key(AnyValue(), None)
    mapped: int | None = key(Integer(2, LARGEST_GROUP), None)

    @property
    def is_adaptive(self) -> bool:
        """Whether its combinations depend on how earlier trials ended."""
        return self.method in _SUGGESTING

    def refusal(self) -> Refusal | None:
        """Refuse a number of trials that the method does not have, and seeds that stand twice."""
        if self.method == "grid" and self.trials is not None:
            text = "a grid has all combinations, so trials cannot be given"
            return Refusal(text, "leave out trials, or write method: random, or --method random", "trials")
        if self.method != "grid" and self.trials is None:
            text = f"method: {self.method} needs the number of trials"
            return Refusal(text, "add trials: 40, or --trials 40", "method")
        if self.method != "grid" and not self.parameters:
            hint = "add parameters: {training.batch_size: [16, 32]}, or --grid training.batch_size=16,32"
            return Refusal(f"method: {self.method} needs parameters", hint, "method")
        if self.method == "cmaes" and self._ranges_everywhere() < 2:
            text = "CMA-ES needs two ranges of numbers at least, which exist in every trial"
            return Refusal(text, "write method: tpe", "method")
        if isinstance(self.seeds, tuple | list) and len(set(self.seeds)) < len(self.seeds):
            return Refusal(f"a seed stands twice in {list(self.seeds)}", "write each seed once", "seeds")
        return None

    def _ranges_everywhere(self) -> int:
        """Return how many parameters are ranges that every trial has."""
        parameters = self.parameters if isinstance(self.parameters, dict) else {}
        above = parents(parameters)
        return sum(isinstance(one, dict) and above[path] is None for path, one in parameters.items())


def parents(paths: Iterable[str]) -> dict[str, str | None]:
    """Return the parameter of which each one is a part, by path; None where there is none."""
    keys = {path: split_path(path) for path in paths}
    found: dict[str, str | None] = {}
    for path, own in keys.items():
        above = [one for one, other in keys.items() if len(other) < len(own) and own[: len(other)] == other]
        found[path] = max(above, key=lambda one: len(keys[one]), default=None)
    return found


def takes(value: object, keys: Sequence[str]) -> bool:
    """Return whether a value of a parameter has what the keys after its path name.

    The part that they name must be there (`SGD`), as must be items of lists, and further parts; arguments may be given
    to it that it does not have.
    """
    here: Any = value
    for position, name in enumerate(keys):
        if isinstance(here, str):
            return here.lower() == name.lower()
        if isinstance(here, list):
            if not is_index(name) or not -len(here) <= int(name) < len(here):
                return False
            here = here[int(name)]
        elif isinstance(here, dict) and name in here:
            here = here[name]
        else:
            return position > 0 and not (isinstance(here, dict) and name[:1].isupper())
    return True


def read_sweep(sweep: object, reader: Reader) -> None:
    """Add an error for everything in the section that the kinds of its keys do not tell."""
    if isinstance(sweep, dict):
        read_pruning(sweep.get("pruning"), reader)
    _read_parameters(sweep, reader)


def _read_parameters(sweep: object, reader: Reader) -> None:
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
        reader.add_error(place, text, _spaced(value) or f"write {_EXAMPLE}")
    elif not value:
        reader.add_error(place, f"expected values for '{path}', received an empty list", f"write {_EXAMPLE}")
    else:
        double = next((index for index, one in enumerate(value) if one in value[:index]), None)
        if double is not None:
            text = f"{format_value(value[double])} stands twice"
            reader.add_error((*place, double), text, "write it once")


def _spaced(value: object) -> str | None:
    """Return a hint for `{low:1,high:9}`, which is two keys without values in YAML; None for anything else."""
    keys = list(value) if isinstance(value, dict) else []
    if not keys or not all(value is None and ":" in key for key, value in value.items()):  # type: ignore[attr-defined]
        return None
    return f"put a space behind each colon: {{{', '.join(key.replace(':', ': ', 1) for key in keys)}}}"
