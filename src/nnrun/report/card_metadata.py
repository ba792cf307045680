"""The metadata of a model card, as Hugging Face's hub reads them from the YAML front matter of a `README.md`.

The fields are those of https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnrun.report.card_data import hub_task, part_outputs
from nnrun.report.elements import score_name
from nnrun.report.predictions import scored_part
from nnrun.report.run_contents import as_mapping
from nnrun.runs.json_files import as_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nnrun.report.card_data import DataSource
    from nnrun.report.run_contents import RunContents

#: The hub's names of metrics whose names in `scores.json` are others.
_HUB_METRICS = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "r2": "r_squared",
    "mean_absolute_percentage_error": "mape",
    "mean_absolute_scaled_error": "mase",
}
#: Scores that are listed, where there are any.
_LISTED = (
    "accuracy",
    "error_percent",
    "roc_auc",
    "mean_iou",
    "bits_per_character",
    "perplexity",
    "exact_match",
    "character_error_rate",
    "word_error_rate",
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "r2",
    "mean_absolute_scaled_error",
    "psnr",
)
#: What no run folder knows.
UNKNOWN = ("license (of the model)", "language (where the data are texts)")


def card_metadata(run: RunContents, source: DataSource) -> dict[str, Any]:
    """Return the fields of the front matter that the run folder knows."""
    record = run.record
    backend = as_mapping(record.get("wake")).get("backend")
    task = hub_task(source, as_mapping(record.get("facts")))
    figures = list(_figures(run))
    name = str(record.get("name") or run.folder.id)
    index = [{"name": name, "results": [_result(run, source, task, figures)]}] if figures else []
    tags = ["nnrun", "keras", *([str(backend)] if backend else []), *([task] if task else [])]
    fields = {
        "library_name": "keras",
        "pipeline_tag": task,
        "tags": tags,
        "datasets": [source.named.name] if source.named else [],
        "metrics": list(dict.fromkeys(_HUB_METRICS.get(metric, metric) for metric, _, _ in figures)),
        "model-index": index,
    }
    return {key: value for key, value in fields.items() if value}


def _result(
    run: RunContents, source: DataSource, task: str | None, figures: list[tuple[str, str, float]]
) -> dict[str, Any]:
    split = "cross-validation" if run.scores.get("cross_validation") else scored_part(run)[0]
    kind = source.kind or "unknown"
    return {
        "task": {"type": task or "other"},
        "dataset": {"type": kind, "name": source.name or kind, "split": split},
        "metrics": [
            {"type": _HUB_METRICS.get(metric, metric), "name": name, "value": value} for metric, name, value in figures
        ],
    }


def _figures(run: RunContents) -> Iterator[tuple[str, str, float]]:
    """Yield each figure: the metric, its name in words with the output's, and its value."""
    summary = as_mapping(run.scores.get("cross_validation"))
    if summary:
        for metric, value in _listed(as_mapping(summary.get("mean"))):
            yield metric, f"{score_name(metric)}, mean of {summary.get('folds')} folds", value
        return
    for output, scores in part_outputs(run).items():
        for metric, value in _listed(scores):
            yield metric, f"{score_name(metric)}{f' of {output}' if output else ''}", value


def _listed(scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for metric in _LISTED:
        value = as_number(scores.get(metric))
        if value is not None:
            yield metric, value
