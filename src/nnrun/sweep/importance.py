"""Which parameters of a sweep mattered: permutation importance of a random forest that predicts how good a trial is.

L. Breiman, "Random forests", Machine Learning 45 (2001), 5-32. The forest predicts the rank of a combination from its
values; the importance of a parameter is half of the explained variance of ranks that is lost on combinations which the
forest has not seen when their values of this parameter are shuffled. Of an additive model of independent parameters
that is the parameter's share of the variance: B. Gregorutti, B. Michel and P. Saint-Pierre, "Correlation and variable
importance in random forests", Statistics and Computing 27 (2017), 659-678.

Ranks, because one training that diverged would otherwise outweigh all others. Parameters that act only together both
have a share; of two that always vary together, one may hide the other; and values that a search by results (TPE) went
to most often are known best.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.catalog.kinds import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.sweep.study import Group

#: Of fewer combinations a forest learns little; more than this many take long and change nothing.
FEWEST, _MOST = 20, 600
_TREES, _PARTS, _SHUFFLES = 60, 5, 5


@dataclass(frozen=True)
class Importance:
    """How much each parameter mattered.

    Attributes:
        shares: The share of the variance of ranks for each parameter that varies, the largest first.
        explained: The share of the variance of ranks that the forest explains of combinations it has not seen; below
            0.2 the shares mean little.
        combinations: How many combinations it was computed from.
    """

    shares: Mapping[str, float]
    explained: float
    combinations: int


def varying_parameters(groups: Sequence[Group]) -> list[str]:
    """Return the parameters that have different values, in the order of the config; some combinations may lack them."""
    paths = dict.fromkeys(path for group in groups for path in group.parameters)
    return [path for path in paths if len({as_key(group.parameters.get(path)) for group in groups}) > 1]


def as_key(value: Any) -> str:
    """Return a text that is the same for equal values: a value may be a whole layer."""
    return json.dumps(value, sort_keys=True, default=str)


def parameter_importance(groups: Sequence[Group]) -> Importance | None:
    """Return how much each parameter mattered; None of fewer than 20 combinations, or less than two that vary.

    Args:
        groups: The combinations, the best first.
    """
    scored = [group for group in groups if group.value is not None]
    paths = varying_parameters(scored)
    if len(scored) < FEWEST or len(paths) < 2:
        return None
    step = max(1, -(-len(scored) // _MOST))
    used = scored[::step]

    import numpy as np
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    x = np.array([[*column] for column in zip(*(_codes(used, path) for path in paths), strict=True)], float)
    # Already in the order of their scores; equal ones have the mean of their ranks.
    values = np.array([group.value for group in used])
    y = np.array([np.flatnonzero(values == value).mean() for value in values]) / max(1, len(used) - 1)
    explained, lost = [], []
    for train, test in KFold(_PARTS, shuffle=True, random_state=0).split(x):
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=0, n_jobs=1).fit(x[train], y[train])
        explained.append(float(forest.score(x[test], y[test])))
        found = permutation_importance(forest, x[test], y[test], n_repeats=_SHUFFLES, random_state=0, n_jobs=1)
        lost.append(found.importances_mean)
    means = dict(zip(paths, np.mean(lost, axis=0).tolist(), strict=True))
    shares = {path: max(0.0, share / 2) for path, share in sorted(means.items(), key=lambda item: -item[1])}
    return Importance(shares, float(np.mean(explained)), len(used))


def _codes(groups: Sequence[Group], path: str) -> list[float]:
    """Return the values of a parameter as numbers: numbers as they are, others by the order in which they come."""
    values = [group.parameters.get(path) for group in groups]
    if all(value is None or is_number(value) for value in values):
        return [float("nan") if value is None else float(value) for value in values]
    keys = sorted({as_key(value) for value in values})
    return [float("nan") if value is None else float(keys.index(as_key(value))) for value in values]
