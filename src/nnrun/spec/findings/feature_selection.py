"""Check of the steps that select features by their score for the target: that the score is one for its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.catalog import lookup
from nnrun.spec.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext

#: Scores of scikit-learn by the task that their target is of.
_SCORES = {
    "classification": ("f_classif", "mutual_info_classif", "chi2"),
    "regression": ("f_regression", "mutual_info_regression", "r_regression"),
}
#: What to write in place of a score of the other task.
_COUNTERPARTS = {"mutual_info_classif": "mutual_info_regression", "mutual_info_regression": "mutual_info_classif"}


def check_feature_selection(context: CheckContext) -> Iterator[Finding]:
    """Find scores of classes where the target is numbers, and the other way round."""
    facts = context.facts
    if facts is None or len({facts.task, *(one.task for one in facts.by_target.values())}) > 1:
        return
    for step in context.experiment.data.prepare:
        entry = lookup.entry("preparation", step.name)
        if entry is None or "score_func" not in entry.parameters:
            continue
        score = step.arguments.get("score_func", entry.parameters["score_func"].default)
        of_other_task = _SCORES["regression" if facts.task == "classification" else "classification"]
        if score in of_other_task:
            kinds = ("a class", "numbers") if facts.task == "classification" else ("a number", "classes")
            text = f"the target is {kinds[0]}, but {score} scores features for {kinds[1]}"
            hint = f"write score_func: {_COUNTERPARTS.get(score, _SCORES[facts.task][0])}"
            yield Finding((*step.path, step.name, "score_func"), text, hint, "score-of-other-task", "warning")
