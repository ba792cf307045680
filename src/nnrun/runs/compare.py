"""Compare two runs: the folds of two cross-validations in pairs, or two classifiers on the same rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import comb, isnan
from typing import TYPE_CHECKING, Any

from nnrun.catalog.figures import figure_of
from nnrun.errors import RunError
from nnrun.formatting import format_count
from nnrun.runs.documents import read_scores, read_scores_if_any
from nnrun.runs.find import unfinished
from nnrun.runs.json_files import NOT_FINITE
from nnrun.runs.predictions import read_predictions
from nnrun.runs.record import headline_metric, read, read_finished_folds
from nnrun.runs.statistics import CONFIDENCE, corrected_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nnrun.runs.folder import RunFolder

RESAMPLED = "corrected resampled t-test (Nadeau and Bengio 2003)"
MCNEMAR = "McNemar's exact test (1947)"
#: A smaller p value is shown as less than this one.
_SMALLEST_SHOWN = 0.0001
_SAME_FOLDS = "compare two cross-validations with the same k_fold"
#: How far the error of the predictions that are compared may lie from the scores, in percentage points.
_SAME_PERCENT = 1e-6


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
        part: The part of the data that single runs were tested on.
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
    part: str = "test"

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


def are_comparable(first: RunFolder, second: RunFolder) -> bool:
    """Return whether `compare` can compare two runs, by what their records and scores say of their rows."""
    try:
        return _are_comparable(first, second)
    except RunError:  # a damaged folder can be compared with nothing
        return False


def _are_comparable(first: RunFolder, second: RunFolder) -> bool:
    one, other = read(first), read(second)
    if one.get("status") != "done" or other.get("status") != "done":
        return False
    if "folds_digest" in one or "folds_digest" in other:
        return one.get("folds_digest") == other.get("folds_digest") and _digests(one, "file:") == _digests(
            other, "file:"
        )
    part = "test.y" if "test.y" in (one.get("digests") or {}) else "validation.y"
    digests = _digests(one, part)
    return bool(digests) and digests == _digests(other, part) and all(map(_counts_errors, (first, second)))


def _digests(fields: Mapping[str, Any], beginning: str) -> dict[str, str]:
    digests: Mapping[str, str] = fields.get("digests") or {}
    return {name: digest for name, digest in digests.items() if name.startswith(beginning)}


def _counts_errors(folder: RunFolder) -> bool:
    scores = read_scores_if_any(folder)
    return "error_percent" in (scores.get("test") or scores.get("validation") or {})


def _by_folds(
    first: RunFolder, second: RunFolder, one: Mapping[str, Any], other: Mapping[str, Any], metric: str | None
) -> Comparison:
    _require_same_rows(first, second)
    if len(one["each"]) != len(other["each"]):
        counts = f"{len(one['each'])} and {len(other['each'])}"
        raise RunError(f"{first.id} and {second.id} have different numbers of folds ({counts})", _SAME_FOLDS)
    name = _metric(first, second, _common(one["each"]), _common(other["each"]), metric)
    figure = figure_of(name)
    lines = zip(one["each"], other["each"], strict=True)
    pairs = [(_figure(left[name]), _figure(right[name])) for left, right in lines]
    differences = [right - left for left, right in pairs]
    found = corrected_mean(differences, _share(first))
    # The test is one of differences: two shares differ by 1 at most, and cutting there changes no coverage.
    most = figure.high - figure.low
    each = [
        {"fold": line["fold"], "first": left, "second": right, "difference": right - left}
        for line, (left, right) in zip(one["each"], pairs, strict=True)
    ]
    means = (sum(left for left, _ in pairs) / len(pairs), sum(right for _, right in pairs) / len(pairs))
    return Comparison(
        first.id,
        second.id,
        name,
        RESAMPLED,
        found.p,
        means,
        found.mean,
        (max(found.low, -most), min(found.high, most)),
        each,
        f"{conclude(name, found.mean, found.p)} {count_folds(name, differences)}",
    )


def _by_rows(first: RunFolder, second: RunFolder, metric: str | None) -> Comparison:
    """Compare two classifiers by the predictions that only one of them got right."""
    name, parts = _scored_parts(first, second)
    if metric not in (None, "error_percent"):
        text = f"single runs are compared by their errors, not by {metric}"
        raise RunError(text, "leave --metric out, or compare two cross-validations: split: {k_fold: {}}")
    _require_same_rows(first, second)
    right = [_right_predictions(folder) for folder in (first, second)]
    if len(right[0]) != len(right[1]):
        counts = f"{len(right[0]):,} and {len(right[1]):,} predictions"
        raise RunError(f"{first.id} and {second.id} do not predict the same ({counts})", "give both the same data")
    pairs = list(zip(*right, strict=True))
    if not pairs:
        raise RunError(f"{first.id} and {second.id} kept no predictions", "give both configs a test part")
    only = (sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs))
    rows, both = len(pairs), sum(a and b for a, b in pairs)
    means = (100 * (rows - sum(right[0])) / rows, 100 * (rows - sum(right[1])) / rows)
    p = mcnemar(*only)
    table = [{"rows": rows, "only_first_right": only[0], "only_second_right": only[1]}]
    conclusion = f"{conclude('error_percent', means[1] - means[0], p)} {count_right(rows, both, *only)}"
    scored = [part["error_percent"] for part in parts]
    if any(abs(one - other) > _SAME_PERCENT for one, other in zip(means, scored, strict=True)):
        # Of a text, predictions.csv has the last token of the first windows.
        conclusion += (
            f" These are the predictions that predictions.csv keeps; over all of them the errors are {scored[0]:.2f} % "
            f"and {scored[1]:.2f} %."
        )
    return Comparison(
        first.id, second.id, "error_percent", MCNEMAR, p, means, means[1] - means[0], None, table, conclusion, name
    )


def _scored_parts(first: RunFolder, second: RunFolder) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the part of which both runs kept predictions (the test part, else the validation part), and its scores.

    Raises:
        RunError: A run has no errors counted there.
    """
    name, parts = "test", []
    for folder in (first, second):
        scores = _scores(folder)
        name = "test" if scores.get("test") else "validation"
        part = scores.get(name) or {}
        if "error_percent" not in part:
            reason = "it predicts numbers" if scores.get("task") == "regression" else "it has no single count of errors"
            text = f"two single runs are compared by the rows that each classifies right, and {folder.id} cannot be"
            hint = "cross-validate both, whose folds are compared by any score: split: {k_fold: {}}"
            raise RunError(f"{text}: {reason}", hint)
        parts.append(part)
    return name, parts


def _right_predictions(folder: RunFolder) -> list[bool]:
    """Return whether each prediction of a run is right; of several labels or positions a row, each is one."""
    lines = _predictions(folder)
    headings = lines[0] if lines else {}
    targets = [name.removeprefix("truth") for name in headings if name.startswith("truth")]
    if missing := [f"prediction{target}" for target in targets if f"prediction{target}" not in headings]:
        raise RunError(f"{folder.predictions} has no column {missing[0]}", "compare runs whose files were not edited")
    several = bool((read(folder).get("facts") or {}).get("positions")) or _is_multi_label(folder)
    right: list[bool] = []
    for line in lines:
        for target in targets:
            truth, prediction = line[f"truth{target}"], line[f"prediction{target}"]
            pairs = list(zip(truth.split(" "), prediction.split(" "), strict=False)) if several else []
            right += [a == b for a, b in pairs or [(truth, prediction)]]
    return right


def _is_multi_label(folder: RunFolder) -> bool:
    facts = read(folder).get("facts") or {}
    return facts.get("form") == "binary" and len(facts.get("target_names") or ()) > 1


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p value of McNemar's exact test on the rows that only one of two models got right.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157; exact by the binomial distribution.
    """
    count = only_first + only_second
    tail = sum(comb(count, k) for k in range(min(only_first, only_second) + 1))
    # Whole numbers until the last step: 0.5 ** count alone would vanish beyond 1,074 rows.
    return float(min(1.0, 2 * tail / 2**count))


def conclude(name: str, difference: float, p: float, compared: str = "run") -> str:
    """Return the difference of two runs, whether it is for the better, and whether it may be chance, as a sentence.

    Args:
        name: The metric.
        difference: Its value of the second run minus that of the first.
        p: The p value.
        compared: The noun for what is compared.
    """
    what, unit = ("error", " percentage points") if name == "error_percent" else (name, "")
    if isnan(difference):
        return f"The {what} of a fold is not a number, so that the two {compared}s cannot be compared by it."
    if difference == 0:
        return f"Both {compared}s have the same {what}."
    side = "lower" if difference < 0 else "higher"
    better = _is_better(name, difference)
    judged = "" if better is None else f", which is {'better' if better else 'worse'}"
    how = "is more than chance would explain" if p < 1 - CONFIDENCE else "could well be chance"
    shown = f"p = {p:.3g}" if p >= _SMALLEST_SHOWN else f"p < {_SMALLEST_SHOWN}"
    return f"The second {compared}'s {what} is {abs(difference):.4g}{unit} {side}{judged}; that {how} ({shown})."


def count_folds(name: str, differences: Sequence[float]) -> str:
    """Return in how many folds which run is better, as a sentence."""
    wins = sum(_is_second(name, gap) for gap in differences)
    losses = sum(_is_second(name, -gap) for gap in differences)
    equal = len(differences) - wins - losses
    word = "higher" if figure_of(name).better is None else "better"
    counts = f"The second run is {word} in {wins} of {format_count(len(differences), 'fold')}, the first in {losses}"
    return f"{counts}; {equal} {'is' if equal == 1 else 'are'} equal." if equal else f"{counts}."


def count_right(rows: int, both: int, only_first: int, only_second: int) -> str:
    """Return which of two runs got how many predictions right, as a sentence."""
    neither = rows - both - only_first - only_second
    counts = f"in the first alone: {only_first:,}, in the second alone: {only_second:,}, in neither: {neither:,}"
    return f"Of {format_count(rows, 'prediction')}, right in both runs: {both:,}, {counts}."


def _is_better(name: str, difference: float) -> bool | None:
    """Return whether a difference is for the better; None where nobody knows that of the metric."""
    better = figure_of(name).better
    return None if better is None or not difference else (difference > 0) == (better == "larger")


def _is_second(name: str, difference: float) -> bool:
    """Return whether the second run is the better one; of a metric without a better side, the higher one."""
    return difference < 0 if figure_of(name).better == "smaller" else difference > 0


def _common(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the scores of the first fold that all folds have."""
    return {name: score for name, score in each[0].items() if all(name in fold for fold in each)}


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
    same = len(left) == len(right)
    for number, (one, other) in enumerate(zip(map(_row_and_truth, left), map(_row_and_truth, right), strict=False)):
        if one != other and [*map(_values, one.values())] != [*map(_values, other.values())]:
            same = False
            shown = ", ".join(f"{key} {one.get(key)} and {other.get(key)}" for key in one | other)
            where = f"line {number + 2} of predictions.csv: {shown}"
            break
    else:
        where = f"{len(left):,} and {format_count(len(right), 'row')}"
    if not same:
        text = f"{first.id} and {second.id} were not tested on the same rows in the same folds ({where})"
        raise RunError(text, "give both configs the same source, split and seed")


def _row_and_truth(line: Mapping[str, str]) -> dict[str, str]:
    """Return the fold, the row and the truth of a line; older runs have the truth of all targets in one field."""
    found = {key: line[key] for key in ("fold", "row") if key in line}
    return {**found, "truth": " ".join(line[key] or "" for key in line if key.startswith("truth"))}


def _values(text: str) -> list[float | str]:
    values: list[float | str] = []
    for word in text.split(" "):
        try:
            values.append(float(word))
        except ValueError:
            values.append(word)
    return values


def _predictions(folder: RunFolder) -> list[dict[str, str]]:
    try:
        headings, rows = read_predictions(folder.predictions)
    except FileNotFoundError as error:
        raise _missing(folder, "kept no predictions") from error
    return [dict(zip(headings, row, strict=True)) for row in rows]


def _scores(folder: RunFolder) -> dict[str, Any]:
    if not folder.scores.exists():
        raise _missing(folder, "has no scores")
    return read_scores(folder)


def _missing(folder: RunFolder, text: str) -> RunError:
    error = RunError(f"{folder.id} {text}", "only finished runs can be compared")
    if (note := unfinished(folder, read(folder))) is not None:
        error.add_note(note)
    return error
