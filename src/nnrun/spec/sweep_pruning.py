"""The key `pruning` of the section `sweep:`: which trials are stopped early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nnrun.catalog.kinds import Choice, Integer, String
from nnrun.config.hints import did_you_mean
from nnrun.config.render import format_value
from nnrun.spec.section import Refusal, Section, key, read_section

if TYPE_CHECKING:
    from nnrun.spec.reader import Reader


@dataclass(frozen=True)
class MedianPruning(Section):
    """A trial is stopped if its best epoch so far is worse than the median of earlier trials after as many epochs.

    Attributes:
        n_startup_trials: How many trials must be done before one is stopped.
        n_warmup_steps: The first epochs, after which no trial is stopped.
        interval_steps: After how many epochs it is decided again.
        n_min_trials: How many earlier trials must have come as far.
        monitor: The metric of an epoch that is compared; None: that of `training.best`, else `val_loss`.
        mode: Whether a smaller or a larger one is better; `auto` decides by the metric.
    """

    n_startup_trials: int = key(Integer(0), 5)
    n_warmup_steps: int = key(Integer(0), 0)
    interval_steps: int = key(Integer(1), 1)
    n_min_trials: int = key(Integer(1), 1)
    monitor: str | None = key(String(), None)
    mode: Literal["auto", "min", "max"] = key(Choice(("auto", "min", "max")), "auto")


@dataclass(frozen=True)
class HyperbandPruning(Section):
    """Successive halving in several brackets: of the trials that come to a rung, one in `reduction_factor` goes on.

    Attributes:
        min_resource: The epochs of the first rung.
        max_resource: The epochs of a whole trial; None: those of `training.epochs`.
        reduction_factor: How many times as many epochs the next rung has.
        bootstrap_count: How many trials must have come to the first rung before one is stopped there.
        monitor: The metric of an epoch that is compared; None: that of `training.best`, else `val_loss`.
        mode: Whether a smaller or a larger one is better; `auto` decides by the metric.
    """

    min_resource: int = key(Integer(1), 1)
    max_resource: int | None = key(Integer(1), None)
    reduction_factor: int = key(Integer(2), 3)
    bootstrap_count: int = key(Integer(0), 0)
    monitor: str | None = key(String(), None)
    mode: Literal["auto", "min", "max"] = key(Choice(("auto", "min", "max")), "auto")

    def refusal(self) -> Refusal | None:
        """Refuse a whole trial that is shorter than the first rung."""
        if self.max_resource is not None and self.max_resource < self.min_resource:
            text = f"max_resource is {self.max_resource}, less than min_resource, which is {self.min_resource}"
            return Refusal(text, "leave out max_resource: it is training.epochs then", "max_resource")
        return None


#: The ways of pruning, by their names in a config.
PRUNING: dict[str, type[MedianPruning | HyperbandPruning]] = {"median": MedianPruning, "hyperband": HyperbandPruning}


def pruning_of(value: object) -> tuple[str, MedianPruning | HyperbandPruning] | None:
    """Return the name and the arguments of a valid value of `pruning`; None where nothing is pruned."""
    if value is None:
        return None
    if isinstance(value, dict):
        ((name, arguments),) = value.items()
        return name, PRUNING[name](**(arguments or {}))
    return str(value), PRUNING[str(value)]()


def read_pruning(value: object, reader: Reader) -> None:
    """Add an error for everything that is wrong with a value of `pruning`."""
    place = ("sweep", "pruning")
    if value is None:
        return
    names, hint = " or ".join(PRUNING), "write pruning: median, or pruning: {median: {n_warmup_steps: 5}}"
    if not isinstance(value, dict):
        if not isinstance(value, str) or value not in PRUNING:
            text = f"expected {names} for 'pruning', received {format_value(value)}"
            reader.add_error(place, text, did_you_mean(str(value), PRUNING) or hint)
    elif len(value) != 1:
        reader.add_error(place, f"expected {names} alone for 'pruning', received {format_value(value)}", hint)
    else:
        ((name, arguments),) = value.items()
        if name not in PRUNING:
            text = f"expected {names} for 'pruning', received '{name}'"
            reader.add_error((*place, name), text, did_you_mean(str(name), PRUNING) or hint, at_key=True)
        elif arguments is not None:
            read_section(reader, PRUNING[name], arguments, (*place, name))
