"""What a sweep is to try, as its ledger has it from the beginning."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nnrun.errors import ConfigError, Problem
from nnrun.spec.experiment import LARGEST_SEED
from nnrun.spec.figures import direction_of
from nnrun.spec.mapped_trials import reason_not_mapped_trials
from nnrun.spec.sweep_pruning import pruning_of
from nnrun.sweep.optuna_study import describe_pruner, describe_sampler
from nnrun.sweep.rounds import make_trials, next_trials
from nnrun.sweep.space import Space

if TYPE_CHECKING:
    from nnrun.pipeline.check import Examined
    from nnrun.spec.sweep import SweepSpec
    from nnrun.sweep.ledger import Trial

#: How many combinations that are drawn by chance are examined of a space whose combinations are not known yet.
_EXAMINED = 64


def plan_trials(examined: Examined, sweep: SweepSpec, jobs: int) -> tuple[dict[str, Any], list[Trial]]:
    """Return the fields of the ledger that say what is tried, and the first trials.

    Args:
        examined: The config.
        sweep: Its section `sweep:`.
        jobs: How many processes train at the same time: as many combinations has a round.

    Raises:
        ConfigError: Trials cannot be pruned here.
        MissingExtraError: Optuna is needed, and is not installed.
        RunError: The trials cannot be listed, or are too many.
    """
    space, seed = Space.of(sweep), examined.experiment.seed
    seeds = _seeds(sweep, seed)
    fields: dict[str, Any] = {
        "method": sweep.method,
        "choose_by": sweep.choose_by,
        "mode": sweep.mode,
        "parameters": dict(sweep.parameters or {}),
        "seed": seed,
        "seeds": seeds,
    }
    if sweep.mapped is not None and reason_not_mapped_trials(examined.experiment, examined.facts) is None:
        fields["mapped"] = sweep.mapped
    if sweep.pruning is not None:
        fields["pruning"] = _pruning(examined, sweep)
    if sweep.is_adaptive:
        space.require_possible(sweep)
        fields["sampler"], total = describe_sampler(sweep.method), sweep.trials
    else:
        combinations = space.combinations(sweep, seed)
        total = len(combinations)
        if sweep.pruning is None:
            return fields, make_trials(0, combinations, seeds)
    fields["rounds"] = {"size": jobs, "combinations": total, "trials": sweep.trials}
    return fields, next_trials(fields, [])


def combinations_to_examine(sweep: SweepSpec, seed: int, trials: list[Trial]) -> list[dict[str, Any]]:
    """Return the combinations that are known, and where others come later, some of the same space."""
    known = {trial.combination: dict(trial.parameters) for trial in trials}
    space = Space.of(sweep)
    return [*known.values(), *(space.draw(seed, number) for number in range(_EXAMINED * sweep.is_adaptive))]


def _seeds(sweep: SweepSpec, first: int) -> list[int]:
    if isinstance(sweep.seeds, int):
        return [(first + index) % (LARGEST_SEED + 1) for index in range(sweep.seeds)]
    return list(sweep.seeds)


def _pruning(examined: Examined, sweep: SweepSpec) -> dict[str, Any] | None:
    """Return the pruner, and the metric of an epoch by which it decides.

    Raises:
        ConfigError: Trials are cross-validations, or it is not known whether a larger metric is better.
    """
    found = pruning_of(sweep.pruning)
    if found is None:
        return None
    from nnrun.engine.training.callbacks import best_epoch_rule

    (method, spec), experiment, mark = found, examined.experiment, examined.document.key_mark(("sweep", "pruning"))
    if experiment.data.split is not None and experiment.data.split.cross_validation is not None:
        text = "a cross-validation is not pruned: its folds have no epochs in common"
        raise ConfigError([Problem(mark, text, "leave out pruning, or write split: {validation: 0.2}")])
    monitor, mode = best_epoch_rule(experiment, has_validation=examined.context.has_validation)
    if spec.monitor is not None:
        monitor, mode = spec.monitor, direction_of(experiment, spec.monitor) or "auto"
    mode = mode if spec.mode == "auto" else spec.mode
    if mode == "auto":
        text = f"nothing says whether a small or a large '{monitor}' is better"
        raise ConfigError([Problem(mark, text, f"write pruning: {{{method}: {{monitor: {monitor}, mode: max}}}}")])
    arguments = {name: value for name, value in asdict(spec).items() if name not in ("monitor", "mode")}
    if "max_resource" in arguments:
        arguments["max_resource"] = arguments["max_resource"] or experiment.training.epochs
        if arguments["max_resource"] < arguments["min_resource"]:
            epochs = experiment.training.epochs
            text = f"min_resource is {arguments['min_resource']}, more than the {epochs} epochs of a trial"
            raise ConfigError([Problem(mark, text, "write a smaller min_resource, or leave it out: it is 1 then")])
    return {**describe_pruner(method, arguments), "monitor": monitor, "mode": mode}
