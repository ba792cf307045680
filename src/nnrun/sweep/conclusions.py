"""What a sweep says of its best combination: how sure it is, what it will be worth elsewhere, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnrun.formatting import format_count
from nnrun.runs.documents import score_at
from nnrun.sweep.differences import Lead, find_lead
from nnrun.sweep.edges import EdgeFinding, find_edges
from nnrun.sweep.selection_bias import CorrectedScore, correct_best
from nnrun.sweep.study import reported, summarize

if TYPE_CHECKING:
    from nnrun.runs.statistics import MeanEstimate
    from nnrun.sweep.result import SweepResult


@dataclass(frozen=True)
class Conclusions:
    """What a sweep says of its best combination.

    Attributes:
        lead: How far it is ahead of the others; None of one combination, or of one seed.
        corrected: Its score, corrected for its being the best of many; None of one combination.
        reported: The score of the test part, its mean over the seeds with its interval; None without such a part.
        findings: What else the user should know.
    """

    lead: Lead | None
    corrected: CorrectedScore | None
    reported: tuple[str, float, MeanEstimate | None] | None
    findings: tuple[EdgeFinding, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON document of a sweep has of it."""
        estimate = self.reported[2] if self.reported else None
        result = self.reported and {
            "score": self.reported[0],
            "value": self.reported[1],
            "interval_95": None if estimate is None else [estimate.low, estimate.high],
        }
        return {
            "corrected": None if self.corrected is None else self.corrected.as_json(),
            "second": None if self.lead is None else self.lead.as_json(),
            "result": result,
            "findings": [one.as_json() for one in self.findings],
        }


def conclude_sweep(result: SweepResult) -> Conclusions:
    """Return what a sweep says of its best combination; nothing as long as it has none."""
    goal, best = result.objective, result.best
    if goal is None or best is None:
        return Conclusions(None, None, None, ())
    path, shown = reported(best.trials[0].scores or {}), None
    if path is not None and path != goal.path:
        values = [found for one in best.trials if (found := score_at(one.scores or {}, path)) is not None]
        shown = (path, *summarize(values, path)[:2])
    return Conclusions(
        find_lead(result.groups, goal),
        correct_best(result.folder, result.groups, goal),
        shown,
        tuple(find_edges(result.groups, result.fields.get("parameters"))),
    )


def conclusion_terms(result: SweepResult, conclusions: Conclusions) -> list[tuple[str, str]]:
    """Return the same as terms with their meanings, for the screen and the page."""
    goal, best = result.objective, result.best
    if goal is None or best is None:
        return []
    chosen = " ".join(best.trials[0].options[:-1]) or "the config as it is"
    terms = [("best", f"{chosen} ({goal.path} {best.value:.4g})")]
    if (corrected := conclusions.corrected) is not None:
        terms.append(("corrected", _describe_correction(goal.path, corrected, len(result.groups))))
    if (lead := conclusions.lead) is not None:
        terms.append(("second", _describe_lead(lead)))
    if conclusions.reported is not None:
        path, mean, estimate = conclusions.reported
        interval = f", 95 % interval {estimate.low:.4g} to {estimate.high:.4g}" if estimate else ""
        terms.append(("its result", f"{path} {mean:.4g}{interval}"))
    if goal.path.startswith("test") and len(result.groups) > 1:
        terms.append(("note", "it was chosen by the test part, so its result there is too good"))
    return terms + [("finding", f"{one.text}\na wider range: {one.hint}") for one in conclusions.findings]


def _describe_correction(path: str, corrected: CorrectedScore, combinations: int) -> str:
    if corrected.value is None:
        return f"not known: {corrected.note}"
    many = format_count(combinations, "combination")
    return f"{path} {corrected.value:.4g}, for being the best of {many}: {corrected.method}; {corrected.note}"


def _describe_lead(lead: Lead) -> str:
    difference, others = lead.difference, len(lead.equals)
    low, high = difference.interval_95
    text = (
        f"combination {lead.second.combination}, {difference.difference:+.4g} (95 % interval {low:.4g} to {high:.4g}); "
        f"that the best is better: p = {lead.p:.2g} after Bonferroni"
    )
    if others:
        text += f"; {format_count(others, 'combination')} cannot be distinguished from the best"
    return f"{text}\n{difference.describe_power()}"
