"""Compare two runs: the folds of two cross-validations in pairs, or two classifiers on the same rows."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, field
from math import comb
from typing import TYPE_CHECKING, Any

from nnrun.errors import RunError
from nnrun.runs.json_files import NOT_FINITE, read_mapping
from nnrun.runs.record import headline_metric, read_finished_folds
from nnrun.runs.statistics import CONFIDENCE, corrected_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nnrun.runs.folder import RunFolder

RESAMPLED = "corrected resampled t-test (Nadeau and Bengio 2003)"
MCNEMAR = "McNemar's exact test (1947)"
#: Parts of the names of metrics that are better the larger they are.
_LARGER_IS_BETTER = ("accuracy", "auc", "precision", "recall", "f1", "r2", "similarity", "io_u", "true_")


@dataclass(frozen=True)
class Comparison:
    """The difference of two runs, and whether it could be chance.

    Attributes:
        first: The id of the first run.
        second: The id of the second.
        metric: The metric that is compared.
        test: The test's name.
        p: The p value of the hypothesis that the models are equal.
        means: The metric of both runs, averaged over folds if there are folds.
        difference: The second metric minus the first.
        interval_95: The interval of that difference; None if the test has none.
        each: The metrics of each fold, or the counts of rows that only one of the two got right.
        conclusion: The result in a sentence.
    """

    first: str
    second: str
    metric: str
    test: str
    p: float
    means: tuple[float, float]
    difference: float
    interval_95: tuple[float, float] | None
    each: list[dict[str, Any]] = field(default_factory=list)
    conclusion: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {"said" if name == "conclusion" else name: value for name, value in asdict(self).items()}


def compare(first: RunFolder, second: RunFolder, metric: str | None = None) -> Comparison:
    """Compare two finished runs on the same rows.

    Args:
        first: A run.
        second: Another one.
        metric: The metric by its name in `scores.json`; default: the most informative one.

    Raises:
        RunError: They were not tested on the same rows, are not finished, or have no such metric.
    """
    one, other = (_scores(folder).get("cross_validation") for folder in (first, second))
    if one and other:
        return _by_folds(first, second, one, other, metric)
    if one or other:
        alone = (second if one else first).id
        text = f"{alone} is a single run, and the other a cross-validation: they were not tested on the same rows"
        raise RunError(text, "compare two cross-validations with the same k_fold, or two single runs")
    return _by_rows(first, second, metric)


def _by_folds(
    first: RunFolder, second: RunFolder, one: Mapping[str, Any], other: Mapping[str, Any], metric: str | None
) -> Comparison:
    _require_same_rows(first, second)
    name = _metric(first, second, one["each"][0], other["each"][0], metric)
    lines = zip(one["each"], other["each"], strict=True)
    pairs = [(_figure(left[name]), _figure(right[name])) for left, right in lines]
    differences = [right - left for left, right in pairs]
    found = corrected_mean(differences, _share(first))
    each = [
        {"fold": line["fold"], "first": left, "second": right, "difference": right - left}
        for line, (left, right) in zip(one["each"], pairs, strict=True)
    ]
    means = (sum(left for left, _ in pairs) / len(pairs), sum(right for _, right in pairs) / len(pairs))
    wins = sum(gap != 0 and _better(name, gap) for gap in differences)
    conclusion = _conclude(name, found.mean, found.p) + f" The second is better in {wins} of {len(pairs)} folds."
    return Comparison(
        first.id, second.id, name, RESAMPLED, found.p, means, found.mean, (found.low, found.high), each, conclusion
    )


def _by_rows(first: RunFolder, second: RunFolder, metric: str | None) -> Comparison:
    """Compare two classifiers by the rows that only one of them got right."""
    for folder in (first, second):
        if "error_percent" not in (_scores(folder).get("test") or {}):
            text = f"{folder.id} has no errors counted on a test part, and is no cross-validation"
            raise RunError(text, "single runs are compared by their errors; cross-validate both: split: {k_fold: {}}")
    if metric not in (None, "error_percent"):
        text = f"single runs are compared by their errors, not by {metric}"
        raise RunError(text, "leave --metric out, or compare two cross-validations")
    _require_same_rows(first, second)
    right = [[line["truth"] == line["prediction"] for line in _predictions(folder)] for folder in (first, second)]
    only = (
        sum(a and not b for a, b in zip(*right, strict=True)),
        sum(b and not a for a, b in zip(*right, strict=True)),
    )
    rows = len(right[0])
    means = (100 * (rows - sum(right[0])) / rows, 100 * (rows - sum(right[1])) / rows)
    p = mcnemar(*only)
    table = [{"rows": rows, "only_first_right": only[0], "only_second_right": only[1]}]
    conclusion = (
        _conclude("error_percent", means[1] - means[0], p)
        + f" Of {rows:,} rows only the first got {only[0]:,} right, and only the second {only[1]:,}."
    )
    return Comparison(
        first.id, second.id, "error_percent", MCNEMAR, p, means, means[1] - means[0], None, table, conclusion
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p value of McNemar's exact test on the rows that only one of two models got right.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157; exact by the binomial distribution.
    """
    count = only_first + only_second
    tail = sum(comb(count, k) for k in range(min(only_first, only_second) + 1))
    # Whole numbers until the last step: 0.5 ** count alone would vanish beyond 1,074 rows.
    return float(min(1.0, 2 * tail / 2**count))


def _conclude(name: str, difference: float, p: float) -> str:
    if difference == 0:
        return f"Both have the same {name}."
    side = "lower" if difference < 0 else "higher"
    word = "better" if _better(name, difference) else "worse"
    sure = p < 1 - CONFIDENCE
    how = "is more than chance would explain" if sure else "could well be chance"
    return f"The second run's {name} is {abs(difference):.4g} {side}, which is {word}; that {how} (p = {p:.3g})."


def _better(name: str, difference: float) -> bool:
    return (difference > 0) == any(word in name for word in _LARGER_IS_BETTER)


def _metric(
    first: RunFolder, second: RunFolder, one: Mapping[str, Any], other: Mapping[str, Any], requested: str | None
) -> str:
    both = [name for name in one if name in other and name not in ("fold", "repeat", "rows")]
    if requested is None:
        return headline_metric({name: one[name] for name in both})[0]
    if requested not in both:
        text = f"{first.id} and {second.id} have no metric '{requested}' in common"
        raise RunError(text, f"there are: {', '.join(both)}")
    return requested


def _share(folder: RunFolder) -> float:
    rows = [fold["rows"] for fold in read_finished_folds(folder).values()]
    tested, trained = (sum(int(part[name]) for part in rows) for name in ("test", "train"))
    if not trained:
        raise RunError(f"{folder.path}: the folders of its folds are gone", "compare runs whose folds are kept")
    return tested / trained


def _figure(value: str | float) -> float:
    return NOT_FINITE[value] if isinstance(value, str) else float(value)


def _require_same_rows(first: RunFolder, second: RunFolder) -> None:
    """Check that two runs were tested on the same rows with the same truth.

    Raises:
        RunError: They were not; with the first line that differs.
    """
    left, right = _predictions(first), _predictions(second)
    keys = [key for key in left[0] if key in ("fold", "row") or key.startswith("truth")] if left else []
    same = len(left) == len(right)
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if any(_value(one.get(key)) != _value(other.get(key)) for key in keys):
            same = False
            shown = ", ".join(f"{key} {one.get(key)} and {other.get(key)}" for key in keys)
            where = f"line {number + 2} of predictions.csv: {shown}"
            break
    else:
        where = f"{len(left):,} and {len(right):,} rows"
    if not same:
        text = f"{first.id} and {second.id} were not tested on the same rows in the same folds ({where})"
        raise RunError(text, "give both configs the same source, split and seed")


def _value(text: str | None) -> float | str | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text


def _predictions(folder: RunFolder) -> list[dict[str, str]]:
    try:
        with folder.predictions.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise RunError(f"{folder.id} kept no predictions", "only finished runs can be compared") from error


def _scores(folder: RunFolder) -> dict[str, Any]:
    try:
        return read_mapping(folder.scores)
    except RunError as error:
        raise RunError(f"{folder.id} has no scores", "only finished runs can be compared") from error
