"""The score of the best combination, corrected for its being the best of many.

The best of many scores is too good: it was chosen for its quality and for its luck. S. Varma and R. Simon, "Bias in
error estimation when using cross-validation for model selection", BMC Bioinformatics 7 (2006), 91; G. C. Cawley and
N. L. C. Talbot, "On over-fitting in model selection and subsequent selection bias in performance evaluation", Journal
of Machine Learning Research 11 (2010), 2079-2107.

**Several seeds, or folds.** Each seed in turn is left out: the combination that is best by the others is scored by it,
and these scores are averaged (M. Stone, "Cross-validatory choice and assessment of statistical predictions", Journal of
the Royal Statistical Society B 36 (1974), 111-147; with rows in place of seeds it is the bootstrap of I. Tsamardinos,
E. Greasidou and G. Borboudakis, Machine Learning 107 (2018), 1895-1922). What chooses does not score, so there is no
bias if all combinations are equal; where they are not, the figure is a little too bad, as one seed less chooses. The
correction of R. J. Tibshirani and R. Tibshirani, "A bias correction for the minimum error rate in cross-validation",
Annals of Applied Statistics 3 (2009), 822-829, is not used: of K folds with independent luck, whose combinations are
equal, it takes off sqrt(K) - 1 times the bias (`tests/sweep/test_selection_bias.py` has the simulation).

**One seed, no folds, and a share of rows** (an error, an accuracy). The luck of each combination is the standard error
of its share. The true scores are taken to come from one distribution, which is estimated from all combinations by
maximum likelihood without any assumption of its form (J. Kiefer and J. Wolfowitz, Annals of Mathematical Statistics 27
(1956), 887-906; W. Jiang and C.-H. Zhang, "General maximum likelihood empirical Bayes estimation of normal means",
Annals of Statistics 37 (2009), 1647-1684), and the corrected score is the mean of the best one's posterior
distribution, which choosing does not bias (B. Efron, "Tweedie's formula and selection bias", Journal of the American
Statistical Association 106 (2011), 1602-1614). All combinations are scored on the same rows, so their luck is alike and
the true bias is smaller: the correction is rather too large, and never goes beyond the mean of all combinations.

**One seed and another score**: nothing says how much of it is luck.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from nnrun.errors import RunError
from nnrun.runs.documents import read_scores_if_any, score_at
from nnrun.runs.json_files import as_number
from nnrun.sweep.differences import scores_by_seed
from nnrun.sweep.ledger import FOLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnrun.sweep.folder import SweepFolder
    from nnrun.sweep.ledger import Trial
    from nnrun.sweep.study import Group, Objective

_MEAN_OF_FOLDS = "cross_validation.mean."
#: Shares of rows by their names in `scores.json`, and what a share of 1 is there.
_SHARES = {"error_percent": 100.0, "error_rate": 1.0, "accuracy": 1.0}
#: The points of the distribution of the true scores, the different scores it is estimated from, and the steps of EM.
_POINTS, _MOST_VALUES, _STEPS = 60, 120, 200

LEFT_OUT = "chosen by all {units} but one and scored by that one, in turn (Stone 1974; Varma and Simon 2006)"
SHRUNKEN = (
    "empirical Bayes over all combinations, from the standard errors of the rows (Jiang and Zhang 2009; Efron 2011)"
)


@dataclass(frozen=True)
class CorrectedScore:
    """The score of the best combination, corrected for its being the best of many.

    Attributes:
        value: The corrected score; None if it cannot be corrected.
        by: What the correction is estimated from: `seeds`, `folds` or `rows`.
        method: The method, with its source.
        note: What it does not cover, or why it cannot be corrected.
    """

    value: float | None
    by: Literal["seeds", "folds", "rows"] | None
    method: str | None
    note: str

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return asdict(self)


def correct_best(folder: SweepFolder, groups: Sequence[Group], goal: Objective) -> CorrectedScore | None:
    """Correct the score of the best combination.

    Args:
        folder: The sweep's folder; where the ledger lacks the scores of single folds, those of its trials have them.
        groups: The combinations, the best first.
        goal: The score by which they are compared.

    Returns:
        The corrected score; None as long as there is no choice between two combinations.
    """
    scored = [group for group in groups if group.value is not None]
    if len(scored) < 2:
        return None
    # In their own order, so that of equals the first is chosen here, too.
    scored.sort(key=lambda group: group.combination)
    if goal.path.startswith(_MEAN_OF_FOLDS):
        return _by_folds(folder, scored, goal)
    if len(scored[0].trials) > 1:
        return _by_seeds(scored, goal)
    return _by_rows(scored, goal)


def leave_one_out(scores: Sequence[Sequence[float]]) -> float:
    """Return the mean score of each unit (a seed, a fold) by the combination that is best by all other units.

    Args:
        scores: The scores of each combination, one for each unit, smaller ones being better; two units or more.
    """
    totals = [sum(row) for row in scores]
    units = range(len(scores[0]))
    others = [[total - row[unit] for total, row in zip(totals, scores, strict=True)] for unit in units]
    return fmean(scores[left.index(min(left))][unit] for unit, left in zip(units, others, strict=True))


def posterior_of_best(values: Sequence[float], errors: Sequence[float]) -> float:
    """Return the posterior mean of the smallest of many values, each with a normal error of known size.

    The distribution of the true values is estimated from all of them on a grid, by EM.
    """
    import numpy as np

    low, high = min(values), max(values)
    if low == high:
        return low
    best = min(range(len(values)), key=values.__getitem__)
    grid = np.linspace(low, high, _POINTS)
    merged, sizes, counts = np.array([*_merged(values, errors), (values[best], errors[best], 0)]).T
    squares = ((merged[:, None] - grid) / sizes[:, None]) ** 2 / 2
    # Up to a factor for each value, so that not all likelihoods of one vanish.
    likelihoods = np.exp(squares.min(axis=1, keepdims=True) - squares)
    weights = np.full(_POINTS, 1 / _POINTS)
    for _ in range(_STEPS):
        weights = weights * ((counts / (likelihoods @ weights)) @ likelihoods) / len(values)
    posterior = likelihoods[-1] * weights
    return float(posterior @ grid / posterior.sum())


def _merged(values: Sequence[float], errors: Sequence[float]) -> list[tuple[float, float, int]]:
    """Return the values with their errors and counts; of many different ones, those that are close are put together."""
    low, width = min(values), max(values) - min(values)
    if len(set(values)) > _MOST_VALUES:
        values = [low + width * round((value - low) / width * _MOST_VALUES) / _MOST_VALUES for value in values]
    together: dict[float, list[float]] = {}
    for value, error in zip(values, errors, strict=True):
        together.setdefault(value, []).append(error)
    return [(value, fmean(of_value), len(of_value)) for value, of_value in together.items()]


def _signed(goal: Objective, key: float) -> float:
    return key if goal.is_smaller_better else -key


def _by_seeds(groups: Sequence[Group], goal: Objective) -> CorrectedScore:
    by_seed = [scores_by_seed(group, goal) for group in groups]
    seeds = sorted(set.intersection(*(set(one) for one in by_seed)))
    if len(seeds) < 2:
        return _unknown("the combinations have no two seeds in common")
    found = leave_one_out([[goal.key(one[seed]) for seed in seeds] for one in by_seed])
    note = "what all seeds have in common, such as a validation part of the same rows, is not corrected"
    return CorrectedScore(_signed(goal, found), "seeds", LEFT_OUT.format(units="seeds"), note)


def _by_folds(folder: SweepFolder, groups: Sequence[Group], goal: Objective) -> CorrectedScore:
    name = goal.path.removeprefix(_MEAN_OF_FOLDS)
    try:
        # Each repeat of a cross-validation tests all rows: the folds that choose must be those of the same repeat.
        parts = [[part for one in group.trials for part in _scores_of_folds(folder, one, name)] for group in groups]
    except RunError as error:
        return _unknown(f"the scores of the folds cannot be read: {error.text}")
    sizes = {tuple(map(len, group)) for group in parts}
    if len(sizes) != 1 or not parts[0] or min(map(len, parts[0])) < 2:
        return _unknown("the folders of the trials do not have the scores of the same folds")
    found = fmean(
        leave_one_out([[goal.key(value) for value in row] for row in rows]) for rows in zip(*parts, strict=True)
    )
    return CorrectedScore(_signed(goal, found), "folds", LEFT_OUT.format(units="folds"), "folds share training rows")


def _scores_of_folds(folder: SweepFolder, trial: Trial, name: str) -> list[list[float]]:
    """Return the scores of the folds of each repeat; a fold without the score leaves its repeat empty."""
    summary = (trial.scores or {}).get("cross_validation")
    folds = summary.get(FOLDS) if isinstance(summary, dict) else None
    if not isinstance(folds, list) or not all(isinstance(fold, dict) for fold in folds):
        # A ledger that an older nnrun has written does not have them.
        folds = (read_scores_if_any(folder.run(trial.number)).get("cross_validation") or {}).get(FOLDS, ())
    repeats: dict[int, list[float | None]] = {}
    for fold in folds:
        repeats.setdefault(fold.get("repeat") or 0, []).append(as_number(fold.get(name)))
    return [[value for value in values if value is not None] for values in repeats.values()]


def _by_rows(groups: Sequence[Group], goal: Objective) -> CorrectedScore:
    part, _, name = goal.path.rpartition(".")
    scale = _SHARES.get(name)
    counts = [_count(group, part) for group in groups]
    if scale is None or None in counts:
        return _unknown("of one seed nothing says how much of this score is luck; --seeds 3 would")
    values = [float(group.value or 0.0) for group in groups]
    errors = []
    for value, count in zip(values, counts, strict=True):
        rows = count or 1.0
        # One more of each kind: no share of no errors at all is certain.
        share = (value / scale * rows + 1) / (rows + 2)
        errors.append(scale * sqrt(max(share * (1 - share), 0.0) / rows))
    found = posterior_of_best([goal.key(value) for value in values], errors)
    note = "rather too large, as all combinations have the same rows; the luck of a seed is not covered"
    return CorrectedScore(_signed(goal, found), "rows", SHRUNKEN, note)


def _count(group: Group, part: str) -> float | None:
    """Return the number of predictions of a part, of which a row may have several; None if it is not known."""
    scores = group.trials[0].scores or {}
    errors, rate = (score_at(scores, f"{part}.{name}") for name in ("errors", "error_rate"))
    count = errors / rate if errors and rate else score_at(scores, f"{part}.rows")
    return count if count is not None and count >= 1 else None


def _unknown(reason: str) -> CorrectedScore:
    return CorrectedScore(None, None, None, reason)
