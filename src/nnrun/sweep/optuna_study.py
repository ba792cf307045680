"""Optuna, as a sweep uses it: an in-memory study that is made from the ledger each time, so that none is ever lost.

Everything that Optuna decides is a function of the config's seed, of how the trials of completed rounds ended, and of a
number: a sweep that is killed and resumed gets the same suggestions, and its trials are pruned after the same epochs.
"""

from __future__ import annotations

import copy
import itertools
import random
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from nnrun.config.dump import dump_inline
from nnrun.errors import MissingExtraError, RunError
from nnrun.spec.sweep import RangeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nnrun.sweep.space import Space, Values

#: The samplers by the method's name in a config: Optuna's class, and all its arguments that are not deprecated, as
#: Optuna 4 and 5 have other defaults for some of them. `seed` is that of the round.
_SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "tpe": (
        "TPESampler",
        # `group` lets parameters that not every trial has be sampled together with those that it has.
        {"n_startup_trials": 10, "n_ei_candidates": 24, "multivariate": True, "group": True, "constant_liar": True},
    ),
    "cmaes": (
        "CmaEsSampler",
        {
            "x0": None,
            "sigma0": None,
            "n_startup_trials": 1,
            "warn_independent_sampling": False,
            "consider_pruned_trials": False,
            "popsize": None,
            "use_separable_cma": False,
            "with_margin": True,
            "lr_adapt": False,
            "source_trials": None,
        },
    ),
}
_PRUNERS = {"median": "MedianPruner", "hyperband": "HyperbandPruner"}
#: The brackets of Hyperband depend on the study's name and the trial's number.
_STUDY_NAME = "nnrun"
#: So often a sampler is asked for a combination that was not tried yet.
_MOST_ASKED = 16
#: Then so many combinations are drawn by chance.
_MOST_DRAWN = 10_000
#: How far a value that is suggested again may be from the first time: other processors round differently.
_SAME = 1e-6


@dataclass(frozen=True)
class Outcome:
    """How a combination ended.

    Attributes:
        values: Its values, by path.
        status: `done`, `failed`, or `pruned`.
        value: The objective, smaller is better, or the last value of one that was pruned; None of one that failed.
        epochs: After how many epochs it was pruned.
    """

    values: Mapping[str, Any]
    status: Literal["done", "failed", "pruned"]
    value: float | None = None
    epochs: int = 0


def describe_sampler(method: str) -> dict[str, Any]:
    """Return the sampler of a method, all its arguments and Optuna's version, as the ledger has them.

    Raises:
        MissingExtraError: Optuna, or what CMA-ES needs, is not installed.
    """
    optuna = require_optuna(f"sweep.method: {method}", *(["cmaes"] if method == "cmaes" else []))
    name, arguments = _SAMPLERS[method]
    return {"name": name, "arguments": arguments, "optuna": optuna.__version__}


def describe_pruner(method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pruner of a method, its arguments and Optuna's version, as the ledger has them.

    Raises:
        MissingExtraError: Optuna is not installed.
    """
    optuna = require_optuna(f"sweep.pruning: {method}")
    return {"name": _PRUNERS[method], "arguments": dict(arguments), "optuna": optuna.__version__}


def require_optuna(purpose: str, *packages: str) -> Any:
    """Import Optuna, quiet.

    Args:
        purpose: What needs it.
        packages: Other packages of the extra that are needed.

    Raises:
        MissingExtraError: It, or one of them, is not installed.
    """
    if any(find_spec(name) is None for name in ("optuna", *packages)):
        raise MissingExtraError("sweep", purpose)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def require_same_optuna(description: Mapping[str, Any]) -> Any:
    """Return Optuna, if it decides as the version does with which the sweep began.

    Args:
        description: The sampler or pruner, from the ledger.

    Raises:
        MissingExtraError: It is not installed.
        RunError: It is another major version.
    """
    name, begun = description["name"], str(description["optuna"])
    optuna = require_optuna(f"a sweep with Optuna's {name}", *(["cmaes"] if name == "CmaEsSampler" else []))
    if optuna.__version__.split(".")[0] != begun.split(".", maxsplit=1)[0]:
        text = f"the sweep began with Optuna {begun}, and Optuna {optuna.__version__} would make other suggestions"
        raise RunError(text, f"pip install 'optuna=={begun}', or begin another sweep")
    return optuna


def suggest(
    space: Space, sampler: Mapping[str, Any], seed: int, size: int, outcomes: Sequence[Outcome], count: int
) -> list[Values]:
    """Return the combinations of the next round; those of TPE are new ones.

    Args:
        space: The search space.
        sampler: The sampler, from the ledger.
        seed: The config's seed.
        size: The combinations of a round.
        outcomes: How all combinations of the rounds before ended, in order.
        count: How many are asked for: `size`, or fewer in the last round.

    Raises:
        RunError: The installed Optuna makes other suggestions than the one with which the sweep began.
    """
    optuna = require_same_optuna(sampler)
    with _quiet():
        study = optuna.create_study(study_name=_STUDY_NAME, sampler=optuna.samplers.RandomSampler(seed=0))
        if sampler["name"] == "CmaEsSampler":
            # Its state is in what it notes at each trial that it suggests: they are suggested again.
            for start in range(0, len(outcomes), size):
                study.sampler = _sampler(optuna, sampler, seed, start // size, space)
                _suggest_again(optuna, study, space, outcomes[start : start + size])
        else:
            study.add_trials([_as_optuna_trial(optuna, space, one) for one in outcomes])
        study.sampler = _sampler(optuna, sampler, seed, len(outcomes) // size, space)
        if sampler["name"] == "CmaEsSampler":
            # It learns from how its own points are spread, repeated ones included.
            return [_ask(study, space)[1] for _ in range(count)]
        return _ask_for_new(study, space, seed, [outcome.values for outcome in outcomes], count)


class PruningHistory:
    """The trials with which later ones are compared: what a pruner notes of each is computed once.

    Args:
        pruner: The pruner, from the ledger.
    """

    def __init__(self, pruner: Mapping[str, Any]) -> None:
        self._optuna = optuna = require_same_optuna(pruner)
        with _quiet():
            self._study = optuna.create_study(
                study_name=_STUDY_NAME,
                sampler=optuna.samplers.RandomSampler(seed=0),
                pruner=getattr(optuna.pruners, pruner["name"])(**pruner["arguments"]),
            )

    def add(self, earlier: Sequence[tuple[Sequence[float], bool] | None]) -> None:
        """Add the next trials by number.

        Args:
            earlier: The values of the epochs of each trial, smaller is better, and whether the trial is done; None for
                trials that are not compared with.
        """
        with _quiet():
            for one in earlier:
                _compare_with(self._optuna, self._study, one)

    def compare(self, between: int) -> PruningComparison:
        """Return what decides for a trial.

        Args:
            between: How many trials with smaller numbers are not compared with, after those that were added.
        """
        with _quiet():
            study = copy.deepcopy(self._study)
            for _ in range(between):
                _compare_with(self._optuna, study, None)
            return PruningComparison(study.ask())


class PruningComparison:
    """Decides after each epoch of a trial whether it is pruned.

    Args:
        trial: The trial, as Optuna has it.
    """

    def __init__(self, trial: Any) -> None:
        self._trial = trial

    def is_pruned(self, epoch: int, value: float) -> bool:
        """Return whether the trial is pruned after an epoch, counted from 1; called for each epoch in order."""
        with _quiet():
            self._trial.report(value, epoch)
            return bool(self._trial.should_prune())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's warnings of what may change in it: its version is in the ledger, and all arguments are stated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sampler(optuna: Any, sampler: Mapping[str, Any], seed: int, number: int, space: Space) -> Any:
    """Return the sampler of a round."""
    of_round = random.Random(f"{seed}/round {number}").randrange(2**32)  # noqa: S311
    arguments = {**sampler["arguments"], "seed": of_round}
    if sampler["name"] != "CmaEsSampler":
        return getattr(optuna.samplers, sampler["name"])(**arguments)
    made = optuna.samplers.CmaEsSampler(**arguments, independent_sampler=optuna.samplers.RandomSampler(seed=of_round))
    ranges = {path: _distribution(optuna, space.parameters[path]) for path in space.always}
    # Optuna takes what all trials up to then have in common, which is more after the first ones: points of one
    # generation then have other dimensions, and `cmaes` fails.
    numbers = (optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution)
    found = {path: one for path, one in ranges.items() if isinstance(one, numbers) and not one.single()}
    made.infer_relative_search_space = lambda _study, _trial: found
    return made


def _ask(study: Any, space: Space) -> tuple[Any, Values]:
    trial = study.ask()
    return trial, space.fill(lambda path: _suggested(trial, path, space.parameters[path]))


def _ask_for_new(study: Any, space: Space, seed: int, tried: Sequence[Mapping[str, Any]], count: int) -> list[Values]:
    """Return combinations that were not tried yet: the same one again, with the same seeds, has the same scores.

    A suggestion that was tried stays in the study as one that is being trained, which leads the sampler away from it
    (`constant_liar`). After some of these, combinations are drawn by chance; a space that has no others left, which is
    known before only where its values are equally likely, is tried again. All depends on the seed and the study alone.
    """
    found: list[Values] = []
    keys = {dump_inline(dict(values)) for values in tried}
    for _ in range(count):
        first = _ask(study, space)[1]
        asked = (_ask(study, space)[1] for _ in range(_MOST_ASKED))
        drawn = (space.draw(seed, number) for number in range(_MOST_DRAWN))
        candidates = itertools.chain([first], asked, drawn)
        values = next((one for one in candidates if dump_inline(one) not in keys), first)
        keys.add(dump_inline(values))
        found.append(values)
    return found


def _suggested(trial: Any, path: str, parameter: Sequence[Any] | RangeSpec) -> Any:
    if not isinstance(parameter, RangeSpec):
        return parameter[trial.suggest_categorical(path, list(range(len(parameter))))]
    listed = parameter.values
    if listed is not None and not parameter.log:
        return listed[trial.suggest_int(path, 0, len(listed) - 1)]
    kind = trial.suggest_int if parameter.is_whole else trial.suggest_float
    return kind(path, parameter.low, parameter.high, log=parameter.log)


def _distribution(optuna: Any, parameter: Sequence[Any] | RangeSpec) -> Any:
    """Return the distribution of which `_suggested` takes a value."""
    found = optuna.distributions
    if not isinstance(parameter, RangeSpec):
        return found.CategoricalDistribution(list(range(len(parameter))))
    listed = parameter.values
    if listed is not None and not parameter.log:
        return found.IntDistribution(0, len(listed) - 1)
    kind = found.IntDistribution if parameter.is_whole else found.FloatDistribution
    return kind(parameter.low, parameter.high, log=parameter.log)


def _as_suggested(parameter: Sequence[Any] | RangeSpec, value: Any) -> Any:
    """Return what Optuna suggested for a value: its index where values are listed."""
    listed = parameter.values if isinstance(parameter, RangeSpec) else parameter
    is_log = isinstance(parameter, RangeSpec) and parameter.log
    return value if listed is None or is_log else listed.index(value)


def _as_optuna_trial(optuna: Any, space: Space, outcome: Outcome) -> Any:
    """Return a combination that has ended as a trial of Optuna's."""
    states, parameters = optuna.trial.TrialState, space.parameters
    state = {"done": states.COMPLETE, "failed": states.FAIL, "pruned": states.PRUNED}[outcome.status]
    return optuna.trial.create_trial(
        state=state,
        value=outcome.value if outcome.status == "done" else None,
        params={path: _as_suggested(parameters[path], value) for path, value in outcome.values.items()},
        distributions={path: _distribution(optuna, parameters[path]) for path in outcome.values},
        intermediate_values={outcome.epochs: outcome.value} if outcome.status == "pruned" else None,
    )


def _suggest_again(optuna: Any, study: Any, space: Space, outcomes: Sequence[Outcome]) -> None:
    """Let a sampler suggest the combinations of a round again, and tell it how they ended.

    Raises:
        RunError: It suggests others.
    """
    states = optuna.trial.TrialState
    asked = [_ask(study, space) for _ in outcomes]
    for (trial, values), outcome in zip(asked, outcomes, strict=True):
        if not _is_same(values, outcome.values):
            text = f"trial {trial.number} of the sweep was {dict(outcome.values)}, and Optuna now suggests {values}"
            hint = "install the versions of optuna, cmaes and numpy with which the sweep began, or begin another sweep"
            raise RunError(text, hint)
        if outcome.status == "pruned" and outcome.value is not None:
            trial.report(outcome.value, outcome.epochs)
        state = {"done": states.COMPLETE, "failed": states.FAIL, "pruned": states.PRUNED}[outcome.status]
        study.tell(trial, outcome.value if outcome.status == "done" else None, state=state)


def _is_same(values: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return values.keys() == before.keys() and all(
        abs(value - before[path]) <= _SAME * abs(value) if isinstance(value, float) else value == before[path]
        for path, value in values.items()
    )


def _compare_with(optuna: Any, study: Any, earlier: tuple[Sequence[float], bool] | None) -> None:
    """Add a trial to a study, with all that pruners note of its epochs."""
    states = optuna.trial.TrialState
    if earlier is None:
        # It keeps the numbers of the trials after it.
        study.add_trial(optuna.trial.create_trial(state=states.FAIL))
        return
    (values, is_done), trial = earlier, study.ask()
    for epoch, value in enumerate(values, start=1):
        trial.report(value, epoch)
        trial.should_prune()
    if is_done and values:
        study.tell(trial, values[-1])
    else:
        study.tell(trial, state=states.PRUNED if values else states.FAIL)
