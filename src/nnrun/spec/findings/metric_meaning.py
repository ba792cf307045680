"""Checks of metrics: whether each means what it says for its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.facts import substitute_facts
from nnrun.spec.finding import Finding
from nnrun.spec.metric_rules import metric_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.graph import ModelOutput
    from nnrun.spec.part import Part


def check_metrics(context: CheckContext) -> Iterator[Finding]:
    """Find metrics that cannot mean what they say, or that are probably not meant, for the output that they are of."""
    several = len(context.graph.outputs) > 1
    for output in context.graph.outputs:
        for metric in context.training.metrics if output.metrics is None else output.metrics:
            yield from _check(context, output, metric, several=several)


def _check(context: CheckContext, output: ModelOutput, metric: Part, *, several: bool) -> Iterator[Finding]:
    known = substitute_facts(metric, context.facts, output.target)
    verdict = metric_verdict(known, context.compared(output))
    if not verdict.text:
        return
    text = f"{verdict.text} (output '{output.name}')" if several else verdict.text
    path = (*metric.path, metric.name)
    if verdict.decision == "warned":
        yield Finding(path, text, verdict.hint, "metric-unusual", "warning", at_key=True)
    else:
        yield Finding(path, text, verdict.hint, "metric-mismatch", at_key=True)
